from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def harvested(run: Run, tmp_path: Path) -> str:
    """Harvest four items, three of them odd, and return what was printed."""
    odd = ({"datetime": "0000-00-00"}, {"datetime": "never"}, {"datetime": "2020-01-01T00:00:00Z", "title": {}}, {})
    lines = [
        {
            "type": "Feature",
            "stac_version": "1.0.0",
            "id": f"i{n}",
            "collection": "c",
            "geometry": None,
            "properties": each or {"datetime": "2020-01-01T00:00:00Z"},
            "links": [],
            "assets": {},
        }
        for n, each in enumerate(odd)
    ]
    path = tmp_path / "items.ndjson"
    path.write_text("".join(json.dumps(each) + "\n" for each in lines))
    assert run("source", "add", "scenes", "--kind", "stac-items", "--url", path.as_uri())[0] == 0
    status, shown = run("harvest", "scenes")
    assert status == 0
    return shown


def test_a_harvest_leads_to_its_warnings_by_code_and_to_the_records_of_each(run: Run, harvested: str) -> None:
    assert "next: discovery warnings scenes" in harvested
    found = json.loads(run("warnings", "scenes", "--json")[1])
    assert {each["code"]: each["count"] for each in found} == {"bad-date": 2, "no-time": 2, "wrong-type": 1}
    shown = run("warnings")[1]
    assert "bad-date" in shown
    assert "next: discovery warnings --code" in shown
    listed = json.loads(run("warnings", "--code", "wrong-type", "--json")[1])
    assert [(each["source_id"], each["path"]) for each in listed] == [("i2", "title")]
    assert json.loads(run("get", listed[0]["record"], "--json")[1])["source_id"] == "i2"
    short = run("warnings", "scenes", "--code", "bad-date", "--limit", "1")[1]
    assert "i0" in short
    assert "i1" not in short
    assert "and more" in short


def test_where_nothing_is_odd_that_is_said(run: Run, harvested: str) -> None:
    assert run("warnings", "nowhere")[0] == 2
    assert "no record has this warning" in run("warnings", "--code", "bad-bbox")[1]
