"""XML from strangers: no DTD, no entity, nothing from elsewhere, and never more than a few kilobytes.

And how ours is written.
"""

from __future__ import annotations

from typing import Final
from xml.etree.ElementTree import Element, ParseError, tostring

from defusedxml.ElementTree import fromstring

from rpch.errors import DecodeError

SIZE_LIMIT: Final = 64 * 1024


def read_xml(data: bytes) -> Element:
    """The root of a document; `DecodeError` for everything that is none, or that is dangerous."""
    if len(data) > SIZE_LIMIT:
        raise DecodeError(f"a document of more than {SIZE_LIMIT} bytes", at=SIZE_LIMIT)
    try:
        root: Element = fromstring(data.lstrip(), forbid_dtd=True)
    except (ParseError, ValueError, LookupError) as error:  # defusedxml's own errors are ValueErrors
        raise DecodeError(f"no XML that is read here: {type(error).__name__}", at=0) from error
    return root


def local_name(element: Element) -> str:
    """An element's name, folded, without its namespace: peers disagree about both."""
    return str(element.tag).rpartition("}")[2].lower()


def child(element: Element, name: str) -> Element | None:
    """The first child of a name."""
    return next((each for each in element if local_name(each) == name.lower()), None)


def children(element: Element, name: str) -> list[Element]:
    """All children of a name."""
    return [each for each in element if local_name(each) == name.lower()]


def text_of(element: Element, name: str) -> str:
    """The text of the first child of a name; nothing when there is none."""
    found = child(element, name)
    return (found.text or "").strip() if found is not None else ""


def written(root: Element) -> bytes:
    """A document as Exchange writes it, declaration included."""
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + bytes(tostring(root, encoding="utf-8"))
