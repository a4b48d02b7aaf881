"""The third step: a mirror of before is one whose people did not sign in."""

from __future__ import annotations

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import inspect

from rpch.directory.mirror.mirror_store import UNFINISHED, key_of, known_entries, mirror_named
from rpch.directory.upgrade import MIGRATIONS
from tests.unit.directory.conftest import Directory
from tests.unit.directory.mirror.fake_tree import BASE, SOURCE
from tests.unit.directory.mirror.test_records_in import apply, reading


@pytest.mark.slow
def test_what_was_mirrored_before_is_read_again_when_it_signs_in(directory: Directory) -> None:
    apply(directory, reading(1, "Alice"))
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with directory.database.write() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0002")
        assert "sign_in_names" not in inspect(connection).get_table_names()
        command.upgrade(config, "head")
        mirror = mirror_named(connection, SOURCE)
        (known,) = known_entries(connection, mirror.id).values()
        assert (known.dn_key, known.stamp) == (key_of(f"cn=Alice,{BASE}"), "1")
        assert mirror_named(connection, SOURCE, "LAB uid").id == mirror.id
        (known,) = known_entries(connection, mirror.id).values()
        assert known.stamp == UNFINISHED
