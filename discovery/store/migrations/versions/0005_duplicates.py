"""Keep the keys by which records of several sources are found to be one thing, and what operators say of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "matches",
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column("key", Key, primary_key=True, autoincrement=False),
        sa.Column("place", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("matches_by_key", "matches", ["key"])
    op.create_table(
        "apart",
        sa.Column("one", sa.Text, primary_key=True),
        sa.Column("other", sa.Text, primary_key=True),
        sa.Column("said", sa.BigInteger, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
    )
    op.create_index("apart_by_other", "apart", ["other"])
    merged = sa.text("merged IS NOT NULL")
    op.create_index("records_by_master", "records", ["merged"], sqlite_where=merged, postgresql_where=merged)
