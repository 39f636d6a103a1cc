"""Remember which parent a record names, where another one stands for it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("records", sa.Column("declared", sa.Text))
    named = sa.text("declared IS NOT NULL")
    op.create_index(
        "records_by_declared", "records", ["declared", "dataset"], sqlite_where=named, postgresql_where=named
    )
