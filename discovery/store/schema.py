"""The tables of the record of truth, in plain SQL that SQLite and PostgreSQL both take.

Everything else (search indexes, derived embeddings) can be made again from what is here. Instants are UTC
milliseconds, bodies are packed by `discovery.store.codec`.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text, UniqueConstraint, text

metadata = MetaData()

Key = BigInteger().with_variant(Integer, "sqlite")
"""SQLite gives out row numbers only for a column of type INTEGER."""

meta = Table(
    "meta",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

sources = Table(
    "sources",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("settings", Text, nullable=False),
    Column("enabled", Integer, nullable=False),
    Column("created", BigInteger, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("source", Text, nullable=False, index=True),
    Column("status", Text, nullable=False),
    Column("started", BigInteger, nullable=False),
    Column("finished", BigInteger),
    Column("report", Text, nullable=False),
    # Of a walk that came to its end: what it was, when it began, and over what.
    Column("mode", Text),
    Column("began", BigInteger),
    Column("setup", Text),
    sqlite_autoincrement=True,
)

cursors = Table(
    "cursors",
    metadata,
    Column("source", Text, primary_key=True),
    Column("partition", Text, primary_key=True),
    Column("walk", Key, nullable=False),
    Column("position", Text, nullable=False),
    Column("updated", BigInteger, nullable=False),
)

_MERGED: Final = text("merged IS NOT NULL")
_DECLARED: Final = text("declared IS NOT NULL")

records = Table(
    "records",
    metadata,
    Column("key", Key, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("source", Text, nullable=False),
    Column("container", Text, nullable=False),
    Column("source_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("dataset", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("updated", BigInteger),
    Column("harvested", BigInteger, nullable=False),
    Column("change", Key, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("stac_space", Text, nullable=False),
    Column("stac_id", Text, nullable=False),
    Column("walk", Key, nullable=False),
    Column("missing", Integer, nullable=False),
    Column("deleted", BigInteger),
    Column("merged", Text),
    # The parent that the record names, where another one stands for it.
    Column("declared", Text),
    Index("records_by_change", "scope", "change"),
    Index("records_by_walk", "source", "walk"),
    Index("records_by_dataset", "dataset"),
    UniqueConstraint("stac_space", "stac_id", name="records_by_stac_id"),
    Index(
        "records_by_master",
        "merged",
        sqlite_where=text("merged IS NOT NULL"),
        postgresql_where=text("merged IS NOT NULL"),
    ),
    # For counts alone, which took seconds over the records; the source is not in front, or walks would go by it.
    Index("records_by_kind", "kind", "source", "deleted"),
    Index("records_by_declared", "declared", "dataset", sqlite_where=_DECLARED, postgresql_where=_DECLARED),
    sqlite_autoincrement=True,
)

matches = Table(
    "matches",
    metadata,
    # By which records of several sources are found to be one thing; see discovery/model/sameness.py.
    Column("digest", LargeBinary, primary_key=True),
    # Of the record; 0 says that so many records have this digest that it names nothing.
    Column("key", Key, primary_key=True, autoincrement=False),
    Column("place", Text, nullable=False),
    Index("matches_by_key", "key"),
    sqlite_with_rowid=False,
)

apart = Table(
    "apart",
    metadata,
    # Ids, the smaller first.
    Column("one", Text, primary_key=True),
    Column("other", Text, primary_key=True),
    Column("said", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Index("apart_by_other", "other"),
)

raws = Table(
    "raws",
    metadata,
    Column("key", Key, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("public", LargeBinary),
    Column("links_start", Integer),
    Column("links_end", Integer),
    Column("links", LargeBinary),
    Column("collection", Text),
)

footprints = Table(
    "footprints",
    metadata,
    # Where a live record is, as discovery/query/packed.py packs it: read by the thousand, so apart from all else.
    Column("key", Key, primary_key=True, autoincrement=False),
    Column("form", Integer, nullable=False),
    Column("shape", LargeBinary, nullable=False),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("source", Text, nullable=False),
    Column("container", Text, nullable=False),
    Column("source_id", Text, nullable=False),
    Column("position", Text, nullable=False),
    Column("run", Key, nullable=False),
    Column("stage", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("first_seen", BigInteger, nullable=False),
    Column("last_seen", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    UniqueConstraint("source", "container", "source_id", "position", name="quarantine_by_place"),
    sqlite_autoincrement=True,
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False),
    Column("arguments", Text, nullable=False),
    Column("status", Text, nullable=False, index=True),
    Column("created", BigInteger, nullable=False),
    Column("finished", BigInteger),
    Column("message", Text, nullable=False),
    # Whoever has taken it says so again and again; when the lease is over somebody else may take it.
    Column("owner", Text, nullable=False, server_default=""),
    Column("lease", BigInteger),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("result", Text, nullable=False, server_default=""),
    sqlite_autoincrement=True,
)

passes = Table(
    "passes",
    metadata,
    # Never what is shown to prove something: a copy of the store opens no door.
    Column("digest", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("expires", BigInteger, nullable=False),
)

people = Table(
    "people",
    metadata,
    Column("id", Text, primary_key=True),
    Column("issuer", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("role", Integer, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
    Column("disabled", BigInteger),
    UniqueConstraint("issuer", "subject", name="people_by_identity"),
)

sessions = Table(
    "sessions",
    metadata,
    # As with passes: what is kept opens nothing.
    Column("digest", Text, primary_key=True),
    Column("person", Text, nullable=False, index=True),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("person", Text, nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("used", BigInteger),
)

audit = Table(
    "audit",
    metadata,
    # Written once and never changed; it ends by age alone.
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("moment", BigInteger, nullable=False, index=True),
    Column("person", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("act", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("request", Text, nullable=False),
    sqlite_autoincrement=True,
)

creations = Table(
    "creations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),
    Column("visibility", Text, nullable=False),
    Column("listed", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("record", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Index("creations_by_owner", "owner", "kind"),
    Index("creations_by_state", "kind", "state"),
    Index("creations_by_record", "record"),
)

happened = Table(
    "happened",
    metadata,
    # What became of a creation, by whom and why; the document as it was after it.
    Column("creation", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("moment", BigInteger, nullable=False),
    Column("person", Text, nullable=False),
    Column("act", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("document", LargeBinary, nullable=False),
)

marks = Table(
    "marks",
    metadata,
    # `star`: liked; `mount`: among "my volumes".
    Column("person", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("record", Text, primary_key=True),
    Column("moment", BigInteger, nullable=False),
    Index("marks_by_record", "record", "kind"),
)

launches = Table(
    "launches",
    metadata,
    Column("id", Text, primary_key=True),
    Column("person", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("datalab", Text, nullable=False),
    # What was confirmed, as JSON: records or query, volumes, notebook.
    Column("asked", LargeBinary, nullable=False),
    Column("status", Text, nullable=False),
    Column("server", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("ended", BigInteger),
    Index("launches_by_person", "person", "created"),
    Index("launches_by_status", "status"),
)

HEAD: Final = "0010"
"""The newest migration; a store that says otherwise is migrated, or refused when it is newer."""
