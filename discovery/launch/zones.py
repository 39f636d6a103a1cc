"""Datazones: named groups of targets, each with the volumes that are local there, read from a TOML file.

The file says what may be launched at all: which images, by digest, in which sizes, how many at once. What it does not
say is not to be had.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from discovery.errors import ConfigError
from discovery.model.image import pinned
from discovery.model.volume import Volume

HUB: Final = "hub"
BINDER: Final = "binder"
NBGITPULLER: Final = "nbgitpuller"
LAB: Final = "lab"
DOWNLOAD: Final = "download"
KINDS: Final = (HUB, BINDER, NBGITPULLER, LAB, DOWNLOAD)
USERS: Final = ("id", "subject", "email")
"""What of a person is their name at a hub."""
SIGN_INS: Final = ("token", "hub")
"""How a browser comes in: by a token for the one server, or by the hub's own way to sign in."""
ALL: Final = "*"
MAX_FILE: Final = 1 << 20
MAX_ZONES: Final = 50
MAX_TARGETS: Final = 20
MIN_TOKEN: Final = 32
SERVERS: Final = 3
"""Launches of one person that may be open at one target, unless the file of zones says otherwise."""
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
_VOLUME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
_MEMORY: Final = re.compile(r"[1-9][0-9]{0,4}[MG]")
_REPOSITORY: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}")
_REF: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,199}")


@dataclass(frozen=True, slots=True)
class Size:
    """How much of a machine one launch may use."""

    name: str
    title: str
    cpu: float
    memory: str
    gpu: int = 0

    @property
    def label(self) -> str:
        """What people choose by."""
        gpu = f", {self.gpu} GPU" if self.gpu else ""
        return f"{self.title}: {self.cpu:g} CPU, {self.memory}B{gpu}"


@dataclass(frozen=True, slots=True)
class Place:
    """What the file says of one target."""

    name: str
    kind: str
    title: str
    url: str = ""
    token: str = field(default="", repr=False)
    """What the portal shows at a hub; it stands in a file of its own, and never leaves the server."""
    log: Path | None = None
    """The hub's log, where this machine has it."""
    user: str = "id"
    sign_in: str = "token"
    servers: int = SERVERS
    """How many one person may have open at once."""
    hours: int = 12
    """How long the token is good that opens a server."""
    images: tuple[str, ...] = ()
    """Images that may be started here, each by its digest."""
    sizes: tuple[Size, ...] = ()
    repository: str = ""
    ref: str = ""
    path: str = ""

    @property
    def runs(self) -> bool:
        """Whether something is started here that can be followed and stopped."""
        return self.kind == HUB


@dataclass(frozen=True, slots=True)
class Zone:
    """A datazone."""

    name: str
    title: str
    about: str = ""
    volumes: tuple[str, ...] = ()
    """Short names or ids of the volumes that are local here; `*` is all."""
    places: tuple[Place, ...] = ()

    def has(self, volume: Volume) -> bool:
        """Say whether a volume is local here: the zone says so, or the volume does."""
        if ALL in self.volumes or self.name in volume.zones:
            return True
        folder = volume.mount_path.rpartition("/")[2]
        return any(each and each in self.volumes for each in (volume.id, volume.slug, folder))

    def place(self, name: str) -> Place | None:
        """Return the target with a name."""
        return next((each for each in self.places if each.name == name), None)


HERE: Final = Zone(
    name="here",
    title="Your own computer",
    about="The notebook as a file; it opens the data where they are mounted, else over the network.",
    places=(Place("lab", LAB, "JupyterLab on your computer"), Place("download", DOWNLOAD, "The notebook as a file")),
)
"""What everybody has, whatever the file says."""


@dataclass(frozen=True, slots=True)
class Zones:
    """All datazones of a portal, in the operator's order; the last is everybody's own computer."""

    zones: tuple[Zone, ...] = (HERE,)

    def zone(self, name: str) -> Zone | None:
        """Return the zone with a name."""
        return next((each for each in self.zones if each.name == name), None)

    @property
    def run(self) -> bool:
        """Whether servers are started in one of them, which can be followed and stopped."""
        return any(place.runs for zone in self.zones for place in zone.places)

    def ranked(self, volumes: Sequence[Volume]) -> tuple[Zone, ...]:
        """Return the zones with the nearest first: those where most of the volumes are local, else as they stand."""
        return tuple(sorted(self.zones, key=lambda zone: (zone is HERE, -sum(zone.has(each) for each in volumes))))


def load(path: Path) -> Zones:
    """Return the zones of a file.

    Raises:
        ConfigError: It cannot be read, or says what cannot be; the message says where.
    """
    try:
        if path.stat().st_size > MAX_FILE:
            raise ConfigError(f"{path.name} has more than {MAX_FILE} bytes")
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path.name} cannot be read: {error}") from error
    try:
        return _zones(said, path.parent)
    except ValueError as error:
        raise ConfigError(f"{path.name}: {error}") from error


def _zones(said: Mapping[str, Any], folder: Path) -> Zones:
    _known(said, {"zones"}, "the file")
    tables = _table(said.get("zones"), "zones")
    if len(tables) > MAX_ZONES:
        raise ValueError(f"there are {len(tables)} zones, and at most {MAX_ZONES} may be")
    if HERE.name in tables:
        raise ValueError(f"zones.{HERE.name} is the name of everybody's own computer")
    return Zones((*(_zone(name, _table(each, f"zones.{name}"), folder) for name, each in tables.items()), HERE))


def _zone(name: str, said: Mapping[str, Any], folder: Path) -> Zone:
    where = f"zones.{_named(name)}"
    _known(said, {"title", "about", "volumes", "targets"}, where)
    volumes = said.get("volumes", [])
    if not isinstance(volumes, list) or not all(
        isinstance(each, str) and (each == ALL or _VOLUME.fullmatch(each)) for each in volumes
    ):
        raise ValueError(f"{where}.volumes is no list of short names or ids of volumes")
    targets = _table(said.get("targets"), f"{where}.targets")
    if not 0 < len(targets) <= MAX_TARGETS:
        raise ValueError(f"{where} has {len(targets)} targets; 1 to {MAX_TARGETS} may be")
    places = tuple(
        _place(each, _table(table, f"{where}.targets.{each}"), f"{where}.targets.{_named(each)}", folder)
        for each, table in targets.items()
    )
    return Zone(name, _line(said, "title", where, name), _line(said, "about", where), tuple(volumes), places)


_COMMON: Final = {"kind", "title"}
_FIELDS: Final[Mapping[str, set[str]]] = {
    HUB: {"url", "token_file", "log", "user", "sign_in", "servers", "hours", "images", "sizes"},
    BINDER: {"url", "repository", "ref", "path"},
    NBGITPULLER: {"url", "repository", "ref", "path"},
    LAB: set(),
    DOWNLOAD: set(),
}


def _place(name: str, said: Mapping[str, Any], where: str, folder: Path) -> Place:
    kind = said.get("kind")
    if kind not in KINDS:
        raise ValueError(f"{where}.kind = {kind!r} is not one of {', '.join(KINDS)}")
    _known(said, _COMMON | _FIELDS[kind], where)
    title = _line(said, "title", where, name)
    if kind == HUB:
        return _hub(name, title, said, where, folder)
    if kind in (LAB, DOWNLOAD):
        return Place(name, kind, title)
    return Place(
        name,
        kind,
        title,
        url=_url(said.get("url"), f"{where}.url"),
        repository=_repository(kind, said.get("repository"), f"{where}.repository"),
        ref=_form(_REF, said.get("ref", "main"), f"{where}.ref"),
        path=_inside(said.get("path", ""), f"{where}.path"),
    )


def _hub(name: str, title: str, said: Mapping[str, Any], where: str, folder: Path) -> Place:
    images = said.get("images", [])
    if not isinstance(images, list):
        raise ValueError(f"{where}.images is no list")
    log = said.get("log", "")
    if not isinstance(log, str):
        raise ValueError(f"{where}.log = {log!r} is no path")
    return Place(
        name,
        HUB,
        title,
        url=_url(said.get("url"), f"{where}.url"),
        token=_token(said.get("token_file"), f"{where}.token_file", folder),
        log=folder / log if log else None,
        user=_choice(said.get("user", USERS[0]), USERS, f"{where}.user"),
        sign_in=_choice(said.get("sign_in", SIGN_INS[0]), SIGN_INS, f"{where}.sign_in"),
        servers=_number(said.get("servers", SERVERS), 1, 100, f"{where}.servers"),
        hours=_number(said.get("hours", 12), 1, 24 * 7, f"{where}.hours"),
        images=tuple(_image(each, f"{where}.images") for each in images),
        sizes=tuple(
            _size(_named(each), _table(table, f"{where}.sizes.{each}"), f"{where}.sizes.{each}")
            for each, table in _table(said.get("sizes", {}), f"{where}.sizes").items()
        ),
    )


def _size(name: str, said: Mapping[str, Any], where: str) -> Size:
    _known(said, {"title", "cpu", "memory", "gpu"}, where)
    cpu = said.get("cpu")
    if isinstance(cpu, bool) or not isinstance(cpu, int | float) or not 0 < cpu <= 1024:
        raise ValueError(f"{where}.cpu = {cpu!r} is no number of cores")
    memory = _form(_MEMORY, said.get("memory"), f"{where}.memory")
    return Size(
        name, _line(said, "title", where, name), float(cpu), memory, _number(said.get("gpu", 0), 0, 16, f"{where}.gpu")
    )


def _known(said: Mapping[str, Any], known: set[str], where: str) -> None:
    if unknown := sorted(set(said) - known):
        raise ValueError(f"{where}: {', '.join(unknown)} is not known; allowed: {', '.join(sorted(known))}")


def _table(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{where} is no table")
    return value


def _named(name: str) -> str:
    return _form(_NAME, name, f"the name {name[:60]!r}")


def _form(form: re.Pattern[str], value: object, where: str) -> str:
    if not isinstance(value, str) or not form.fullmatch(value) or ".." in value:
        raise ValueError(f"{where}{'' if value is None else f' = {value!r}'} is not of its form, {form.pattern}")
    return value


def _choice(value: object, known: Sequence[str], where: str) -> str:
    if value not in known:
        raise ValueError(f"{where} = {value!r} is not one of {', '.join(known)}")
    return str(value)


def _number(value: object, low: int, high: int, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{where} = {value!r} is no whole number from {low} to {high}")
    return value


def _line(said: Mapping[str, Any], name: str, where: str, without: str = "") -> str:
    value = said.get(name, without)
    if not isinstance(value, str) or len(value) > 300 or (value and not value.isprintable()):
        raise ValueError(f"{where}.{name} is no line of at most 300 characters")
    return value


def _url(value: object, where: str) -> str:
    try:
        parts = urlsplit(value) if isinstance(value, str) and value.isascii() and value.isprintable() else None
        host = parts.hostname if parts else None
        _ = parts.port if parts else None
    except ValueError:
        parts = host = None
    plain = parts and parts.scheme in ("http", "https") and host and not parts.query and not parts.fragment
    if not plain or parts is None or "@" in parts.netloc or set(str(value)) & set("\\ \"'<>;"):
        raise ValueError(f"{where} = {value!r} is not an address such as https://hub.example")
    return str(value).rstrip("/")


def _repository(kind: str, value: object, where: str) -> str:
    check: Callable[[object, str], str] = _url if kind == NBGITPULLER else lambda it, at: _form(_REPOSITORY, it, at)
    return check(value, where)


def _inside(value: object, where: str) -> str:
    parts = value.split("/") if isinstance(value, str) else [".."]
    if ".." in parts or not isinstance(value, str) or not value.isprintable() or value.startswith("/") or "\\" in value:
        raise ValueError(f"{where} = {value!r} is no path inside the repository")
    return value


def _image(value: object, where: str) -> str:
    try:
        return pinned(value if isinstance(value, str) else "")
    except ValueError as error:
        raise ValueError(f"{where}: {value!r} {error}") from error


def _token(value: object, where: str, folder: Path) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{where} names no file with the hub's token; a token does not stand in this file")
    try:
        token = (folder / value).read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise ValueError(f"{where}: {value} cannot be read ({type(error).__name__})") from error
    if len(token) < MIN_TOKEN or not token.isalnum():
        raise ValueError(f"{where}: a token has {MIN_TOKEN} letters and digits at least: openssl rand -hex 32")
    return token
