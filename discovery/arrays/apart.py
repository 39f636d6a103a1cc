"""One look in a process of its own: what unpacks a stranger's bytes can end, hang or eat memory, and we go on."""

from __future__ import annotations

import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import orjson

from discovery.arrays import facts
from discovery.arrays.facts import Look
from discovery.arrays.reach import PATIENCE, Reach, policy_of, policy_to_dict
from discovery.confinement import LARGE, SILENT, SLOW, Confined, Ended, Limits, Questions, Say
from discovery.errors import NotFoundError, SourceRefusedError, SourceUnavailableError
from discovery.http import Client, Policy

if TYPE_CHECKING:
    import zarr
    from zarr.abc.store import Store

    from discovery.arrays.stores import Budget

SECONDS: Final = 15.0
"""Seconds that a look may take in all, the start of the reader included."""
MEMORY: Final = 768 << 20
"""Bytes of memory that reading may take beside what the reader itself needs."""
_OUTPUT: Final = 16 << 20
"""Bytes that a look may give."""
LIMITS: Final = Limits(
    memory=MEMORY,
    answer=_OUTPUT,
    seconds=SECONDS,
    # Two threads unpack.
    cpu=2 * SECONDS,
    imports=("PIL.Image", "xarray", "zarr"),
)
"""What a look may take."""
_STATES: Final = {
    "address": facts.NOT_ASKED,
    "redirects": facts.NOT_ASKED,
    "outside": facts.NOT_ASKED,
    "unauthorised": facts.REFUSED,
    "rate_limited": facts.UNREACHABLE,
    "timeout": facts.SLOW,
    "slow": facts.SLOW,
    "busy": facts.SLOW,
    "too_large": facts.TOO_LARGE,
    "ratio": facts.TOO_LARGE,
    "encoding": facts.BROKEN,
    "cut": facts.BROKEN,
}
_DAMAGED: Final = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    RecursionError,
    OSError,
    EOFError,
    ImportError,
    SystemError,
)
"""What readers raise for damaged metadata and chunks; whatever else there is ends the process."""


@dataclass(frozen=True, slots=True)
class Question:
    """What one look is for."""

    reaches: tuple[Reach, ...]
    """The ways to the store; the first that is there is taken."""
    policy: Policy
    variable: str = ""
    """The path of the array that is drawn; empty for the one that stands for the store."""
    known: str = ""
    """The fingerprint of a look before: where it is still the same, nothing else is read."""


def look(question: Question, *, seconds: float = SECONDS) -> tuple[Look | None, subprocess.Popen[bytes] | None]:
    """Return what came of a look, None where it is as it was before; and the process if it could not be ended.

    Args:
        question: What it is for.
        seconds: When it is ended.
    """
    asked = asdict(question) | {
        "policy": policy_to_dict(question.policy),
        "reaches": [each.to_dict() for each in question.reaches],
    }
    address = question.reaches[0].address if question.reaches else ""
    heard: deque[bytes] = deque(maxlen=1)
    why = None
    reader = Confined("discovery.arrays.apart:work", replace(LIMITS, seconds=seconds), _failed)
    try:
        with reader:
            reader.ask(orjson.dumps(asked))
            heard.extend(reader.answers())
    except SourceUnavailableError as error:
        why = Look(error.detail, detail=str(error))
    if heard and not why:
        return (Look.unpacked(found) if (found := orjson.loads(heard[-1])) else None), None
    why = why or Look(facts.BROKEN, detail="its reader said nothing.")
    if not heard:
        return replace(why, address=address, seconds=seconds if why.state == facts.SLOW else 0.0), reader.left
    # What was told before the picture was begun is true whatever became of that.
    found = Look.unpacked(orjson.loads(heard[-1]))
    return replace(found, picture=None, picture_state=why.state, picture_detail=why.detail), reader.left


def _failed(ended: Ended) -> SourceUnavailableError:
    """Return the state that the end of a process stands for, and what more it says."""
    if ended.why in (SLOW, SILENT):
        return SourceUnavailableError("", detail=facts.SLOW)
    if ended.why == LARGE:
        return SourceUnavailableError("its reader said too much.", detail=facts.BROKEN)
    how = f"signal {-ended.status}" if ended.signal else f"status {ended.status}"
    return SourceUnavailableError(f"its reader ended with {how}.", detail=facts.BROKEN)


def work(asked: Questions, say: Say) -> None:
    """Look once, and tell what came of it: what is known before the picture is begun, and then all of it.

    Args:
        asked: One question.
        say: Is given looks as JSON, null for one that is as it was before.
    """
    given = orjson.loads(next(asked))
    question = Question(
        tuple(Reach(**each) for each in given["reaches"]),
        policy_of(given["policy"], PATIENCE, _OUTPUT * 2),
        given["variable"],
        given["known"],
    )

    def tell(look: Look | None) -> None:
        say(orjson.dumps(look.packed() if look else None))

    try:
        import PIL.Image  # noqa: F401
        import xarray  # noqa: F401
        import zarr  # noqa: F401
    except ModuleNotFoundError as error:
        tell(Look(facts.NO_READER, detail=f"it needs the package {error.name}."))
        return
    tell(read(question, tell))


def read(question: Question, say: Callable[[Look], None] = lambda _look: None) -> Look | None:
    """Return what came of a look in this process, None where the store is as it was before.

    Args:
        question: What it is for.
        say: Is given what is known before the picture is begun, which takes longest.
    """
    from discovery.arrays.opening import opened
    from discovery.arrays.stores import Budget

    began = time.monotonic()
    with Client(question.policy) as client:
        found: Look | None = Look(facts.UNREACHABLE)
        for each in question.reaches:
            budget = Budget()
            try:
                found_there = opened(each, client, budget)
                if found_there is None:
                    continue
                with closing(found_there):
                    found = _read(each, found_there, budget, question, say)
            except (SourceUnavailableError, NotFoundError, MemoryError, *_DAMAGED) as error:
                state, detail = told(error)
                found = Look(state, detail=detail)
            if found is None:
                return None
            seconds = round(time.monotonic() - began, 3)
            return replace(
                found, address=each.address, fetched=budget.fetched, requests=budget.requests, seconds=seconds
            )
    address = question.reaches[0].address if question.reaches else ""
    return Look(facts.UNREACHABLE if address else facts.NOT_ASKED, address)


def _read(
    reach: Reach, there: Iterable[Store], budget: Budget, question: Question, say: Callable[[Look], None]
) -> Look | None:
    import zarr

    from discovery.arrays.picture import drawable
    from discovery.arrays.structure import structure, walked

    zarr.config.set({"async.concurrency": 6, "threading.max_workers": 2})
    for store in there:
        try:
            node: Any = zarr.open(store=store, mode="r")
        except FileNotFoundError:
            continue
        break
    else:
        return Look(facts.REFUSED, detail=f"{budget.refused}.") if budget.refused else Look(facts.MISSING)
    if question.known and budget.fingerprint == question.known:
        return None
    mark = budget.fingerprint
    listed = isinstance(node, zarr.Array) or node.metadata.consolidated_metadata is not None or store.supports_listing
    if not listed:
        return Look(facts.UNLISTED, fingerprint=mark)
    arrays, groups = walked(node)
    paths = drawable(arrays)
    found = structure(node, arrays, groups, paths)
    looked = Look(facts.READ, structure=found, fingerprint=mark)
    say(replace(looked, address=reach.address, fetched=budget.fetched, requests=budget.requests))
    return _ranged(_drawn(looked, arrays, groups, paths, question.variable), arrays, budget)


def _drawn(
    looked: Look,
    arrays: Mapping[str, zarr.Array[Any]],
    groups: Mapping[str, zarr.Group],
    paths: Sequence[str],
    wanted: str,
) -> Look:
    from discovery.arrays.picture import chosen, draw
    from discovery.arrays.picture import told as leveled

    assert looked.structure is not None
    if wanted and wanted not in paths:
        return replace(looked, picture_state=facts.UNKNOWN)
    if not paths:
        return replace(looked, picture_state=facts.NONE)
    path = wanted or chosen(arrays, groups, list(paths))
    try:
        picture = leveled(draw(path, arrays[path], arrays), looked.structure.levels)
    except (SourceUnavailableError, MemoryError, *_DAMAGED) as error:
        state, detail = told(error)
        return replace(looked, picture_state=state, picture_detail=detail)
    return replace(looked, picture=picture, picture_state=facts.READ)


def _ranged(looked: Look, arrays: Mapping[str, zarr.Array[Any]], budget: Budget) -> Look:
    """Return a look whose coordinates have their least and greatest values, as far as bytes and time allow."""
    from discovery.arrays.structure import MAX_COORDINATES, ends

    assert looked.structure is not None
    coordinates = [each for each in looked.structure.variables if each.coordinate]
    found = {}
    for each in sorted(coordinates, key=lambda one: (one.path.count("/"), one.path))[:MAX_COORDINATES]:
        if budget.seconds > PATIENCE:
            break
        try:
            found[each.path] = ends(each.path, arrays[each.path])
        except (SourceUnavailableError, MemoryError, *_DAMAGED):
            # A coordinate that cannot be read is told of without its values.
            continue
    variables = tuple(
        replace(each, low=known[0], high=known[1]) if (known := found.get(each.path)) else each
        for each in looked.structure.variables
    )
    return replace(looked, structure=replace(looked.structure, variables=variables))


def told(error: BaseException) -> tuple[str, str]:
    """Return the state that an error stands for, and what more it says."""
    if isinstance(error, SourceUnavailableError):
        if error.detail in facts.STATES:
            return error.detail, _sentence(error)
        state = _STATES.get(error.detail, facts.UNREACHABLE)
        if state == facts.UNREACHABLE and isinstance(error, SourceRefusedError):
            state = facts.REFUSED
        return state, _sentence(error)
    if isinstance(error, NotFoundError):
        return facts.MISSING, ""
    if isinstance(error, MemoryError):
        return facts.TOO_LARGE, "it takes more memory than a look may have."
    if isinstance(error, TimeoutError):
        return facts.SLOW, ""
    return facts.BROKEN, _sentence(error)


def _sentence(error: BaseException) -> str:
    from discovery.arrays.structure import text

    found = text(str(error), 300).rstrip(".")
    return f"{found}." if found else ""
