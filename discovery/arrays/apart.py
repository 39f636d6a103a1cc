"""One look in a process of its own: what unpacks a stranger's bytes can end, hang or eat memory, and we go on."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from discovery.arrays import facts
from discovery.arrays.facts import Look
from discovery.arrays.reach import PATIENCE, Reach, policy_of, policy_to_dict
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
"""Bytes that a look may write."""
_ENDING: Final = 1.0
"""Seconds to wait for a process that was ended; one that hangs in a dead mount is left behind."""
_ENVIRONMENT: Final = ("PATH", "PYTHONPATH", "LANG", "TZ")
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
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    environment |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
    address = question.reaches[0].address if question.reaches else ""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as told:
        given.write(orjson.dumps(asked))
        given.seek(0)
        work = subprocess.Popen(
            [sys.executable, "-m", "discovery.arrays.apart"],
            stdin=given,
            stdout=told,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd=tempfile.gettempdir(),
        )
        left = None
        try:
            why = _ended(work.wait(seconds))
        except subprocess.TimeoutExpired:
            why, left = Look(facts.SLOW, address), _killed(work)
        except BaseException:
            _killed(work)
            raise
        told.seek(0)
        answers = told.read(_OUTPUT).split(b"\n")[:-1]
    if answers and not why:
        return (Look.unpacked(found) if (found := orjson.loads(answers[-1])) else None), None
    why = why or Look(facts.BROKEN, address, "its reader said nothing.")
    if not answers:
        return replace(why, address=address, seconds=seconds if why.state == facts.SLOW else 0.0), left
    # What was told before the picture was begun is true whatever became of that.
    found = Look.unpacked(orjson.loads(answers[-1]))
    return replace(found, picture=None, picture_state=why.state, picture_detail=why.detail), left


def _killed(work: subprocess.Popen[bytes]) -> subprocess.Popen[bytes] | None:
    """End a process, and return it where it does not end: one that hangs in a dead mount cannot be ended."""
    work.kill()
    try:
        work.wait(_ENDING)
    except subprocess.TimeoutExpired:
        return work
    return None


def _ended(status: int) -> Look | None:
    """Return what the end of a process says, None where it ended as it should."""
    if not status:
        return None
    return Look(
        facts.BROKEN, detail=f"its reader ended with {f'signal {-status}' if status < 0 else f'status {status}'}."
    )


def main() -> None:
    """Read a question from standard input, look, and write what came of it."""
    given = orjson.loads(sys.stdin.buffer.read())
    question = Question(
        tuple(Reach(**each) for each in given["reaches"]),
        policy_of(given["policy"], PATIENCE, _OUTPUT * 2),
        given["variable"],
        given["known"],
    )
    try:
        import PIL.Image  # noqa: F401 - before memory is limited
        import xarray  # noqa: F401
        import zarr  # noqa: F401
    except ModuleNotFoundError as error:
        found: Look | None = Look(facts.NO_READER, detail=f"it needs the package {error.name}.")
    else:
        _confine()
        found = read(question, _say)
    _say(found)
    # Threads that still wait for a server are not waited for.
    os._exit(0)


def _say(found: Look | None) -> None:
    sys.stdout.buffer.write(orjson.dumps(found.packed() if found else None) + b"\n")
    sys.stdout.buffer.flush()


def _confine() -> None:
    """Limit what this process may take, as far as the system lets it."""
    import resource
    import warnings

    warnings.simplefilter("ignore")
    with suppress(OSError, ValueError):
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        most = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_FSIZE, (_OUTPUT, _OUTPUT))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def read(question: Question, say: Callable[[Look], None] = lambda _look: None) -> Look | None:
    """Return what came of a look in this process, None where the store is as it was before.

    Args:
        question: What it is for.
        say: Is given what is known before the picture is begun, which takes longest.
    """
    from discovery.arrays.references import opened
    from discovery.arrays.stores import Budget

    began = time.monotonic()
    with Client(question.policy) as client:
        found: Look | None = Look(facts.UNREACHABLE)
        for each in question.reaches:
            budget = Budget()
            try:
                store = opened(each, client, budget)
                if store is None:
                    continue
                found = _read(each, store, budget, question, say)
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


def _read(reach: Reach, store: Store, budget: Budget, question: Question, say: Callable[[Look], None]) -> Look | None:
    import zarr

    from discovery.arrays.picture import drawable
    from discovery.arrays.structure import structure, walked

    zarr.config.set({"async.concurrency": 6, "threading.max_workers": 2})
    try:
        node: Any = zarr.open(store=store, mode="r")
    except FileNotFoundError:
        if budget.refused:
            return Look(facts.REFUSED, detail=f"{budget.refused}.")
        return Look(facts.MISSING)
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


if __name__ == "__main__":
    main()
