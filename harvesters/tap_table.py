"""What TAP must know of a kind of table to walk it, and how rows that share an identifier are told apart."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

import orjson

from discovery.model.record import Record
from harvesters.defaults import Defaults

Row = Mapping[str, str]
"""The cells that are not NULL, as text, by the names of their columns in lower case."""


class RowMapper(Protocol):
    """Makes the record of one row."""

    def __call__(
        self,
        row: Row,
        units: Mapping[str, str],
        xtypes: Mapping[str, str],
        container: str,
        source_id: str,
        defaults: Defaults,
    ) -> Record:
        """Return the record; units and extended types are those that are not the standard's own."""
        ...


class GroupMapper(Protocol):
    """Makes the record of what rows belong to."""

    def __call__(self, name: str, table: str, defaults: Defaults) -> Record:
        """Return the record of a group, of which a table says no more than the name."""
        ...


@dataclass(frozen=True, slots=True)
class Standard:
    """A kind of table: the columns by which it is walked, and the mapping of its rows.

    The strategies of a walk know nothing else of ObsCore, EPN-TAP or an archive's own tables.
    """

    name: str
    key: str
    """The column of the identifier."""
    to_record: RowMapper
    apart: tuple[str, ...] = ()
    """Columns that tell the rows of one identifier apart, in the order by which the first of them is chosen."""
    window: str = ""
    """A column of numbers that the table can be cut along, such as a time; empty where there is none."""
    bin: float = 1.0
    """How wide the bins of a first overview over that column are."""
    modified: tuple[str, ...] = ()
    """Columns that may say when a row was changed; the first that a service has is used."""
    group: str = ""
    """The column of what rows belong to, and the container of the groups' records; empty where there is none."""
    to_group: GroupMapper | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    """The units of the standard's columns; only others need be kept beside a row."""
    regions: tuple[str, ...] = ()
    """Columns whose extended type says how to read them."""
    relation: str = ""
    """A query that stands in the place of the table, such as one that joins several; empty for the table itself."""

    def rows_of(self, table: str) -> str:
        """Return what rows are selected from, as ADQL has it."""
        return f"({self.relation}) AS rows_of_it" if self.relation else table


UNITS: Final = "@units"
XTYPES: Final = "@xtypes"
GROUP: Final = "@dataset"


class Packed(NamedTuple):
    """A row as it is stored, with what a walk must know of it: a fifth of the memory of its cells."""

    key: str
    group: str
    body: bytes

    def row(self) -> Row:
        """Return the cells."""
        cells: dict[str, str] = orjson.loads(self.body)
        return cells


def packed(standard: Standard, row: dict[str, str]) -> Packed:
    """Return a row as it is stored."""
    # Copied, since what orjson returns keeps the room that it was written in: 8 to 16 KiB for a row of one.
    return Packed(row.get(standard.key, ""), row.get(standard.group, ""), bytes(memoryview(orjson.dumps(row))))


def named(standard: Standard, key: str, rows: Iterable[Row]) -> list[tuple[str, Row]]:
    """Return the different rows of one identifier, each with what names it in the catalogue.

    The first one (by the columns that tell them apart) is known by the identifier itself, so that people find it;
    further ones have a hash of what tells them apart behind it. A row without identifier has a hash of all it says.
    That depends on the rows alone, never on the order in which they came.
    """
    different = {orjson.dumps(row, option=orjson.OPT_SORT_KEYS): row for row in rows}
    if len(different) == 1 and key:
        return [(key, row) for row in different.values()]
    ordered = sorted(different.items(), key=lambda each: (*(each[1].get(name, "") for name in standard.apart), each[0]))
    out: dict[str, Row] = {}
    for whole, row in ordered:
        apart = "\n".join(row.get(name, "") for name in standard.apart).encode()
        name = f"{key}#{_hash(apart)}" if key else f"row-{_hash(whole)}{_hash(whole[::-1])}"
        if key and not out:
            name = key
        elif name in out:
            name = f"{name}-{_hash(whole)}"
        out[name] = row
    return list(out.items())


def together(rows: Iterable[Packed]) -> dict[str, list[Packed]]:
    """Return the rows by their identifier, in the order in which each was met; those without one are under ''."""
    out: dict[str, list[Packed]] = {}
    for row in rows:
        out.setdefault(row.key, []).append(row)
    return out


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:8]
