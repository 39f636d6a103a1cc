"""How often a host may be asked: a few requests at a time, and pauses when it says so."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from discovery.errors import SourceUnavailableError
from discovery.http.transport import Watch

# How often somebody who waits looks whether the run has been stopped.
_GLANCE = 0.2


class Gate:
    """The places of one host: whoever wants to ask it takes one and gives it back."""

    def __init__(self, host: str, places: int) -> None:
        self._host = host
        self._free = places
        self._changed = threading.Condition()
        self._not_before = 0.0

    def enter(self, limit: float, watch: Watch) -> float:
        """Take a place, and return the seconds that this took.

        Args:
            limit: How long to wait for one.
            watch: What ends the wait of whoever wants it.

        Raises:
            SourceUnavailableError: All places stayed taken, by our own other requests, for `limit` seconds.
            RunError: The run was stopped meanwhile.
        """
        started = time.monotonic()
        with self._changed:
            while True:
                watch.check()
                now = time.monotonic()
                pause = self._not_before - now
                if self._free > 0 and pause <= 0:
                    self._free -= 1
                    return now - started
                if self._free <= 0 and now - started >= limit:
                    raise SourceUnavailableError(
                        f"{self._host}: no place for one more request within {limit:g} s", detail="busy"
                    )
                self._changed.wait(min(_GLANCE, pause) if pause > 0 else _GLANCE)

    def leave(self) -> None:
        """Give the place back."""
        with self._changed:
            self._free += 1
            self._changed.notify()

    def rest(self, seconds: float) -> None:
        """Let nobody ask this host before so many seconds have passed."""
        with self._changed:
            self._not_before = max(self._not_before, time.monotonic() + seconds)


class Gates:
    """The gates of every host that this process talks to; clients that share them share the places."""

    def __init__(self, places: int) -> None:
        self.places = places
        self._lock = threading.Lock()
        self._gates: dict[str, Gate] = {}

    def of(self, host: str) -> Gate:
        """Return the gate of a host."""
        with self._lock:
            if host not in self._gates:
                self._gates[host] = Gate(host, self.places)
            return self._gates[host]


def retry_after(headers: Mapping[str, str], now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> float | None:
    """Return the seconds that a Retry-After header asks for, in either of its forms, or None if there are none."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    wanted = _date(text)
    if wanted is None:
        return None
    # The server's own clock, where it tells it, so that a wrong clock on either side does not matter.
    return max(0.0, (wanted - (_date(headers.get("date", "")) or now())).total_seconds())


def backoff(attempt: int, base: float, cap: float) -> float:
    """Return the seconds to wait after the given failed attempt, the first being 1: doubled each time, with jitter."""
    return min(cap, base * 2.0 ** min(attempt - 1, 30)) * random.uniform(0.5, 1.0)  # noqa: S311  # no secret


def _date(text: str) -> datetime | None:
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)
