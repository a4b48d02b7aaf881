"""Copies of directories that others keep."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Tables that say which entries come from where."""
    op.create_table(
        "mirrors",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("source", sa.String(512), nullable=False),
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("newest", sa.String(128), nullable=False),
        sa.Column("listed", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mirrors")),
        sa.UniqueConstraint("source", name=op.f("uq_mirrors_source")),
    )
    op.create_table(
        "mirrored",
        _entry("entry_id"),
        sa.Column("mirror_id", sa.Integer(), nullable=False),
        sa.Column("dn", sa.Text(), nullable=False),
        sa.Column("dn_key", sa.String(64), nullable=False),
        sa.Column("stamp", sa.String(128), nullable=False),
        _goes_with("mirrored", "entry_id", "entries.id"),
        _goes_with("mirrored", "mirror_id", "mirrors.id"),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_mirrored")),
    )
    op.create_index("ix_mirrored_mirror_id_dn_key", "mirrored", ["mirror_id", "dn_key"])
    op.create_table(
        "mirrored_links",
        _entry("source_id"),
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("target_key", sa.String(64), nullable=False),
        _goes_with("mirrored_links", "source_id", "entries.id"),
        sa.PrimaryKeyConstraint("source_id", "name", "target_key", name=op.f("pk_mirrored_links")),
    )
    op.create_index("ix_mirrored_links_target_key", "mirrored_links", ["target_key"])


def downgrade() -> None:
    """Mirrored entries stay, and are ordinary ones."""
    for table in ("mirrored_links", "mirrored", "mirrors"):
        op.drop_table(table)


def _entry(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), autoincrement=False, nullable=False)


def _goes_with(table: str, name: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([name], [target], name=op.f(f"fk_{table}_{name}"), ondelete="CASCADE")
