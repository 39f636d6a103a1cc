"""Maps of tables that follow no standard: which column is which field, read from TOML and checked on the way.

A map holds only columns that were read somewhere, and says where. Nothing in it is ever run: a field is a column that
is read in one of a closed list of ways, a constant, or a template of columns.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import Formatter
from typing import Any, Final

from discovery.errors import ConfigError
from discovery.model.record import KINDS
from discovery.model.units import ANGLES, ENERGIES, FREQUENCIES, LENGTHS, SIZES
from harvesters.cells import DURATIONS

TEXT: Final = "text"
WORDS: Final = "words"
INSTANT: Final = "instant"
REGION: Final = "region"
ADDRESS: Final = "address"

_WAVES: Final = (*LENGTHS, *FREQUENCIES, *ENERGIES)
QUANTITIES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "ra": ("deg", tuple(ANGLES)),
    "dec": ("deg", tuple(ANGLES)),
    "fov": ("deg", tuple(ANGLES)),
    "sky_resolution": ("arcsec", tuple(ANGLES)),
    "exposure": ("s", tuple(DURATIONS)),
    "wavelength_min": ("m", _WAVES),
    "wavelength_max": ("m", _WAVES),
    "size": ("byte", tuple(SIZES)),
}
"""The fields that are quantities, each with the unit that it has when nothing is said, and those it may have."""
FIELDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("title", "description", "level", "product_type", "provider", "license", "access", "doi"), TEXT),
    **dict.fromkeys(("collection", "format"), TEXT),
    **dict.fromkeys(("mission", "instrument", "target", "platform", "keyword", "external_id"), WORDS),
    **dict.fromkeys(("start", "end", "created", "updated", "metadata_updated"), INSTANT),
    **dict.fromkeys(QUANTITIES, "quantity"),
    **dict.fromkeys(("url", "preview", "datalink", "page"), ADDRESS),
    "region": REGION,
}
"""The fields that a map may fill, and how each of them is read."""
CALENDARS: Final = ("iso", "mjd", "jd")
"""How an instant may be written: ISO 8601, a Modified Julian Date, or a Julian Date."""

_ENTRY: Final = ("column", "template", "value", "as", "unit", "separator", "values")
_KEYS: Final = (
    *("name", "about", "service", "table", "relation", "where", "id", "apart", "window", "bin", "modified", "group"),
    *("kind", "read_in", "verified", "fields"),
)
_COLUMN: Final = re.compile(r"[a-z_][a-z0-9_]{0,99}")
_TABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*){0,2}")
_NAME: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_FOLDER: Final = "data/tables"
_MOST_BYTES: Final = 200_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One way to fill a field; where there are several the first that gives something is taken."""

    column: str = ""
    template: str = ""
    """A text with the names of columns in braces; nothing where one of them is NULL."""
    value: str = ""
    calendar: str = "iso"
    unit: str = ""
    separator: str = ""
    """What stands between the parts of a list."""
    values: Mapping[str, str] = field(default_factory=dict)
    """What the archive's words are in ours; others stay as they are."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it needs."""
        return (self.column,) if self.column else tuple(variables(self.template))


@dataclass(frozen=True, slots=True)
class TableMap:
    """How the rows of one table become records."""

    name: str
    table: str
    """The table's name, which is the container of its records."""
    id: str
    """The column that names a row."""
    fields: Mapping[str, tuple[Entry, ...]]
    about: str = ""
    service: str = ""
    """The address of the TAP service that has it."""
    relation: str = ""
    """A query that stands in the place of the table, where rows of several tables are needed."""
    apart: tuple[str, ...] = ()
    window: str = ""
    bin: float = 1.0
    modified: tuple[str, ...] = ()
    group: str = ""
    kind: str = "observation"
    read_in: str = ""
    """Where the columns were read."""
    verified: bool = False
    """Whether a row that the archive really sent goes through the map in our tests."""

    @property
    def columns(self) -> frozenset[str]:
        """The columns that become fields."""
        return frozenset(name for entries in self.fields.values() for entry in entries for name in entry.columns)


@cache
def shipped() -> Mapping[str, TableMap]:
    """Return the maps that come with this version, by their names."""
    folder = files("harvesters").joinpath(_FOLDER)
    names = [each.name for each in folder.iterdir() if each.name.endswith(".toml")]
    found = [read(folder.joinpath(name).read_text(encoding="utf-8"), name) for name in names]
    return {each.name: each for each in sorted(found, key=lambda each: each.name)}


def load(name: str, folder: Path = Path()) -> TableMap:
    """Return a map by its name, or by the path of a TOML file (relative to a folder) that holds one.

    Raises:
        ConfigError: There is no such map, or something in the file is none.
    """
    if not name.endswith(".toml"):
        if name not in shipped():
            raise ConfigError(
                f"there is no map {name[:80]!r} of a table; {_near(name, shipped())}, or a path to a .toml"
            )
        return shipped()[name]
    path = folder / name.removeprefix("file:")
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ConfigError(f"the map {path} is longer than {_MOST_BYTES} bytes")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the map {path} cannot be read: {error}") from error
    return read(text, path.name)


def read(text: str, where: str) -> TableMap:
    """Return the map that a TOML text holds.

    Raises:
        ConfigError: It is no TOML, or something in it is not as a map should be; the message names `where`.
    """
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: {error}") from error
    _only(given, _KEYS, where)
    kind = _text(given, "kind", where) or "observation"
    if kind not in KINDS:
        raise ConfigError(f"{where}: kind = {kind!r} is not one of {', '.join(KINDS)}")
    fields = given.get("fields")
    if not isinstance(fields, dict) or not fields:
        raise ConfigError(f"{where}: [fields] must say which column is which field")
    _only(fields, tuple(FIELDS), f"{where}: [fields]")
    table, relation = _matching(given, "table", _TABLE, where), _relation(given, where)
    return TableMap(
        name=_matching(given, "name", _NAME, where),
        table=table,
        id=_matching(given, "id", _COLUMN, where),
        fields={name: _entries(name, each, f"{where}: {name}") for name, each in fields.items()},
        about=_text(given, "about", where),
        service=_text(given, "service", where),
        relation=relation,
        apart=_columns(given, "apart", where),
        window=_matching(given, "window", _COLUMN, where) if "window" in given else "",
        bin=_bin(given, where),
        modified=_columns(given, "modified", where),
        group=_matching(given, "group", _COLUMN, where) if "group" in given else "",
        kind=kind,
        read_in=_text(given, "read_in", where),
        verified=_flag(given, "verified", where),
    )


def variables(template: str) -> list[str]:
    """Return the columns that a template names.

    Raises:
        ValueError: A brace stands alone, or holds more than a name.
    """
    names = []
    for _, name, form, conversion in Formatter().parse(template):
        if name is None:
            continue
        if not _COLUMN.fullmatch(name) or form or conversion:
            raise ValueError("braces hold the name of a column in lower case and nothing else")
        names.append(name)
    return names


# One field


def _entries(name: str, given: Any, where: str) -> tuple[Entry, ...]:
    several = given if isinstance(given, list) else [given]
    if not several:
        raise ConfigError(f"{where} is an empty list")
    return tuple(_entry(name, each, where) for each in several)


def _entry(name: str, given: Any, where: str) -> Entry:
    if isinstance(given, str):
        given = {"column": given}
    if not isinstance(given, dict):
        raise ConfigError(f"{where} is the name of a column, or written {{ column = ... }}, not {given!r:.40}")
    _only(given, _ENTRY, where)
    ways = [way for way in ("column", "template", "value") if way in given]
    if len(ways) != 1:
        raise ConfigError(f"{where} needs one of column, template, value; it has {', '.join(ways) or 'none'}")
    reading = FIELDS[name]
    if ways[0] != "column" and reading not in (TEXT, WORDS, ADDRESS):
        raise ConfigError(f"{where} is read from a column; {ways[0]} gives no {reading}")
    for option, readings in (("as", (INSTANT,)), ("unit", ("quantity",)), ("separator", (WORDS,))):
        if option in given and reading not in readings:
            raise ConfigError(f"{where}: {option} is only for fields such as {_example(readings[0])}")
    values = given.get("values", {})
    if not isinstance(values, dict) or not all(isinstance(each, str) for each in values.values()):
        raise ConfigError(f"{where}: values is a table of texts")
    return Entry(
        column=_matching(given, "column", _COLUMN, where) if ways == ["column"] else "",
        template=_template(given, where),
        value=_text(given, "value", where),
        calendar=_one_of(given, "as", CALENDARS, where) or "iso",
        unit=_unit(name, given, where),
        separator=_text(given, "separator", where),
        values=values,
    )


def _unit(name: str, given: Mapping[str, Any], where: str) -> str:
    if name not in QUANTITIES:
        return ""
    usual, allowed = QUANTITIES[name]
    unit = _text(given, "unit", where) or usual
    if unit.lower() not in allowed:
        raise ConfigError(f"{where}: unit = {unit!r} is not one of {', '.join(allowed)}")
    return unit


def _template(given: Mapping[str, Any], where: str) -> str:
    template = _text(given, "template", where)
    try:
        names = variables(template)
    except ValueError as error:
        raise ConfigError(f"{where}: template = {template!r}: {error}") from error
    if template and not names:
        raise ConfigError(f"{where}: template = {template!r} names no column; a constant is written value = ...")
    return template


def _example(reading: str) -> str:
    return next(name for name, each in FIELDS.items() if each == reading)


# Values


def _relation(given: Mapping[str, Any], where: str) -> str:
    """Return the query in the place of the table: the map's own, or the whole table under a condition."""
    relation, condition = _text(given, "relation", where), _text(given, "where", where)
    if relation and condition:
        raise ConfigError(f"{where}: a relation has its own condition; leave out where")
    if condition:
        relation = f"SELECT * FROM {_text(given, 'table', where)} WHERE {condition}"  # noqa: S608  # the operator's own
    relation = " ".join(relation.split())
    if relation and (not relation.upper().startswith("SELECT ") or ";" in relation or "--" in relation):
        raise ConfigError(f"{where}: relation is one query that begins with SELECT, without ; and comments")
    return relation


def _bin(given: Mapping[str, Any], where: str) -> float:
    width = given.get("bin", 1.0)
    if isinstance(width, bool) or not isinstance(width, int | float) or not 0 < width < 1e12:
        raise ConfigError(f"{where}: bin = {width!r} is not a number above 0")
    return float(width)


def _flag(given: Mapping[str, Any], name: str, where: str) -> bool:
    flag = given.get(name, False)
    if not isinstance(flag, bool):
        raise ConfigError(f"{where}: {name} = {flag!r} is not true or false")
    return flag


def _text(given: Mapping[str, Any], name: str, where: str) -> str:
    text = given.get(name, "")
    if not isinstance(text, str) or len(text) > 10_000:
        raise ConfigError(f"{where}: {name} = {text!r:.80} is not a text")
    return text


def _one_of(given: Mapping[str, Any], name: str, allowed: tuple[str, ...], where: str) -> str:
    text = _text(given, name, where)
    if text and text not in allowed:
        raise ConfigError(f"{where}: {name} = {text!r} is not one of {', '.join(allowed)}")
    return text


def _matching(given: Mapping[str, Any], name: str, pattern: re.Pattern[str], where: str) -> str:
    text = _text(given, name, where)
    if not pattern.fullmatch(text):
        example = {_TABLE: "ivoa.ObsCore", _NAME: "ehst-files"}.get(pattern, "observation_id, in lower case")
        raise ConfigError(f"{where}: {name} = {text[:80]!r} is no name such as {example}")
    return text


def _columns(given: Mapping[str, Any], name: str, where: str) -> tuple[str, ...]:
    columns = given.get(name, [])
    if not isinstance(columns, list) or not all(isinstance(each, str) and _COLUMN.fullmatch(each) for each in columns):
        raise ConfigError(f"{where}: {name} = {columns!r:.80} is not a list of columns in lower case")
    return tuple(columns)


def _only(given: Mapping[str, Any], allowed: tuple[str, ...], where: str) -> None:
    for name in given:
        if name not in allowed:
            raise ConfigError(f"{where}: there is no {name[:80]!r}; {_near(name, allowed)}")


def _near(name: str, known: Iterable[str]) -> str:
    known = list(known)
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    return f"did you mean {', '.join(near)}?" if near else f"allowed: {', '.join(known)}"
