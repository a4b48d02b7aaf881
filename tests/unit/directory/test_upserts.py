"""Inserts for both kinds of database."""

from __future__ import annotations

import pytest
from sqlalchemy import Dialect
from sqlalchemy.dialects import postgresql, sqlite

from rpch.directory.tables import DOMAIN_ALIASES
from rpch.directory.upserts import insert_or

DIALECTS: list[Dialect] = [sqlite.dialect(), postgresql.dialect()]  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("dialect", DIALECTS, ids=["sqlite", "postgresql"])
def test_both_kinds_know_what_to_do_when_the_row_is_there(dialect: Dialect) -> None:
    statement = insert_or(dialect, DOMAIN_ALIASES).values(alias_folded="A").on_conflict_do_nothing()
    assert str(statement.compile(dialect=dialect)).endswith("ON CONFLICT DO NOTHING")
