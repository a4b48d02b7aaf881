"""`rpch directory import` and `export`, from arguments to files."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from rpch.directory.database import Database
from rpch.errors import ConfigError
from tests.command_line import app

TABLE = """\
kind,displayName,mail,title,member
user,Alice,alice@x.test,Boss,
group,Team,team@x.test,,alice@x.test
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "rpch.sqlite3"
    Database.open(str(file)).close()
    return file


@pytest.fixture
def data(tmp_path: Path, template: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    shutil.copy(template, folder / "rpch.sqlite3")
    return folder


def invoke(data: Path, *args: str | Path, stdin: str = "") -> Result:
    result = CliRunner().invoke(app, ["directory", *map(str, args), "--data", str(data)], input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def event(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "people.csv"
    file.write_text(TABLE, encoding="utf-8")
    return file


def test_a_table_is_imported_and_imported_again(data: Path, table: Path) -> None:
    assert invoke(data, "import", table, "--what-if").stdout == "would be 2 added\n"
    assert invoke(data, "import", table).stdout == "2 added, 1 links\n"
    again = event(invoke(data, "import", table, "--json"))
    assert (again["unchanged"], again["added"], again["failed"], again["links"]) == (2, 0, 0, 0)


@pytest.mark.parametrize("ending", ["csv", "ldif", "vcf"])
def test_what_is_exported_can_be_imported_elsewhere(
    data: Path, table: Path, tmp_path: Path, template: Path, ending: str
) -> None:
    invoke(data, "import", table)
    file, other = tmp_path / f"out.{ending}", tmp_path / "other"
    assert invoke(data, "export", file).stdout == f"2 entries in {file}\n"
    other.mkdir()
    shutil.copy(template, other / "rpch.sqlite3")
    assert event(invoke(other, "import", file, "--json"))["added"] == 2
    copy = tmp_path / f"copy.{ending}"
    assert event(invoke(other, "export", copy, "--json")) == {
        "event": "exported",
        "entries": 2,
        "file": str(copy),
    }
    assert copy.read_bytes() == file.read_bytes()


def test_standard_input_and_output_will_do(data: Path) -> None:
    assert invoke(data, "import", "-", "--format", "csv", stdin=TABLE).exit_code == 0
    said = invoke(data, "export", "-", "--format", "csv").stdout
    assert "alice@x.test" in said
    assert "entries in" not in said


def test_the_book_on_standard_output_has_nothing_behind_it(data: Path, table: Path) -> None:
    invoke(data, "import", table)
    plain = invoke(data, "export", "-", "--format", "csv").stdout
    assert invoke(data, "export", "-", "--format", "csv", "--json").stdout == plain


def test_what_if_foretells_links_to_nobody(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(TABLE.replace(",alice@x.test\n", ",alice@x.test|ghost@x.test\n"), encoding="utf-8")
    foretold = invoke(data, "import", file, "--what-if")
    assert (foretold.exit_code, foretold.stdout) == (1, "would be 2 added, 1 failed\n")
    assert "line 3: member: nobody is called 'ghost@x.test'" in foretold.stderr
    assert invoke(data, "import", file).stderr == foretold.stderr


def test_a_table_in_another_encoding_is_refused_whole_unless_it_is_named(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_bytes("displayName;mail\r\nBob;b@x.test\r\nZoë;z@x.test\r\n".encode("windows-1252"))
    with pytest.raises(ConfigError, match=r"people\.csv, line 3: is not in utf-8"):
        invoke(data, "import", file)
    assert "Bob" not in invoke(data, "export", "-", "--format", "csv").stdout
    assert invoke(data, "import", file, "--encoding", "windows-1252").stdout == "2 added\n"
    assert "Zoë" in invoke(data, "export", "-", "--format", "csv").stdout


def test_problems_are_told_and_counted(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_text("displayName,kind\nAlice,robot\nBob,user\n", encoding="utf-8")
    result = invoke(data, "import", file)
    assert result.exit_code == 1
    assert result.stdout == "1 added, 1 failed\n"
    assert "line 2: 'robot' is no kind of entry" in result.stderr


def test_ldif_entries_that_are_nobody_or_nameless(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "x.ldif"
    file.write_text(
        "dn: dc=x\nobjectClass: domain\n\ndn: cn=y\nobjectClass: user\n\nnonsense\n\n"
        "dn: cn=z\nobjectClass: user\ncn: Zoe\n",
        encoding="utf-8",
    )
    result = event(invoke(data, "import", file, "--json"))
    assert (result["added"], result["failed"]) == (1, 2)


@pytest.mark.parametrize("verb", ["import", "export"])
def test_files_that_cannot_be_used_are_refused(data: Path, tmp_path: Path, verb: str) -> None:
    for file in (tmp_path / "people.xyz", tmp_path / "no" / "people.csv"):
        with pytest.raises((ConfigError, FileNotFoundError)) as refused:
            invoke(data, verb, file)
        assert isinstance(refused.value, ConfigError)


def test_an_empty_table_is_said_to_be_one(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "empty.csv"
    file.write_text("displayName\n", encoding="utf-8")
    assert invoke(data, "import", file).stdout == "nothing\n"


def test_whoever_waits_sees_how_far_it_is(
    data: Path, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = sys.modules["rpch.cli.directory"]  # the command has its name in the package
    monkeypatch.setattr("rpch.cli.progress.is_somebody_there", lambda: True)
    monkeypatch.setattr(module, "LARGE", 0)
    said = invoke(data, "import", table).stderr
    assert "importing" in said
    assert "linking" in said
    assert "100%" in said
    assert "exporting" in invoke(data, "export", tmp_path / "out.csv").stderr


def test_what_is_wrong_is_said_with_file_and_line(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("displayName,kind\nAlice,user\nBob,robot\n", encoding="utf-8")
    assert f"{file}, line 3: 'robot' is no kind of entry" in invoke(data, "import", file).stderr
    file.write_text("name\nAlice\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"{file}, line 1: there is no column displayName"):
        invoke(data, "import", file)


def test_people_of_a_file_sign_in_elsewhere_in_the_domain_that_is_named(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("displayName,uid\nAlice,aa\n")
    invoke(data, "import", file, "--domain", "LAB")
    shown = CliRunner().invoke(app, ["users", "get", r"LAB\aa", "--json", "--data", str(data)])
    assert event(shown)["display_name"] == "Alice"
