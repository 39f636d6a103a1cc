"""What people do here: like records, keep them under a name, write datalabs, and decide on what others wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import strawberry
from strawberry import UNSET

from discovery.errors import BadQueryError
from discovery.model import creation as model
from discovery.model.datalab_document import FIELDS
from discovery.model.document import FLAG, LIST, TABLE, TABLES, Field
from discovery.model.person import WRITE, Role
from discovery.model.record import Record as ModelRecord
from discovery.selection import Selection as Picked
from discovery.store.marks import MOUNT, STAR
from discovery_graphql.described import attribute, optional, resolver
from discovery_graphql.enums import Decision
from discovery_graphql.launches import LaunchMutations
from discovery_graphql.made import Creation, Selection, selections_of, shown_creation, shown_selection
from discovery_graphql.mistakes import Payload, told
from discovery_graphql.record import Record
from discovery_graphql.records import show
from discovery_graphql.rights import admitted
from discovery_graphql.search import Info

_SHAPES: Final = {LIST: "list[str]", FLAG: "bool"}

if TYPE_CHECKING:

    class DatalabDocument:
        """What a datalab is: one attribute a field of the table of fields."""
else:

    def _input(name: str, fields: tuple[Field, ...], about: str) -> type:
        """Return an input with one member for each field of a document."""
        members: dict[str, Any] = {}
        notes: dict[str, Any] = {}
        for each in fields:
            shape = _SHAPES.get(each.shape, "str")
            if each.shape in (TABLE, TABLES):
                inner = _input(f"{name}{each.name.title()}", each.fields, f"{each.label} of a datalab.")
                globals()[inner.__name__] = inner
                shape = inner.__name__ if each.shape == TABLE else f"list[{inner.__name__}]"
            members[each.name] = optional(f"{each.label}: {each.help}")
            notes[each.name] = f"{shape} | None"
        made = type(name, (), {"__annotations__": notes, "__module__": __name__, **members})
        return strawberry.input(made, description=about)

    DatalabDocument = _input("DatalabDocument", FIELDS, "What a datalab is; a draft may leave anything out.")


@strawberry.input(description="Records to keep under a name, or to add to those that are kept already.")
class AddToVolumeInput:
    """Records to keep."""

    records: list[strawberry.ID] = attribute("The ids of the records, at most 100.")
    name: str | None = optional("What to call it; for a new one.")
    id: strawberry.ID | None = optional("The id of a selection of yours that they are added to.")
    version: int | None = optional("The version of that selection that was read.")


@strawberry.input(description="A datalab to write and to hand in.")
class DatalabInput:
    """A datalab to write and to hand in."""

    document: DatalabDocument = attribute("What it is.")
    id: strawberry.ID | None = optional("The id of a draft of yours that this takes the place of.")
    version: int | None = optional("The version of that draft that was read.")
    draft: bool = strawberry.field(description="Keep it as a draft, and hand it in later.", default=False)


@strawberry.input(description="What becomes of something that somebody made.")
class ModerationInput:
    """What becomes of something that somebody made."""

    id: strawberry.ID = attribute("The id of what was made.")
    version: int = attribute("The version of it that was read.")
    decision: Decision = attribute("What becomes of it.")
    reason: str | None = optional("Why; its owner reads it.")


@strawberry.type(description="What came of marking a record.")
class RecordPayload(Payload):
    """What came of marking a record."""

    record: Record | None = attribute("The record.")


@strawberry.type(description="What came of adding to a volume of one's own.")
class SelectionPayload(Payload):
    """What came of adding to a volume of one's own."""

    selection: Selection | None = attribute("The selection as it is now.")


@strawberry.type(description="What came of writing something, or of deciding on it.")
class CreationPayload(Payload):
    """What came of writing something, or of deciding on it."""

    creation: Creation | None = attribute("What was written, as it is now.")


@strawberry.type
class DoingMutations(LaunchMutations):
    """What people do."""

    @resolver("Like a record, or do so no more. For people, with a token of the scope `write`.")
    def star(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The id of the record.")],
        on: Annotated[bool, strawberry.argument(description="False to take the star off.")] = True,
    ) -> RecordPayload:
        """Like a record."""
        record, errors = told(lambda: _marked(info, STAR, id, on=on))
        return RecordPayload(record=record, errors=errors)

    @resolver("Add a volume to one's own, or take it off. For people, with a token of the scope `write`.")
    def mount(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The id of the volume.")],
        on: Annotated[bool, strawberry.argument(description="False to take it off.")] = True,
    ) -> RecordPayload:
        """Add a volume to one's own."""
        record, errors = told(lambda: _marked(info, MOUNT, id, on=on))
        return RecordPayload(record=record, errors=errors)

    @resolver("Add records to a data volume of one's own. For people, with a token of the scope `write`.")
    def add_to_volume(
        self, info: Info, input: Annotated[AddToVolumeInput, strawberry.argument(description="What is added to what.")]
    ) -> SelectionPayload:
        """Add records to a selection, or keep a new one."""
        who = admitted(info.context.who, Role.USER, WRITE)
        kept = selections_of(info.context.portal)

        def add() -> Selection:
            picked = Picked.of_ids(input.records)
            if not input.id:
                return shown_selection(kept.keep(who, input.name or "", picked))
            if input.name:
                raise BadQueryError(
                    "give `name` for a new one or `id` for one that is kept, not both", parameter="name"
                )
            version = input.version or kept.get(who, input.id).creation.version
            return shown_selection(kept.add(who, input.id, version, picked))

        selection, errors = told(add)
        return SelectionPayload(selection=selection, errors=errors)

    @resolver("Write a datalab and hand it in. For developers, with a token of the scope `write`.")
    def submit_datalab(
        self, info: Info, input: Annotated[DatalabInput, strawberry.argument(description="The datalab.")]
    ) -> CreationPayload:
        """Write a datalab, and ask for a decision on it."""
        portal, who = info.context.portal, admitted(info.context.who, Role.DEVELOPER, WRITE)

        def submit() -> Creation:
            document = _document(input.document, FIELDS)
            made = portal.making.write(who, model.DATALAB, document, id=input.id or "", version=input.version or 0)
            if not input.draft:
                made = portal.making.hand_in(who, made.id, made.version)
            return shown_creation(portal, who, made)

        creation, errors = told(submit)
        return CreationPayload(creation=creation, errors=errors)

    @resolver("Decide on what somebody made. For moderators, with a token of the scope `write`.")
    def moderate(
        self, info: Info, input: Annotated[ModerationInput, strawberry.argument(description="The decision.")]
    ) -> CreationPayload:
        """Decide on what somebody made."""
        portal, who = info.context.portal, admitted(info.context.who, Role.MODERATOR, WRITE)
        making = portal.making
        decided = {
            "accept": making.accept,
            "reject": making.reject,
            "deprecate": making.deprecate,
            "revive": making.revive,
            "withdraw": making.withdraw,
        }[input.decision.value]
        creation, errors = told(
            lambda: shown_creation(portal, who, decided(who, input.id, input.version, input.reason or ""))
        )
        return CreationPayload(creation=creation, errors=errors)


def _marked(info: Info, kind: str, id: str, *, on: bool) -> Record:
    portal, who = info.context.portal, admitted(info.context.who, Role.USER, WRITE)
    stored = portal.record(id)
    _fits(stored.record, kind)
    (portal.store.marks.set if on else portal.store.marks.unset)(who.id, kind, stored.record.id)
    return show(portal, [stored], who)[0]


def _fits(record: ModelRecord, kind: str) -> None:
    if kind == MOUNT and record.kind != "volume":
        raise BadQueryError(f"{record.id} is a {record.kind} and no volume", parameter="id")


def _document(given: Any, fields: tuple[Field, ...]) -> dict[str, Any]:
    """Return what an input says as the document that files have."""
    out: dict[str, Any] = {}
    for each in fields:
        value = getattr(given, each.name)
        if value is UNSET or value is None:
            continue
        if each.shape == TABLE:
            value = _document(value, each.fields)
        elif each.shape == TABLES:
            value = [_document(one, each.fields) for one in value]
        out[each.name] = value
    return out
