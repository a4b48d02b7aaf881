"""The first step, in both directions."""

from __future__ import annotations

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import inspect, select

from rpch.directory.tables import DIRECTORY_STATE, METADATA
from rpch.directory.upgrade import MIGRATIONS
from tests.unit.directory.conftest import Directory


def test_a_new_directory_has_a_name_of_its_own_and_no_change(directory: Directory) -> None:
    with directory.database.read() as connection:
        state = connection.execute(select(DIRECTORY_STATE)).one()
    assert (state.id, state.revision, state.key_check) == (1, 0, None)
    assert state.guid.version == 4


@pytest.mark.slow
def test_it_can_be_undone_and_done_again(directory: Directory) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with directory.database.write() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]
        command.upgrade(config, "head")
        assert set(inspect(connection).get_table_names()) == {"alembic_version", *METADATA.tables}
