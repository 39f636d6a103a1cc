"""Rules that make the place of a file out of what a record says; they are data, read from TOML and checked on the way.

A rule has conditions, each a regular expression over one text of the record whose named groups become variables, and
templates that make places out of the variables. Nothing in a rule is ever run.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import Formatter
from typing import Any, Final
from urllib.parse import quote

from discovery.errors import ConfigError
from discovery.launch.literals import literals
from discovery.model.storage import Storage

HREF: Final = "href"
PROPERTY: Final = "properties."
TEXTS: Final = (HREF, "container", "source_id")
"""What a condition can ask beside `properties.NAME`."""
MAX_VALUE: Final = 2_000
"""Characters of a value that rules look at; longer ones are no paths."""
STORE: Final = ("endpoint", "region", "anonymous", "requester_pays")
"""What a rule can say of the buckets that it leads to."""
_STORES: Final = {
    "endpoint": "an endpoint is https://HOST",
    "region": "a region has letters, digits and dashes",
    "anonymous": "it is true or false",
    "requester_pays": "it is true or false",
}
_STARTS: Final = ("/", "https://", "http://", "s3://")


@dataclass(frozen=True, slots=True)
class Condition:
    """One text of a record and what it must look like."""

    of: str
    pattern: re.Pattern[str]
    begin: str = ""
    """What a text that matches begins with for sure."""
    part: str = ""
    """What a text that matches holds for sure."""

    def find(self, text: str) -> re.Match[str] | None:
        """Return the first match in a text; most texts are told apart by what they would have to hold."""
        return self.pattern.search(text) if text.startswith(self.begin) and self.part in text else None


@dataclass(frozen=True, slots=True)
class Template:
    """A text with `{variable}` in it, taken apart once."""

    text: str
    names: tuple[str, ...] = field(init=False)
    """Its variables, in their order."""
    _parts: tuple[str, ...] = field(init=False, repr=False)
    """What stands before each of them, and behind the last."""

    def __post_init__(self) -> None:
        names, parts = [], [""]
        for before, name, _, _ in Formatter().parse(self.text):
            parts[-1] += before
            if name is not None:
                names.append(name)
                parts.append("")
        object.__setattr__(self, "names", tuple(names))
        object.__setattr__(self, "_parts", tuple(parts))

    def fill(self, values: Mapping[str, str]) -> str:
        """Return the text with the values in it; empty when one is missing. In a web address they are quoted."""
        out = [self._parts[0]]
        is_web = self.text.startswith("http")
        for name, part in zip(self.names, self._parts[1:], strict=True):
            value = values.get(name)
            if value is None:
                return ""
            out += (quote(value, safe="/:", errors="replace") if is_web else value, part)
        return "".join(out)


@dataclass(frozen=True, slots=True)
class Word:
    """A variable that is looked up by the value of another one."""

    of: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Rule:
    """How places are made from the texts of a record."""

    name: str
    about: str
    when: tuple[Condition, ...]
    give: tuple[Template, ...]
    """Templates of absolute paths and of https and s3 addresses, with `{variable}` in them."""
    sources: tuple[str, ...] = ()
    """Only for records of these sources; empty is all."""
    words: Mapping[str, Word] = field(default_factory=dict)
    store: Mapping[str, Template] = field(default_factory=dict)
    """Templates of how the buckets of the rule's s3 addresses are asked: some of `STORE`."""

    of_file: bool = field(init=False)
    """Whether it asks for the address of a file, not only for texts of the whole record."""
    needs: frozenset[str] = field(init=False)
    """The properties that a record must have."""
    storage: Storage | None = field(init=False, default=None)
    """How the buckets are asked, where that is the same for all; None where it has to be made of variables."""
    begin: str = field(init=False, default="")
    """What the address of a file begins with for sure, where it asks for one."""
    part: str = field(init=False, default="")
    """What the address of a file holds for sure."""

    def __post_init__(self) -> None:
        asked = next((each for each in self.when if each.of == HREF), None)
        needs = (each.of.removeprefix(PROPERTY) for each in self.when if each.of.startswith(PROPERTY))
        object.__setattr__(self, "of_file", asked is not None)
        object.__setattr__(self, "needs", frozenset(needs))
        if self.store and not any(each.names for each in self.store.values()):
            object.__setattr__(self, "storage", Storage.of({name: each.text for name, each in self.store.items()}))
        if asked is not None:
            object.__setattr__(self, "begin", asked.begin)
            object.__setattr__(self, "part", asked.part)


@cache
def shipped() -> tuple[Rule, ...]:
    """Return the rules that come with this version."""
    text = files("discovery.launch").joinpath("data/rules.toml").read_text(encoding="utf-8")
    return read(text, "rules.toml")


def load(path: Path) -> tuple[Rule, ...]:
    """Return the rules of an operator's file, and after them the shipped ones that it does not replace by name.

    Raises:
        ConfigError: The file cannot be read, or something in it is no rule.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the rules in {path} cannot be read: {error}") from error
    own = read(text, path.name)
    names = {each.name for each in own}
    return (*own, *(each for each in shipped() if each.name not in names))


def read(text: str, where: str) -> tuple[Rule, ...]:
    """Return the rules of a TOML text.

    Raises:
        ConfigError: It is no TOML, or something in it is no rule; the message names `where` and the rule.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: {error}") from error
    _only(data, ("rule", "tables"), where)
    tables = data.get("tables", {})
    if not isinstance(tables, dict) or not all(_is_table(each) for each in tables.values()):
        raise ConfigError(f"{where}: [tables] holds tables of texts")
    given = data.get("rule", [])
    if not isinstance(given, list):
        raise ConfigError(f"{where}: rules are written as [[rule]]")
    found = tuple(_rule(each, tables, where) for each in given)
    names = [each.name for each in found]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{where}: two rules are called {name!r}")
    return found


def _rule(given: Any, tables: Mapping[str, Mapping[str, str]], where: str) -> Rule:
    if not isinstance(given, dict) or not isinstance(given.get("name"), str) or not given["name"]:
        raise ConfigError(f"{where}: a rule has no name")
    here = f"{where}: rule {given['name']!r}"
    _only(given, ("name", "about", "when", "give", "sources", "words", "store"), here)
    made = Rule(
        name=given["name"],
        about=str(given.get("about", "")),
        when=tuple(_condition(each, here) for each in _list(given, "when", here)),
        give=tuple(_template(each, here) for each in _list(given, "give", here)),
        sources=tuple(map(str, given.get("sources", ()))),
        words={name: _word(each, tables, here) for name, each in given.get("words", {}).items()},
        store=_store(given.get("store", {}), here),
    )
    known = {name for each in made.when for name in each.pattern.groupindex}
    for name, word in made.words.items():
        if word.of not in known or name in known:
            raise ConfigError(f"{here}: the word {name!r} must be new, and made of one of {_said(known)}")
    for template in (*made.give, *made.store.values()):
        for name in template.names:
            if name not in known and name not in made.words:
                raise ConfigError(f"{here}: {{{name}}} is none of {_said([*known, *made.words])}")
    return made


def _condition(given: Any, where: str) -> Condition:
    if not isinstance(given, dict):
        raise ConfigError(f"{where}: a condition is written {{ of = ..., match = ... }}")
    _only(given, ("of", "match"), where)
    of, match = given.get("of"), given.get("match")
    if not isinstance(of, str) or not (of in TEXTS or (of.startswith(PROPERTY) and of != PROPERTY)):
        raise ConfigError(f"{where}: of = {of!r} is not one of {', '.join(TEXTS)}, {PROPERTY}NAME")
    try:
        return Condition(of, re.compile(match), *literals(match))  # type: ignore[arg-type]  # what is no text is refused below
    except (re.error, TypeError) as error:
        raise ConfigError(f"{where}: match = {match!r} is no regular expression: {error}") from error


def _template(given: Any, where: str) -> Template:
    if not isinstance(given, str) or not given.startswith(_STARTS) or given == "/":
        raise ConfigError(f"{where}: give = {given!r} does not begin with one of {', '.join(_STARTS)}")
    try:
        variables(given)
    except ValueError as error:
        raise ConfigError(f"{where}: give = {given!r}: {error}") from error
    return Template(given)


def _store(given: Any, where: str) -> dict[str, Template]:
    if not isinstance(given, dict):
        raise ConfigError(f"{where}: store is written {{ endpoint = ..., region = ... }}")
    _only(given, STORE, f"{where}: store")
    out: dict[str, Template] = {}
    for name, value in given.items():
        if not isinstance(value, str | bool):
            raise ConfigError(f"{where}: store: {name} = {value!r} is neither a text nor true or false")
        text = str(value).lower() if isinstance(value, bool) else value
        try:
            plain = not variables(text)
        except ValueError as error:
            raise ConfigError(f"{where}: store: {name} = {value!r}: {error}") from error
        if plain and not Storage.of({name: text}).to_dict():
            raise ConfigError(f"{where}: store: {name} = {value!r} cannot be; {_STORES[name]}")
        out[name] = Template(text)
    return out


def variables(template: str) -> list[str]:
    """Return the names of the variables of a template.

    Raises:
        ValueError: A brace stands alone, or holds more than a name.
    """
    names = []
    for _, name, form, conversion in Formatter().parse(template):
        if name is None:
            continue
        if not name.isidentifier() or form or conversion:
            raise ValueError("braces hold the name of a variable and nothing else")
        names.append(name)
    return names


def _word(given: Any, tables: Mapping[str, Mapping[str, str]], where: str) -> Word:
    if not isinstance(given, dict) or not isinstance(given.get("of"), str):
        raise ConfigError(f"{where}: a word is written {{ of = VARIABLE, table = NAME }}")
    _only(given, ("of", "table"), where)
    table = given.get("table")
    if not isinstance(table, str) or table not in tables:
        raise ConfigError(f"{where}: table {table!r} is none of {_said(tables)}")
    return Word(given["of"], dict(tables[table]))


def _list(given: Mapping[str, Any], name: str, where: str) -> list[Any]:
    found = given.get(name)
    if not isinstance(found, list) or not found:
        raise ConfigError(f"{where}: {name} must be a list with something in it")
    return found


def _only(given: Mapping[str, Any], allowed: tuple[str, ...], where: str) -> None:
    for name in given:
        if name not in allowed:
            raise ConfigError(f"{where}: {name!r} is none of {', '.join(allowed)}")


def _is_table(given: Any) -> bool:
    return isinstance(given, dict) and all(isinstance(each, str) for each in given.values())


def _said(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "(none)"
