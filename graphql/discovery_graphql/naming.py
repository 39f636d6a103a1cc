"""Names that mean a place, and what somebody may be about to type."""

from __future__ import annotations

from typing import Annotated, cast

import strawberry

from discovery.errors import BadQueryError, LimitError
from discovery.model.record import RESOURCES
from discovery.query.names import Named
from discovery.suggester import Suggestion as Suggested
from discovery_graphql.described import attribute, resolver
from discovery_graphql.enums import FrameName, Kind, Scope, SuggestionKind, member
from discovery_graphql.scalars import GeoJSON
from discovery_graphql.search import Info

MAX_SUGGESTIONS = 50
"""Suggestions, or meanings of a name, that may be asked for at once."""
_RESOURCES = cast("Scope", member(Scope, RESOURCES))


@strawberry.type(description="Something that begins as somebody types.")
class Suggestion:
    """Something that begins as somebody types."""

    what: SuggestionKind = attribute("What it is.")
    title: str = attribute("What people read: a title, a label, or a name.")
    id: strawberry.ID | None = attribute("The id of the record with this title; else null.")
    kind: Kind | None = attribute("What the record with this title is; else null.")
    value: str | None = attribute("The value of the facet, or the name as `region: {name:}` takes it; else null.")
    scope: Scope | None = attribute("Where there are records with this title or value; else null.")
    count: int | None = attribute("How many records have the value; else null.")
    frame: FrameName | None = attribute("Where the place or object is; else null.")


@strawberry.type(description="A name with the region that it means.")
class NamedPlace:
    """A name with the region that it means."""

    name: str = attribute("As it is written; `region: {name:}` takes it, with `frame` where two are called so.")
    kind: str = attribute("What it is: `galaxy`, `star`, `country`, `sea`, `city`, `planet` and so on.")
    frame: FrameName = attribute("Where it is.")
    other: str | None = attribute("A second name that it is known by, such as its number in a catalogue.")
    matched: str = attribute("What fitted: `name`, `alias`, or `network` for what another service was asked.")
    geometry: GeoJSON = attribute("The region: boxes as GeoJSON, or `{type: Circle, center, radius}` in degrees.")


@strawberry.type
class NameQueries:
    """What can be asked about names."""

    @resolver("What begins as typed: missions, instruments, targets, places and objects, then titles.")
    def suggest(
        self,
        info: Info,
        prefix: Annotated[str, strawberry.argument(description="What has been typed.")],
        first: Annotated[int, strawberry.argument(description="How many, at most 50.")] = 8,
        scope: Annotated[Scope, strawberry.argument(description="Which index answers.")] = _RESOURCES,
    ) -> list[Suggestion]:
        """Return suggestions."""
        _check(first)
        return [
            _suggestion(each) for each in (info.context.portal.suggest(prefix, first, scope.value) if first else ())
        ]

    @resolver("What a text names, best first: places on Earth, things on the sky, planets and moons.")
    def resolve(
        self,
        info: Info,
        text: Annotated[str, strawberry.argument(description="The name.")],
        first: Annotated[int, strawberry.argument(description="How many, at most 50.")] = 8,
    ) -> list[NamedPlace]:
        """Return the meanings of a name."""
        _check(first)
        return [_place(each) for each in info.context.portal.resolve(text)[:first]]


def _check(first: int) -> None:
    if first < 0:
        raise BadQueryError(f"first must be 0 to {MAX_SUGGESTIONS}, not {first}", parameter="first")
    if first > MAX_SUGGESTIONS:
        message = f"first must be 0 to {MAX_SUGGESTIONS}, not {first}"
        raise LimitError("graphql-suggestions", message, parameter="first")


def _suggestion(each: Suggested) -> Suggestion:
    named = each.what in ("place", "object")
    return Suggestion(
        what=cast("SuggestionKind", member(SuggestionKind, each.what)),
        title=each.title,
        id=strawberry.ID(each.id) if each.id else None,
        kind=cast("Kind | None", member(Kind, each.kind) if each.id else None),
        value=each.value or None,
        scope=None if named else cast("Scope", member(Scope, each.scope)),
        count=each.count or None,
        frame=cast("FrameName | None", member(FrameName, each.frame)),
    )


def _place(each: Named) -> NamedPlace:
    return NamedPlace(
        name=each.name,
        kind=each.kind,
        frame=cast("FrameName", member(FrameName, each.frame)),
        other=each.other or None,
        matched=each.matched,
        geometry=GeoJSON(dict(each.region.geometry)),
    )
