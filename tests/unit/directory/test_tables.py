"""What holds for every table."""

from __future__ import annotations

from sqlalchemy import ForeignKeyConstraint

from rpch.directory.tables import ACCOUNTS, METADATA


def test_secrets_are_in_one_place() -> None:
    secret = {
        f"{table.name}.{column.name}"
        for table in METADATA.tables.values()
        for column in table.columns
        if "hash" in column.name or "password" in column.name
    }
    assert secret == {"accounts.password_hash", "accounts.nt_hash", "accounts.password_changed"}


def test_whatever_belongs_to_an_entry_goes_with_it() -> None:
    keys = [
        constraint
        for table in METADATA.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, ForeignKeyConstraint) and constraint.column_keys != ["parent_id"]
    ]
    assert len(keys) == 10
    assert {constraint.ondelete for constraint in keys} == {"CASCADE"}


def test_an_account_without_ntlm_has_no_nt_hash() -> None:
    assert ACCOUNTS.c.nt_hash.nullable
    assert not ACCOUNTS.c.password_hash.nullable
