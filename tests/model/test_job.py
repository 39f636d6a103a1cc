"""What can be asked for."""

from __future__ import annotations

from typing import Any

import pytest

from discovery.errors import BadQueryError
from discovery.model.job import DONE, RUNNING, Job, checked


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        ("harvst", {}, "unknown job 'harvst'; did you mean harvest"),
        ("harvest", {}, "harvest needs source"),
        ("harvest", {"source": "s", "ful": True}, "unknown argument of harvest 'ful'; did you mean full"),
        ("harvest", {"source": 7}, "source is '7', not a str"),
        ("harvest", {"source": "s", "limit": 0}, "limit is '0', not a number above 0"),
        ("harvest", {"source": "s", "limit": True}, "limit is 'True', not a number above 0"),
        ("harvest", {"source": "s", "limit": 1 << 53}, "not a number above 0"),
        ("harvest", {"source": "x" * 2000}, "has 2000 characters"),
        ("approve", {"run": 3}, "approve needs by"),
        ("preview", {}, "either record or source"),
        ("preview", {"record": "r", "source": "s"}, "either record or source"),
    ],
)
def test_what_cannot_be_done_is_refused_before_it_waits(kind: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(BadQueryError, match=message):
        checked(kind, arguments)


def test_what_is_not_said_is_left_out() -> None:
    assert checked("harvest", {"source": "s", "full": None, "limit": 5}) == {"source": "s", "limit": 5}


def test_a_job_knows_its_source_and_its_end() -> None:
    job = Job(1, "harvest", {"source": "s"}, RUNNING)
    assert (job.source, job.ended) == ("s", False)
    assert (Job(1, "remap", {}, DONE).source, Job(1, "remap", {}, DONE).ended) == ("", True)
