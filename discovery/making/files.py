"""Files of what people make: TOML of several, one `meta-data.yaml`, and JSON; read and written."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
import yaml

from discovery.errors import BadQueryError
from discovery.making.kinds import Kind
from discovery.model import yaml_text

MAX_FILE: Final = 4 * 1024 * 1024
"""Bytes of a file; a thousand volumes have one."""
TOML: Final = "toml"
YAML: Final = "yaml"
JSON: Final = "json"
FORMATS: Final[Mapping[str, str]] = {
    JSON: "application/json",
    TOML: "application/toml",
    YAML: "application/yaml",
}
"""What can be exported, with the media type of each."""


def read_toml(text: str, known: Kind) -> list[dict[str, Any]]:
    """Return the documents of a TOML file as they are written: its tables `[[volume]]`, or what the kind is called.

    Raises:
        BadQueryError: It is no such file.
    """
    _fits(text)
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadQueryError(f"this is no TOML: {error}") from error
    tables = data.pop(known.name, [])
    if data or not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        found = ", ".join(str(name)[:40] for name in data) or known.name
        raise BadQueryError(f"a file of {known.name}s has [[{known.name}]] tables and nothing else; found {found}")
    return [_plain(each) for each in tables]


def read_one(text: str, known: Kind) -> dict[str, Any]:
    """Return the one document of a YAML or JSON file, such as `meta-data.yaml`, as it is written.

    Raises:
        BadQueryError: It is no such file.
    """
    _fits(text)
    try:
        given = yaml_text.load(text)
    except ValueError as error:
        raise BadQueryError(f"this file {error}") from error
    if not isinstance(given, dict):
        raise BadQueryError(f"a file of one {known.name} has names and values at its top")
    return given


def written(document: Mapping[str, Any], known: Kind, form: str) -> str:
    """Return a document as text in one of `FORMATS`, in the order of its fields; it reads back as it was."""
    ours = {each.name: document[each.name] for each in known.fields if each.name in document}
    if form == TOML:
        return toml([ours], known)
    if form == YAML:
        text: str = yaml.safe_dump(ours, sort_keys=False, allow_unicode=True, width=100)
        return text
    return orjson.dumps(ours, option=orjson.OPT_INDENT_2).decode() + "\n"


def toml(documents: Sequence[Mapping[str, Any]], known: Kind) -> str:
    """Return documents as the file that `read_toml` reads."""
    return "\n".join(_table(each, known) for each in documents)


def _fits(text: str) -> None:
    if len(text.encode("utf-8", "surrogatepass")) > MAX_FILE:
        raise BadQueryError(f"the file has more than {MAX_FILE:,} bytes")


def _plain(value: Any) -> Any:
    """Return what TOML gives as JSON has it; dates become texts."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value if isinstance(value, (str, int, float, bool)) else str(value)


def _table(document: Mapping[str, Any], known: Kind) -> str:
    simple = {name: each for name, each in document.items() if not _is_tables(each)}
    lines = [f"[[{known.name}]]", *(f"{name} = {_value(each)}" for name, each in simple.items())]
    for name, each in document.items():
        if isinstance(each, Mapping):
            lines += [f"[{known.name}.{name}]", *(f"{_key(key)} = {_value(value)}" for key, value in each.items())]
        elif _is_tables(each):
            for table in each:
                lines += [
                    f"[[{known.name}.{name}]]",
                    *(f"{_key(key)} = {_value(value)}" for key, value in table.items()),
                ]
    return "\n".join(lines) + "\n"


def _is_tables(value: object) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, list) and any(isinstance(each, Mapping) for each in value))


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else _text(name)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return f"[{', '.join(_value(each) for each in value)}]"
    return _text(str(value))


def _text(text: str) -> str:
    """Return a string of TOML, of several lines where it has them."""
    if "\n" in text and "'''" not in text and not text.endswith("'") and text.replace("\n", "").isprintable():
        return f"'''\n{text}'''"
    # A basic string of TOML is one of JSON but for the one control character that JSON leaves alone.
    return orjson.dumps(text).decode().replace("\x7f", "\\u007f")
