"""What people make, each thing with the version that was read, and what became of it."""

from __future__ import annotations

import secrets
from base64 import b32encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Row, delete, func, insert, select, update

from discovery.errors import BadQueryError, ConflictError, LimitError, NotFoundError
from discovery.model.creation import DATALAB, DRAFT, LISTED, PIPELINE, SELECTION, STATES, VISIBILITIES, VOLUME, Creation
from discovery.store.codec import pack, storable, unpack
from discovery.store.connection import Database
from discovery.store.ingest import now
from discovery.store.schema import creations, happened

KINDS: Final = (DATALAB, VOLUME, PIPELINE, SELECTION)
MAX_BYTES: Final = 256 * 1024
"""Bytes of what somebody makes, as JSON: a form of some hundred fields, or a selection of some thousand records."""
MAX_OWNED: Final = 1_000
"""Things of one kind that one person may have."""
MAX_NAME: Final = 200
"""Characters of a name."""
MAX_LISTED: Final = 200
"""People that one thing may be shared with by name."""
MAX_REASON: Final = 2_000
MAX_LIST: Final = 1_000
"""Things in one answer."""
MADE: Final = "made"
CHANGED: Final = "changed"
KEPT_CHANGES: Final = 50
"""Older texts of one thing that are kept; decisions about it are kept all."""


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing that became of a creation."""

    number: int
    moment: int
    person: str
    act: str
    """`made`, `changed`, or what else was done with it."""
    state: str
    """The state it came to."""
    reason: str = ""
    document: Mapping[str, Any] | None = None
    """As it was afterwards."""


Also = Callable[[Connection], None]


def _nothing(_connection: Connection) -> None:
    """Write nothing more."""


class Creations:
    """The creations of a store. Who may see or change one is not asked here: see `discovery/making`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self, kind: str, owner: str, name: str, document: Mapping[str, Any], *, also: Also = _nothing, **more: Any
    ) -> Creation:
        """Keep something new and return it with its id.

        Args:
            kind: One of `KINDS`.
            owner: The id of its person.
            name: What its owner calls it.
            document: JSON values.
            also: Writes what must be written with it or not at all.
            more: Other fields of `Creation`: state, visibility, listed, record.

        Raises:
            LimitError: It is larger than such a thing may be, or its owner has as many as one may have.
            ConflictError: Something else stands for its record.
        """
        made = _new(kind, owner, name, document, **more)
        with self._database.write() as connection:
            _add(connection, made)
            also(connection)
        return _made(made)

    def add_once(
        self, kind: str, owner: str, name: str, document: Mapping[str, Any], since: int
    ) -> tuple[Creation, bool]:
        """Keep a new draft unless its owner's last one says the same; return the one that is kept, and if it is new.

        Args:
            kind: One of `KINDS`.
            owner: The id of its person.
            name: What its owner calls it.
            document: JSON values.
            since: The moment in UTC milliseconds before which a draft is an old one, and no second click.

        Raises:
            LimitError: As `add`.
        """
        made = _new(kind, owner, name, document)
        mine = (creations.c.owner == owner) & (creations.c.kind == kind) & (creations.c.updated > since)
        last = select(creations).where(mine).order_by(creations.c.updated.desc(), creations.c.id).limit(1)
        with self._database.write() as connection:
            row = connection.execute(last).first()
            there = None if row is None else _creation(row)
            if there is not None and there.state == DRAFT and there.document == _made(made).document:
                return there, False
            _add(connection, made)
        return _made(made), True

    def get(self, id: str) -> Creation:
        """Return the creation with an id.

        Raises:
            NotFoundError: There is none, or none any more.
        """
        with self._database.read() as connection:
            row = connection.execute(select(creations).where(creations.c.id == storable(id[:64]))).first()
        if row is None:
            raise NotFoundError(f"nothing was made here by the id {id[:64]!r}")
        return _creation(row)

    def by_record(self, record: str) -> Creation | None:
        """Return the creation that a record stands for; None for a record that came from elsewhere."""
        asked = select(creations).where(creations.c.record == storable(record[:64])).limit(1)
        with self._database.read() as connection:
            row = connection.execute(asked).first() if record else None
        return None if row is None else _creation(row)

    def of(self, owner: str, kind: str | None = None) -> list[Creation]:
        """Return what somebody has made, of one kind or all, last changed first."""
        asked = select(creations).where(creations.c.owner == owner)
        return self._list(asked.where(creations.c.kind == kind) if kind else asked)

    def in_state(self, kind: str, state: str) -> list[Creation]:
        """Return everything of a kind that is in a state, whoever made it, last changed first."""
        return self._list(select(creations).where(creations.c.kind == kind, creations.c.state == state))

    def listed_for(self, names: Iterable[str], kind: str | None = None) -> list[Creation]:
        """Return what is shared with somebody by one of these names: an id, or an e-mail address."""
        wanted = {each.casefold() for each in names if each}
        asked = select(creations).where(creations.c.visibility == LISTED)
        found = self._list(asked.where(creations.c.kind == kind) if kind else asked)
        return [each for each in found if wanted & {name.casefold() for name in each.listed}]

    def save(
        self, creation: Creation, *, person: str, act: str = CHANGED, reason: str = "", also: Also = _nothing
    ) -> Creation:
        """Keep a changed creation, whose `version` is the one that was read, and return it as it is kept.

        Its kind, owner and moment of making stay as they were.

        Args:
            creation: As it shall be.
            person: The id of whoever changes it.
            act: What was done.
            reason: Why, for those who read its history.
            also: Writes what must be written with it or not at all.

        Raises:
            ConflictError: Somebody else has changed it since it was read, or something else stands for its record;
                nothing was kept.
            NotFoundError: It is not there any more.
            LimitError: It is larger than such a thing may be.
        """
        saved = replace(creation, version=creation.version + 1, updated=now())
        values = _values(saved)
        del values["kind"], values["owner"]
        mine = (creations.c.id == creation.id) & (creations.c.version == creation.version)
        with self._database.write() as connection:
            if connection.execute(update(creations).where(mine).values(values)).rowcount != 1:
                _refuse(connection, creation)
            _sole(connection, saved)
            _note(connection, saved, person, act, reason, values["document"])
            _thin(connection, creation.id)
            also(connection)
        return _made(saved)

    def history(self, id: str) -> list[Happened]:
        """Return what became of a creation, newest first."""
        asked = select(happened).where(happened.c.creation == id).order_by(happened.c.number.desc()).limit(MAX_LIST)
        with self._database.read() as connection:
            return [
                Happened(e.number, e.moment, e.person, e.act, e.state, e.reason, orjson.loads(unpack(e.document)))
                for e in connection.execute(asked)
            ]

    def delete(self, id: str, version: int) -> None:
        """Forget a creation and everything that became of it; `version` is the one that was read.

        Raises:
            ConflictError: Somebody else has changed it since it was read.
            NotFoundError: It is not there any more.
        """
        mine = (creations.c.id == id) & (creations.c.version == version)
        with self._database.write() as connection:
            if connection.execute(delete(creations).where(mine)).rowcount != 1:
                _refuse(connection, Creation(id, "", "", "", version=version))
            connection.execute(delete(happened).where(happened.c.creation == id))

    def _list(self, asked: Any) -> list[Creation]:
        newest = asked.order_by(creations.c.updated.desc(), creations.c.id).limit(MAX_LIST)
        with self._database.read() as connection:
            return [_creation(row) for row in connection.execute(newest)]


def _new(kind: str, owner: str, name: str, document: Mapping[str, Any], **more: Any) -> Creation:
    moment = now()
    return Creation(_new_id(), kind, owner, name, document, **more, created=moment, updated=moment)


def _add(connection: Connection, made: Creation) -> None:
    """Write a new creation; one writer at a time, so that nobody comes between what is counted and what is written."""
    values = _values(made)
    mine = select(func.count()).where(creations.c.owner == made.owner, creations.c.kind == made.kind)
    if connection.execute(mine).scalar_one() >= MAX_OWNED:
        raise LimitError("creations", f"there are {MAX_OWNED} of the kind {made.kind} already; delete some first")
    _sole(connection, made)
    connection.execute(insert(creations).values(id=made.id, created=made.created, **values))
    _note(connection, made, made.owner, MADE, "", values["document"])


def _sole(connection: Connection, made: Creation) -> None:
    """Raise where something else stands for the same record: whoever looked for that may have looked too early."""
    if not made.record:
        return
    others = select(creations.c.name).where(creations.c.record == made.record, creations.c.id != made.id)
    name = connection.execute(others.limit(1)).scalar()
    if name is not None:
        raise ConflictError(f"the short name is that of {name!r}: take another one")


def _new_id() -> str:
    return b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()


def _values(creation: Creation) -> dict[str, Any]:
    """Return the columns of a creation, as every database takes them; raise for what is too large or not known."""
    for what, value, known in (
        ("kind", creation.kind, KINDS),
        ("state", creation.state, STATES),
        ("visibility", creation.visibility, VISIBILITIES),
    ):
        if value not in known:
            raise BadQueryError(f"{what} {value[:40]!r} is not one of {', '.join(known)}", parameter=what)
    if len(creation.name) > MAX_NAME:
        raise LimitError("creation-name", f"the name has {len(creation.name)} characters, at most {MAX_NAME} may be")
    if len(creation.listed) > MAX_LISTED:
        raise LimitError("creation-people", f"{len(creation.listed)} people are listed, at most {MAX_LISTED} may be")
    return {
        "kind": creation.kind,
        "owner": creation.owner,
        "name": storable(creation.name),
        "document": pack(_json(creation.document)),
        "state": creation.state,
        "visibility": creation.visibility,
        "listed": orjson.dumps([storable(each) for each in creation.listed]).decode(),
        "version": creation.version,
        "record": creation.record,
        "updated": creation.updated,
    }


def _json(document: Mapping[str, Any]) -> bytes:
    try:
        written = orjson.dumps(dict(document), option=orjson.OPT_SORT_KEYS)
    except TypeError as error:
        raise BadQueryError(f"this cannot be kept as JSON: {error}") from error
    if len(written) > MAX_BYTES:
        raise LimitError("creation-bytes", f"this has {len(written)} bytes as JSON, at most {MAX_BYTES} may be")
    return written


def _made(creation: Creation) -> Creation:
    """Return a creation as reading it gives it."""
    listed: Sequence[str] = [storable(each) for each in creation.listed]
    document = orjson.loads(_json(creation.document))
    return replace(creation, name=storable(creation.name), document=document, listed=tuple(listed))


def _creation(row: Row[*tuple[Any, ...]]) -> Creation:
    return Creation(
        row.id,
        row.kind,
        row.owner,
        row.name,
        orjson.loads(unpack(row.document)),
        row.state,
        row.visibility,
        tuple(orjson.loads(row.listed)),
        row.version,
        row.record,
        row.created,
        row.updated,
    )


def _refuse(connection: Connection, read: Creation) -> None:
    found = connection.execute(select(creations.c.version).where(creations.c.id == read.id)).scalar_one_or_none()
    if found is None:
        raise NotFoundError(f"nothing was made here by the id {read.id[:64]!r}")
    raise ConflictError(f"somebody has changed this since version {read.version} was read; it is at version {found}")


def _note(connection: Connection, made: Creation, person: str, act: str, reason: str, document: bytes) -> None:
    """Write down what happened; the change of the creation before it keeps everybody else out until the end."""
    last = connection.execute(select(func.max(happened.c.number)).where(happened.c.creation == made.id)).scalar()
    connection.execute(
        insert(happened).values(
            creation=made.id,
            number=(last or 0) + 1,
            moment=made.updated,
            person=person,
            act=act,
            state=made.state,
            reason=storable(reason[:MAX_REASON]),
            document=document,
        )
    )


def _thin(connection: Connection, id: str) -> None:
    """Forget the oldest of many small changes, so that who saves every minute fills no disk."""
    mine = (happened.c.creation == id) & (happened.c.act == CHANGED)
    newest = select(happened.c.number).where(mine).order_by(happened.c.number.desc()).offset(KEPT_CHANGES).limit(1)
    oldest = connection.execute(newest).scalar()
    if oldest is not None:
        connection.execute(delete(happened).where(mine, happened.c.number <= oldest))
