"""What was found inside an array store: values that travel between processes as JSON."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, Final, TypeVar

READ: Final = "read"
EMPTY: Final = "empty"
NONE: Final = "no-picture"
NO_READER: Final = "no-reader"
NOT_ASKED: Final = "not-asked"
REFUSED: Final = "refused"
UNREACHABLE: Final = "unreachable"
MISSING: Final = "missing"
UNLISTED: Final = "unlisted"
TOO_LARGE: Final = "too-large"
SLOW: Final = "slow"
BROKEN: Final = "broken"
UNSAFE: Final = "unsafe"
UNKNOWN: Final = "unknown-variable"
BUSY: Final = "busy"
STATES: Final[Mapping[str, str]] = MappingProxyType(
    {
        READ: "It was read.",
        EMPTY: "The piece that was read holds missing values alone.",
        NONE: "There is nothing of two dimensions and numbers to draw.",
        NO_READER: "The packages that read Zarr are not installed on this portal.",
        NOT_ASKED: "Its place is one that this portal does not ask: a private address, or a bucket that wants keys.",
        REFUSED: "Its server refuses to give it to everybody.",
        UNREACHABLE: "Its server does not answer, or the volume is not mounted on this portal.",
        MISSING: "There is no Zarr group or array at its address.",
        UNLISTED: "It has no consolidated metadata, and over the web nobody can say which arrays it has.",
        TOO_LARGE: "It is larger than what is read for a look.",
        SLOW: "It could not be read in the time that a look may take.",
        BROKEN: "Its metadata or chunks are damaged, or of a kind that the reader does not know.",
        UNSAFE: "It is packed in a way that could run code of a stranger, and is not unpacked.",
        UNKNOWN: "It has no variable of that name that could be drawn.",
        BUSY: "Too many are being looked at just now.",
    }
)
"""What can come of a look, and what that means."""
PASSING: Final = frozenset({UNREACHABLE, SLOW, BUSY})
"""What may be otherwise in a while."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Variable:
    """One array."""

    path: str
    """Within the store; empty where the store is the array."""
    name: str
    label: str = ""
    """What its own metadata call it for people."""
    units: str = ""
    dtype: str = ""
    dims: tuple[str, ...] = ()
    """Empty texts where a dimension has no name."""
    shape: tuple[int, ...] = ()
    chunks: tuple[int, ...] = ()
    """What is packed, and so read, at once."""
    shards: tuple[int, ...] = ()
    """What lies in one file, where that is more than a chunk."""
    size: int = 0
    """Bytes when unpacked."""
    chunk_size: int = 0
    packing: tuple[str, ...] = ()
    """The codecs by name."""
    coordinate: bool = False
    """Whether it says where along a dimension the others are."""
    low: str = ""
    """The least value of a coordinate, empty where it was not read."""
    high: str = ""
    drawable: bool = False
    """Whether a picture of it can be asked for."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return _plain(self)


@dataclass(frozen=True, slots=True)
class Structure:
    """What a store says of itself."""

    format: int
    """2 or 3."""
    consolidated: bool
    variables: tuple[Variable, ...] = ()
    left: int = 0
    """Arrays that are not told of."""
    groups: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    """Groups or arrays that hold the same at several resolutions, the finest first."""
    size: int = 0
    """Bytes of all arrays when unpacked."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return _plain(self) | {"variables": [each.to_dict() for each in self.variables]}


@dataclass(frozen=True, slots=True)
class Picture:
    """A small picture of a part of one array."""

    variable: str
    """Its path."""
    name: str
    label: str
    units: str
    part: str
    """Which part of the array is seen, for people."""
    width: int
    height: int
    low: float
    """The value that the darkest colour stands for: 2 of 100 are lower."""
    high: float
    """The value that the brightest colour stands for: 2 of 100 are higher."""
    missing: float
    """The part of it that is missing, from 0 to 1; it is transparent."""
    colours: str
    png: bytes = b""

    @property
    def scale(self) -> str:
        """What the colours stand for, for people."""
        unit = f" {self.units}" if self.units else ""
        return f"{self.colours}, from {self.low:.4g} (dark) to {self.high:.4g}{unit} (bright); missing is transparent"

    @property
    def alt(self) -> str:
        """What whoever does not see the picture is told."""
        label = f" ({self.label})" if self.label and self.label != self.name else ""
        return f"Quicklook of {self.name or 'the array'}{label}: {self.part}. Colours: {self.scale}."

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the picture itself as JSON values."""
        out = _plain(self)
        del out["png"]
        return out | {"alt": self.alt}


@dataclass(frozen=True, slots=True)
class Look:
    """What came of looking into a store once."""

    state: str
    """One of `STATES`, of the structure."""
    address: str = ""
    """Where it was read."""
    detail: str = ""
    structure: Structure | None = None
    picture: Picture | None = None
    picture_state: str = NONE
    """One of `STATES`, of the picture."""
    picture_detail: str = ""
    fingerprint: str = ""
    """What changes when the store's own metadata do."""
    fetched: int = 0
    """Bytes that were read."""
    requests: int = 0
    seconds: float = 0.0

    @property
    def message(self) -> str:
        """What came of it, for people."""
        return _said(self.state, self.detail)

    @property
    def picture_message(self) -> str:
        """What came of the picture, for people; why the store cannot be read where it cannot."""
        return _said(self.picture_state, self.picture_detail) if self.state == READ else self.message

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values, without the picture's bytes."""
        return {
            "state": self.state,
            "message": self.message,
            "address": self.address or None,
            "structure": self.structure.to_dict() if self.structure else None,
            "quicklook": self.picture.to_dict() if self.picture else None,
            "quicklook_state": self.picture_state if self.state == READ else self.state,
            "quicklook_message": self.picture_message,
            "fetched": self.fetched,
            "requests": self.requests,
            "seconds": self.seconds,
        }

    def packed(self) -> dict[str, Any]:
        """Return all of it as JSON values, for another process."""
        out = _plain(self)
        out["structure"] = self.structure.to_dict() if self.structure else None
        if self.picture:
            out["picture"] = _plain(self.picture) | {"png": base64.b64encode(self.picture.png).decode()}
        return out

    @classmethod
    def unpacked(cls, given: Mapping[str, Any]) -> Look:
        """Return what `packed` was made of."""
        structure, picture = given["structure"], given["picture"]
        known = dict(given)
        known["structure"] = (
            _made(Structure, structure | {"variables": [_made(Variable, each) for each in structure["variables"]]})
            if structure
            else None
        )
        known["picture"] = _made(Picture, picture | {"png": base64.b64decode(picture["png"])}) if picture else None
        return _made(cls, known)


def _said(state: str, detail: str) -> str:
    return f"{STATES[state]} {detail[:1].upper()}{detail[1:]}".strip() if detail else STATES[state]


def _plain(value: Any) -> dict[str, Any]:
    found = {each.name: getattr(value, each.name) for each in fields(value)}
    return {name: list(each) if isinstance(each, tuple) else each for name, each in found.items()}


def _made(kind: type[T], given: Mapping[str, Any]) -> T:
    return kind(**{name: tuple(each) if isinstance(each, list) else each for name, each in given.items()})
