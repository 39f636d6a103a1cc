"""One steward: whoever follows the store and whoever does the jobs, beginning and ending together."""

from __future__ import annotations

import threading

from discovery.config import Settings
from discovery.portal import Portal
from discovery.steward.follower import Follower
from discovery.steward.worker import Worker


class Steward:
    """Does all the work of a portal that is not answering; any number may work on one store."""

    def __init__(self, settings: Settings, portal: Portal) -> None:
        self._stop = threading.Event()
        self._follower = Follower(settings, portal, self._stop)
        self._worker = Worker(settings, portal, self._stop)

    def run(self) -> None:
        """Work until `stop`."""
        worker = threading.Thread(target=self._worker.run, name="jobs")
        worker.start()
        try:
            self._follower.run()
        finally:
            self._stop.set()
            worker.join()

    def stop(self) -> None:
        """Ask `run` to end; it does so within a moment, and harvests go on where they stood next time."""
        self._stop.set()
