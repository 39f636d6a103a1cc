"""Nothing in one element can stop a run."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from discovery.errors import RecordError
from discovery.http import Client
from discovery.model.source import Mapped, Quarantined, RawRecord, Source
from harvesters.mapping import map_one
from harvesters.registry import harvester


class Odd:
    """A harvester whose mapping ends as it is told."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def parse(self, raw: RawRecord) -> Any:
        return {}

    def map(self, raw: RawRecord, document: Any) -> Mapped:
        raise self.error


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (RecordError("bad-date", "no date", path="a.b"), "bad-date", "no date"),
        (ZeroDivisionError("surprise"), "mapper", "ZeroDivisionError: surprise"),
        (RecursionError("deep"), "mapper", "RecursionError: deep"),
        (ValueError("\ud800\0"), "mapper", "ValueError:"),
    ],
)
def test_whatever_goes_wrong_is_kept_with_the_bytes(
    error: Exception, code: str, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(
        logging.CRITICAL
    )  # Half a character in the log would not pass from one process of tests to another.
    outcome = map_one(Odd(error), RawRecord("c", "x", b"{}", position="7"))  # type: ignore[arg-type]
    assert isinstance(outcome, Quarantined)
    assert (outcome.issue.code, outcome.stage, outcome.raw.body) == (code, "map", b"{}")
    assert outcome.issue.message.startswith(message)
    assert "\ud800" not in outcome.issue.message
    assert outcome.raw.position == ""  # It has an id, and is the same wherever it stands.


def test_an_element_of_a_container_without_a_name_is_kept_by_its_place(client: Client) -> None:
    worker = harvester(Source("s", "stac-items", "file:items.ndjson"), client)
    outcome = map_one(worker, RawRecord("c\0", "x", b"{}"))
    assert isinstance(outcome, Quarantined)
    assert (outcome.issue.code, outcome.raw.container, outcome.raw.source_id) == ("bad-container", "", "")
    assert outcome.raw.position


def test_what_maps_is_written_down_already(client: Client, make_item: Callable[..., dict[str, Any]]) -> None:
    worker = harvester(Source("s", "stac-items", "file:items.ndjson"), client)
    body = orjson.dumps(make_item("x"))
    outcome = map_one(worker, RawRecord("c", "x", body))
    assert isinstance(outcome, Mapped)
    assert outcome.body == outcome.record.to_json()
