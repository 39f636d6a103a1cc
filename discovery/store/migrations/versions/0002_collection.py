"""Remember which collection a STAC Item names, so that it is served without looking into it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Without a value the document is looked into, as before.
    op.add_column("raws", sa.Column("collection", sa.Text))
