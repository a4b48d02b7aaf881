"""Whatever strangers send as XML is read or refused, at once and without looking elsewhere."""

from __future__ import annotations

import contextlib
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rpch.errors import DecodeError
from rpch.exchange.autodiscover.hostile_xml import (
    SIZE_LIMIT,
    child,
    children,
    local_name,
    read_xml,
    text_of,
    written,
)

LAUGHS = b"".join(
    [
        b'<!DOCTYPE l [<!ENTITY a0 "ha">',
        *(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 10)),
        b"]><l>&a9;</l>",
    ]
)
HOSTILE = {
    "billion laughs": LAUGHS,
    "quadratic": b'<!DOCTYPE l [<!ENTITY a "' + b"x" * 9000 + b'">]><l>' + b"&a;" * 9000 + b"</l>",
    "external entity": b'<!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/passwd">]><l>&x;</l>',
    "external DTD": b'<!DOCTYPE l SYSTEM "http://127.0.0.1:9/x.dtd"><l/>',
    "parameter entity": b'<!DOCTYPE l [<!ENTITY % x SYSTEM "http://127.0.0.1:9/"> %x;]><l/>',
    "undefined entity": b"<l>&nothing;</l>",
    "unknown encoding": b'<?xml version="1.0" encoding="utf-99"?><l/>',
    "multi-byte encoding": b'<?xml version="1.0" encoding="shift_jis"?><l/>',
    "a codec that is none of text": b'<?xml version="1.0" encoding="base64"?><l/>',
    "bad UTF-8": b"<l>\xff\xfe\xfd</l>",
    "a zero byte": b"<l>\0</l>",
    "cut": b"<l><m>",
    "nothing": b"",
    "no XML": b"EMailAddress=x",
    "two roots": b"<l/><m/>",
    "unbound prefix": b"<a:l/>",
    "huge": b"<l>" + b"x" * SIZE_LIMIT + b"</l>",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_documents_are_refused(name: str) -> None:
    with pytest.raises(DecodeError):
        read_xml(HOSTILE[name])


def test_deep_documents_are_read_or_refused_and_nothing_else() -> None:
    depth = SIZE_LIMIT // 7
    root = read_xml(b"<a>" * depth + b"</a>" * depth)
    assert local_name(root) == "a"


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16"])
def test_byte_order_marks_and_white_space_mean_nothing(codec: str) -> None:
    root = read_xml("<A><B> text </B></A>".encode(codec))
    assert (local_name(root), text_of(root, "b")) == ("a", "text")
    assert local_name(read_xml(b"\r\n <a/>\n")) == "a"


def test_names_are_found_in_any_case_and_namespace() -> None:
    root = read_xml(b'<x:a xmlns:x="urn:x"><x:B/><b xmlns="urn:y">1</b><c/></x:a>')
    assert len(children(root, "B")) == 2
    assert text_of(root, "b") == ""
    assert child(root, "d") is None
    assert text_of(root, "d") == ""


def test_what_is_written_is_declared() -> None:
    assert written(Element("A")) == b'<?xml version="1.0" encoding="utf-8"?>\n<A />'


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | st.text(alphabet="<>/ab&;!'\"= ?[]x:", max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(DecodeError):
        read_xml(data)
