"""Remember which walks came to their end, and who does a job."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Runs of before say nothing of it: the next walk over each source is a full one.
    op.add_column("runs", sa.Column("mode", sa.Text))
    op.add_column("runs", sa.Column("began", sa.BigInteger))
    op.add_column("runs", sa.Column("setup", sa.Text))
    op.add_column("jobs", sa.Column("owner", sa.Text, nullable=False, server_default=""))
    op.add_column("jobs", sa.Column("lease", sa.BigInteger))
    op.add_column("jobs", sa.Column("attempts", sa.Integer, nullable=False, server_default="0"))
    op.add_column("jobs", sa.Column("result", sa.Text, nullable=False, server_default=""))
