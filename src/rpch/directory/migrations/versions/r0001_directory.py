"""Entries, accounts, groups, settings and counters."""

from __future__ import annotations

from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """From an empty database."""
    _create_entries()
    _create_what_entries_have()
    _create_accounts()
    _create_settings()
    _create_counters()


def downgrade() -> None:
    """Back to an empty database."""
    for table in (
        "counters",
        "user_settings",
        "organisation_settings",
        "domain_aliases",
        "accounts",
        "tombstones",
        "links",
        "entry_binaries",
        "entry_names",
        "entries",
        "directory_state",
    ):
        op.drop_table(table)


def _create_entries() -> None:
    state = op.create_table(
        "directory_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("guid", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("key_check", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_directory_state_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_state")),
    )
    op.bulk_insert(state, [{"id": 1, "guid": uuid4(), "revision": 0}])
    op.create_table(
        "entries",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("guid", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("dn", sa.String(1072), nullable=False),
        sa.Column("dn_folded", sa.String(1072), nullable=False),
        sa.Column("display_name", sa.String(256), nullable=False),
        sa.Column("alias", sa.String(256), nullable=False),
        sa.Column("mail", sa.String(256), nullable=True),
        sa.Column("mail_folded", sa.String(256), nullable=True),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.Column("attributes", sa.Text(), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("changed", sa.Float(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["entries.id"], name=op.f("fk_entries_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entries")),
        sa.UniqueConstraint("guid", name=op.f("uq_entries_guid")),
        sa.UniqueConstraint("dn_folded", name=op.f("uq_entries_dn_folded")),
        sa.UniqueConstraint("mail_folded", name=op.f("uq_entries_mail_folded")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_entries_parent_id"), "entries", ["parent_id"])
    op.create_index(op.f("ix_entries_revision"), "entries", ["revision"])


def _create_what_entries_have() -> None:
    op.create_table(
        "entry_names",
        sa.Column(
            "folded",
            sa.String(256).with_variant(sa.String(256, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("kind", sa.String(16), nullable=False),
        _entry("entry_id"),
        _goes_with_entry("entry_names", "entry_id"),
        sa.PrimaryKeyConstraint("folded", "kind", "entry_id", name=op.f("pk_entry_names")),
    )
    op.create_index("ix_entry_names_entry_id", "entry_names", ["entry_id"])
    op.create_table(
        "entry_binaries",
        _entry("entry_id"),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        _goes_with_entry("entry_binaries", "entry_id"),
        sa.PrimaryKeyConstraint("entry_id", "name", "position", name=op.f("pk_entry_binaries")),
    )
    op.create_table(
        "links",
        _entry("source_id"),
        sa.Column("name", sa.String(32), nullable=False),
        _entry("target_id"),
        _goes_with_entry("links", "source_id"),
        _goes_with_entry("links", "target_id"),
        sa.PrimaryKeyConstraint("source_id", "name", "target_id", name=op.f("pk_links")),
    )
    op.create_index("ix_links_target_id_name", "links", ["target_id", "name"])
    op.create_table(
        "tombstones",
        sa.Column("entry_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("guid", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_tombstones")),
    )
    op.create_index(op.f("ix_tombstones_revision"), "tombstones", ["revision"])


def _create_accounts() -> None:
    op.create_table(
        "accounts",
        _entry("entry_id"),
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("domain", sa.String(256), nullable=False),
        sa.Column("name_folded", sa.String(256), nullable=False),
        sa.Column("domain_folded", sa.String(256), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("ntlm", sa.Boolean(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("nt_hash", sa.LargeBinary(), nullable=True),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("changed", sa.Float(), nullable=False),
        sa.Column("password_changed", sa.Float(), nullable=False),
        _goes_with_entry("accounts", "entry_id"),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_accounts")),
    )
    op.create_index(op.f("ix_accounts_name_folded"), "accounts", ["name_folded"])
    op.create_index("uq_accounts_identity", "accounts", ["domain_folded", "name_folded"], unique=True)
    op.create_table(
        "domain_aliases",
        sa.Column("alias_folded", sa.String(256), nullable=False),
        sa.Column("alias", sa.String(256), nullable=False),
        sa.Column("domain_folded", sa.String(256), nullable=False),
        sa.PrimaryKeyConstraint("alias_folded", name=op.f("pk_domain_aliases")),
    )


def _create_settings() -> None:
    op.create_table(
        "organisation_settings",
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("changed", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_organisation_settings")),
    )
    op.create_table(
        "user_settings",
        _entry("entry_id"),
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("changed", sa.Float(), nullable=False),
        _goes_with_entry("user_settings", "entry_id"),
        sa.PrimaryKeyConstraint("entry_id", "key", name=op.f("pk_user_settings")),
    )


def _create_counters() -> None:
    op.create_table(
        "counters",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(64), nullable=True),
        sa.Column("until", sa.Float(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_counters")),
    )
    op.create_index(op.f("ix_counters_subject"), "counters", ["subject"])
    op.create_index(op.f("ix_counters_until"), "counters", ["until"])


def _entry(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), autoincrement=False, nullable=False)


def _goes_with_entry(table: str, column: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}")
    return sa.ForeignKeyConstraint([column], ["entries.id"], name=name, ondelete="CASCADE")
