from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

import pytest

from discovery.errors import RunError, SourceUnavailableError
from discovery.http.pace import Gate, Gates, backoff, retry_after
from discovery.http.transport import Watch

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("Sat, 21 Nov 2026 12:01:30 GMT", 90.0),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0.0),
        ("-5", None),
        ("soon", None),
        ("nan", None),
        ("1e999", None),
        ("٣", None),
        ("", None),
        ("Sat, 99 Nov 2026 12:01:30 GMT", None),
    ],
)
def test_retry_after_is_read_in_both_forms(text: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": text}, lambda: NOW) == seconds


def test_a_date_counts_from_the_servers_own_clock() -> None:
    headers = {"retry-after": "Thu, 01 Jan 2015 00:00:07 GMT", "date": "Thu, 01 Jan 2015 00:00:00 GMT"}
    assert retry_after(headers) == 7.0


def test_an_endless_number_is_only_a_long_time() -> None:
    assert retry_after({"retry-after": "9" * 5000}) == 999_999_999_999.0


def test_backoff_doubles_with_jitter_up_to_its_cap() -> None:
    for attempt, most in [(1, 0.5), (2, 1.0), (4, 4.0), (20, 300.0), (10_000, 300.0)]:
        waits = [backoff(attempt, 0.5, 300) for _ in range(50)]
        assert most / 2 <= min(waits) < max(waits) <= most


def test_a_gate_that_stays_full_says_so() -> None:
    gate = Gate("h", 1)
    gate.enter(1, Watch(None))
    with pytest.raises(SourceUnavailableError, match="no place") as caught:
        gate.enter(0.05, Watch(None))
    assert caught.value.detail == "busy"


def test_nobody_passes_while_a_host_rests() -> None:
    gate = Gate("h", 2)
    started = time.monotonic()
    gate.rest(0.15)
    gate.enter(0.01, Watch(None))
    assert time.monotonic() - started >= 0.15


def test_stop_ends_the_wait_at_a_gate() -> None:
    stop = threading.Event()
    gate = Gate("h", 1)
    gate.rest(60)
    threading.Timer(0.05, stop.set).start()
    started = time.monotonic()
    with pytest.raises(RunError):
        gate.enter(60, Watch(stop))
    assert time.monotonic() - started < 20


def test_everybody_shares_the_gate_of_a_host() -> None:
    gates = Gates(1)
    gates.of("h").enter(1, Watch(None))
    gates.of("other").enter(1, Watch(None))
    with pytest.raises(SourceUnavailableError, match="no place"):
        gates.of("h").enter(0.05, Watch(None))
    gates.of("h").leave()
    gates.of("h").enter(1, Watch(None))
