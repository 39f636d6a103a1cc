from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from discovery.errors import RecordError, SourceUnavailableError
from discovery.http import Client
from harvesters import tap_job
from harvesters.tap_job import Jobs
from harvesters.tap_service import Service

QUERY = "SELECT * FROM ivoa.ObsCore"
ROWS = [{"obs_publisher_did": f"d{n}"} for n in range(3)]


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tap_job, "_FIRST", 0.01)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_job_is_run_waited_for_fetched_and_deleted(
    version: str, tap_server: Callable[..., Any], client: Client
) -> None:
    tap = tap_server(ROWS)
    tap.version = version
    table = Service(client, tap.url, "async").ask(QUERY, 5)
    assert [row["obs_publisher_did"] for row in table.rows] == ["d0", "d1", "d2"]
    assert tap.jobs == {}
    kinds = [re.sub(r"/j\d+", "/ID", each.partition("?")[0]) for each in tap.requests]
    assert kinds[0] == "POST /async"
    assert "POST /async/ID/phase" in kinds
    assert kinds[-2:] == ["GET /async/ID/got", "DELETE /async/ID"]


def test_a_job_that_fails_says_why_and_is_deleted(tap_server: Callable[..., Any], client: Client) -> None:
    tap = tap_server(ROWS)
    jobs = Jobs(client, tap.url)

    class Failing(dict[str, dict[str, str]]):
        def __setitem__(self, id: str, job: dict[str, str]) -> None:
            super().__setitem__(id, job | {"ends": "ERROR"})

    tap.jobs = Failing()
    with (
        pytest.raises(SourceUnavailableError, match="the job has run out of luck") as caught,
        jobs.run({"QUERY": QUERY, "MAXREC": "5"}),
    ):
        pass
    assert caught.value.detail == "query"
    assert tap.jobs == {}


def test_a_job_that_does_not_end_is_given_up_and_deleted(tap_server: Callable[..., Any], client: Client) -> None:
    tap = tap_server(ROWS)
    tap.looks = 10_000
    with (
        pytest.raises(SourceUnavailableError, match="EXECUTING after") as caught,
        Jobs(client, tap.url, patience=0.2).run({"QUERY": QUERY, "MAXREC": "5"}),
    ):
        pass
    assert (caught.value.detail, tap.jobs) == ("timeout", {})


def test_a_job_is_deleted_also_when_its_table_cannot_be_read(tap_server: Callable[..., Any], client: Client) -> None:
    tap = tap_server(ROWS)
    tap.answer = lambda query, most: b"<VOTABLE><RESOURCE><TABLE>"
    with pytest.raises(RecordError, match="broken"):
        Service(client, tap.url, "async").ask(QUERY, 5)
    assert tap.jobs == {}
