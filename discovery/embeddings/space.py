"""A space of embeddings: whose vectors they are, what files hold them, and how well they are found.

Vectors of one model, version, size, metric and preprocessing make a space; those of different spaces are never
compared. The manifest says all that is known of a space, and is replaced as a whole.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import orjson

from discovery.errors import ConfigError, NotFoundError

FORMAT: Final = 1
"""Of the manifest and the folder; another one is built again."""
MANIFEST: Final = "manifest.json"
BUILDING: Final = "building.json"
"""The manifest that will be, while files are added: where to go on after a kill."""
COSINE: Final = "cosine"
EUCLIDEAN: Final = "l2"
METRICS: Final = (COSINE, EUCLIDEAN)
PLAIN: Final = "none"
SIGNED_SQUARE: Final = "signed-square"
QUANTIZATIONS: Final = (PLAIN, SIGNED_SQUARE, "scale")
"""How stored numbers become values: as they are; AlphaEarth's `sign(v) (v / 127.5)^2`; `v * scale + offset`."""
MAX_DIMENSIONS: Final = 8192
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Quantization:
    """How the numbers of a file become the values of vectors."""

    method: str = PLAIN
    scale: float = 1.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        if self.method not in QUANTIZATIONS:
            raise ConfigError(f"quantization {self.method!r} is not one of {', '.join(QUANTIZATIONS)}")


@dataclass(frozen=True, slots=True)
class Model:
    """What made the vectors."""

    name: str = ""
    version: str = ""
    preprocessing: str = ""


@dataclass(frozen=True, slots=True)
class Segment:
    """The rows of one file, and what is derived from them."""

    name: str
    """Of its folder."""
    address: str
    """Of the file."""
    fingerprint: str
    """By which a file that has changed is noticed."""
    start: int
    """The number of its first row in the space."""
    rows: int
    left_out: int = 0
    """Rows that hold no vector: zero, or not finite."""
    residual: float = 0.0
    """The mean distance of its rows to the middles of their lists."""
    coder: str = ""
    """The file that says what its codes mean; empty where there are none: small spaces are compared as they are."""
    sidecar: bool = False
    """Whether the vectors are kept once more as float16, for a file that cannot be mapped."""
    gone: str = ""
    """Why its rows are not found any more; empty while they are."""

    @property
    def coded(self) -> bool:
        """Whether there are codes."""
        return bool(self.coder)


@dataclass(frozen=True, slots=True)
class Recall:
    """How many of the truly nearest are found, as it was measured."""

    kind: str
    """`none`, `random-1%`, `random-10%`, `region-1%` or `region-10%`: what narrowed the rows."""
    mode: str
    k: int
    queries: int
    value: float
    measured: int
    """When, in UTC milliseconds."""


@dataclass(frozen=True, slots=True)
class Held:
    """Where the rows of a space are held once more, by an engine for many machines that looks through them."""

    engine: str
    kind: str
    """How it holds vectors."""
    index: str
    """What it calls the rows of this space."""
    starts: tuple[int, ...] = ()
    """The first rows of the segments that it holds; no number of a row is ever given again."""
    recall: tuple[Recall, ...] = ()
    """How well rows are found by it."""


@dataclass(frozen=True, slots=True)
class Space:
    """One space, as its manifest says."""

    name: str
    dimensions: int
    metric: str = COSINE
    model: Model = field(default_factory=Model)
    quantization: Quantization = field(default_factory=Quantization)
    record: str = ""
    """The id of the record that the vectors belong to, where a row names none of its own."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Which columns of the files hold what, where somebody said so."""
    coder: str = ""
    """The file that says what codes mean; empty while the space is so small that it has none."""
    lists: int = 0
    """Lists that codes are kept in."""
    trained: int = 0
    """Rows of the space when the lists were made."""
    residual: float = 0.0
    """The mean distance to the middles of the lists when they were made."""
    segments: tuple[Segment, ...] = ()
    recall: tuple[Recall, ...] = ()
    generation: int = 0
    """Grows with each manifest."""
    held: Held | None = None
    """Where its rows are held once more; None is nowhere."""

    @property
    def rows(self) -> int:
        """How many rows there are, those that are gone too: their numbers are not given again."""
        return sum(each.rows for each in self.segments)

    @property
    def live(self) -> int:
        """How many rows can be found."""
        return sum(each.rows - each.left_out for each in self.segments if not each.gone)

    @property
    def measured(self) -> tuple[Recall, ...]:
        """How well rows are found by what finds them: the engine that holds them, or our own codes."""
        return self.held.recall if self.held is not None else self.recall

    @property
    def drift(self) -> float:
        """How much farther from the middles of their lists new rows are than the first were; 0.15 is a lot."""
        new = [each for each in self.segments if each.coded and not each.gone and each.start >= self.trained]
        rows = sum(each.rows for each in new)
        if not rows or not self.residual:
            return 0.0
        return sum(each.residual * each.rows for each in new) / rows / self.residual - 1.0

    def to_dict(self) -> dict[str, Any]:
        """Return the manifest as JSON values."""
        loaded: dict[str, Any] = orjson.loads(orjson.dumps(self))
        return {"format": FORMAT, **loaded}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Space:
        """Return the space of a manifest.

        Raises:
            ConfigError: It is of another format, or damaged.
        """
        if data.get("format") != FORMAT:
            raise ConfigError(
                f"the manifest has format {data.get('format')!r}, this version knows {FORMAT}: add it anew"
            )
        try:
            given = {name: value for name, value in data.items() if name != "format"}
            made = cls(**given)
            return replace(
                made,
                model=Model(**given.get("model", {})),
                quantization=Quantization(**given.get("quantization", {})),
                segments=tuple(Segment(**each) for each in given.get("segments", ())),
                recall=tuple(Recall(**each) for each in given.get("recall", ())),
                held=_held(given["held"]) if given.get("held") else None,
            )
        except (TypeError, AttributeError) as error:
            raise ConfigError(f"the manifest is damaged: {error}") from error


def _held(given: Mapping[str, Any]) -> Held:
    recall = tuple(Recall(**each) for each in given.get("recall", ()))
    return replace(Held(**given), starts=tuple(given.get("starts", ())), recall=recall)


def checked_name(name: str) -> str:
    """Return the name of a space if it can be one: it is a folder and part of addresses.

    Raises:
        ConfigError: It cannot.
    """
    if not _NAME.fullmatch(name) or ".." in name:
        raise ConfigError(f"{name[:80]!r} is no name of a space: letters a to z, digits, dots, dashes, at most 64")
    return name


def read(folder: Path, name: str = MANIFEST) -> Space:
    """Return the space in a folder, by this manifest of it.

    Raises:
        NotFoundError: There is none.
        ConfigError: Its manifest cannot be read.
    """
    path = folder / name
    try:
        data = orjson.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise NotFoundError(f"no space {folder.name!r}") from error
    except (OSError, orjson.JSONDecodeError) as error:
        raise ConfigError(f"the manifest of {folder.name} cannot be read: {error}") from error
    if not isinstance(data, dict):
        raise ConfigError(f"the manifest of {folder.name} is damaged: it is no object")
    return Space.from_dict(data)


def publish(folder: Path, space: Space) -> Space:
    """Let a space be what everybody finds, and return it with its generation."""
    made = replace(space, generation=space.generation + 1)
    write(folder, made)
    (folder / BUILDING).unlink(missing_ok=True)
    return made


def write(folder: Path, made: Space, name: str = MANIFEST) -> None:
    """Put a manifest in the place of the one before, whole or not at all."""
    path = folder / name
    part = path.with_suffix(".part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as out:
            out.write(orjson.dumps(made.to_dict(), option=orjson.OPT_INDENT_2))
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise ConfigError(f"the manifest of {made.name} cannot be written: {error.strerror}") from error


def same(one: Space, other: Space) -> Iterable[str]:
    """Yield what differs between two descriptions of one space, of all that makes vectors comparable."""
    for what in ("dimensions", "metric", "model", "quantization"):
        if getattr(one, what) != getattr(other, what):
            yield f"{what}: {getattr(one, what)!r} is not {getattr(other, what)!r}"
