"""Collections and Items that are written through the STAC API, by whoever may look after sources.

What is written is a source of its own in the catalogue. What was harvested stays as it was harvested: nothing here
changes it, or puts anything into a collection of another source.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import orjson
from fastapi import Request, Response

from discovery import conditions
from discovery.errors import (
    ChangedError,
    ConflictError,
    DeniedError,
    DocumentError,
    MovedError,
    NotFoundError,
    SignInError,
    UnsupportedMediaTypeError,
)
from discovery.http import Client, Policy
from discovery.model.person import HARVEST, Principal, Role
from discovery.model.record import OBSERVATIONS, RESOURCES, record_id
from discovery.model.source import Mapped, Quarantined, RawRecord, Source
from discovery.portal import Portal
from discovery.stac_api import submission
from discovery.stac_api.documents import Documents
from discovery.stac_api.links import GEOJSON, JSON, Links
from discovery.stac_api.submission import Submission
from discovery.store.catalogue import Stored
from harvesters import registry
from harvesters.base import Harvester
from harvesters.mapping import map_one
from harvesters.stac_items import COLLECTIONS
from harvesters.stac_written import KIND

SOURCE: Final = "written"
"""The source of everything that is written here."""
MERGE_PATCH: Final = "application/merge-patch+json"
_TYPES: Final = (JSON, GEOJSON)


class Transactions:
    """Writes for one face.

    Args:
        portal: Where it is written.
        prefix: Where the face is.
    """

    def __init__(self, portal: Portal, prefix: str) -> None:
        self._portal = portal
        self._prefix = prefix

    def writer(self, request: Request) -> Principal:
        """Return who asks to write; it is looked at before what is sent is.

        Raises:
            SignInError: Nobody that we know.
            DeniedError: Somebody who may not look after sources, or a token that is not made for it.
        """
        who = self._portal.people.who(request.headers.get("Authorization"))
        if who.role is Role.ANONYMOUS:
            raise SignInError("show a token that may look after sources: Authorization: Bearer TOKEN")
        who.require(Role.OPERATOR, HARVEST)
        return who

    # Collections

    def create_collection(self, request: Request, who: Principal, body: bytes) -> Response:
        """Keep a new Collection."""
        _typed(request, *_TYPES)
        sent = submission.collection(body)
        if sent.id in self._taken("", [sent.id]):
            raise ConflictError(f"there is a collection {sent.id!r} already")
        mapped = self._mapped(request, COLLECTIONS, [sent])
        id = mapped[0].record.id
        self._portal.store.ingest.edit(SOURCE, mapped, expected={id: None})
        self._portal.people.note(who, "stac.create", id, after=sent.id)
        return self._kept(request, id)

    def replace_collection(self, request: Request, who: Principal, id: str, body: bytes) -> Response:
        """Keep another version of a Collection."""
        _typed(request, *_TYPES)
        stored = self._collection(request, id)
        return self._replaced(request, who, stored, COLLECTIONS, submission.collection(body, id))

    def patch_collection(self, request: Request, who: Principal, id: str, body: bytes) -> Response:
        """Keep a Collection with some members changed."""
        stored = self._collection(request, id)
        return self._replaced(
            request, who, stored, COLLECTIONS, submission.collection(self._patched(request, stored, body), id)
        )

    def delete_collection(self, request: Request, who: Principal, id: str) -> Response:
        """Give a Collection up, with everything that was written into it."""
        stored = self._collection(request, id)
        gone = stored.record.id
        self._portal.store.ingest.edit(SOURCE, expected={gone: stored.change}, gone=[gone], emptied=id)
        self._portal.people.note(who, "stac.delete", gone, before=id)
        return Response(status_code=204)

    # Items

    def create_items(self, request: Request, who: Principal, collection: str, body: bytes) -> Response:
        """Keep a new Item, or those of a FeatureCollection: all of them or none."""
        _typed(request, *_TYPES)
        parent = self._own(collection)
        sent = submission.items(body, collection)
        names = [each.id for each in sent]
        if len(set(names)) < len(names):
            twice = next(each for each in names if names.count(each) > 1)
            raise DocumentError([("features", f"has the id {twice!r} twice")])
        if taken := self._taken(parent.record.id, names):
            raise ConflictError(f"collection {collection!r} has an item {min(taken)!r} already")
        mapped = self._mapped(request, collection, sent)
        expected: dict[str, int | None] = {each.record.id: None for each in mapped}
        expected[parent.record.id] = parent.change
        self._portal.store.ingest.edit(SOURCE, mapped, expected=expected)
        about = mapped[0].record.id if len(mapped) == 1 else parent.record.id
        self._portal.people.note(who, "stac.create", about, after=f"{collection}: {', '.join(names[:20])}")
        return self._kept(request, about) if about != parent.record.id else Response(status_code=201)

    def replace_item(self, request: Request, who: Principal, collection: str, id: str, body: bytes) -> Response:
        """Keep another version of an Item."""
        _typed(request, *_TYPES)
        stored = self._item(request, collection, id)
        return self._replaced(request, who, stored, collection, submission.item(body, collection, id))

    def patch_item(self, request: Request, who: Principal, collection: str, id: str, body: bytes) -> Response:
        """Keep an Item with some members changed."""
        stored = self._item(request, collection, id)
        sent = submission.item(self._patched(request, stored, body), collection, id)
        return self._replaced(request, who, stored, collection, sent)

    def delete_item(self, request: Request, who: Principal, collection: str, id: str) -> Response:
        """Give an Item up."""
        stored = self._item(request, collection, id)
        gone = stored.record.id
        self._portal.store.ingest.edit(SOURCE, expected={gone: stored.change}, gone=[gone])
        self._portal.people.note(who, "stac.delete", gone, before=f"{collection}: {id}")
        return Response(status_code=204)

    # What is there

    def _own(self, collection: str) -> Stored:
        """Return a collection that was written here.

        Raises:
            NotFoundError, GoneError: There is none.
            DeniedError: It was harvested.
            ConflictError: It was merged into another one.
        """
        return self._written(COLLECTIONS, "", collection, RESOURCES, "collection")

    def _written(self, container: str, space: str, id: str, scope: str, what: str) -> Stored:
        own = record_id(SOURCE, container, id)
        try:
            return self._portal.record(own)
        except MovedError as moved:
            told = f"{what} {id[:200]!r} is the same as record {moved.id} of another source, and became one with it"
            raise ConflictError(told) from None
        except NotFoundError:
            other = None if "\0" in id else self._portal.store.catalogue.by_stac_name(scope, space, id)
            if other is None or other == own:
                raise NotFoundError(f"no {what} {id[:200]!r}") from None
            source = self._portal.record(other).record.source
            raise DeniedError(
                f"{what} {id[:200]!r} was harvested from {source!r}: what was harvested is changed at its source alone"
            ) from None

    def _collection(self, request: Request, id: str) -> Stored:
        return self._unchanged(request, self._own(id))

    def _item(self, request: Request, collection: str, id: str) -> Stored:
        parent = self._own(collection)
        return self._unchanged(request, self._written(collection, parent.record.id, id, OBSERVATIONS, "item"))

    def _unchanged(self, request: Request, stored: Stored) -> Stored:
        if not conditions.holds(request, conditions.tag_of(self._body(request, stored))):
            raise ChangedError("it is no longer what If-Match names: read it again, then write it")
        return stored

    def _taken(self, space: str, names: Sequence[str]) -> set[str]:
        return {each.stac_id for each in self._portal.store.catalogue.named(space, names)}

    # What is written

    def _replaced(self, request: Request, who: Principal, stored: Stored, container: str, sent: Submission) -> Response:
        mapped = self._mapped(request, container, [sent])
        self._portal.store.ingest.edit(SOURCE, mapped, expected={stored.record.id: stored.change})
        self._portal.people.note(who, "stac.replace", stored.record.id, after=sent.id)
        body = self._body(request, self._portal.record(stored.record.id))
        # Whoever wrote after us has another version: its tag would let our next write go over it unseen.
        ours = self._portal.store.catalogue.raw(stored.record.id).body == sent.body
        return Response(status_code=204, headers={"ETag": conditions.tag_of(body)} if ours else None)

    def _patched(self, request: Request, stored: Stored, body: bytes) -> bytes:
        _typed(request, *_TYPES, MERGE_PATCH, patch=True)
        patch = submission.read(body)
        raw = self._portal.store.catalogue.raw(stored.record.id)
        return orjson.dumps(submission.merged(orjson.loads(raw.body), patch))

    def _mapped(self, request: Request, container: str, sent: Sequence[Submission]) -> list[Mapped]:
        with Client(Policy()) as client:
            worker = registry.harvester(self._source(request), client)
            return [
                _made(worker, container, each, f"features[{n}]." if len(sent) > 1 else "")
                for n, each in enumerate(sent)
            ]

    def _source(self, request: Request) -> Source:
        """Return the source of what is written here; the first who writes makes it."""
        ledger = self._portal.store.ledger
        try:
            found = ledger.source(SOURCE)
        except NotFoundError:
            links = Links.of(request, self._prefix)
            # Nothing can be harvested from it, so that nobody is told that it failed.
            found = Source(SOURCE, KIND, links.root, "Written through the STAC API", enabled=False)
            ledger.add_source(found, replace=True)
        if found.kind != KIND:
            raise ConflictError(f"there is a source {SOURCE!r} of the kind {found.kind}; its id is needed for this")
        return found

    # What is answered

    def _body(self, request: Request, stored: Stored) -> bytes:
        documents = Documents(self._portal, Links.of(request, self._prefix))
        if stored.record.scope == RESOURCES:
            return documents.collection(stored)
        return documents.items([stored.key])[0]

    def _kept(self, request: Request, id: str) -> Response:
        stored = self._portal.record(id)
        links = Links.of(request, self._prefix)
        body = self._body(request, stored)
        if stored.record.scope == RESOURCES:
            where, media_type = links.collection(stored.stac_id), JSON
        else:
            where, media_type = links.item(self._portal.record(stored.record.dataset).stac_id, stored.stac_id), GEOJSON
        headers = {"Location": where, "ETag": conditions.tag_of(body)}
        return Response(body, 201, headers, media_type)


def _made(worker: Harvester, container: str, sent: Submission, at: str) -> Mapped:
    """Return the record of a document, ready to be stored.

    Raises:
        DocumentError: It says something twice, or something of place or time that could not be searched for.
    """
    if name := submission.twice(sent.body):
        raise DocumentError([(at + name, "is there twice")])
    made = map_one(worker, RawRecord(container, sent.id, sent.body, JSON if container == COLLECTIONS else GEOJSON))
    if isinstance(made, Quarantined):
        raise DocumentError([(at + made.issue.path, made.issue.message)])
    submission.refuse_lost(made.record.issues, at)
    return made


def _typed(request: Request, *types: str, patch: bool = False) -> None:
    """Raise UnsupportedMediaTypeError where the body is of another type; one that says nothing is taken as JSON."""
    told = request.headers.get("Content-Type", JSON).partition(";")[0].strip().lower()
    if told not in types:
        raise UnsupportedMediaTypeError(told, types, header="Accept-Patch" if patch else "Accept-Post")
