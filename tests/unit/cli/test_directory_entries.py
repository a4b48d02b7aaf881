"""`rpch directory list`, `show`, `add`, `set`, `remove` and `members`."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert
from typer.testing import CliRunner, Result

from rpch.directory.database import Database
from rpch.directory.entries import Entries
from rpch.directory.tables import MIRRORED, MIRRORS
from rpch.errors import ConfigError
from tests.command_line import app


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "rpch.sqlite3"
    Database.open(str(file)).close()
    return file


@pytest.fixture
def data(tmp_path: Path, template: Path) -> Path:
    """A folder with a container, a contact and a group in it."""
    shutil.copy(template, tmp_path / "rpch.sqlite3")
    run(tmp_path, "add", "container", "Berlin")
    run(tmp_path, "add", "contact", "Bob Brown", "mail=bob@x", "title=Boss", "--in", "berlin")
    run(tmp_path, "add", "group", "Team", "mail=team@x", "msExchHideFromAddressLists=TRUE")
    return tmp_path


def run(data: Path, *args: str, stdin: str = "", family: str = "directory") -> Result:
    result = CliRunner().invoke(app, [family, *args, "--data", str(data)], input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def events(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def entry(data: Path, name: str) -> dict[str, Any]:
    (found,) = events(run(data, "show", name, "--json"))
    return found


def test_all_are_listed_or_those_of_a_kind_or_with_a_beginning(data: Path) -> None:
    names = [each["display_name"] for each in events(run(data, "list", "--json"))]
    assert names == ["Berlin", "Bob Brown", "Team"]
    assert "Bob Brown" in run(data, "list", "--kind", "contact").stdout
    assert "Bob Brown" not in run(data, "list", "--kind", "group").stdout
    assert [each["alias"] for each in events(run(data, "list", "--begins", "bo", "--json"))] == ["Bob Brown"]
    assert len(events(run(data, "list", "--most", "2", "--json"))) == 2


def test_one_is_shown_with_everything(data: Path) -> None:
    run(data, "members", "Team", "--add", "bob@x")
    bob = entry(data, "bob@x")
    assert (bob["kind"], bob["parent"], bob["attributes"]) == ("contact", "Berlin", {"title": "Boss"})
    assert (bob["member_of"], bob["kept_by"], bob["hidden"]) == (["Team"], None, False)
    assert entry(data, "Team")["links"] == {"member": ["bob@x"]}
    assert entry(data, "Team")["hidden"] is True
    said = run(data, "show", "bob@x").stdout
    assert "attributes                   title=Boss" in said


def test_attributes_are_set_and_removed(data: Path) -> None:
    what_if = run(data, "set", "bob@x", "title=Chief", "--what-if").stdout
    assert what_if == "title: 'Boss' -> 'Chief'\n"
    assert entry(data, "bob@x")["attributes"] == {"title": "Boss"}
    run(
        data,
        "set",
        "bob@x",
        "title=",
        "description=one | two",
        "displayName=Robert",
        "mail=robert@x",
        "--in",
        "",
    )
    robert = entry(data, "robert@x")
    assert robert["attributes"] == {"description": ["one", "two"]}
    assert (robert["display_name"], robert["parent"]) == ("Robert", None)
    run(data, "set", "Team", "msExchHideFromAddressLists=FALSE", "mailNickname=crew", "mail=")
    team = entry(data, "crew")
    assert (team["hidden"], team["mail"]) == (False, None)
    (changed,) = events(run(data, "set", "crew", "info=x", "--json"))
    assert (changed["attributes"], changed["was"]["attributes"]) == ({"info": "x"}, {})


def test_members_come_and_go(data: Path) -> None:
    run(data, "add", "group", "Inner")
    both = events(run(data, "members", "Team", "--add", "bob@x", "--add", "Inner", "--json"))
    assert [each["display_name"] for each in both] == ["Bob Brown", "Inner"]
    assert "Bob Brown" not in run(data, "members", "Team", "--remove", "bob@x").stdout
    for wrong, said in (
        (("Bob Brown",), "is a contact, not a group"),
        (("Team", "--add", "Berlin"), "is a container, and no member"),
        (("Team", "--add", "nobody"), "nobody is called"),
    ):
        with pytest.raises(ConfigError, match=said):
            run(data, "members", *wrong)


def test_an_entry_is_removed_but_not_an_account(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(data, "remove", "bob@x", stdin="n\n").exit_code == 1
    assert run(data, "remove", "bob@x", "--yes").stdout == "Bob Brown was removed\n"
    run(data, "add", r"LAB\alice", "--password-stdin", stdin="secret\n", family="users")
    with pytest.raises(ConfigError, match="has an account; use rpch users remove"):
        run(data, "remove", "alice", "--yes")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("set", "Team", "title"), "is no attribute=value"),
        (("set", "Team", "member=bob@x"), "is no text; use rpch directory members"),
        (("set", "Team", "displayName= "), "displayName: cannot be empty"),
        (("set", "Team", "--in", "bob@x"), "is a contact, not a container"),
        (("set", "Team", "msExchHideFromAddressLists=maybe"), "neither TRUE nor FALSE"),
        (("set", "Team", "msExchResourceCapacity=x"), "is no number"),
        (("set", "Team", "mail=bob@x"), "taken already"),
    ],
)
def test_what_cannot_be_is_said(data: Path, args: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        run(data, *args)


def test_what_another_directory_keeps_is_shown_as_such_and_not_changed(data: Path) -> None:
    with closing(Database.open(str(data / "rpch.sqlite3"))) as database, database.write() as connection:
        mirror = {"source": "ldaps://x/dc=x", "server": "", "token": "", "newest": "", "listed": 0.0}
        connection.execute(insert(MIRRORS), {"id": 1, **mirror})
        row = {"mirror_id": 1, "dn": "cn=Team", "dn_key": "k", "stamp": "1"}
        connection.execute(insert(MIRRORED), {"entry_id": 3, **row})
    with closing(Database.open(str(data / "rpch.sqlite3"))) as database:
        assert Entries(database).get(3)[3].display_name == "Team"
    assert entry(data, "Team")["kept_by"] == "ldaps://x/dc=x"
    for args in (
        ("set", "Team", "info=x"),
        ("members", "Team", "--add", "bob@x"),
        ("remove", "Team", "--yes"),
    ):
        with pytest.raises(ConfigError, match="Team is kept by ldaps://x/dc=x; change it there"):
            run(data, *args)
