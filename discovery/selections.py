"""Selections that people keep under a name, which are their data volumes: who may see and change them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from discovery import selection
from discovery.errors import BadQueryError, LimitError, NotFoundError
from discovery.launching import MAX_RECORDS, Wish
from discovery.model.creation import LISTED, SELECTION, VISIBILITIES, Creation
from discovery.model.person import READ, WRITE, Principal, Role
from discovery.people import People
from discovery.portal import Portal
from discovery.selection import Selection
from discovery.store.store import Store

PATH: Final = "/selections"
MAX_ADDRESS: Final = 254
"""Characters of an e-mail address that something is shared with."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A selection that somebody keeps."""

    creation: Creation
    selection: Selection

    @property
    def id(self) -> str:
        """What names it."""
        return self.creation.id

    @property
    def name(self) -> str:
        """What its owner calls it."""
        return self.creation.name

    @property
    def path(self) -> str:
        """Its permanent address beneath the site."""
        return f"{PATH}/{self.creation.id}"


class Selections:
    """The selections of a portal that people keep.

    Args:
        store: Where they are.
        people: Who writes down what was done.
    """

    def __init__(self, store: Store, people: People) -> None:
        self._store = store
        self._people = people

    def get(self, who: Principal, id: str) -> Kept:
        """Return a selection that somebody may see.

        Raises:
            NotFoundError: There is none, or none that they may see: who is shut out does not learn that it is there.
        """
        found = self._store.creations.get(id)
        if found.kind != SELECTION or not found.is_visible_to(who):
            raise NotFoundError(f"there is no selection {id[:64]!r}, or it was not shared with you")
        return _kept(found)

    def mine(self, who: Principal) -> list[Kept]:
        """Return the selections of whoever asks, last changed first.

        Raises:
            DeniedError: Nobody has signed in.
        """
        who.require(Role.USER, READ)
        return [_kept(each) for each in self._store.creations.of(who.id, SELECTION)]

    def shared(self, who: Principal) -> list[Kept]:
        """Return the selections that others share with whoever asks by name."""
        if who.person is None:
            return []
        found = self._store.creations.listed_for([who.person.id, who.person.email], SELECTION)
        return [_kept(each) for each in found if each.owner != who.id]

    def keep(self, who: Principal, name: str, picked: Selection) -> Kept:
        """Keep a selection under a name, for its owner's eyes alone, and return it.

        Raises:
            DeniedError: Nobody has signed in.
            BadQueryError: It has no name, or nothing is in it.
            LimitError: It is too large, or its owner has as many as one may have.
        """
        who.require(Role.USER, WRITE)
        if picked.is_empty:
            raise BadQueryError("nothing is picked yet: tick records in a search first")
        made = self._store.creations.add(SELECTION, who.id, _name(name), picked.to_document())
        return self._noted(who, made, "made")

    def add(self, who: Principal, id: str, version: int, picked: Selection) -> Kept:
        """Add records to a list of records, and return it; raises as `rename` does.

        Raises:
            BadQueryError: One of them is a question, or together they are more than a hundred.
        """
        old = self._own(who, id)
        both = _kept(old).selection.joined(picked)
        return self._save(who, replace(old, document=both.to_document(), version=version), "added to")

    def remove(self, who: Principal, id: str, version: int, record: str) -> Kept:
        """Take one record out, and return what is left; raises as `rename` does."""
        old = self._own(who, id)
        rest = _kept(old).selection.without(record)
        return self._save(who, replace(old, document=rest.to_document(), version=version), "taken from")

    def rename(self, who: Principal, id: str, version: int, name: str) -> Kept:
        """Call a selection otherwise.

        Raises:
            DeniedError: Nobody has signed in.
            NotFoundError: There is none, or it is somebody else's.
            ConflictError: It was changed since `version` was read.
        """
        return self._save(who, replace(self._own(who, id), name=_name(name), version=version), "renamed")

    def share(self, who: Principal, id: str, version: int, visibility: str, listed: Sequence[str] = ()) -> Kept:
        """Say who may see a selection: nobody else, people by their addresses, who has the link, or all.

        Raises:
            BadQueryError: There is no such visibility, or nobody is named where somebody must be.
        """
        old = self._own(who, id)
        if visibility not in VISIBILITIES:
            told = f"visibility {visibility[:40]!r} is not one of {', '.join(VISIBILITIES)}"
            raise BadQueryError(told, parameter="visibility")
        names = tuple(dict.fromkeys(each.strip() for each in listed if each.strip()))
        if visibility == LISTED and not names:
            raise BadQueryError("name at least one person to share it with", parameter="listed")
        for each in names:
            if len(each) > MAX_ADDRESS or not each.isprintable() or " " in each:
                raise BadQueryError(f"{each[:80]!r} is no e-mail address and no id of a person", parameter="listed")
        new = replace(old, visibility=visibility, listed=names, version=version)
        return self._save(who, new, "shared")

    def delete(self, who: Principal, id: str, version: int) -> None:
        """Forget a selection; raises as `rename` does."""
        old = self._own(who, id)
        self._store.creations.delete(id, version)
        self._people.note(who, f"{SELECTION}.deleted", old.id, old.name)

    def _own(self, who: Principal, id: str) -> Creation:
        who.require(Role.USER, WRITE)
        found = self.get(who, id).creation
        if found.owner != who.id:
            raise NotFoundError(
                f"the selection {id[:64]!r} is somebody else's: keep one of your own with the same in it"
            )
        return found

    def _save(self, who: Principal, new: Creation, act: str) -> Kept:
        return self._noted(who, self._store.creations.save(new, person=who.id), act)

    def _noted(self, who: Principal, made: Creation, act: str) -> Kept:
        self._people.note(who, f"{SELECTION}.{act}", made.id, "", f"{made.visibility}, version {made.version}")
        return _kept(made)


def filled(portal: Portal, who: Principal, wish: Wish) -> Wish:
    """Return a wish with its records: of a kept selection that is named without any, all that are in it now.

    Raises:
        NotFoundError: There is no such selection, or none that they may see.
        LimitError: More is in it than one launch opens.
    """
    if not wish.selection or wish.records:
        return wish
    kept = Selections(portal.store, portal.people).get(who, wish.selection)
    chosen = selection.first(portal, kept.selection, MAX_RECORDS)
    if chosen.total.value > MAX_RECORDS:
        told = f"{chosen.total.value:,} records are in {kept.name[:80]}, and a launch opens {MAX_RECORDS}"
        raise LimitError("launch-records", f"{told}: download its notebook, or keep fewer", parameter="selection")
    found = tuple(each.record.id for each in selection.stored(portal, chosen.keys))
    return replace(wish, records=found)


def _kept(creation: Creation) -> Kept:
    return Kept(creation, Selection.from_document(creation.document))


def _name(name: str) -> str:
    kept = " ".join(name.split())
    if not kept or not kept.isprintable():
        raise BadQueryError("give the selection a name", parameter="name")
    return kept
