"""What vCard has no words for."""

from __future__ import annotations

import pytest

from rpch.directory.entries import EntryKind
from rpch.directory.links import DELEGATE
from rpch.directory.transfer.records import BadRecord, Record
from rpch.directory.transfer.vcard_extras import extra_lines, with_extras
from rpch.directory.transfer.vcard_lines import parse_line

TOLD = Record(EntryKind.USER, "Alice", attributes={"title": "Boss", "sn": "Adams"}, where="line 3")


def said(record: Record) -> list[str]:
    return list(extra_lines(record, TOLD))


def heard(*lines: str) -> Record:
    return with_extras(TOLD, [parse_line(line, "line 3") for line in lines])


@pytest.mark.parametrize(
    ("record", "lines"),
    [
        (TOLD, []),
        (Record(EntryKind.USER, "x", attributes=TOLD.attributes, parent="a;b"), [r"X-RPCH-PARENT:a\;b"]),
        (Record(EntryKind.USER, "x", attributes=TOLD.attributes, hidden=True), ["X-RPCH-HIDDEN:TRUE"]),
        (
            Record(EntryKind.USER, "x", attributes={"title": "Boss", "sn": "Adams", "x": ["a", "b"]}),
            ["X-RPCH-ATTRIBUTE:x;a", "X-RPCH-ATTRIBUTE:x;b"],
        ),
        (Record(EntryKind.USER, "x", attributes={"title": "Boss"}), ["X-RPCH-ATTRIBUTE:sn;"]),
        (
            Record(EntryKind.USER, "x", attributes={**TOLD.attributes, "info": "a\rb"}),
            ["X-RPCH-ATTRIBUTE;ENCODING=b:info;YQ1i"],
        ),
        (
            Record(EntryKind.USER, "x", attributes=TOLD.attributes, binaries={"userCertificate": [b"0\x82"]}),
            ["X-RPCH-BINARY:userCertificate;MII="],
        ),
        (
            Record(EntryKind.USER, "x", attributes=TOLD.attributes, links={DELEGATE: ["b@x"]}),
            ["X-RPCH-LINK:publicDelegates;b@x"],
        ),
    ],
    ids=["nothing", "parent", "hidden", "several", "without", "return", "binary", "link"],
)
def test_what_the_usual_properties_do_not_tell_is_told(record: Record, lines: list[str]) -> None:
    assert said(record) == lines
    back = heard(*lines)
    for name in ("parent", "hidden", "attributes", "binaries", "links"):
        assert getattr(back, name) == getattr(record, name)


@pytest.mark.parametrize(
    "line",
    [
        "X-RPCH-ATTRIBUTE:title",
        "X-RPCH-ATTRIBUTE:;x",
        "X-RPCH-ATTRIBUTE:a;b;c",
        "X-RPCH-BINARY:thumbnailPhoto;***",
        "X-RPCH-ATTRIBUTE;ENCODING=b:title;***",
        "X-RPCH-HIDDEN:perhaps",
    ],
)
def test_what_is_written_wrongly_is_said(line: str) -> None:
    with pytest.raises(BadRecord) as caught:
        heard(line)
    assert caught.value.where == "line 3"


def test_links_that_nobody_knows_are_left_out() -> None:
    assert heard("X-RPCH-LINK:friend;b@x").links == {}
