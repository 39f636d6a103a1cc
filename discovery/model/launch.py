"""A launch: one start of an environment for somebody's records, from being asked for to its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

ASKED: Final = "asked"
STARTING: Final = "starting"
READY: Final = "ready"
STOPPING: Final = "stopping"
STOPPED: Final = "stopped"
FAILED: Final = "failed"
STATUSES: Final = (ASKED, STARTING, READY, STOPPING, STOPPED, FAILED)
OPEN: Final = (ASKED, STARTING, READY, STOPPING)
"""The states of a launch that uses something, or may yet."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody confirmed."""

    records: tuple[str, ...]
    """Ids, in their order."""
    volumes: tuple[str, ...] = ()
    """Ids of the volumes to mount."""
    title: str = ""
    """What lists call it."""
    notebook: str = ""
    """The name of its file there."""
    image: str = ""
    """By its digest; empty is what the target starts by itself."""
    size: str = ""
    """One of the target's; empty is its own."""
    file: str = ""
    """The key of the file to begin with; empty is the first that can be shown."""
    selection: str = ""
    """The id of the kept selection that its records are from; empty for none."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values, without what is empty."""
        lists = {"records": list(self.records), "volumes": list(self.volumes)}
        texts = {name: getattr(self, name) for name in _TEXTS}
        return {name: value for name, value in (lists | texts).items() if value}

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> Asked:
        """Return what `to_dict` gave."""
        records, volumes = (tuple(str(each) for each in said.get(name, ())) for name in ("records", "volumes"))
        return cls(records, volumes, *(str(said.get(name, "")) for name in _TEXTS))


_TEXTS: Final = ("title", "notebook", "image", "size", "file", "selection")


@dataclass(frozen=True, slots=True)
class Launch:
    """One launch as it is kept."""

    id: str
    """26 characters; whoever asks makes it, so that asking twice is asking once."""
    person: str
    target: str
    """The name of a target in its zone."""
    zone: str
    datalab: str = ""
    """The id of its record; empty for the target's own environment."""
    asked: Asked = field(default_factory=lambda: Asked(()))
    status: str = ASKED
    server: str = ""
    """What the target calls it."""
    url: str = ""
    """Where it is, without any secret; empty while it is nowhere."""
    message: str = ""
    """What is to be said of its state: how far it is, or why it failed."""
    created: int = 0
    updated: int = 0
    ended: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether it uses something, or may yet."""
        return self.status in OPEN


@dataclass(frozen=True, slots=True)
class State:
    """What a target says of a launch."""

    status: str
    message: str = ""
    url: str = ""
    """Where it is, without any secret."""
    server: str = ""
