"""Locks between processes on one machine, freed by the kernel when their holder dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from discovery.errors import ConflictError, UnavailableError


class Lock:
    """A file that one process holds alone, or several share.

    Args:
        path: The file; it and its folders are made when they are not there.
        taken: What is so while somebody has it, as the error begins; by default that the file is held.
    """

    def __init__(self, path: Path, taken: str = "") -> None:
        self.path = path
        self.taken = taken or f"{path.name} is held"

    @contextmanager
    def hold(self, *, wait: float = 0.0) -> Iterator[None]:
        """Hold the lock alone while the block runs.

        Raises:
            ConflictError: Somebody else has it, and still had after `wait` seconds; the message says who.
            UnavailableError: The file cannot be made.
        """
        with self._taken(fcntl.LOCK_EX, wait) as descriptor:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"process {os.getpid()}".encode(), 0)
            try:
                yield
            finally:
                os.ftruncate(descriptor, 0)

    @contextmanager
    def share(self, *, wait: float = 0.0) -> Iterator[None]:
        """Hold the lock together with everybody else who shares it while the block runs; raises as `hold` does."""
        with self._taken(fcntl.LOCK_SH, wait):
            yield

    @contextmanager
    def _taken(self, way: int, wait: float) -> Iterator[int]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise UnavailableError(f"the lock {self.path.name} cannot be had: {error.strerror}") from error
        try:
            deadline = time.monotonic() + wait
            while not _locked(descriptor, way):
                if time.monotonic() >= deadline:
                    holder = os.pread(descriptor, 100, 0).decode("ascii", "replace").strip()
                    raise ConflictError(f"{self.taken} by {holder or 'another process'}")
                time.sleep(0.05)
            yield descriptor
        finally:
            os.close(descriptor)


def _locked(descriptor: int, way: int) -> bool:
    try:
        fcntl.flock(descriptor, way | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
