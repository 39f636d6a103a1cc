"""Documents as forms: every field as an input in its tier, and back; what is wrong stands beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from discovery.model.document import (
    CHOICE,
    FLAG,
    LIST,
    MAP,
    OPTIONAL,
    RECOMMENDED,
    REQUIRED,
    TABLE,
    TABLES,
    TEXT,
    Field,
)

AREA: Final = "area"
LINE: Final = "line"
SELECT: Final = "select"
_TIERS: Final = (
    (REQUIRED, "Required", "Needed before it is handed in; a draft may lack some of it."),
    (RECOMMENDED, "Recommended", "What people look for and launchers need."),
    (OPTIONAL, "Optional", "Whatever else there is to say."),
)
_SEPARATOR: Final = " | "
_FLAGS: Final = (("", "Not said"), ("true", "Yes"), ("false", "No"))


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a form."""

    name: str
    id: str
    label: str
    help: str
    shape: str
    """`line`, `area` or `select`."""
    value: str
    most: int
    choices: tuple[tuple[str, str], ...] = ()
    problem: str = ""
    """What is wrong with it, as a sentence; empty for nothing."""
    required: bool = False


@dataclass(frozen=True, slots=True)
class Tier:
    """The inputs of one tier."""

    name: str
    label: str
    about: str
    inputs: tuple[Input, ...]
    open: bool
    """Whether its inputs are seen at once."""


def typed(fields: Sequence[Field], document: Mapping[str, Any]) -> dict[str, str]:
    """Return what stands in each input for a document."""
    out: dict[str, str] = {}
    for each in fields:
        value = document.get(each.name)
        if each.shape == TABLE:
            table = value if isinstance(value, Mapping) else {}
            out |= {f"{each.name}.{inner.name}": str(table.get(inner.name, "")) for inner in each.fields}
        else:
            out[each.name] = _shown(each, value)
    return out


def document(fields: Sequence[Field], form: Mapping[str, str]) -> dict[str, Any]:
    """Return the document that the inputs of a form make, as it was typed; the fields say later what is wrong."""
    out: dict[str, Any] = {}
    for each in fields:
        if each.shape == TABLE:
            table = {inner.name: text for inner in each.fields if (text := _line(form, f"{each.name}.{inner.name}"))}
            if table:
                out[each.name] = table
            continue
        text = form.get(each.name, "")
        if not text.strip():
            continue
        out[each.name] = _meant(each, text)
    return out


def tiers(
    fields: Sequence[Field], values: Mapping[str, str], problems: Iterable[tuple[str, str]] = (), *, fixed: str = ""
) -> tuple[Tier, ...]:
    """Return the inputs of a form in their tiers.

    Args:
        fields: What a document may say.
        values: What stands in each input.
        problems: Where something is wrong, and what.
        fixed: The field that stays as it is.
    """
    wrong: dict[str, list[str]] = {}
    for path, message in problems:
        name, rest = _place(fields, path)
        wrong.setdefault(name, []).append(f"{rest}{message}")
    made = []
    for tier, label, about in _TIERS:
        inputs = tuple(
            one for each in fields if each.tier == tier and each.name != fixed for one in _inputs(each, values, wrong)
        )
        used = any(one.value or one.problem for one in inputs)
        made.append(Tier(tier, label, about, inputs, tier != OPTIONAL or used))
    return tuple(made)


def _inputs(known: Field, values: Mapping[str, str], wrong: Mapping[str, Sequence[str]]) -> Iterable[Input]:
    if known.shape == TABLE:
        for inner in known.fields:
            name = f"{known.name}.{inner.name}"
            required = known.tier == REQUIRED and inner.tier == REQUIRED
            said = [*wrong.get(name, ()), *(wrong.get(known.name, ()) if inner is known.fields[0] else ())]
            label = f"{known.label}: {inner.label.lower()}"
            yield _input(inner, name, label, f"{inner.help}", values, said, required)
    else:
        yield _input(
            known, known.name, known.label, known.help, values, wrong.get(known.name, ()), known.tier == REQUIRED
        )


def _input(
    known: Field,
    name: str,
    label: str,
    help: str,
    values: Mapping[str, str],
    wrong: Sequence[str],
    required: bool,
) -> Input:
    shape = {CHOICE: SELECT, FLAG: SELECT, TEXT: AREA, LIST: AREA, TABLES: AREA, MAP: AREA}.get(known.shape, LINE)
    choices: tuple[tuple[str, str], ...] = ()
    if known.shape == FLAG:
        choices = _FLAGS
    elif known.shape == CHOICE:
        choices = (("", "Not said"), *known.choices.items())
    hint = {
        LIST: " One a line.",
        TABLES: f" One a line: {_SEPARATOR.join(each.label.lower() for each in known.fields)}.",
        MAP: " One a line: name = path.",
    }.get(known.shape, "")
    most = known.most if known.shape not in (LIST, TABLES, MAP) else known.most * known.many
    said = "; ".join(wrong)
    value = values.get(name, "")
    # A value that is no choice any more is shown as it is, so that whoever wrote it sees what is wrong.
    if choices and value not in dict(choices):
        choices = (*choices, (value, value[:80]))
    return Input(
        name, f"field-{name.replace('.', '-')}", label, help + hint, shape, value, most, choices, said, required
    )


def _shown(known: Field, value: Any) -> str:
    if value is None:
        return ""
    if known.shape == LIST and isinstance(value, (list, tuple)):
        return "\n".join(map(str, value))
    if known.shape == FLAG:
        return "true" if value is True else "false"
    if known.shape == MAP and isinstance(value, Mapping):
        return "\n".join(f"{name} = {each}" for name, each in value.items())
    if known.shape == TABLES and isinstance(value, (list, tuple)):
        names = [each.name for each in known.fields]
        rows = ([str(table.get(name, "")) for name in names] for table in value if isinstance(table, Mapping))
        return "\n".join(_SEPARATOR.join(row).rstrip(" |") for row in rows)
    return str(value)


def _meant(known: Field, text: str) -> Any:
    lines = [line.strip() for line in text.replace("\r\n", "\n").split("\n") if line.strip()]
    if known.shape == LIST:
        return lines
    if known.shape == MAP:
        pairs = (line.partition("=") for line in lines)
        return {name.strip(): value.strip() for name, _, value in pairs}
    if known.shape == TABLES:
        names = [each.name for each in known.fields]
        rows = ([part.strip() for part in line.split("|")] for line in lines)
        # What is too much in a line is kept with the last of it, so that it is told and not lost.
        return [
            {
                name: value
                for name, value in zip(names, [*row[: len(names) - 1], "|".join(row[len(names) - 1 :])], strict=False)
                if value
            }
            for row in rows
        ]
    return text if known.shape == TEXT else text.strip()


def _line(form: Mapping[str, str], name: str) -> str:
    return form.get(name, "").strip()


def _place(fields: Sequence[Field], path: str) -> tuple[str, str]:
    """Return the input in which something is wrong, and what is said before the problem."""
    outer = path.partition("[")[0].partition(".")[0]
    known = next((each for each in fields if each.name == outer), None)
    if known is None:
        return "", f"{path} "
    if known.shape == TABLE and "." in path:
        return path, ""
    return outer, f"{path.removeprefix(outer).strip('.')} ".lstrip()


def has(fields: Sequence[Field], path: str) -> bool:
    """Say whether what is wrong at a path stands beside an input."""
    name, _ = _place(fields, path)
    return bool(name)
