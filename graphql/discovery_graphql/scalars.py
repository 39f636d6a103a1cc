"""The scalars of the schema: instants of any year, whole numbers beyond 32 bits, and GeoJSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

from discovery.model import instant

Instant = NewType("Instant", int)
"""UTC milliseconds on the way out; as an argument, the text as it was written (see `AskedInstant`)."""
AskedInstant = NewType("AskedInstant", str)
"""A date or time as somebody asks for it; a year, month or day stands for all of it."""
Long = NewType("Long", int)
GeoJSON = NewType("GeoJSON", dict[str, Any])
Json = NewType("Json", dict[str, Any])
"""A whole document of another standard, on the way out only."""

_MAX_LONG: Final = 2**63 - 1


def _instant_text(value: Any) -> str:
    return instant.iso(value)


def _asked(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f'a date or time must be a string such as "2020-05-01", not {str(value)[:60]}')
    instant.span(value)
    return value


def _long(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _MAX_LONG:
        raise ValueError(f"a Long must be a whole number of at most 64 bits, not {str(value)[:60]}")
    return value


def _geojson(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"a GeoJSON geometry must be an object, not {str(value)[:60]!r}")
    return value


def _document(value: Any) -> Any:
    return value


def _output_only(value: Any) -> Any:
    raise ValueError("this scalar is never an argument")


SCALARS: Final[dict[object, ScalarDefinition]] = {
    Instant: strawberry.scalar(
        name="Instant",
        description="An instant in UTC as ISO 8601 text, any year: `2021-03-05T10:30:00Z`, `-004712-01-01T12:00:00Z`.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=_instant_text,
        parse_value=_output_only,
    ),
    AskedInstant: strawberry.scalar(
        name="DateOrInstant",
        description=(
            "A year, month, day or instant as ISO 8601 text: `2021`, `2021-03`, `2021-03-05`, `2021-03-05T10:30:00Z`. "
            "As a beginning its first millisecond counts, as an end its last."
        ),
        serialize=str,
        parse_value=_asked,
    ),
    Long: strawberry.scalar(
        name="Long",
        description="A whole number of at most 64 bits, for sizes in bytes; JavaScript keeps 53 of them.",
        serialize=_long,
        parse_value=_long,
    ),
    GeoJSON: strawberry.scalar(
        name="GeoJSON",
        description=(
            "A GeoJSON geometry in degrees, as a JSON object. Two types of our own besides: "
            '`{"type": "Circle", "center": [lon, lat], "radius": degrees}` and `{"type": "Moc", "moc": text}`.'
        ),
        specified_by_url="https://www.rfc-editor.org/rfc/rfc7946",
        serialize=_geojson,
        parse_value=_geojson,
    ),
    Json: strawberry.scalar(
        name="JSON",
        description="A whole document of another standard, as JSON; it is never an argument.",
        serialize=_document,
        parse_value=_output_only,
    ),
}
"""What the schema is told about each of them."""
