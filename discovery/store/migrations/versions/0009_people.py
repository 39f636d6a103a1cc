"""Make room for people, what they make, what they mark, and what they launch."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _people()
    _creations()
    op.create_table(
        "marks",
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("record", sa.Text, primary_key=True),
        sa.Column("moment", sa.BigInteger, nullable=False),
    )
    op.create_index("marks_by_record", "marks", ["record", "kind"])
    op.create_table(
        "launches",
        sa.Column("id", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("person", "target", "zone", "datalab")),
        sa.Column("asked", sa.LargeBinary, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("status", "server", "url", "message")),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("created", "updated")),
        sa.Column("ended", sa.BigInteger),
    )
    op.create_index("launches_by_person", "launches", ["person", "created"])
    op.create_index("launches_by_status", "launches", ["status"])


def _people() -> None:
    op.create_table(
        "people",
        sa.Column("id", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("issuer", "subject", "name", "email")),
        sa.Column("role", sa.Integer, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("created", "seen")),
        sa.Column("disabled", sa.BigInteger),
        sa.UniqueConstraint("issuer", "subject", name="people_by_identity"),
    )
    op.create_table(
        "sessions",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("person", sa.Text, nullable=False, index=True),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("created", "expires")),
    )
    op.create_table(
        "tokens",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("person", sa.Text, nullable=False, index=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("name", "scopes")),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("created", "expires")),
        sa.Column("used", sa.BigInteger),
    )
    op.create_table(
        "audit",
        sa.Column("id", KEY, primary_key=True, autoincrement=True),
        sa.Column("moment", sa.BigInteger, nullable=False, index=True),
        *(
            sa.Column(name, sa.Text, nullable=False)
            for name in ("person", "name", "act", "about", "before", "after", "request")
        ),
        sqlite_autoincrement=True,
    )


def _creations() -> None:
    op.create_table(
        "creations",
        sa.Column("id", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("kind", "owner", "name")),
        sa.Column("document", sa.LargeBinary, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("state", "visibility", "listed")),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("record", sa.Text, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("created", "updated")),
    )
    for name, columns in (("owner", ["owner", "kind"]), ("state", ["kind", "state"]), ("record", ["record"])):
        op.create_index(f"creations_by_{name}", "creations", columns)
    op.create_table(
        "happened",
        sa.Column("creation", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("moment", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("person", "act", "state", "reason")),
        sa.Column("document", sa.LargeBinary, nullable=False),
    )
