"""The part of a walk as a task of its own, for whoever does it and wherever."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from discovery.errors import DiscoveryError, NotFoundError, RunError
from discovery.http import Client, Policy
from discovery.model.source import RUNNING, Counts, Source
from discovery.store.store import Store
from harvesters.base import Harvester, SupportsPartitions
from harvesters.registry import harvester as make_harvester
from harvesters.taking import StoppedError, Taker
from harvesters.walk import Part, Walk

Make = Callable[[Source, Client], Harvester]


@dataclass(frozen=True, slots=True)
class Task:
    """All that somebody has to know to walk one part, on another machine too."""

    store: str
    """The address of a store that every machine can reach."""
    source: Source
    contact: str
    """Whom the source may write to."""
    walk: Walk
    number: int
    run: int
    part: str


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a task."""

    part: Part
    counts: Counts
    requests: int = 0
    bytes: int = 0
    problem: str = ""
    """Why the part did not come to its end; what was stored before is whole."""
    rest_until: int | None = None
    """Until when the source wants not to be asked, in UTC milliseconds; None where it has not said so."""


class Cluster(Protocol):
    """Machines that walk parts."""

    def walk(self, tasks: Sequence[Task], most: int, done: Callable[[Done], None], stopped: Callable[[], bool]) -> str:
        """Have every task done, and return why one of them was not; empty when all were.

        After a task that fails no further one begins. It returns when nothing is being walked any more.

        Args:
            tasks: The parts that are left.
            most: How many are walked at a time.
            done: Called with what came of each.
            stopped: Says that the run is to end; tasks see that by themselves once the run is closed.
        """
        ...


def walk_part(task: Task, make: Make = make_harvester) -> Done:
    """Walk one part from where it stands to its end, and return what came of it; it raises nothing that was foreseen.

    It goes on only while its run is open: when another run has begun over the source, or the one who asked has ended
    the run, it stops at the next page.
    """
    store = Store(task.store)
    # One request at a time: as many of these run as the operator wanted connections.
    policy = Policy(contact=task.contact, per_host=1)
    if task.source.url.startswith("http"):
        policy = policy.allowing(task.source.url)
    policy = policy.with_hosts(*task.source.settings.get("allow_hosts", "").replace(",", " ").split())
    try:
        with Client(policy) as client:
            return _walked(store, client, make(task.source, client), task)
    finally:
        store.close()


def _walked(store: Store, client: Client, harvester: Harvester, task: Task) -> Done:
    standing = store.ingest.checkpoint(task.source.id, task.part)
    part = Part.from_json(task.part, standing.position if standing is not None else {})
    counts, problem = Counts(), ""
    taker = Taker(store, harvester, task.source.id, task.run, task.number, task.walk, lambda: False)
    try:
        if not isinstance(harvester, SupportsPartitions):
            raise RunError(f"sources of kind {task.source.kind} have no parts")
        for page in () if part.done else harvester.partition(task.part, part.at):
            if store.ledger.run(task.run).status != RUNNING:
                raise StoppedError
            if page.position is not None and page.position == part.at:
                raise RunError("the source gives the same page again and again; nothing was deleted")
            part, more = taker.take(part, page)
            counts += more
    except StoppedError:
        problem = "stopped; the next run goes on from here"
    except (DiscoveryError, NotFoundError) as error:
        problem = str(error)
    used = client.counters
    return Done(part, counts, used.requests, used.bytes + harvester.bytes_read, problem, client.rest_until)
