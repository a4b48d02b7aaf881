"""What an entry has and vCard has no words for, in properties of our own: nothing is lost on the way.

    X-RPCH-PARENT:2f1c…                        the container it lies in
    X-RPCH-HIDDEN:TRUE                         not shown in address lists
    X-RPCH-ATTRIBUTE:extensionAttribute1;7     an attribute, one line a value; without a value: not there
    X-RPCH-BINARY:userCertificate;MIIB…        a picture or certificate, in Base64
    X-RPCH-LINK:publicDelegates;mailto:b@x     somebody else

An attribute that the usual properties tell exactly is not told again. Texts that a card would change, such as
single carriage returns, are in Base64, and the parameter ENCODING says so.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from rpch.directory.entries import Value
from rpch.directory.transfer.records import (
    LINK_ATTRIBUTES,
    BadRecord,
    Record,
    attribute_texts,
    attribute_value,
    truth,
)
from rpch.directory.transfer.vcard_lines import CardLine, escaped, parse_line

_PARENT: Final = "X-RPCH-PARENT"
_HIDDEN: Final = "X-RPCH-HIDDEN"
_ATTRIBUTE: Final = "X-RPCH-ATTRIBUTE"
_BINARY: Final = "X-RPCH-BINARY"
_LINK: Final = "X-RPCH-LINK"
_LINK_NAMES: Final = {link: name for name, link in LINK_ATTRIBUTES.items()}


def extra_lines(record: Record, told: Record) -> Iterator[str]:
    """What is to be said of a record besides what the usual properties have `told`."""
    if record.parent:
        yield f"{_PARENT}:{escaped(record.parent)}"
    if record.hidden:
        yield f"{_HIDDEN}:TRUE"
    for name, value in record.attributes.items():
        if told.attributes.get(name) != value:
            yield from (_attribute(name, text) for text in attribute_texts(value))
    for name in told.attributes.keys() - record.attributes.keys():
        yield f"{_ATTRIBUTE}:{escaped(name)};"
    for name, values in record.binaries.items():
        if list(told.binaries.get(name, ())) != list(values):
            for data in values:
                yield f"{_BINARY}:{escaped(name)};{base64.b64encode(data).decode('ascii')}"
    for link, others in record.links.items():
        if link in _LINK_NAMES and list(told.links.get(link, ())) != list(others):
            for other in others:
                yield f"{_LINK}:{_LINK_NAMES[link]};{escaped(other)}"


def with_extras(told: Record, lines: Sequence[CardLine]) -> Record:
    """A record with what our own properties say; they count more than the usual ones."""
    where = told.where
    first = {line.name: line.text for line in reversed(lines)}
    attributes = dict(told.attributes)
    for name, texts in _named(lines, _ATTRIBUTE, where).items():
        value: Value | None = attribute_value(name, texts, where)
        if value is None:
            attributes.pop(name, None)
        else:
            attributes[name] = value
    binaries = {
        name: [_decoded(text, where) for text in texts]
        for name, texts in _named(lines, _BINARY, where).items()
    }
    links = {
        LINK_ATTRIBUTES[name]: others
        for name, others in _named(lines, _LINK, where).items()
        if name in LINK_ATTRIBUTES
    }
    return replace(
        told,
        parent=first.get(_PARENT, "").strip(),
        hidden=truth(first.get(_HIDDEN, ""), where),
        attributes=attributes,
        binaries={**told.binaries, **binaries},
        links={**told.links, **links},
    )


def _attribute(name: str, text: str) -> str:
    line = f"{_ATTRIBUTE}:{escaped(name)};{escaped(text)}"
    if parse_line(line, "").parts[1:] == [text]:
        return line
    return f"{_ATTRIBUTE};ENCODING=b:{escaped(name)};{base64.b64encode(text.encode()).decode('ascii')}"


def _named(lines: Sequence[CardLine], property_name: str, where: str) -> Mapping[str, list[str]]:
    """All values of one of our properties, by the name that comes first in each."""
    found: dict[str, list[str]] = {}
    for line in lines:
        if line.name != property_name:
            continue
        name, *rest = line.parts
        if not name or len(rest) != 1:
            raise BadRecord(where, f"{property_name} needs a name and a value")
        (text,) = rest
        if line.parameters.get("ENCODING", "").lower() == "b":
            text = _decoded(text, where).decode("utf-8", "replace")
        found.setdefault(name, []).append(text)
    return found


def _decoded(text: str, where: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise BadRecord(where, f"no Base64: {error}") from None
