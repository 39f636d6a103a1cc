"""Keeping the index level with the store."""

from __future__ import annotations

import logging
import threading
from typing import Final

from discovery.config import Settings
from discovery.errors import ConflictError, DiscoveryError, StaleIndexError
from discovery.indexer import BATCH, follow, learn, rebuild
from discovery.portal import Portal
from discovery.wiring import index_lock

_log = logging.getLogger(__name__)

IDLE: Final = 0.25
"""Seconds between two looks at the store: a harvest beside `serve` is found about as fast as a person can search."""

RETRY: Final = 2.0
"""Seconds to wait after an error: enough for a disk or a server to be looked after, and not to fill the log."""


class Follower:
    """Follows the store until it is told to stop; several may wait, one at a time holds the index lock."""

    def __init__(self, settings: Settings, portal: Portal, stop: threading.Event) -> None:
        self._portal = portal
        self._lock = index_lock(settings)
        self._stop = stop

    def run(self) -> None:
        """Work until told to stop; an error is logged and the next look is made a little later."""
        while not self._stop.is_set():
            try:
                # Not under the lock: the index may be one for many machines, vectors are this home's own.
                learn(self._portal.store, self._portal.meanings)
                with self._lock.hold():
                    try:
                        self._follow()
                    except StaleIndexError as error:
                        _log.warning("the index is built again from the store: %s", error)
                        rebuild(self._portal.store, self._portal.index)
                # The lock is free between two looks: `reindex` beside a running portal needs it for a moment.
                self._stop.wait(IDLE)
            except ConflictError:
                self._stop.wait(4 * IDLE)  # Another process indexes; be there when it ends.
            except DiscoveryError as error:
                _log.warning("indexing waits: %s", error)
                self._stop.wait(RETRY)
            except Exception:  # noqa: BLE001  # the thread must outlive every mistake
                # Whatever it was: a portal that answers but never learns of anything new would be found out too late.
                _log.exception("indexing failed; the next try is in %s s", RETRY)
                self._stop.wait(RETRY)

    def _follow(self) -> None:
        # While a harvest writes, a few changes at a time would be a commit each, and many small files to be merged.
        # Whoever has nearly caught up waits for more.
        while not self._stop.is_set() and follow(self._portal.store, self._portal.index) >= BATCH:
            pass
