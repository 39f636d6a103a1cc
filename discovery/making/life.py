"""The life of what people make: draft, in review, published, deprecated; who may take which step, and what it leaves.

What is published is a record of the source `portal`; drafts are none, so that nothing can find them. Each step is one
transaction: the new state, its line in the history, and the record.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection

from discovery.errors import BadQueryError, ConflictError, DeniedError, NotFoundError
from discovery.making.kinds import KINDS, Kind, kind
from discovery.model.checks import PORTAL
from discovery.model.creation import DEPRECATED, DRAFT, LISTED, PUBLIC, PUBLISHED, REVIEW, VISIBILITIES, Creation
from discovery.model.person import NOBODY, WRITE, Principal, Role
from discovery.people import People
from discovery.store.creations import Happened
from discovery.store.marks import STAR
from discovery.store.store import Store

MAX_REASON: Final = 2_000
_MOMENT: Final = 60_000
HANDED_IN: Final = "handed in"
TAKEN_BACK: Final = "taken back"
ACCEPTED: Final = "accepted"
REJECTED: Final = "rejected"
OUTDATED: Final = "deprecated"
REVIVED: Final = "published again"
WITHDRAWN: Final = "withdrawn"
SHARED: Final = "shared"
PUT_OUT: Final = "published"


class Making:
    """What people make, as whoever asks may see and change it.

    Args:
        store: Where it is kept.
        people: Who writes down what was done.
    """

    def __init__(self, store: Store, people: People) -> None:
        self._store = store
        self._people = people

    # Reading

    def get(self, who: Principal, id: str) -> Creation:
        """Return a creation that somebody may see.

        Raises:
            NotFoundError: There is none, or none that they may see: who is shut out does not learn that it is there.
        """
        found = self._store.creations.get(id)
        if not (found.is_visible_to(who) or (found.owner == who.id and who.role > Role.ANONYMOUS)):
            raise NotFoundError(f"nothing was made here by the id {id[:64]!r}")
        return found

    def mine(self, who: Principal, kind: str) -> list[Creation]:
        """Return what whoever asks has made, last changed first."""
        return self._store.creations.of(who.id, kind) if who.role > Role.ANONYMOUS else []

    def shared(self, who: Principal, kind: str) -> list[Creation]:
        """Return what others have shared with whoever asks by name."""
        if who.person is None:
            return []
        found = self._store.creations.listed_for([who.person.id, who.person.email], kind)
        return [each for each in found if each.owner != who.id]

    def reviews(self, who: Principal) -> list[Creation]:
        """Return everything that waits for a decision, what waits longest first.

        Raises:
            DeniedError: Whoever asks decides on nothing.
        """
        who.require(Role.MODERATOR)
        found = [each for name in KINDS for each in self._store.creations.in_state(name, REVIEW)]
        return sorted(found, key=lambda each: each.updated)

    def history(self, who: Principal, id: str) -> list[Happened]:
        """Return what became of a creation, newest first; raises as `get` does."""
        self.get(who, id)
        return self._store.creations.history(id)

    def behind(self, record: str) -> Creation | None:
        """Return the creation that a record stands for, for those who ask what they may do with it."""
        return self._store.creations.by_record(record)

    def may_edit(self, who: Principal, creation: Creation) -> bool:
        """Say whether somebody may change a creation."""
        known = KINDS.get(creation.kind)
        if known is None or not who.may(known.writer, WRITE):
            return False
        # Volumes are the portal's: every operator looks after all of them.
        return self._owns(who, creation) or known.writer >= Role.OPERATOR

    def may_decide(self, who: Principal, creation: Creation) -> bool:
        """Say whether somebody may accept or reject a creation: never one's own, unless an admin."""
        own = self._owns(who, creation) and who.role < Role.ADMIN
        return creation.state == REVIEW and who.may(Role.MODERATOR, WRITE) and not own

    @staticmethod
    def _owns(who: Principal, creation: Creation) -> bool:
        return who.role > Role.ANONYMOUS and who.id == creation.owner

    # Writing

    def write(
        self, who: Principal, kind_name: str, given: Mapping[str, Any], *, id: str = "", version: int = 0
    ) -> Creation:
        """Keep a new draft, or a changed one, and return it.

        What is published stays as it is until the new text is accepted.

        Args:
            who: Who writes.
            kind_name: What it is.
            given: The document; required fields may be missing while it is a draft.
            id: Which one is changed; empty for a new one.
            version: The version of it that was read.

        Raises:
            DeniedError: They may not.
            DocumentError: Something in it is wrong.
            ConflictError: Somebody has changed it since, or it waits for a decision.
        """
        known = kind(kind_name)
        who.require(known.writer, WRITE)
        document = known.read(given, complete=False)
        name = str(document.get("name") or document.get(known.slug) or "Without a name")
        if not id:
            self._free(known, document, "")
            # What whoever asks has written word for word a moment ago: a second click makes no second one.
            since = time.time_ns() // 1_000_000 - _MOMENT
            made, is_new = self._store.creations.add_once(known.name, who.id, name, document, since)
            if is_new:
                self._audit(who, made, "write", "")
            return made
        old = self._mine(who, id)
        if old.kind != known.name:
            raise ConflictError(f"this is a {old.kind} and stays one")
        if old.state == REVIEW:
            raise ConflictError("this waits for a decision: take it back first, then change it")
        if old.record and document.get(known.slug) != old.document.get(known.slug):
            raise ConflictError(f"the short name of what is published stays {old.document.get(known.slug)!r}")
        self._free(known, document, old.id)
        new = replace(old, name=name, document=document, state=DRAFT, version=version or old.version)
        saved = self._store.creations.save(new, person=who.id)
        self._audit(who, saved, "write", old.state)
        return saved

    def delete(self, who: Principal, id: str, version: int) -> None:
        """Forget a draft with its history; what is published must be withdrawn first."""
        old = self._mine(who, id)
        if old.record:
            raise ConflictError("this is published: withdraw it first, then delete it")
        self._store.creations.delete(id, version)
        self._audit(who, old, "delete", old.state)

    # From step to step

    def hand_in(self, who: Principal, id: str, version: int) -> Creation:
        """Ask for a decision on a draft, which must be complete by now; of one that needs none, publish it."""
        old = self._mine(who, id)
        known = KINDS[old.kind]
        self._at(old, version, DRAFT)
        known.read(old.document)
        self._free(known, old.document, old.id)
        if not known.reviewed:
            return self._publish(who, old, PUT_OUT, "")
        return self._step(who, replace(old, state=REVIEW), HANDED_IN, "", old.state)

    def take_back(self, who: Principal, id: str, version: int) -> Creation:
        """Make a draft again of what waits for a decision."""
        old = self._mine(who, id)
        self._at(old, version, REVIEW)
        return self._step(who, replace(old, state=DRAFT), TAKEN_BACK, "", old.state)

    def accept(self, who: Principal, id: str, version: int, reason: str = "") -> Creation:
        """Publish what waits for a decision."""
        old = self._deciding(who, id, version)
        self._free(KINDS[old.kind], old.document, old.id)
        return self._publish(who, old, ACCEPTED, _reason(reason, wanted=False))

    def reject(self, who: Principal, id: str, version: int, reason: str) -> Creation:
        """Give back what waits for a decision, with the reason, which its owner reads."""
        old = self._deciding(who, id, version)
        return self._step(who, replace(old, state=DRAFT), REJECTED, _reason(reason), old.state)

    def deprecate(self, who: Principal, id: str, version: int, reason: str) -> Creation:
        """Say of what is published that nobody should begin with it any more, and why; its record stays, marked."""
        old = self._kept(who, id)
        self._at(old, version, PUBLISHED)
        return self._publish(who, old, OUTDATED, _reason(reason))

    def revive(self, who: Principal, id: str, version: int, reason: str = "") -> Creation:
        """Take the mark off what was deprecated."""
        old = self._kept(who, id)
        self._at(old, version, DEPRECATED)
        return self._publish(who, old, REVIVED, _reason(reason, wanted=False))

    def withdraw(self, who: Principal, id: str, version: int, reason: str) -> Creation:
        """Take the record of what is published away; what was written stays with its owner as a draft."""
        old = self._kept(who, id)
        if not old.record:
            raise ConflictError("this is not published")
        why = _reason(reason)

        def bury(connection: Connection) -> None:
            self._store.ingest.within(connection, PORTAL, gone=[KINDS[old.kind].document_id(old.document)])

        new = replace(old, state=DRAFT, record="", version=version)
        return self._step(who, new, WITHDRAWN, why, old.state, also=bury)

    def share(self, who: Principal, id: str, version: int, visibility: str, listed: Sequence[str] = ()) -> Creation:
        """Say who may see a draft: nobody else, some people by their addresses or ids, who has the link, or all."""
        old = self._mine(who, id)
        if visibility not in VISIBILITIES:
            raise BadQueryError(
                f"visibility {visibility[:40]!r} is not one of {', '.join(VISIBILITIES)}", parameter="visibility"
            )
        if visibility == PUBLIC and KINDS[old.kind].reviewed:
            raise BadQueryError("what nobody has reviewed is not public: share it by its link", parameter="visibility")
        names = tuple(dict.fromkeys(each.strip() for each in listed if each.strip()))
        if visibility == LISTED and not names:
            raise BadQueryError("name at least one person to share it with", parameter="listed")
        if wrong := next((each for each in names if len(each) > 254 or not each.isprintable() or " " in each), None):
            raise BadQueryError(f"{wrong[:80]!r} is no e-mail address and no id of a person", parameter="listed")
        new = replace(old, visibility=visibility, listed=names, version=version)
        return self._step(who, new, SHARED, visibility, old.state)

    def apply(
        self, who: Principal, kind_name: str, documents: Sequence[Mapping[str, Any]], *, dry_run: bool = False
    ) -> list[tuple[str, str]]:
        """Make what is published what documents say, and return what each of them changes; others stay.

        Raises:
            DeniedError: Whoever asks is no operator, or no admin where somebody else should decide.
            DocumentError: Something in one of them is wrong; none was applied.
        """
        known = kind(kind_name)
        who.require(Role.ADMIN if known.reviewed else Role.OPERATOR, WRITE)
        read = [known.read(each, what=_called(each, known, n)) for n, each in enumerate(documents, 1)]
        slugs = [each[known.slug] for each in read]
        if twice := next((each for each in slugs if slugs.count(each) > 1), None):
            raise BadQueryError(f"{known.name} {twice} is there twice")
        return [(slug, self._apply(who, known, each, dry_run)) for slug, each in zip(slugs, read, strict=True)]

    def _apply(self, who: Principal, known: Kind, document: Mapping[str, Any], dry_run: bool) -> str:
        old = self._store.creations.by_record(known.document_id(document))
        if old is not None and old.state == PUBLISHED and old.document == document:
            return "as it was"
        if old is not None:
            names = [each.name for each in known.fields if document.get(each.name) != old.document.get(each.name)]
            if not dry_run:
                self._publish(who, replace(old, name=document["name"], document=document), PUT_OUT, "", dated=False)
            return f"changed: {', '.join(names) or 'published again'}"
        if not dry_run:
            record = known.document_id(document)
            made = self._store.creations.add(
                known.name,
                who.id,
                document["name"],
                document,
                state=PUBLISHED,
                record=record,
                also=self._putting(known, document, {}, dated=False),
            )
            self._audit(who, made, "publish", "")
        return "added"

    # Parts of steps

    def _publish(self, who: Principal, old: Creation, act: str, reason: str, *, dated: bool = True) -> Creation:
        known = KINDS[old.kind]
        deprecated = act == OUTDATED
        note = {"deprecated": reason} if deprecated else {}
        state = DEPRECATED if deprecated else PUBLISHED
        new = replace(old, state=state, record=known.document_id(old.document))
        return self._step(who, new, act, reason, old.state, also=self._putting(known, old.document, note, dated=dated))

    def _putting(
        self, known: Kind, document: Mapping[str, Any], note: Mapping[str, str], *, dated: bool = True
    ) -> Callable[[Connection], None]:
        """Return what writes the record of a document.

        Of a file nobody knows how old it is; and a hundred that are applied at once are not the news of the day.
        """
        moment = time.time_ns() // 1_000_000 if dated else None
        mapped = known.mapped(document, updated=moment, note=note)

        def put(connection: Connection) -> None:
            self._store.ingest.within(connection, PORTAL, [mapped])

        return put

    def _step(
        self,
        who: Principal,
        new: Creation,
        act: str,
        reason: str,
        before: str,
        *,
        also: Callable[[Connection], None] | None = None,
    ) -> Creation:
        more: dict[str, Any] = {} if also is None else {"also": also}
        saved = self._store.creations.save(new, person=who.id, act=act, reason=reason, **more)
        self._audit(who, saved, act.replace(" ", "_"), before, reason)
        return saved

    def _mine(self, who: Principal, id: str) -> Creation:
        """Return a creation that somebody may change."""
        found = self.get(who, id) if who.role < Role.OPERATOR else self._store.creations.get(id)
        if self.may_edit(who, found):
            return found
        if not found.is_visible_to(who):
            raise NotFoundError(f"nothing was made here by the id {id[:64]!r}")
        who.require(KINDS[found.kind].writer if found.kind in KINDS else Role.USER, WRITE)
        raise DeniedError("this is somebody else's: whoever made it may change it")

    def _kept(self, who: Principal, id: str) -> Creation:
        """Return a published creation that its owner, or a moderator, may take from the catalogue."""
        found = self._store.creations.get(id)
        if found.record and who.may(Role.MODERATOR, WRITE) and found.kind in KINDS:
            return found
        return self._mine(who, id)

    def _deciding(self, who: Principal, id: str, version: int) -> Creation:
        who.require(Role.MODERATOR, WRITE)
        try:
            old = self.get(who, id)
        except NotFoundError:
            # Whoever came second, by a moment or a day, saw it while it waited: to them it is late, not unknown.
            if any(each.act == HANDED_IN for each in self._store.creations.history(id)):
                late = "this waits for no decision any more: somebody has decided, or taken it back"
                raise ConflictError(late) from None
            raise
        if self._owns(who, old) and who.role < Role.ADMIN:
            raise DeniedError("this is your own: somebody else decides on it")
        self._at(old, version, REVIEW)
        return old

    @staticmethod
    def _at(creation: Creation, version: int, state: str) -> None:
        """Raise where a creation is not as whoever takes the step has seen it."""
        if creation.kind not in KINDS:
            raise BadQueryError(f"a {creation.kind} is not published")
        if creation.version != version:
            raise ConflictError(
                f"somebody has changed this since version {version} was read; it is at version {creation.version}"
            )
        if creation.state != state:
            raise ConflictError(f"this is {creation.state}, and not {state}")

    def _free(self, known: Kind, document: Mapping[str, Any], id: str) -> None:
        """Raise where a short name is that of something else that is published."""
        if known.slug not in document:
            return
        taken = self._store.creations.by_record(known.document_id(document))
        if taken is not None and taken.id != id:
            raise ConflictError(f"the short name {document[known.slug]!r} is that of {taken.name!r}: take another one")

    def _audit(self, who: Principal, made: Creation, act: str, before: str, reason: str = "") -> None:
        after = f"{made.state}, version {made.version}{f': {reason}' if reason else ''}"
        self._people.note(who, f"{made.kind}.{act}", made.id, before, after)


def stars(store: Store, records: Sequence[str], who: Principal = NOBODY) -> dict[str, tuple[int, bool]]:
    """Return for each of many records how many people like it, and whether whoever asks does."""
    counts = store.marks.counts(STAR, records)
    own = store.marks.set_by(who.id, STAR, records) if who.id else frozenset()
    return {id: (counts.get(id, 0), id in own) for id in records}


def _reason(text: str, *, wanted: bool = True) -> str:
    text = text.strip()
    if wanted and not text:
        raise BadQueryError("say why: whoever made it reads the reason", parameter="reason")
    if len(text) > MAX_REASON:
        raise BadQueryError(
            f"the reason has {len(text):,} characters, at most {MAX_REASON:,} may be", parameter="reason"
        )
    return text


def _called(document: Mapping[str, Any], known: Kind, number: int) -> str:
    slug = document.get(known.slug)
    return f"{known.name} {slug[:64] if isinstance(slug, str) else number}"
