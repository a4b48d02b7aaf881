"""Values as files write them."""

from uuid import UUID

import pytest

from rpch.directory.entries import EntryKind, Value
from rpch.directory.transfer.records import (
    BadRecord,
    attribute_texts,
    attribute_value,
    guid_of,
    kind_named,
    truth,
)

HERE = "line 7"


@pytest.mark.parametrize(
    ("name", "texts", "value"),
    [
        ("title", ["Boss"], "Boss"),
        ("title", ["a", "b"], ["a", "b"]),
        ("title", ["", ""], None),
        ("title", [], None),
        ("description", ["one"], ["one"]),
        ("msExchResourceCapacity", ["12"], 12),
        ("msExchEnableModeration", ["TRUE"], True),
    ],
)
def test_texts_become_values(name: str, texts: list[str], value: Value | None) -> None:
    assert attribute_value(name, texts, HERE) == value
    if value is not None:
        assert attribute_value(name, attribute_texts(value), HERE) == value


def test_truths_kinds_and_guids() -> None:
    assert [truth(text, HERE) for text in ("TRUE", "yes", " 1 ", "false", "No", "0", "")] == [True] * 3 + [
        False
    ] * 4
    assert kind_named(" Room ", HERE) is EntryKind.ROOM
    assert kind_named("", HERE) is EntryKind.USER
    guid = UUID(int=5)
    assert guid_of(f" {guid} ", HERE) == guid
    assert guid_of("", HERE) is None


def test_what_makes_no_sense_says_where() -> None:
    for make in (
        lambda: attribute_value("msExchResourceCapacity", ["many"], HERE),
        lambda: truth("perhaps", HERE),
        lambda: kind_named("robot", HERE),
        lambda: guid_of("x", HERE),
    ):
        with pytest.raises(BadRecord) as bad:
            make()
        assert str(bad.value).startswith("line 7: ")
        assert bad.value.where == HERE


def test_truths_are_written_as_directories_do() -> None:
    assert attribute_texts(True) == ["TRUE"]
    assert attribute_texts(False) == ["FALSE"]
    assert attribute_texts(5) == ["5"]


@pytest.mark.parametrize("name", ["userPassword", "unicodePwd", "PASSWORD"])
def test_a_password_in_a_file_is_not_shown_to_everybody(name: str) -> None:
    assert attribute_value(name, ["secret"], "line 1") is None
