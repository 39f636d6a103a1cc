"""Work on a stranger's bytes in a process of its own: it can end, hang or eat memory, and we go on.

Who reads hostile files names a function, what it may take, and the error that its end becomes. The function runs in a
process that finds what this one imports and nothing beside, knows no secret of it, has no handle of it but two pipes,
and is gone as soon as whoever asked is gone, however that was.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import resource
import select
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

SLOW: Final = "slow"
"""It took longer in all than it may."""
SILENT: Final = "silent"
"""It said nothing for longer than it may."""
LARGE: Final = "large"
"""Its answer is larger than one may be."""
ENDED: Final = "ended"
"""It ended, by itself or by what it read."""

Questions = Iterator[bytes]
"""What work is asked, until nobody asks any more."""
Say = Callable[[bytes], None]
"""Gives one answer."""

_ENDING: Final = 1.0
"""Seconds to wait for a process that was ended; one that hangs in a dead mount is left behind."""
_LEAVING: Final = 10.0
"""Seconds to wait for a process that ends by itself: gigabytes take a while to be given back."""
_GRACE: Final = 5.0
"""Seconds after its time at which a process ends itself, if nobody has ended it."""
_PIECE: Final = 1 << 20
_HEAD: Final = struct.Struct(">Q")
_KEPT: Final = ("PATH", "LANG", "TZ", "LD_LIBRARY_PATH")
_ALONE: Final = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
_START: Final = "import sys; sys.path[:] = sys.argv[2:]; from discovery.confinement import main; main(sys.argv[1])"
_TOO_LATE: Final = frozenset({-signal.SIGXCPU, -signal.SIGALRM})
_SIZE, _DATA = 0, 5
"""Where Linux says in `statm` how many pages a process has in all, and of its own to write to."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a process may take, whatever it reads; it is ended where it takes more."""

    memory: int
    """Bytes beside what its imports need, and never more than three quarters of what the machine has."""
    answer: int
    """Bytes of one answer."""
    seconds: float = math.inf
    """From its start to its end, its imports included."""
    silence: float = math.inf
    """Seconds until an answer, and between the pieces of one."""
    cpu: float = math.inf
    """Seconds of a processor, those of all its threads together."""
    written: int | None = 0
    """Bytes of a file that it may write; None for as many as there is room for."""
    handles: int | None = 256
    """Files and connections that it may have open; None for as many as the system allows."""
    mapped: bool = False
    """Whether files that it maps into memory come on top of `memory`."""
    imports: tuple[str, ...] = ()
    """Modules that are there before memory is counted; whoever needs one that is not installed says so itself."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process came to an end that had more to say."""

    why: str
    """SLOW, SILENT, LARGE or ENDED."""
    status: int = 0
    """Its exit status where it ended by itself; below zero the number of the signal that ended it."""

    @property
    def signal(self) -> str:
        """The name of the signal that ended it, such as SIGSEGV; empty where none did."""
        if self.status >= 0:
            return ""
        try:
            return signal.Signals(-self.status).name
        except ValueError:
            return f"signal {-self.status}"


class Confined:
    """A function at work in a process of its own; one thread at a time may ask it.

    Args:
        work: The function as `module:name`. It is called there with the questions and with what gives answers, and
            the process ends when it returns; what it raises or prints is lost.
        limits: What it may take.
        failed: Makes the error that is raised when it ends before it has answered.
        environment: The variables that it sees; without them where programs are, language, time zone and one thread.
    """

    def __init__(
        self,
        work: str,
        limits: Limits,
        failed: Callable[[Ended], Exception],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._limits = limits
        self._failed = failed
        self._began = time.monotonic()
        self.left: subprocess.Popen[bytes] | None = None
        """The process, where it did not end when it was ended."""
        given = json.dumps({"work": work, "limits": asdict(limits)})
        # What is beside whoever started us, or in the folder of the files, is not to be imported.
        paths = [each for each in sys.path if Path(each).is_absolute()]
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-X", "utf8", "-W", "ignore", "-c", _START, given, *paths],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(_small() if environment is None else environment),
            bufsize=0,
            process_group=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin, self._process.stdout
        # Whoever hangs does not read, and then nobody may wait for a pipe to be emptied.
        os.set_blocking(self._to.fileno(), False)

    def __enter__(self) -> Confined:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it can still be asked."""
        return self._process.poll() is None

    def ask(self, question: bytes) -> None:
        """Ask it something; raises what `failed` makes of its end."""
        rest = memoryview(_HEAD.pack(len(question)) + question)
        try:
            while rest:
                self._await(self._to.fileno(), select.POLLOUT)
                rest = rest[os.write(self._to.fileno(), rest[:_PIECE]) :]
        except BrokenPipeError as error:
            raise self._over() from error

    def hear(self) -> bytes:
        """Return what it says next; raises what `failed` makes of its end."""
        head = self._read(_HEAD.size)
        if len(head) < _HEAD.size:
            raise self._over()
        return self._body(head)

    def answers(self) -> Iterator[bytes]:
        """Yield what it says until its work is done; raises what `failed` makes of any other end."""
        while len(head := self._read(_HEAD.size)) == _HEAD.size:
            yield self._body(head)
        if head or self._status():
            raise self._over()

    def close(self) -> None:
        """End it, and whatever it has started; `left` is the process where that is not possible."""
        self._to.close()
        self._from.close()
        if self._process.returncode is not None:
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        try:
            self._process.wait(_ENDING)
        except subprocess.TimeoutExpired:
            self.left = self._process

    def _body(self, head: bytes) -> bytes:
        (size,) = _HEAD.unpack(head)
        if size > self._limits.answer:
            raise self._given_up(LARGE)
        body = self._read(size)
        if len(body) < size:
            raise self._over()
        return body

    def _read(self, size: int) -> bytes:
        """Return so many bytes, fewer where no more come."""
        out = bytearray()
        while len(out) < size:
            self._await(self._from.fileno(), select.POLLIN)
            data = os.read(self._from.fileno(), min(_PIECE, size - len(out)))
            if not data:
                break
            out += data
        return bytes(out)

    def _await(self, pipe: int, event: int) -> None:
        left = self._began + self._limits.seconds - time.monotonic()
        patience = max(0.0, min(left, self._limits.silence))
        poll = select.poll()
        poll.register(pipe, event)
        if not poll.poll(patience * 1000 if patience < math.inf else None):
            raise self._given_up(SLOW if left <= self._limits.silence else SILENT)

    def _given_up(self, why: str) -> Exception:
        self.close()
        return self._failed(Ended(why))

    def _over(self) -> Exception:
        status = self._status()
        self.close()
        return self._failed(Ended(SLOW if status in _TOO_LATE else ENDED, status))

    def _status(self) -> int:
        """Return how a process ended that says nothing any more."""
        try:
            return self._process.wait(_LEAVING)
        except subprocess.TimeoutExpired:
            self.close()
            return -signal.SIGKILL


def _small() -> dict[str, str]:
    return {name: os.environ[name] for name in _KEPT if name in os.environ} | _ALONE


class _Clock:
    """Ends this process by a signal when its time is over, whatever library it hangs in and whoever has forgotten it.

    Args:
        limits: With its times.
        began: When it was started.
    """

    def __init__(self, limits: Limits, began: float) -> None:
        self._end = began + limits.seconds + _GRACE
        self._silence = limits.silence + _GRACE
        signal.signal(signal.SIGALRM, signal.SIG_DFL)

    def working(self) -> None:
        """Count the time until something is said."""
        self._set(min(self._silence, self._end - time.monotonic()))

    def waiting(self) -> None:
        """Count nothing but the time in all: somebody else is slow."""
        self._set(self._end - time.monotonic())

    def _set(self, seconds: float) -> None:
        signal.setitimer(signal.ITIMER_REAL, max(0.001, seconds) if seconds < math.inf else 0.0)


def main(given: str) -> None:
    """Do work in this process, which ends with it.

    Args:
        given: The name of the work, and its limits, as JSON.
    """
    told = json.loads(given)
    limits = Limits(**told["limits"] | {"imports": tuple(told["limits"]["imports"])})
    clock = _Clock(limits, time.monotonic())
    clock.working()
    asked, out = os.dup(0), os.dup(1)
    # What a library prints must not come among the answers, nor what it reads be a question.
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    threading.Thread(target=_follow, args=(asked,), daemon=True).start()
    module, _, name = told["work"].partition(":")
    work = getattr(importlib.import_module(module), name)
    for each in limits.imports:
        with suppress(ImportError):
            importlib.import_module(each)
    confine(limits)
    status = 1
    with suppress(BaseException):
        work(_questions(asked, clock), lambda answer: _say(out, answer, clock))
        status = 0
    # Threads that still wait for a server are not waited for.
    os._exit(status)


def _follow(asked: int) -> None:
    """End this process when there is nobody any more who could ask."""
    poll = select.poll()
    poll.register(asked, 0)
    poll.poll()
    os._exit(1)


def _questions(asked: int, clock: _Clock) -> Questions:
    with os.fdopen(asked, "rb") as pipe:
        while True:
            clock.waiting()
            head = pipe.read(_HEAD.size)
            question = pipe.read(_HEAD.unpack(head)[0]) if len(head) == _HEAD.size else b""
            clock.working()
            if len(head) < _HEAD.size:
                return
            yield question


def _say(out: int, answer: bytes, clock: _Clock) -> None:
    clock.waiting()
    rest = memoryview(_HEAD.pack(len(answer)) + answer)
    while rest:
        rest = rest[os.write(out, rest) :]
    clock.working()


def confine(limits: Limits) -> None:
    """Limit what this process may take from now on, as far as the system lets it.

    Args:
        limits: What it may take; what it has already is left to it.
    """
    sys.dont_write_bytecode = True
    page = resource.getpagesize()
    there = os.sysconf("SC_PHYS_PAGES") * page
    kind, place = (resource.RLIMIT_DATA, _DATA) if limits.mapped else (resource.RLIMIT_AS, _SIZE)
    held = 0
    with suppress(OSError):
        held = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[place]) * page
    _at_most(kind, held + min(limits.memory, there * 3 // 4))
    _at_most(resource.RLIMIT_CORE, 0)
    if limits.cpu < math.inf:
        # A second before it is killed it is told of it, which says why.
        _at_most(resource.RLIMIT_CPU, math.ceil(time.process_time() + limits.cpu), beyond=1)
    if limits.written is not None:
        _at_most(resource.RLIMIT_FSIZE, limits.written)
    if limits.handles is not None:
        _at_most(resource.RLIMIT_NOFILE, limits.handles)


def _at_most(kind: int, most: int, beyond: int = 0) -> None:
    _, hard = resource.getrlimit(kind)
    last = most + beyond if hard == resource.RLIM_INFINITY else min(most + beyond, hard)
    with suppress(OSError, ValueError):
        resource.setrlimit(kind, (min(most, last), last))
