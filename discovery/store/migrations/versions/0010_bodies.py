"""Say that bodies may be packed by what they have in common, which older versions cannot read; none is packed anew."""

from __future__ import annotations

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
