from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from discovery.errors import ConflictError, UnavailableError
from discovery.lock import Lock

HOLDER = """
import sys, time
from pathlib import Path
from discovery.lock import Lock
with Lock(Path(sys.argv[1])).hold():
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def lock(tmp_path: Path) -> Lock:
    return Lock(tmp_path / "locks" / "index.lock")


def test_a_held_lock_says_who_holds_it(lock: Lock) -> None:
    with lock.hold(), pytest.raises(ConflictError, match=f"index.lock is held by process {os.getpid()}"), lock.hold():
        pass
    with lock.hold():
        pass


def test_many_share_what_nobody_then_has_alone(lock: Lock) -> None:
    wanted = pytest.raises(ConflictError, match="held by another process")
    with lock.share(), lock.share(), wanted, lock.hold(wait=0.1):
        pass
    with lock.hold(), pytest.raises(ConflictError), lock.share():
        pass


def test_a_killed_holder_lets_go(lock: Lock) -> None:
    command = [sys.executable, "-c", HOLDER, str(lock.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ConflictError, match=f"process {holder.pid}"), lock.hold():
            pass
        holder.send_signal(signal.SIGKILL)
        with lock.hold(wait=20):
            assert lock.path.read_text() == f"process {os.getpid()}"


def test_a_lock_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match="cannot be had"), Lock(tmp_path / "file" / "x.lock").hold():
        pass
