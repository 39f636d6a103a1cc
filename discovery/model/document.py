"""Documents that people write: which fields there are, what may stand in each, and everything wrong with one.

One table of fields serves files, forms, exports and the reference page, so that none of them knows other names.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final

from discovery.errors import DocumentError

REQUIRED: Final = "required"
RECOMMENDED: Final = "recommended"
OPTIONAL: Final = "optional"
TIERS: Final = (REQUIRED, RECOMMENDED, OPTIONAL)

LINE: Final = "line"
"""One line of text."""
TEXT: Final = "text"
"""Several lines, Markdown where it is shown."""
LIST: Final = "list"
"""Lines of text."""
CHOICE: Final = "choice"
FLAG: Final = "flag"
SIZE: Final = "size"
"""Bytes: a whole number, or a text such as `1.5 TB`."""
TABLE: Final = "table"
"""One table of named values."""
TABLES: Final = "tables"
"""Several such tables."""
MAP: Final = "map"
"""Names of the writer's own with a line of text each."""
MAX_PROBLEMS: Final = 50
MAX_SIZE: Final = 2**60
_HIDDEN: Final = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
"""Marks that let a text look like another one."""
_BREAKS: Final = "\n\t"
_KEY: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_SIZE: Final = re.compile(r"(\d{1,15}(?:\.\d{1,6})?) ?([kKMGTPE]?i?)B?")
_POWERS: Final = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that a document may say."""

    name: str
    label: str
    help: str
    tier: str = OPTIONAL
    shape: str = LINE
    most: int = 200
    """Characters of a text."""
    many: int = 50
    """Entries of a list."""
    choices: Mapping[str, str] = field(default_factory=dict)
    """The values that may be, each with what people call it."""
    check: Callable[[str], str] | None = None
    """Returns a text as it is kept, and raises ValueError with what is wrong; for each entry of a list."""
    fields: tuple[Field, ...] = ()
    """Of a table."""
    also: tuple[str, ...] = ()
    """Other names that files of the field have for it."""
    default: Any = None
    """What leaving it out means."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a document."""

    path: str
    """Where: `contact.email`, `tools[2].name`."""
    message: str
    """A sentence without its subject: `has 300 characters, at most 200 may be`."""

    @property
    def field(self) -> str:
        """The name of the outermost field."""
        return self.path.partition(".")[0].partition("[")[0]

    def __str__(self) -> str:
        return f"{self.path} {self.message}" if self.path else self.message


def read(
    fields: Sequence[Field], given: object, *, complete: bool = True, path: str = ""
) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    """Return what a document says under our names, and everything that is wrong with it.

    What is empty is left out; what is wrong is left out too.

    Args:
        fields: What it may say.
        given: A table of JSON values from a file, a form or a program.
        complete: Whether required fields must be there; a draft may lack them.
        path: Where the table stands in a larger one.
    """
    if not isinstance(given, Mapping):
        return {}, (Problem(path, "is not a table of names and values"),)
    ours = {name: each for each in fields for name in (each.name, *each.also)}
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, value in given.items():
        known = ours.get(name) if isinstance(name, str) else None
        at = _at(path, str(name)[:80] if known is None else known.name)
        if known is None:
            problems.append(Problem(at, _unknown(str(name), fields)))
        elif known.name in values:
            problems.append(Problem(at, f"is said twice, the second time as {name}"))
        elif not _is_empty(value):
            found, wrong = _value(known, value, at, complete)
            problems += wrong
            if not _is_empty(found):
                values[known.name] = found
    named = {each.field for each in problems} if not path else {each.path for each in problems}
    for each in fields:
        at = _at(path, each.name)
        if complete and each.tier == REQUIRED and each.name not in values and at not in named:
            problems.append(Problem(at, "is missing"))
    ordered = {each.name: values[each.name] for each in fields if each.name in values}
    return ordered, tuple(problems[:MAX_PROBLEMS])


def checked(fields: Sequence[Field], given: object, *, complete: bool = True, what: str = "") -> dict[str, Any]:
    """Return what a document says, as `read` does.

    Raises:
        DocumentError: Something is wrong with it.
    """
    values, problems = read(fields, given, complete=complete)
    if problems:
        raise DocumentError([(each.path, each.message) for each in problems], what=what)
    return values


def clean(text: str, *, lines: bool = False) -> str:
    """Return a text as it is kept: composed, without spaces around it and at the ends of lines.

    Raises:
        ValueError: It has a character that cannot be seen and is no space.
    """
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " "))
    for each in text:
        if each in _HIDDEN or (unicodedata.category(each) in ("Cc", "Cs") and not (lines and each in _BREAKS)):
            raise ValueError(f"has the character U+{ord(each):04X}, which nobody sees")
    return "\n".join(line.rstrip() for line in text.strip().split("\n"))


def size_of(value: object) -> int:
    """Return the bytes that a number or a text such as `1.5 TB` or `64 GiB` means.

    Raises:
        ValueError: It is neither, or more than there can be.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        size = value
    elif isinstance(value, str):
        found = _SIZE.fullmatch(value.strip().replace(",", ""))
        if found is None:
            raise ValueError(f"{value[:40]!r} is no size: use bytes, or a text such as 1.5 TB")
        unit = found[2].upper()
        base = 1024 if unit.endswith("I") else 1000
        size = round(float(found[1]) * base ** _POWERS[unit.removesuffix("I")])
    else:
        raise ValueError("is no size: use bytes, or a text such as 1.5 TB")
    if not 0 <= size <= MAX_SIZE:
        raise ValueError(f"{size} is no size: it must be 0 to {MAX_SIZE} bytes")
    return size


def _value(known: Field, value: object, at: str, complete: bool) -> tuple[Any, list[Problem]]:
    """Return the value of one field, and what is wrong with it."""
    match known.shape:
        case "list":
            return _list(known, value, at)
        case "table":
            return _table(known, value, at, complete)
        case "tables":
            return _tables(known, value, at, complete)
        case "map":
            return _map(known, value, at)
        case "flag":
            if isinstance(value, bool) or value in ("true", "false"):
                return value in (True, "true"), []
            return None, [Problem(at, f"= {_shown(value)}, which is not true or false")]
    try:
        return size_of(value) if known.shape == SIZE else _text(known, value), []
    except ValueError as error:
        return None, [Problem(at, str(error))]


def _text(known: Field, value: object) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = str(value)  # A version 1.0 is a number in TOML and YAML unless somebody thinks of quotes.
    if not isinstance(value, str):
        raise ValueError(f"= {_shown(value)}, which is not a text")
    if len(value) > known.most + 100:
        raise ValueError(f"has {len(value):,} characters, at most {known.most:,} may be")
    text = clean(value, lines=known.shape == TEXT)
    if len(text) > known.most:
        raise ValueError(f"has {len(text):,} characters, at most {known.most:,} may be")
    if known.choices and text not in known.choices:
        near = get_close_matches(text, known.choices, n=1, cutoff=0.6)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(f"{text[:40]!r} is not one of {', '.join(known.choices)}{hint}")
    return known.check(text) if known.check is not None and text else text


def _list(known: Field, value: object, at: str) -> tuple[list[str], list[Problem]]:
    given = [value] if isinstance(value, (str, int, float)) else value
    if not isinstance(given, (list, tuple)) or isinstance(value, bool):
        return [], [Problem(at, f"= {_shown(value)}, which is not a list of texts")]
    if len(given) > known.many:
        return [], [Problem(at, f"has {len(given):,} entries, at most {known.many:,} may be")]
    found: dict[str, None] = {}
    problems: list[Problem] = []
    for number, each in enumerate(given, 1):
        try:
            found[_text(known, each)] = None
        except ValueError as error:
            problems.append(Problem(f"{at}[{number}]", str(error)))
    return [each for each in found if each], problems


def _table(known: Field, value: object, at: str, complete: bool) -> tuple[dict[str, Any], list[Problem]]:
    if isinstance(value, str):
        value = {known.fields[0].name: value}
    found, problems = read(known.fields, value, complete=complete, path=at)
    return found, list(problems)


def _tables(known: Field, value: object, at: str, complete: bool) -> tuple[list[dict[str, Any]], list[Problem]]:
    given = [value] if isinstance(value, (str, Mapping)) else value
    if not isinstance(given, (list, tuple)):
        return [], [Problem(at, f"= {_shown(value)}, which is not a list of tables")]
    if len(given) > known.many:
        return [], [Problem(at, f"has {len(given):,} entries, at most {known.many:,} may be")]
    found: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for number, each in enumerate(given, 1):
        table, wrong = _table(known, each, f"{at}[{number}]", complete)
        problems += wrong
        if table:
            found.append(table)
    return found, problems


def _map(known: Field, value: object, at: str) -> tuple[dict[str, str], list[Problem]]:
    if not isinstance(value, Mapping):
        return {}, [Problem(at, f"= {_shown(value)}, which is not a table of names and texts")]
    if len(value) > known.many:
        return {}, [Problem(at, f"has {len(value):,} entries, at most {known.many:,} may be")]
    found: dict[str, str] = {}
    problems: list[Problem] = []
    for name, each in value.items():
        if not isinstance(name, str) or not _KEY.fullmatch(name):
            wrong = f"has the name {str(name)[:40]!r}: use 1 to 64 of a-z, 0-9, ., _ and -, a letter or digit first"
            problems.append(Problem(at, wrong))
            continue
        try:
            found[name] = _text(known, each)
        except ValueError as error:
            problems.append(Problem(f"{at}.{name}", str(error)))
    return found, problems


def _at(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _is_empty(value: object) -> bool:
    return value is None or (isinstance(value, (str, list, tuple, Mapping)) and not value)


def _shown(value: object) -> str:
    return repr(value)[:60]


def _unknown(name: str, fields: Iterable[Field]) -> str:
    known = [each.name for each in fields]
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(near)}?" if near else f"known: {', '.join(known)}"
    return f"is no name here; {hint}"
