"""Reading sources as operators write them: a TOML file of `[[source]]` tables, or one on the command line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlsplit

from discovery.errors import ConfigError, UnknownFieldError
from discovery.http import has_credentials
from discovery.model.source import Source
from harvesters import registry

_ID: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_NAMES: Final = ("id", "kind", "url", "title", "settings", "enabled")
_SCHEMES: Final = ("file", "http", "https")


def read(text: str) -> list[Source]:
    """Return the sources of a file, each checked.

    Raises:
        ConfigError: It is not TOML, a name is unknown, an id occurs twice, or a source is wrong.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"the file of sources is not TOML: {error}") from error
    tables = data.pop("source", [])
    if data or not isinstance(tables, list):
        raise ConfigError(
            f"a file of sources has [[source]] tables and nothing else; found {', '.join(data) or 'source'}"
        )
    found = [_source(table) for table in tables]
    twice = {each.id for each in found if sum(other.id == each.id for other in found) > 1}
    if twice:
        raise ConfigError(f"source {', '.join(sorted(twice))} is there twice")
    return found


def _source(table: Mapping[str, Any]) -> Source:
    for name in table:
        if name not in _NAMES:
            raise ConfigError(f"source {table.get('id', '?')}: {UnknownFieldError(name, _NAMES, what='name')}")
    settings = {name: _text(value) for name, value in dict(table.get("settings", {})).items()}
    try:
        source = Source(
            id=str(table["id"]),
            kind=str(table["kind"]),
            url=str(table["url"]),
            title=str(table.get("title", "")),
            settings=settings,
            enabled=bool(table.get("enabled", True)),
        )
    except KeyError as error:
        raise ConfigError(f"source {table.get('id', '?')} has no {error.args[0]}") from error
    return checked(source)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def checked(source: Source) -> Source:
    """Return the source if it can be harvested as it stands.

    Raises:
        ConfigError: Its id, kind, address or a setting is wrong; the message says what is allowed.
    """
    if not _ID.fullmatch(source.id):
        raise ConfigError(f"source id {source.id[:80]!r}: use 1 to 64 of a-z, 0-9, _ and -, a letter or digit first")
    if urlsplit(source.url).scheme not in _SCHEMES:
        raise ConfigError(f"source {source.id}: url {source.url[:80]!r} is not a file:, http: or https: address")
    if has_credentials(source.url):
        raise ConfigError(f"source {source.id}: its url holds a password or key; it would be shown to everybody")
    registry.read_settings(registry.find(source.kind), source.settings)
    return source if source.title else replace(source, title=source.id)
