"""Keep footprints beside the records, so that a question about a region reads them without all the rest."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from discovery.store import footprints

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "footprints",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("form", sa.Integer, nullable=False),
        sa.Column("shape", sa.LargeBinary, nullable=False),
    )
    footprints.fill(op.get_bind())
