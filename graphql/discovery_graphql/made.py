"""What people make and keep, and who somebody is: for whoever shows a token."""

from __future__ import annotations

from typing import Annotated, cast

import strawberry

from discovery import selection as picking
from discovery.errors import NotFoundError
from discovery.model import creation as model
from discovery.model.person import READ, Principal, Role
from discovery.portal import Portal
from discovery.selections import Kept, Selections
from discovery.store.creations import Happened as StoredHappened
from discovery.store.marks import MOUNT, STAR
from discovery_graphql.described import attribute, resolver
from discovery_graphql.enums import CreationKind, CreationState, RoleName, Visibility, member
from discovery_graphql.harvests import page_of
from discovery_graphql.launches import Launch, shown_launch
from discovery_graphql.record import Record
from discovery_graphql.records import load, show
from discovery_graphql.rights import admitted
from discovery_graphql.scalars import Instant, Json
from discovery_graphql.search import MAX_PAGE, Info, Total
from discovery_graphql.volumes import Volume

Many = Annotated[int, strawberry.argument(description="How many, at most 100.")]
Which = Annotated[strawberry.ID, strawberry.argument(description="The id.")]


@strawberry.type(description="One thing that became of what somebody made.")
class Happened:
    """One thing that became of what somebody made."""

    moment: Instant = attribute("When.")
    act: str = attribute("What was done: `made`, `changed`, `handed in`, `accepted`, `rejected` and so on.")
    state: CreationState | None = attribute("The state it came to.")
    reason: str | None = attribute("Why, where somebody said so.")


@strawberry.type(
    description="A datalab, volume or workflow that somebody writes; when it is published, it is a record."
)
class Creation:
    """Something that somebody writes."""

    id: strawberry.ID = attribute("Its id, which nobody guesses.")
    kind: CreationKind | None = attribute("What it is.")
    name: str = attribute("What its owner calls it.")
    state: CreationState | None = attribute("Where it is on its way to being published.")
    visibility: Visibility | None = attribute("Who may see it before that.")
    version: int = attribute("Grows with each change; who changes it says which one was read.")
    record_id: strawberry.ID | None = attribute("The id of the record that it is published as.")
    created: Instant = attribute("When it was made.")
    updated: Instant = attribute("When it was changed last.")
    document: Json = attribute("What was written.")
    may_edit: bool = attribute("Whether whoever asks may change it.")
    may_decide: bool = attribute("Whether whoever asks may accept or reject it.")

    @resolver("What became of it, newest first; empty for those who have just given it out of their hands.")
    def history(self, info: Info, first: Many = 20) -> list[Happened]:
        """Return what became of it."""
        try:
            found = info.context.portal.making.history(info.context.who, self.id)
        except NotFoundError:
            # Whoever rejects a draft does not see it any more.
            return []
        return [_happened(each) for each in found[: page_of(first)]]


@strawberry.type(description="A record that was picked and is not there under its id.")
class LostRecord:
    """A record that was picked and is not there under its id."""

    id: strawberry.ID = attribute("The id that was picked.")
    why: str = attribute("`unknown`, `deleted` or `merged`.")
    into: strawberry.ID | None = attribute("The id of the record that has taken its place.")


@strawberry.type(description="Records that somebody keeps under a name: their own data volume.")
class Selection:
    """Records that somebody keeps under a name."""

    id: strawberry.ID = attribute("Its id, which nobody guesses.")
    name: str = attribute("What its owner calls it.")
    path: str = attribute("The path of its page on this portal.")
    address: str = attribute("The path of the same records without a name, for whoever may not see this one.")
    visibility: Visibility | None = attribute("Who may see it.")
    version: int = attribute("Grows with each change; who changes it says which one was read.")
    is_query: bool = attribute("Whether it is all that a search finds, and not a list.")
    created: Instant = attribute("When it was made.")
    updated: Instant = attribute("When it was changed last.")
    kept: strawberry.Private[Kept]

    @resolver("How many records it has now.")
    def total_count(self, info: Info) -> Total:
        """Return how many records it has."""
        found = picking.first(info.context.portal, self.kept.selection, 1)
        return Total(value=found.total.value, exact=found.total.exact)

    @resolver("Its first records.")
    def records(self, info: Info, first: Many = 20) -> list[Record]:
        """Return its first records."""
        portal, most = info.context.portal, page_of(first)
        found = picking.first(portal, self.kept.selection, most)
        stored = portal.stored(list(found.keys[:most]))
        return show(portal, list(stored.values()), info.context.who)

    @resolver("What was picked and is not there any more.")
    def lost(self, info: Info) -> list[LostRecord]:
        """Return what is not there any more."""
        found = picking.first(info.context.portal, self.kept.selection, MAX_PAGE)
        return [
            LostRecord(id=strawberry.ID(each.id), why=each.why, into=strawberry.ID(each.into) if each.into else None)
            for each in found.lost
        ]


@strawberry.type(description="Whoever asks, with what is theirs.")
class Me:
    """Whoever asks."""

    id: strawberry.ID = attribute("Their id here.")
    name: str = attribute("What they are called.")
    role: RoleName | None = attribute("What they may do.")
    scopes: list[str] = attribute("What the token that was shown is good for.")

    @resolver("Records that they like, the latest first.")
    def stars(self, info: Info, first: Many = 20) -> list[Record]:
        """Return what they like."""
        return _marked(info, STAR, first)

    @resolver("Volumes that they have added to their own, the latest first.")
    def volumes(self, info: Info, first: Many = 20) -> list[Volume]:
        """Return their volumes."""
        return [each for each in _marked(info, MOUNT, first) if isinstance(each, Volume)]

    @resolver("What they write, last changed first.")
    def creations(
        self, info: Info, kind: Annotated[CreationKind, strawberry.argument(description="Of this kind.")]
    ) -> list[Creation]:
        """Return what they write."""
        portal, who = info.context.portal, info.context.who
        return [shown_creation(portal, who, each) for each in portal.making.mine(who, kind.value)]

    @resolver("Selections that they keep, last changed first.")
    def selections(self, info: Info) -> list[Selection]:
        """Return their selections."""
        return [shown_selection(each) for each in selections_of(info.context.portal).mine(info.context.who)]

    @resolver("What they have launched as it was last seen, newest first.")
    def launches(
        self,
        info: Info,
        running: Annotated[bool, strawberry.argument(description="Only what uses something, or may yet.")] = False,
    ) -> list[Launch]:
        """Return their launches."""
        found = info.context.portal.launching.of(info.context.who, running=running)
        return [shown_launch(each) for each in found[:MAX_PAGE]]


@strawberry.type
class MadeQueries:
    """What can be asked about people's things."""

    @resolver("Whoever asks; null without a token that is known.")
    def me(self, info: Info) -> Me | None:
        """Return whoever asks."""
        who = info.context.who
        if who.person is None:
            return None
        return Me(
            id=strawberry.ID(who.id),
            name=who.person.name,
            role=cast("RoleName | None", member(RoleName, who.role.word)),
            scopes=sorted(who.scopes),
        )

    @resolver("What somebody writes, for those who may see it.")
    def creation(self, info: Info, id: Which) -> Creation | None:
        """Return what somebody writes."""
        portal, who = info.context.portal, info.context.who
        found = portal.making.get(who, id)
        if found.kind == model.SELECTION:
            raise NotFoundError(f"{id[:64]!r} is a selection; ask for it by `selection`")
        return shown_creation(portal, who, found)

    @resolver("Records that somebody keeps under a name, for those who may see them.")
    def selection(self, info: Info, id: Which) -> Selection | None:
        """Return a selection."""
        return shown_selection(selections_of(info.context.portal).get(info.context.who, id))

    @resolver("What waits for a decision, what waits longest first. For moderators.")
    def reviews(self, info: Info) -> list[Creation]:
        """Return what waits for a decision."""
        portal = info.context.portal
        who = admitted(info.context.who, Role.MODERATOR, READ)
        return [shown_creation(portal, who, each) for each in portal.making.reviews(who)[:MAX_PAGE]]


def selections_of(portal: Portal) -> Selections:
    """Return the selections that people keep in a portal."""
    return Selections(portal.store, portal.people)


def shown_creation(portal: Portal, who: Principal, made: model.Creation) -> Creation:
    """Return what somebody writes as the schema shows it to somebody."""
    return Creation(
        id=strawberry.ID(made.id),
        kind=cast("CreationKind | None", member(CreationKind, made.kind)),
        name=made.name,
        state=cast("CreationState | None", member(CreationState, made.state)),
        visibility=cast("Visibility | None", member(Visibility, made.visibility)),
        version=made.version,
        record_id=strawberry.ID(made.record) if made.record else None,
        created=Instant(made.created),
        updated=Instant(made.updated),
        document=Json(dict(made.document)),
        may_edit=portal.making.may_edit(who, made),
        may_decide=portal.making.may_decide(who, made),
    )


def shown_selection(kept: Kept) -> Selection:
    """Return a selection as the schema shows it."""
    made = kept.creation
    return Selection(
        id=strawberry.ID(kept.id),
        name=kept.name,
        path=kept.path,
        address=kept.selection.address(),
        visibility=cast("Visibility | None", member(Visibility, made.visibility)),
        version=made.version,
        is_query=kept.selection.query is not None,
        created=Instant(made.created),
        updated=Instant(made.updated),
        kept=kept,
    )


def _marked(info: Info, kind: str, first: int) -> list[Record]:
    portal, who = info.context.portal, admitted(info.context.who, Role.USER, READ)
    ids = portal.store.marks.of(who.id, kind)[: page_of(first)]
    return [shown for _, shown in load(portal, ids, who)]


def _happened(each: StoredHappened) -> Happened:
    return Happened(
        moment=Instant(each.moment),
        act=each.act,
        state=cast("CreationState | None", member(CreationState, each.state)),
        reason=each.reason or None,
    )
