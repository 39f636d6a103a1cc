"""Count what each source has here without looking at the records."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("records_by_kind", "records", ["kind", "source", "deleted"])
