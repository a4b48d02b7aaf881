"""Everything dangerous is found in one go, and each finding says the cure."""

from __future__ import annotations

from pathlib import Path

from rpch.proxy.dangers.finding import dangers
from tests.unit.proxy.safe_settings import safe

PERILOUS = safe(
    allow_anonymous=True,
    valid_ports="ex01:1-65535",
    user=[r"LAB\alice:pw"],
    first_pdu_timeout=600.0,
)


def test_a_safe_configuration_has_none() -> None:
    assert dangers(safe()) == []


def test_all_kinds_are_found_together_and_each_has_a_cure(tmp_path: Path) -> None:
    file = tmp_path / "proxy.toml"
    file.write_text("")
    file.chmod(0o644)
    found = dangers(PERILOUS, file)
    assert {danger.settings for danger in found} == {
        ("allow-anonymous", "listen"),
        ("allow-anonymous", "user"),
        ("valid-ports",),
        ("user",),
        ("first-pdu-timeout",),
    }
    assert all(danger.what and danger.cure for danger in found)


def test_accounts_on_the_command_line_are_seen_by_everybody() -> None:
    (danger,) = dangers(safe(user=[r"LAB\alice:pw"]), on_command_line=["user", "listen"])
    assert danger.settings == ("user",)
    assert "arguments" in danger.what
