"""The second step: who was mirrored is an ordinary entry without it."""

from __future__ import annotations

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import inspect, select

from rpch.directory.tables import ENTRIES
from rpch.directory.upgrade import MIGRATIONS
from tests.unit.directory.conftest import Directory
from tests.unit.directory.mirror.test_records_in import apply, reading


@pytest.mark.slow
def test_entries_stay_when_it_is_undone(directory: Directory) -> None:
    apply(directory, reading(1, "Alice", manager="cn=b"))
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with directory.database.write() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
        assert not {"mirrors", "mirrored", "mirrored_links"} & set(inspect(connection).get_table_names())
        assert connection.scalars(select(ENTRIES.c.display_name)).all() == ["Alice"]
        command.upgrade(config, "head")
