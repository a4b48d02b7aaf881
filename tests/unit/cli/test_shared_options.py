"""Options name a database by its URL or by a folder, and refusals name the option."""

from __future__ import annotations

from pathlib import Path

import pytest

from rpch.cli.shared_options import opened_database, opened_directory
from rpch.directory.database import DEFAULT_FILE
from rpch.errors import ConfigError


def test_a_folder_has_its_database_and_its_key(tmp_path: Path) -> None:
    with opened_directory(tmp_path, None, None) as directory:
        assert directory.store.list() == []
    assert (tmp_path / DEFAULT_FILE).exists()


def test_a_url_goes_before_the_folder(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.sqlite3"
    with opened_database(tmp_path, f"sqlite:///{elsewhere}"):
        pass
    assert elsewhere.exists()
    assert not (tmp_path / DEFAULT_FILE).exists()


def test_what_is_no_database_is_refused_by_the_name_of_its_option(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        opened_database(tmp_path, "mysql://host/name")
    assert refused.value.setting == "--database"


def test_what_is_no_key_is_refused_by_the_name_of_its_option(tmp_path: Path) -> None:
    with opened_directory(tmp_path, None, None):
        pass
    wrong = tmp_path / "wrong.key"
    wrong.write_bytes(b"no key")
    with pytest.raises(ConfigError) as refused:
        opened_directory(tmp_path, None, wrong)
    assert refused.value.setting == "--key-file"
