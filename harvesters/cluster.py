"""Walking the parts of a source on a Dask cluster; the workers write to the store by themselves."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from discovery.cluster import connected
from discovery.errors import ConfigError
from harvesters.parting import Done, Make, Task, walk_part
from harvesters.registry import harvester

_GLANCE: Final = 0.05
"""Seconds between two looks at what has ended, and whether the run is to end."""


class DaskCluster:
    """A cluster by the client that talks to its scheduler; its workers have the same version of Discovery."""

    def __init__(self, client: Any, make: Make = harvester) -> None:
        self._client = client
        self._make = make

    def walk(self, tasks: Sequence[Task], most: int, done: Callable[[Done], None], stopped: Callable[[], bool]) -> str:
        """Have every task done, `most` at a time; see `Cluster.walk`."""
        waiting, problem = list(tasks), ""
        running: list[Any] = []
        while waiting or running:
            if stopped() or problem:
                waiting = []
            while waiting and len(running) < most:
                # The same part of the same walk may have to be walked once more, so it is no pure function.
                running.append(self._client.submit(walk_part, waiting.pop(0), self._make, pure=False))
            if stopped():
                # Those that run end when their run is closed, which whoever asked does next.
                self._client.cancel(running)
                return problem or "stopped"
            ended = [each for each in running if each.done()]
            if not ended:
                time.sleep(_GLANCE)
                continue
            running = [each for each in running if each not in ended]
            for future in ended:
                outcome, fault = _outcome(future)
                if outcome is not None:
                    done(outcome)
                problem = problem or fault
        return problem


@contextmanager
def dask(address: str, store: str) -> Iterator[DaskCluster]:
    """Hold the cluster at an address while the block runs.

    Args:
        address: That of its scheduler, such as tcp://HOST:8786.
        store: The address of the store that its workers will write to.

    Raises:
        ConfigError: The store is on this machine alone, or the package that talks to clusters is not installed.
        UnavailableError: No scheduler answers.
    """
    if store.startswith("sqlite:"):
        raise ConfigError("a cluster needs a store that all its machines reach: store = postgresql://...")
    with connected(address) as client:
        yield DaskCluster(client)


def _outcome(future: Any) -> tuple[Done | None, str]:
    """Return what a task has given, and why its part is not at its end."""
    error = future.exception()
    if error is not None:
        # Dask itself gives a task of a worker that has died to another one; this is what even that does not mend.
        return None, f"a part could not be walked: {type(error).__name__}: {error}"[:500]
    outcome: Done = future.result()
    return outcome, outcome.problem
