"""Every setting in one table: it feeds the command line, the environment, `discovery.toml` and the documentation.

The order is command line, environment (`DISCOVERY_*`), `discovery.toml` in the home, default. Only this file reads the
environment.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

from platformdirs import user_data_path

from discovery.errors import ConfigError, UnknownFieldError


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table of settings."""

    name: str
    type: type[str] | type[int] | type[bool]
    default: str | int | bool
    help: str


TABLE: Final = (
    Setting("store", str, "", "Where records are: SQLite in the home if empty, else sqlite:///FILE, postgresql://..."),
    Setting("index", str, "tantivy", "The search engine: `tantivy` is the one in the home, else `elasticsearch=URL`."),
    Setting("index_prefix", str, "discovery", "The beginning of the names of indexes on Elasticsearch, one a portal."),
    Setting("index_key", str, "", "The API key that Elasticsearch knows the portal by, encoded."),
    Setting("index_ca", str, "", "A file with the certificate authority of Elasticsearch, if it has one of its own."),
    Setting(
        "vectors",
        str,
        "",
        "What holds rows of embeddings for many machines: `elasticsearch=URL`; empty is the server of `index`.",
    ),
    Setting(
        "device",
        str,
        "auto",
        "Where every row is compared: `auto` is a GPU where there is one and torch, else `none` or as torch names it.",
    ),
    Setting("zones", str, "", "A TOML file with the datazones that can be launched in; relative to the home."),
    Setting("launch_rules", str, "", "A TOML file with rules of your own for where files are; relative to the home."),
    Setting(
        "mounts",
        str,
        "",
        "Where volumes are on this machine, as PATH=HERE,PATH=HERE; those not named are looked for where they say.",
    ),
    Setting(
        "terms", str, "", "A TOML file with names of your own for missions, instruments and such; relative to the home."
    ),
    Setting(
        "sesame",
        str,
        "",
        "The address of a Sesame service, asked for names of the sky that we lack; empty asks none.",
    ),
    Setting(
        "semantic_weights",
        str,
        "",
        "Vectors of words, by which resources are found whose words are others; relative to the home, empty is none.",
    ),
    Setting("title", str, "Discovery", "The name that pages and catalogues carry."),
    Setting("contact", str, "", "E-mail or address that harvests name in their User-Agent."),
    Setting("host", str, "127.0.0.1", "The address that `serve` listens on."),
    Setting("port", int, 8000, "The port that `serve` listens on."),
    Setting("url", str, "", "The public address of the portal when a proxy stands before it."),
    Setting("cors", str, "*", "Hosts whose pages may read the APIs: `*` is all, else https://HOST,...; empty is none."),
    Setting("operator_token", str, "", "What programs of operators show, at least 32 characters; empty lets none in."),
    Setting(
        "oidc_issuer",
        str,
        "",
        "The provider of OpenID Connect that people sign in with, as https://HOST/...; it needs `url`. Empty is none.",
    ),
    Setting("oidc_client_id", str, "", "The name by which that provider knows the portal."),
    Setting("oidc_client_secret", str, "", "What the portal shows to that provider; empty for a public client."),
    Setting("oidc_scopes", str, "openid profile email", "What that provider is asked for."),
    Setting(
        "oidc_admins",
        str,
        "",
        "Who of that provider's people becomes an admin: addresses that it has verified, or subjects, with commas.",
    ),
    Setting("oidc_role", str, "user", "What somebody new may be: user, developer, moderator or operator."),
    Setting(
        "proxies",
        str,
        "",
        "Addresses or networks of proxies before the portal, with commas: what they say of who asks is believed.",
    ),
    Setting("rate", int, 50, "Requests a second that one address or token may make for long; 0 is no limit."),
    Setting(
        "graphql_published",
        bool,
        False,
        "Whether `/graphql` answers published operations alone; whoever shows the operators' token may ask anything.",
    ),
    Setting("workers", int, 1, "Processes that answer requests; with several, the steward is one of its own."),
    Setting("harvests", int, 4, "Sources that the steward harvests at a time, each on a host of its own; 0 is none."),
    Setting("log", str, "warning", "How much to log: debug, info (a line for each request too), warning or error."),
    Setting("log_format", str, "text", "How a line of the log looks: text, or json for programs."),
)
FILE: Final = "discovery.toml"
_PREFIX: Final = "DISCOVERY_"
_OUTSIDE: Final = frozenset({"HOME", "REQUIRE_PEERS", "VOLUMES"})
"""DISCOVERY_ names that are no settings: the home itself, a switch of our tests, and what hubs tell notebooks."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The values of the table, and the home they belong to."""

    home: Path
    store: str = ""
    index: str = "tantivy"
    index_prefix: str = "discovery"
    index_key: str = ""
    index_ca: str = ""
    vectors: str = ""
    device: str = "auto"
    zones: str = ""
    launch_rules: str = ""
    mounts: str = ""
    terms: str = ""
    sesame: str = ""
    semantic_weights: str = ""
    title: str = "Discovery"
    contact: str = ""
    host: str = "127.0.0.1"
    port: int = 8000
    url: str = ""
    cors: str = "*"
    operator_token: str = ""
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = ""
    oidc_scopes: str = "openid profile email"
    oidc_admins: str = ""
    oidc_role: str = "user"
    proxies: str = ""
    rate: int = 50
    graphql_published: bool = False
    workers: int = 1
    harvests: int = 4
    log: str = "warning"
    log_format: str = "text"

    @property
    def store_url(self) -> str:
        """The address of the store, with the default filled in."""
        return self.store or f"sqlite:///{self.home / 'catalogue.sqlite'}"

    def with_overrides(self, **values: Any) -> Settings:
        """Return the settings with those of the command line that were given."""
        return replace(self, **{name: value for name, value in values.items() if value is not None})


def load(home: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings for a home.

    Args:
        home: Where store and index live; by default `DISCOVERY_HOME`, else the platform's data folder.
        environment: Instead of this process's.

    Raises:
        ConfigError: A name that is no setting, or a value of the wrong type.
    """
    environ = os.environ if environment is None else environment
    place = (home or Path(environ.get(_PREFIX + "HOME") or user_data_path("discovery"))).expanduser().resolve()
    values = _file(place / FILE) | _environment(environ)
    return Settings(place, **values)


def _file(path: Path) -> dict[str, Any]:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path.name} cannot be read: {error}") from error
    return {name: _value(name, value, path.name) for name, value in data.items()}


def _environment(environ: Mapping[str, str]) -> dict[str, Any]:
    names = {name.removeprefix(_PREFIX): value for name, value in environ.items() if name.startswith(_PREFIX)}
    return {
        name.lower(): _value(name.lower(), value, _PREFIX + name)
        for name, value in names.items()
        if name not in _OUTSIDE
    }


def _value(name: str, value: object, where: str) -> str | int | bool:
    found = next((each for each in TABLE if each.name == name), None)
    if found is None:
        unknown = UnknownFieldError(name, [each.name for each in TABLE], what="setting")
        raise ConfigError(f"{where}: {unknown}")
    wrong = ConfigError(f"{where}: {name} = {value!r} is not of type {found.type.__name__}")
    if not isinstance(value, str) and type(value) is not found.type:
        raise wrong
    try:
        return found.type(value)
    except (TypeError, ValueError) as error:
        raise wrong from error


assert {each.name for each in TABLE} == {each.name for each in fields(Settings)} - {"home"}
