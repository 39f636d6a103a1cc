"""Sources as operators write them: a TOML file of `[[source]]` tables, or one on the command line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from importlib.resources import files
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, ValidationError

from discovery.errors import ConfigError, NotFoundError
from discovery.http import Client, Policy, has_credentials, redact
from discovery.model.checks import PORTAL
from discovery.model.source import Source
from harvesters import registry, table_map

_ID: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_SCHEMES: Final = ("file", "http", "https")
_HEADER: Final = re.compile(r"\s*\[\[\s*source\s*\]\]")
_MOST_FAULTS: Final = 20


class _Table(BaseModel):
    """One `[[source]]` table; what it does not name is a mistake of whoever wrote it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: StrictStr
    kind: StrictStr
    url: StrictStr
    title: StrictStr = ""
    settings: dict[str, StrictStr | StrictBool | StrictInt] = Field(default_factory=dict)
    enabled: StrictBool = True
    # Of the list that comes with Discovery; a table of it may be put into a file of one's own as it is.
    verified: StrictStr = ""
    read_in: StrictStr = ""
    note: StrictStr = ""


@dataclass(frozen=True, slots=True)
class Known:
    """A public source of the field that Discovery knows of."""

    source: Source
    verified: str
    """The day on which we harvested it; empty where we never did."""
    read_in: str
    """Where its address was read."""
    note: str
    """What to know before harvesting it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that a file says otherwise than the store."""

    name: str
    before: str
    after: str


def read(text: str) -> list[Source]:
    """Return the sources of a file, each checked.

    Raises:
        ConfigError: It is not TOML, a name is unknown, an id occurs twice, or a source is wrong; the message lists
            every fault with its line.
    """
    return [_source(table) for table in _tables(text)]


def known() -> list[Known]:
    """Return the public sources of the field that come with Discovery, by id; none is harvested until somebody says.

    Beside those of the list these are the archives whose own tables have a map.
    """
    text = files("harvesters").joinpath("known.toml").read_text(encoding="utf-8")
    found = [Known(_source(each), each.verified, each.read_in, each.note) for each in _tables(text)]
    found += [_of_map(each) for each in table_map.shipped().values() if each.service]
    return sorted(found, key=lambda each: each.source.id)


def _of_map(each: table_map.TableMap) -> Known:
    settings = {"map": each.name, "domain": "space-science", "schedule": "@daily"}
    title = each.about.rstrip(".")
    source = checked(Source(each.name, "tap", each.service, title, settings, enabled=False))
    seen = "rows that it really sent are in our tests" if each.verified else "its columns were read, no row was seen"
    return Known(source, "", each.read_in, f"{each.table}, by a map; {seen}.")


def known_source(id: str) -> Source:
    """Return one of them.

    Raises:
        NotFoundError: There is none of that id; the near ones are in the message.
    """
    table = {each.source.id: each.source for each in known()}
    if id not in table:
        near = get_close_matches(id, table, n=3, cutoff=0.5)
        hint = f"did you mean {', '.join(near)}?" if near else "see discovery source known"
        raise NotFoundError(f"no known source {id[:64]!r}; {hint}")
    return table[id]


def differences(old: Source | None, new: Source) -> list[Difference]:
    """Return what a source would change from and to, its settings one by one; nothing where it stays as it is."""
    before, after = _flat(old) if old is not None else {}, _flat(new)
    names = [*before, *(name for name in after if name not in before)]
    return [
        Difference(name, before.get(name, ""), after.get(name, ""))
        for name in names
        if before.get(name, "") != after.get(name, "")
    ]


def write(sources: Sequence[Source]) -> str:
    """Return the file that `read` makes these sources of."""
    return "\n".join(_written(each) for each in sources)


def checked(source: Source) -> Source:
    """Return the source if it can be harvested as it stands.

    Raises:
        ConfigError: Its id, kind, address or a setting is wrong; the message says what is allowed.
    """
    if not _ID.fullmatch(source.id):
        raise ConfigError(f"source id {source.id[:80]!r}: use 1 to 64 of a-z, 0-9, _ and -, a letter or digit first")
    if source.id == PORTAL:
        # A harvest of it would take everything that people have made for gone.
        raise ConfigError(f"source id {PORTAL!r} is that of what is made here; take another one")
    if has_credentials(source.url):
        raise ConfigError(f"source {source.id}: its url holds a password or key; it would be shown to everybody")
    try:
        scheme = urlsplit(source.url).scheme
    except ValueError as error:
        raise ConfigError(f"source {source.id}: url {redact(source.url)[:80]!r} is not a URL: {error}") from error
    if scheme not in _SCHEMES:
        shown = redact(source.url)[:80]
        raise ConfigError(f"source {source.id}: url {shown!r} is not a file:, http: or https: address")
    if scheme != "file":
        Policy().allowing(source.url)
    with Client(Policy()) as client:
        # Its harvester knows more of what can be, and making one asks nobody.
        registry.harvester(source, client)
    return source if source.title else replace(source, title=source.id)


# Reading


def _tables(text: str) -> list[_Table]:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"the file of sources is not TOML: {error}") from error
    tables = data.pop("source", [])
    if data or not isinstance(tables, list) or not all(isinstance(each, Mapping) for each in tables):
        raise ConfigError(
            f"a file of sources has [[source]] tables and nothing else; found {', '.join(data) or 'source'}"
        )
    faults, found = [], []
    first: dict[str, int] = {}
    lines = _Lines(text)
    for number, table in enumerate(tables):
        try:
            each = _Table.model_validate(table)
            if first.setdefault(each.id, number) != number:
                there = lines.of(first[each.id], ()).removesuffix(": ") or "above"
                faults.append(f"{lines.of(number, ())}source {each.id} is there twice, first in {there}")
            faults += [f"{lines.of(number, where)}{said}" for where, said in _unfit(each)]
            found.append(each)
        except ValidationError as error:
            faults += [f"{lines.of(number, where)}{_named(table)}{said}" for where, said in _faults(error, table)]
    if faults:
        rest = len(faults) - _MOST_FAULTS
        raise ConfigError("\n".join([*faults[:_MOST_FAULTS], *([f"and {rest} more"] if rest > 0 else [])]))
    return found


def _named(table: Mapping[str, Any]) -> str:
    id = table.get("id", "?")
    return f"source {id[:64] if isinstance(id, str) else '?'} "


def _faults(error: ValidationError, table: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield where each fault is and what it is; a value of several possible types is one fault and not several."""
    told = set()
    for each in error.errors(include_url=False, include_context=False):
        place = tuple(str(part) for part in each["loc"][: 2 if each["loc"][0] == "settings" else 1])
        if place in told:
            continue
        told.add(place)
        name = ".".join(place)
        if each["type"] == "missing":
            yield place, f"has no {name}"
        elif each["type"] == "extra_forbidden":
            near = get_close_matches(name, _Table.model_fields, n=3, cutoff=0.5)
            hint = f"did you mean {', '.join(near)}?" if near else f"known: {', '.join(_Table.model_fields)}"
            yield place, f"has no name {name[:80]!r}; {hint}"
        elif place == ("settings",):
            yield place, "has settings that are no table of names and values"
        elif place[0] == "settings":
            yield place, f"has {name[:80]} = {str(each['input'])[:80]}; allowed: a text, a whole number, true, false"
        else:
            wanted = "true or false" if name == "enabled" else "a text"
            yield place, f"has {name} = {str(each['input'])[:80]}, which is not {wanted}"


def _unfit(table: _Table) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield where what a source's kind does not take stands, and why: the table itself, else each of its settings."""
    try:
        checked(Source(table.id, table.kind, table.url))
    except ConfigError as error:
        yield (), str(error)
        return
    for name, value in table.settings.items():
        try:
            registry.read_settings(registry.find(table.kind), {name: _text(value)})
        except ConfigError as error:
            yield ("settings", name), str(error)


class _Lines:
    """Where tables and names stand in a file; tomllib does not tell, and a near line is better than none."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()
        self._starts = [number for number, line in enumerate(self._lines) if _HEADER.match(line)]

    def of(self, table: int, place: tuple[str, ...]) -> str:
        """Return the line of a name in a table, or that of the table, as an error begins; empty where none is found."""
        if table >= len(self._starts):
            return ""
        start = self._starts[table]
        end = self._starts[table + 1] if table + 1 < len(self._starts) else len(self._lines)
        if place:
            name = re.compile(rf"\s*(?:[\w.\"'-]+\.)?[\"']?{re.escape(place[-1])}[\"']?\s*=")
            start = next((n for n in range(start, end) if name.match(self._lines[n])), start)
        return f"line {start + 1}: "


def _source(table: _Table) -> Source:
    settings = {name: _text(value) for name, value in table.settings.items()}
    return checked(Source(table.id, table.kind, table.url, table.title, settings, table.enabled))


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _flat(source: Source) -> dict[str, str]:
    plain = {"kind": source.kind, "url": source.url, "title": source.title, "enabled": _text(source.enabled)}
    return plain | {f"settings.{name}": value for name, value in sorted(source.settings.items())}


# Writing


def _written(source: Source) -> str:
    lines = ["[[source]]"]
    lines += [f"{name} = {_quoted(getattr(source, name))}" for name in ("id", "kind", "url", "title")]
    if not source.enabled:
        lines.append("enabled = false")
    if source.settings:
        types = {each.name: each.type for each in registry.find(source.kind).settings}
        lines.append("[source.settings]")
        lines += [
            f"{name} = {_quoted(value) if types.get(name, str) is str else value.strip().lower()}"
            for name, value in sorted(source.settings.items())
        ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Return a basic string of TOML, which is one of JSON but for the one control character that JSON leaves alone."""
    return orjson.dumps(text).decode().replace("\x7f", "\\u007f")
