"""As whom people sign in whose accounts are elsewhere."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A table of names, and what each mirror took them by."""
    op.create_table(
        "sign_in_names",
        sa.Column("name_folded", sa.String(256), nullable=False),
        sa.Column("domain_folded", sa.String(256), nullable=False),
        sa.Column("entry_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["entries.id"], name=op.f("fk_sign_in_names_entry_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("name_folded", "domain_folded", "entry_id", name=op.f("pk_sign_in_names")),
    )
    op.create_index("ix_sign_in_names_entry_id", "sign_in_names", ["entry_id"])
    op.add_column("mirrors", sa.Column("signs_in", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    """Whoever signs in elsewhere has no entry here again."""
    op.drop_column("mirrors", "signs_in")
    op.drop_table("sign_in_names")
