"""User names in all their forms."""

from __future__ import annotations

import pytest

from rpch.auth.names import UserName, fold, has_controls, simple_upper


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("alice", UserName("alice")),
        (r"LAB\alice", UserName("alice", "LAB")),
        (r".\alice", UserName("alice", ".")),
        ("alice@lab.example", UserName("alice", "lab.example", is_upn=True)),
        ("a@b@lab.example", UserName("a@b", "lab.example", is_upn=True)),
        (r"LAB\alice@x", UserName("alice@x", "LAB")),
        ("", UserName("")),
    ],
)
def test_every_form_is_cut_into_its_parts(text: str, expected: UserName) -> None:
    assert UserName.parse(text) == expected
    assert str(expected) == text


@pytest.mark.parametrize(
    ("text", "upper"),
    [("zoë", "ZOË"), ("straße", "STRAßE"), ("ﬁn", "ﬁN"), ("\U00010428", "\U00010428"), ("ǆ", "Ǆ")],
)
def test_upper_case_is_one_unit_for_one(text: str, upper: str) -> None:
    assert simple_upper(text) == upper


def test_names_are_looked_up_in_any_case_and_any_composition() -> None:
    assert fold("Zoe\u0308") == fold("ZOË") == fold("zoë")


def test_control_characters_are_found() -> None:
    assert has_controls("a\nb")
    assert has_controls("a\x85")
    assert not has_controls("zoë :")
