"""A process that may be ended, lied to or eaten by what it reads, and its parent, who must not notice much of it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from discovery.confinement import ENDED, LARGE, SILENT, SLOW, Confined, Ended, Limits
from discovery.errors import ConfigError

pytestmark = pytest.mark.slow

LIMITS = Limits(memory=256 << 20, answer=1000, seconds=20)
WORK = """
import mmap, os, resource, signal, socket, subprocess, sys, time
from pathlib import Path

def echo(asked, say):
    for each in asked:
        say(each.upper())

def talks(asked, say):
    print("hello")
    sys.stdout.flush()
    os.write(1, b"more")
    say(sys.stdin.buffer.read() or b"nothing")

def ends(asked, say):
    say(b"first")
    os.kill(os.getpid(), signal.SIGSEGV)

def raises(asked, say):
    raise ValueError("no")

def leaves(asked, say):
    sys.exit(7)

def sleeps(asked, say):
    say(str(os.getpid()).encode())
    time.sleep(60)

def spins(asked, say):
    while True:
        pass

def floods(asked, say):
    say(bytes(2000))

def eats(asked, say):
    try:
        say(b"%d" % len(bytearray(1 << 30)))
    except MemoryError:
        say(b"no memory")

def maps(asked, say):
    path = next(asked).decode()
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as found:
            say(b"%d" % len(found))
    except (OSError, MemoryError):
        say(b"no memory")

def writes(asked, say):
    try:
        Path(next(asked).decode()).write_bytes(bytes(100))
        say(b"written")
    except OSError as error:
        say(error.strerror.encode())

def opens(asked, say):
    found = []
    try:
        while len(found) < 1000:
            found.append(open(os.devnull))
    except OSError:
        pass
    say(b"many" if len(found) == 1000 else b"few")

def sees(asked, say):
    say("\\n".join(f"{name}={value}" for name, value in sorted(os.environ.items())).encode())

def begets(asked, say):
    say(str(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid).encode())
    time.sleep(60)

def core(asked, say):
    say(b"%d" % resource.getrlimit(resource.RLIMIT_CORE)[0])
"""


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Confined]:
    """Return `at(name, **limits)`: one of the works above, in a process of its own."""
    (tmp_path / "given_work.py").write_text(WORK)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("DISCOVERY_SECRET", "secret")

    def started(name: str, environment: dict[str, str] | None = None, **limits: object) -> Confined:
        made = replace(LIMITS, **limits)  # type: ignore[arg-type]  # by name
        return Confined(f"given_work:{name}", made, OverError, environment)

    return started


class OverError(Exception):
    def __init__(self, ended: Ended) -> None:
        super().__init__(ended)
        self.ended = ended


def ended(reader: Confined) -> Ended:
    """Return how a process ends that should have said more."""
    with reader, pytest.raises(OverError) as told:
        list(iter(reader.hear, None))
    assert not reader.running
    return told.value.ended


def gone(pid: int) -> bool:
    """Say whether a process is gone within seconds."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_questions_are_answered_one_by_one(at: Callable[..., Confined]) -> None:
    with at("echo") as reader:
        for number in range(3):
            reader.ask(b"a%d" % number)
            assert reader.hear() == b"A%d" % number
        reader.ask(b"")
        assert reader.hear() == b""
        running = [reader.running]
    running.append(reader.running)
    assert running == [True, False]
    reader.close()


def test_what_a_library_prints_is_no_answer_and_what_it_reads_no_question(at: Callable[..., Confined]) -> None:
    with at("talks") as reader:
        assert list(reader.answers()) == [b"nothing"]


@pytest.mark.parametrize(
    ("name", "limits", "expected"),
    [
        ("ends", {}, Ended(ENDED, -signal.SIGSEGV)),
        ("raises", {}, Ended(ENDED, 1)),
        ("leaves", {}, Ended(ENDED, 1)),
        ("echo_is_not_there", {}, Ended(ENDED, 1)),
        ("sleeps", {"seconds": 1.0}, Ended(SLOW)),
        ("sleeps", {"silence": 1.0}, Ended(SILENT)),
        ("spins", {"cpu": 0.1}, Ended(SLOW, -signal.SIGXCPU)),
        ("floods", {}, Ended(LARGE)),
    ],
)
def test_every_end_is_told_of(
    at: Callable[..., Confined], name: str, limits: dict[str, float], expected: Ended
) -> None:
    began = time.monotonic()
    assert ended(at(name, **limits)) == expected
    assert time.monotonic() - began < 8


def test_the_error_is_the_one_that_was_wished_for(at: Callable[..., Confined]) -> None:
    reader = at("raises")
    reader._failed = lambda how: ConfigError(f"it ended with {how.status}")
    with reader, pytest.raises(ConfigError, match="it ended with 1"):
        list(reader.answers())


def test_signals_have_names() -> None:
    assert Ended(ENDED, -signal.SIGABRT).signal == "SIGABRT"
    assert Ended(ENDED, -35).signal == "signal 35"
    assert Ended(ENDED, 2).signal == ""


def test_what_was_said_before_the_end_is_heard(at: Callable[..., Confined]) -> None:
    heard: deque[bytes] = deque()
    with at("ends") as reader, pytest.raises(OverError):
        heard.extend(reader.answers())
    assert list(heard) == [b"first"]


def test_whoever_does_not_read_a_long_question_keeps_nobody_waiting(at: Callable[..., Confined]) -> None:
    began = time.monotonic()
    with at("sleeps", seconds=1.5) as reader, pytest.raises(OverError) as told:
        reader.ask(bytes(10 << 20))
    assert told.value.ended == Ended(SLOW)
    assert time.monotonic() - began < 6


def test_whoever_ends_before_a_question_is_told_of(at: Callable[..., Confined]) -> None:
    with at("raises") as reader, pytest.raises(OverError) as told:
        reader.ask(bytes(10 << 20))
    assert told.value.ended == Ended(ENDED, 1)


def test_memory_is_bounded_and_maps_come_on_top_where_they_may(at: Callable[..., Confined], tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(1 << 30)
    with at("eats") as reader:
        assert reader.hear() == b"no memory"
    with at("eats", mapped=True) as reader:
        assert reader.hear() == b"no memory"
    for mapped, answer in ((False, b"no memory"), (True, b"%d" % (1 << 30))):
        with at("maps", mapped=mapped) as reader:
            reader.ask(str(tmp_path / "large").encode())
            assert reader.hear() == answer


def test_nothing_is_written_where_nothing_may_be(at: Callable[..., Confined], tmp_path: Path) -> None:
    for written, answer in ((0, b"File too large"), (99, b"File too large"), (100, b"written"), (None, b"written")):
        with at("writes", written=written) as reader:
            reader.ask(str(tmp_path / "out").encode())
            assert reader.hear() == answer


def test_handles_are_counted(at: Callable[..., Confined]) -> None:
    with at("opens") as reader:
        assert reader.hear() == b"few"
    with at("core") as reader:
        assert reader.hear() == b"0"


def test_no_variable_of_ours_is_seen_but_those_that_are_given(at: Callable[..., Confined]) -> None:
    with at("sees") as reader:
        seen = reader.hear().decode()
    assert "secret" not in seen
    assert "PATH=" in seen
    with at("sees", environment={"A": "1"}) as reader:
        seen = reader.hear().decode()
    assert "A=1" in seen
    assert "PATH=" not in seen


def test_what_lies_in_the_folder_is_not_imported(
    at: Callable[..., Confined], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "mmap.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(sys, "path", ["", ".", *sys.path])
    with at("echo") as reader:
        reader.ask(b"a")
        assert reader.hear() == b"A"


def test_what_it_has_started_ends_with_it(at: Callable[..., Confined]) -> None:
    with at("begets") as reader:
        child = int(reader.hear())
        assert Path(f"/proc/{child}").exists()
    assert gone(child)


def test_it_ends_with_whoever_asked(at: Callable[..., Confined], tmp_path: Path) -> None:
    asks = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from discovery.confinement import Confined, Limits\n"
        "reader = Confined('given_work:sleeps', Limits(memory=1 << 28, answer=100), lambda ended: OSError())\n"
        "print(reader.hear().decode(), flush=True)\n"
        "input()\n"
    )
    command = [sys.executable, "-c", asks]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert Path(f"/proc/{child}").exists()
        parent.kill()
    assert gone(child)


def test_it_ends_by_itself_when_its_time_is_over_and_nobody_ends_it() -> None:
    code = (
        "import time; from discovery.confinement import Limits, _Clock\n"
        "clock = _Clock(Limits(memory=0, answer=0, silence=-4.8), time.monotonic())\n"
        "clock.working(); clock.waiting(); clock.working()\n"
        "while True: pass\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=20)
    assert done.returncode == -signal.SIGALRM
