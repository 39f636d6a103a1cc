"""Looking into the Zarr data of records: one place for every face, which remembers what it saw."""

from __future__ import annotations

import subprocess
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from discovery.arrays import apart, facts
from discovery.arrays.facts import Look
from discovery.arrays.reach import Reach, reaches
from discovery.errors import NotFoundError
from discovery.http import Policy
from discovery.launch.resolver import MAX_ASSETS, File, Resolver, base_name
from discovery.model.record import Asset, Record

FAMILY: Final = "zarr"
_KERCHUNK: Final = "kerchunk"
_ICECHUNK: Final = "icechunk"
_TABLES: Final = (".parq", ".parquet")
_ROLES: Final = frozenset({"references", "reference", "virtual"})
"""Roles that assets of references have."""
MAX_SHOWN: Final = 12
"""Zarr files of a record that its page names; the others are asked for by their keys."""
SLOTS: Final = 2
"""Looks at a time: each is a process."""
WAITING: Final = 8
"""Who waits for a look; whoever comes beside them is told to come again."""
KEPT: Final = 256
"""Looks that are remembered."""
KEPT_BYTES: Final = 32 << 20
"""Bytes of pictures that are remembered."""
FRESH: Final = 600.0
"""Seconds after which a look is compared with what is there now."""
FAILED: Final = 60.0
"""Seconds for which a store that could not be read is not asked again."""
PATIENCE: Final = 20.0
"""Seconds to wait for one's turn."""
MAX_VARIABLE: Final = 500
"""Characters of the path of a variable."""

Looker = Callable[[apart.Question], tuple[Look | None, "subprocess.Popen[bytes] | None"]]


@dataclass(slots=True)
class _Kept:
    look: Look
    at: float


class Arrays:
    """Looks into Zarr data, a few at a time; any number of threads may ask.

    Args:
        resolver: Gives what makes places, with the volumes that there are now.
        policy: Gives what the client may do for the records of a source: the hosts that its operator named.
        mounts: Where folders are on this machine, by the paths that the catalogue has for them.
        look: Looks once.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        resolver: Callable[[], Resolver],
        policy: Callable[[str], Policy] = lambda _source: Policy(),
        mounts: Mapping[str, str] | None = None,
        *,
        look: Looker = apart.look,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._resolver = resolver
        self._policy = policy
        self._mounts = dict(mounts or {})
        self._look = look
        self._clock = clock
        self._guard = threading.Lock()
        self._turn = threading.Condition(self._guard)
        self._kept: OrderedDict[tuple[object, ...], _Kept] = OrderedDict()
        self._running: set[tuple[object, ...]] = set()
        self._waiting = 0
        self._left: list[subprocess.Popen[bytes]] = []

    def files(self, record: Record) -> tuple[File, ...]:
        """Return the Zarr files of a record, the main ones first; nothing is asked for it.

        References (Kerchunk) and repositories (Icechunk) are some too, where their assets say that they are.
        """
        resolver = self._resolver()
        found = [each for each in resolver.files(record) if each.family == FAMILY]
        known = {each.key for each in found}
        for asset in record.assets[:MAX_ASSETS]:
            if asset.key not in known and _is_virtual(asset) and (places := resolver.places(record, asset.href)):
                name = base_name(asset.href)
                found.append(File(asset.key, asset.title, name, FAMILY, asset.media_type, asset.size, places))
                known.add(asset.key)
        return tuple(found)

    def look(self, record: Record, key: str = "", variable: str = "") -> Look:
        """Return what is inside one of the Zarr files of a record; it may take as long as `apart.SECONDS`.

        Args:
            record: Whose file it is.
            key: Which of its files; empty is the first.
            variable: The path of the array to draw; empty for the one that stands for the store.

        Raises:
            NotFoundError: The record has no Zarr data, or none of that key.
        """
        found = self.files(record)
        file = next((each for each in found if not key or each.key == key), None)
        if file is None:
            known = ", ".join(each.key for each in found[:MAX_SHOWN])
            raise NotFoundError(
                f"record {record.id} has no Zarr data named {key[:80]!r}; it has {known}"
                if found
                else f"record {record.id} has no Zarr data"
            )
        ways = reaches(file.places, self._resolver().volumes, self._mounts)
        return self.at(ways, self._policy(record.source), variable)

    def at(self, ways: tuple[Reach, ...], policy: Policy, variable: str = "") -> Look:
        """Return what is inside the store that can be reached in some ways, the first that is there.

        Args:
            ways: To the store; nothing is read where there are none.
            policy: What the client may do.
            variable: As in `look`.
        """
        if not ways:
            return Look(facts.NOT_ASKED)
        variable = variable.strip("/")
        if len(variable) > MAX_VARIABLE or not variable.isprintable():
            return Look(facts.READ, ways[0].address, picture_state=facts.UNKNOWN)
        asked = (ways, policy.allow_hosts, variable)
        kept, known = self._taken(asked, ways[0].address)
        if kept is not None:
            return kept
        try:
            look, left = self._look(apart.Question(ways, policy, variable, known))
        except BaseException:
            with self._turn:
                self._running.discard(asked)
                self._turn.notify_all()
            raise
        return self._given(asked, look, left)

    def _taken(self, asked: tuple[object, ...], address: str) -> tuple[Look | None, str]:
        """Return what is remembered, or take a turn to look and return the fingerprint of what was seen before."""
        end = self._clock() + PATIENCE
        with self._turn:
            waits = False
            try:
                while True:
                    if (kept := self._fresh(asked)) is not None:
                        return kept, ""
                    self._left = [each for each in self._left if each.poll() is None]
                    if asked not in self._running and len(self._running) + len(self._left) < SLOTS:
                        self._running.add(asked)
                        before = self._kept.get(asked)
                        return None, before.look.fingerprint if before and before.look.state == facts.READ else ""
                    if not waits and self._waiting >= WAITING:
                        return Look(facts.BUSY, address), ""
                    if not waits:
                        waits = True
                        self._waiting += 1
                    if self._clock() >= end:
                        return Look(facts.BUSY, address), ""
                    # One that was left behind says nothing when it ends at last.
                    self._turn.wait(1.0)
            finally:
                self._waiting -= waits

    def _fresh(self, asked: tuple[object, ...]) -> Look | None:
        kept = self._kept.get(asked)
        if kept is None:
            return None
        age = self._clock() - kept.at
        if age > (FAILED if _failed(kept.look) else FRESH):
            return None
        self._kept.move_to_end(asked)
        return kept.look

    def _given(self, asked: tuple[object, ...], look: Look | None, left: subprocess.Popen[bytes] | None) -> Look:
        """Remember what came of a look, give back the turn, and return it."""
        with self._turn:
            self._running.discard(asked)
            if left is not None:
                self._left.append(left)
            before = self._kept.pop(asked, None)
            if look is None:
                # The same as before, which nobody has forgotten meanwhile but `close`.
                look = before.look if before else Look(facts.BUSY)
            self._kept[asked] = _Kept(look, self._clock())
            if look.picture is not None and look.picture.variable != asked[-1]:
                # What stands for the store is the same when it is named, as the page's picture does.
                self._kept[(*asked[:-1], look.picture.variable)] = self._kept[asked]
            while len(self._kept) > KEPT or self._held() > KEPT_BYTES:
                self._kept.popitem(last=False)
            self._turn.notify_all()
        return look

    def _held(self) -> int:
        return sum(len(each.look.picture.png) for each in self._kept.values() if each.look.picture)

    def close(self) -> None:
        """Forget what was seen."""
        with self._guard:
            self._kept.clear()


def _is_virtual(asset: Asset) -> bool:
    """Say whether an asset stands for a store that its address does not show, because it is called so by its names."""
    said = [each.lower() for each in (asset.key, asset.title, asset.media_type, asset.href, *asset.roles)]
    if any(_ICECHUNK in each for each in said):
        return True
    address = asset.href.lower().partition("#")[0].partition("?")[0].rstrip("/")
    called = any(_KERCHUNK in each for each in said)
    if address.endswith(".json"):
        return called or bool(_ROLES.intersection(asset.roles))
    return called and address.endswith(_TABLES)


def _failed(look: Look) -> bool:
    return look.state in facts.PASSING or look.picture_state in facts.PASSING


def here(path: str) -> Reach:
    """Return the way to a store in a folder of this machine that somebody at it has named."""
    parent, _, name = path.rstrip("/").rpartition("/")
    return Reach(path, root=parent or "/", tail=name)


def on_web(url: str, policy: Policy) -> tuple[Reach, Policy]:
    """Return the way to a store on the web that somebody at this machine has named, and who may be asked for it."""
    return Reach(url, url=url), replace(policy.allowing(url.partition("?")[0]))
