"""What the settings of Kerberos say about realms, in files as machines have them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rpch.auth.realms import VARIABLE, Realms

MEMBER = """\
# of a domain
[libdefaults]
    default_realm = EXAMPLE.COM
    dns_lookup_kdc = true
[realms]
    EXAMPLE.COM = {
        kdc = kdc1.example.com
        auth_to_local_names = {
            fred = freddy
        }
        admin_server = kdc1.example.com
    }
    OTHER.ORG = {
    }
[domain_realm]
    .example.com = EXAMPLE.COM
[libdefaults]
    default_realm = LATER.COM
"""


def realms(folder: Path, text: str, *more: Path) -> Realms:
    file = folder / "krb5.conf"
    file.write_text(text, "utf-8")
    return Realms.of_machine({VARIABLE: os.pathsep.join(map(str, [file, *more]))})


def test_the_default_realm_and_those_with_settings_are_known(tmp_path: Path) -> None:
    found = realms(tmp_path, MEMBER)
    assert found == Realms("EXAMPLE.COM", frozenset({"EXAMPLE.COM", "OTHER.ORG"}))


@pytest.mark.parametrize(
    "text", ["", "[realms]\n", "[libdefaults]\n default_realm =\n", "}\n}\n[", "\0\xff="]
)
def test_where_nothing_is_said_nothing_is_known(tmp_path: Path, text: str) -> None:
    assert realms(tmp_path, text) == Realms()


def test_without_a_file_nothing_is_known(tmp_path: Path) -> None:
    assert Realms.of_machine({VARIABLE: str(tmp_path / "none.conf")}) == Realms()
    assert Realms.of_machine({VARIABLE: str(tmp_path)}) == Realms()


def test_the_environment_of_this_process_is_asked_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "krb5.conf"
    file.write_text(MEMBER, "utf-8")
    monkeypatch.setenv(VARIABLE, str(file))
    assert Realms.of_machine().default == "EXAMPLE.COM"


def test_files_include_files_and_folders(tmp_path: Path) -> None:
    folder = tmp_path / "krb5.conf.d"
    folder.mkdir()
    (folder / "lab").write_text("[realms]\nLAB = {\n}\n", "utf-8")
    (folder / "more.conf").write_text("[realms]\nMORE = {\n}\n", "utf-8")
    for ignored in (".hidden.conf", "old.conf~", "lab.rpmsave"):
        (folder / ignored).write_text("[realms]\nOLD = {\n}\n", "utf-8")
    single = tmp_path / "single"
    single.write_text("[libdefaults]\ndefault_realm = LAB\n", "utf-8")
    found = realms(tmp_path, f"includedir {folder}\ninclude\t{single}\ninclude {tmp_path}/none\ninclude\n")
    assert found == Realms("LAB", frozenset({"LAB", "MORE"}))


def test_several_files_count_and_the_first_value_holds(tmp_path: Path) -> None:
    second = tmp_path / "second.conf"
    second.write_text("[libdefaults]\ndefault_realm = SECOND\n[realms]\nSECOND = {\n}\n", "utf-8")
    found = realms(tmp_path, "[libdefaults]\ndefault_realm = FIRST\n", second)
    assert found == Realms("FIRST", frozenset({"SECOND"}))


def test_a_file_that_includes_itself_ends(tmp_path: Path) -> None:
    text = f"include {tmp_path}/krb5.conf\n[realms]\nLAB = {{\n}}\n"
    assert realms(tmp_path, text).known == {"LAB"}


@pytest.mark.parametrize(
    ("user", "principal"),
    [
        ("alice", "alice@EXAMPLE.COM"),
        ("alice@EXAMPLE.COM", "alice@EXAMPLE.COM"),
        ("alice@example.com", "alice@EXAMPLE.COM"),
        ("alice@Other.org", "alice@OTHER.ORG"),
        (r"EXAMPLE\alice", "alice@EXAMPLE.COM"),
        (r"example.com\alice", "alice@EXAMPLE.COM"),
        (r"OTHER\alice", "alice@OTHER.ORG"),
        ("alice@EXAMPLE", None),
        ("alice@nowhere.test", None),
        (r"LAB\alice", None),
        ("EXAMPLE\\", None),
        ("@example.com", None),
        ("", None),
    ],
)
def test_a_user_of_a_known_realm_has_a_principal(user: str, principal: str | None) -> None:
    known = Realms("EXAMPLE.COM", frozenset({"OTHER.ORG"}))
    assert known.principal(user) == principal
    assert Realms().principal(user) is None
