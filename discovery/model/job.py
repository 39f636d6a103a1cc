"""Work that a face asks for and the steward does: what can be asked for, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from discovery.errors import BadQueryError, UnknownFieldError
from discovery.model.instant import iso

WAITING: Final = "waiting"
RUNNING: Final = "running"
DONE: Final = "done"
FAILED: Final = "failed"

HARVEST: Final = "harvest"
RETRY: Final = "retry"
APPROVE: Final = "approve"
PREVIEW: Final = "preview"
REMAP: Final = "remap"

LONG: Final = frozenset({HARVEST, REMAP})
"""Those that may take hours, so that nobody waits behind them for one that takes a moment."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One thing that a job has to be told."""

    type: type[str] | type[int] | type[bool]
    help: str
    needed: bool = False


ARGUMENTS: Final[Mapping[str, Mapping[str, Argument]]] = MappingProxyType(
    {
        HARVEST: {
            "source": Argument(str, "The source.", needed=True),
            "full": Argument(bool, "Read everything, not only what has changed."),
            "limit": Argument(int, "Stop after so many elements."),
        },
        RETRY: {
            "source": Argument(str, "Only what came from this source."),
            "number": Argument(int, "Only this element."),
        },
        APPROVE: {
            "run": Argument(int, "The held run.", needed=True),
            "by": Argument(str, "Who says that it is right.", needed=True),
        },
        PREVIEW: {
            "record": Argument(str, "A record that is stored."),
            "source": Argument(str, "A source whose first elements are read, and nothing stored."),
            "first": Argument(int, "How many of them."),
        },
        REMAP: {"source": Argument(str, "Only this source.")},
    }
)
"""What each kind of job is told."""

_MOST_TEXT: Final = 1000


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work, as it stands."""

    id: int
    kind: str
    arguments: Mapping[str, Any]
    status: str
    message: str = ""
    """Why it failed, or in a few words what came of it."""
    created: int = 0
    finished: int | None = None
    result: Mapping[str, Any] = field(default_factory=dict)
    attempts: int = 0
    """How often somebody has begun with it; more than once when whoever did it died."""

    @property
    def source(self) -> str:
        """The source that it works on alone; empty where it names none."""
        return str(self.arguments.get("source", ""))

    def to_dict(self) -> dict[str, Any]:
        """Return the job as JSON values, without its number."""
        return {
            "kind": self.kind,
            "arguments": dict(self.arguments),
            "status": self.status,
            "message": self.message,
            "attempts": self.attempts,
            "created": iso(self.created),
            "finished": iso(self.finished) if self.finished is not None else None,
            "result": dict(self.result),
        }

    @property
    def ended(self) -> bool:
        """Whether anything more can come of it."""
        return self.status in (DONE, FAILED)


def checked(kind: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a job if it can be asked for so.

    Raises:
        UnknownFieldError: There is no such kind, or it has no such argument; the near names are in the message.
        BadQueryError: An argument is missing or not of its type.
    """
    if kind not in ARGUMENTS:
        raise UnknownFieldError(kind, ARGUMENTS, what="job", parameter="kind")
    known = ARGUMENTS[kind]
    given = {name: value for name, value in arguments.items() if value is not None}
    for name, value in given.items():
        if name not in known:
            raise UnknownFieldError(name, known, what=f"argument of {kind}", parameter=name)
        wanted = known[name].type
        if type(value) is not wanted or (isinstance(value, int) and wanted is int and not 0 < value < 1 << 53):
            what = "a number above 0" if wanted is int else f"a {wanted.__name__}"
            raise BadQueryError(f"{kind}: {name} is {str(value)[:80]!r}, not {what}", parameter=name)
        if isinstance(value, str) and not 0 < len(value) <= _MOST_TEXT:
            raise BadQueryError(
                f"{kind}: {name} has {len(value)} characters; allowed: 1 to {_MOST_TEXT}", parameter=name
            )
    for name, argument in known.items():
        if argument.needed and name not in given:
            raise BadQueryError(f"{kind} needs {name}", parameter=name)
    if kind == PREVIEW and ("record" in given) == ("source" in given):
        raise BadQueryError("preview needs either record or source", parameter="record")
    return given
