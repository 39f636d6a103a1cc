from __future__ import annotations

import csv
import io
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from discovery import wiring
from discovery.cli.serving import sign_in_link
from discovery.config import Settings
from discovery.model import terms
from discovery.model.person import Role
from discovery.people import People

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def items(tmp_path: Path) -> Path:
    """Return a file of 30 STAC items, one a line."""
    path = tmp_path / "items.ndjson"
    path.write_text("".join(json.dumps(item(i)) + "\n" for i in range(30)))
    return path


def item(i: int) -> dict[str, Any]:
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": f"scene-{i:02d}",
        "collection": "scenes",
        "geometry": {"type": "Point", "coordinates": [i, 10.0]},
        "bbox": [i, 10.0, i, 10.0],
        "properties": {"datetime": f"2020-01-{i + 1:02d}T00:00:00Z", "title": f"Forest scene {i}"},
        "links": [],
        "assets": {},
    }


def harvested(run: Run, items: Path) -> dict[str, Any]:
    assert run("source", "add", "scenes", "--kind", "stac-items", "--url", items.as_uri())[0] == 0
    status, out = run("harvest", "scenes", "--json")
    assert status == 0
    report: dict[str, Any] = json.loads(out)
    return report


def test_a_search_near_a_name_is_one_in_its_region_and_is_offered(run: Run, items: Path) -> None:
    harvested(run, items)
    near = json.loads(run("search", "--near", "Nigeria", "--scope", "observations", "--json")[1])
    boxed = json.loads(run("search", "--bbox", "2.67,4.27,14.67,13.89", "--scope", "observations", "--json")[1])
    assert near["total"] == boxed["total"] == {"value": 12, "exact": True}
    told = json.loads(run("search", "forest Nigeria", "--json")[1])["places"]
    assert [(each["name"], each["kind"], each["q"]) for each in told] == [("Nigeria", "country", "forest")]
    assert "search in Nigeria: forest --near Nigeria" in run("search", "forest Nigeria")[1]
    assert "--near Phoenix --frame sky" not in run("search", "Phoenix")[1]


def test_a_harvest_reports_every_figure_that_the_docs_name(run: Run, items: Path) -> None:
    report = harvested(run, items)
    assert report["status"] == "complete"
    assert (report["seen"], report["added"], report["unchanged"]) == (30, 30, 0)
    assert {"source", "run", "updated", "deleted", "quarantined", "warnings", "requests", "bytes"} <= set(report)
    assert {"seconds", "records_per_second"} <= set(report)


def test_a_harvest_is_found_when_the_command_has_ended(run: Run, items: Path) -> None:
    harvested(run, items)
    _, out = run("search", "forest", "--scope", "observations", "--size", "5", "--json")
    page = json.loads(out)
    assert page["total"] == {"value": 30, "exact": True}
    assert len(page["records"]) == 5
    assert page["next"]


def test_pages_follow_each_other(run: Run, items: Path) -> None:
    harvested(run, items)
    seen: list[str] = []
    after: list[str] = []
    while True:
        found = run("search", "--scope", "observations", "--sort", "start", "--size", "7", *after, "--json")
        page = json.loads(found[1])
        seen += [each["source_id"] for each in page["records"]]
        if not page["next"]:
            break
        after = ["--after", page["next"]]
    assert seen == [f"scene-{i:02d}" for i in range(30)]


def test_export_prints_one_line_a_record(run: Run, items: Path) -> None:
    harvested(run, items)
    lines = [json.loads(line) for line in run("export", "--scope", "observations")[1].splitlines()]
    assert [line["source_id"] for line in lines] == [f"scene-{i:02d}" for i in range(30)]
    assert set(lines[0]) == {"id", "source", "container", "source_id", "dataset", "kind", "title", "updated"}


def test_a_search_is_written_to_a_file_whole_or_not_at_all(run: Run, items: Path, tmp_path: Path) -> None:
    harvested(run, items)
    file = tmp_path / "scenes.csv"
    status, out = run("search", "--scope", "observations", "--output", str(file))
    assert (status, out.strip()) == (0, f"wrote 30 records to {file}")
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))
    assert len({row["source_id"] for row in rows}) == 30
    printed = run("search", "forest", "--scope", "observations", "--output", "-")[1].splitlines()
    assert {json.loads(line)["kind"] for line in printed} == {"observation"}
    assert run("search", "--output", str(tmp_path / "what"))[0] == 2
    assert run("search", "--output", str(tmp_path / "nowhere" / "x.csv"))[0] == 2
    assert run("search", "--output", str(tmp_path / "x.csv"), "--format", "cvs")[0] == 2
    assert sorted(each.name for each in tmp_path.iterdir() if each.name.startswith((".export", "x"))) == []


def test_get_shows_a_record_and_says_when_there_is_none(run: Run, items: Path) -> None:
    harvested(run, items)
    id = json.loads(run("export")[1].splitlines()[0])["id"]
    assert json.loads(run("get", id, "--json")[1])["id"] == id
    assert run("get", "nothing")[0] == 2


def test_a_preview_shows_where_each_field_came_from(run: Run, items: Path) -> None:
    run("source", "add", "scenes", "--kind", "stac-items", "--url", items.as_uri())
    first = json.loads(run("preview", "scenes", "--first", "2", "--json")[1])
    assert len(first) == 2
    assert run("export")[1] == ""
    run("harvest", "scenes", "--json")
    id = next(each["record"] for each in first if each["source_id"].startswith("scene-"))
    (again,) = json.loads(run("preview", id, "--json")[1])
    assert {"field": "title", "from": ["properties.title"], "value": "Forest scene 0", "issue": ""} in again["fields"]
    status, shown = run("preview", id)
    assert status == 0
    assert "properties.title" in shown
    assert run("preview", "nothing")[0] == 2


def test_a_limited_harvest_is_partial_and_the_next_one_goes_on(run: Run, items: Path) -> None:
    run("source", "add", "scenes", "--kind", "stac-items", "--url", items.as_uri(), "--set", "page=10")
    assert run("harvest", "scenes", "--limit", "10", "--json")[0] == 3
    status, out = run("harvest", "scenes", "--json")
    assert status == 0
    assert len(run("export", "--scope", "observations")[1].splitlines()) == 30
    assert json.loads(out)["status"] == "complete"


def test_a_cluster_needs_a_store_that_it_can_reach(run: Run, items: Path) -> None:
    run("source", "add", "scenes", "--kind", "stac-items", "--url", items.as_uri())
    assert run("harvest", "scenes", "--dask", "tcp://127.0.0.1:1")[0] == 2


def test_jobs_are_listed_and_shown(run: Run, items: Path, tmp_path: Path) -> None:
    run("source", "add", "scenes", "--kind", "stac-items", "--url", items.as_uri())
    assert "nothing was asked for" in run("jobs", "list")[1]
    with closing(wiring.open_portal(Settings(tmp_path / "home"))) as portal:
        job = portal.ask("harvest", {"source": "scenes"})
    (row,) = json.loads(run("jobs", "list", "--json")[1])
    assert (row["job"], row["kind"], row["arguments"], row["status"]) == (
        job.id,
        "harvest",
        {"source": "scenes"},
        "waiting",
    )
    assert json.loads(run("jobs", "show", str(job.id), "--json")[1]) == row
    assert "waiting" in run("jobs", "show", str(job.id))[1]
    assert run("jobs", "show", "99")[0] == 2


def test_a_dry_run_stores_nothing(run: Run, items: Path) -> None:
    run("source", "add", "scenes", "--kind", "stac-items", "--url", items.as_uri())
    run("harvest", "scenes", "--dry-run")
    assert run("export")[1] == ""


def test_what_is_broken_is_listed_and_leaves_once_it_is_mended(run: Run, items: Path) -> None:
    lines = items.read_text().splitlines()
    items.write_text("\n".join([*lines[:3], "{broken", *lines[3:]]) + "\n")
    run("source", "add", "scenes", "--kind", "stac-items", "--url", items.as_uri())
    run("harvest", "scenes", "--json")
    held = json.loads(run("quarantine", "list", "--json")[1])
    assert len(held) == 1
    assert "{broken" in json.loads(run("quarantine", "show", str(held[0]["number"]), "--json")[1])["body"]
    assert json.loads(run("quarantine", "retry", "--json")[1]) == {"released": 0, "left": 1}
    assert len(run("export", "--scope", "observations")[1].splitlines()) == 30


def test_a_removed_source_takes_its_records_along(run: Run, items: Path, tmp_path: Path) -> None:
    harvested(run, items)
    kept = tmp_path / "home" / "kept" / "scenes.sqlite"
    kept.parent.mkdir()
    kept.write_bytes(b"documents")
    assert run("source", "remove", "scenes")[0] == 0
    assert not kept.exists()
    assert run("export")[1] == ""
    assert json.loads(run("search", "--scope", "observations", "--json")[1])["total"]["value"] == 0
    assert json.loads(run("source", "list", "--json")[1]) == []


def test_a_file_of_sources_is_applied_and_the_difference_is_shown(run: Run, tmp_path: Path, items: Path) -> None:
    file = tmp_path / "sources.toml"
    file.write_text(f'[[source]]\nid = "scenes"\nkind = "stac-items"\nurl = "{items.as_uri()}"\n')
    assert json.loads(run("source", "apply", str(file), "--dry-run", "--json")[1]) == [
        {"id": "scenes", "change": "added", "differences": []}
    ]
    assert json.loads(run("source", "list", "--json")[1]) == []
    run("source", "apply", str(file))
    file.write_text(file.read_text() + 'title = "Scenes"\n')
    (changed,) = json.loads(run("source", "apply", str(file), "--json")[1])
    assert changed["change"] == "changed: title"
    assert changed["differences"] == [{"name": "title", "before": "scenes", "after": "Scenes"}]
    assert json.loads(run("source", "apply", str(file), "--json")[1])[0]["change"] == "as it was"
    exported = tmp_path / "exported.toml"
    exported.write_text(run("source", "export")[1])
    assert json.loads(run("source", "apply", str(exported), "--json")[1])[0]["change"] == "as it was"
    (tmp_path / "other.toml").write_text(file.read_text().replace('"scenes"', '"other"'))
    assert "left as they are: scenes" in run("source", "apply", str(tmp_path / "other.toml"))[1]
    assert 'id = "scenes"' not in run("source", "export", "other")[1]


def test_a_known_source_waits_until_it_is_enabled(run: Run) -> None:
    known = json.loads(run("source", "known", "--json")[1])
    assert all(each["read_in"] and not each["enabled"] for each in known)
    assert run("source", "known")[0] == 0
    assert "source enable emds" in run("source", "add", "--known", "emds", "--set", "page=100")[1]
    (row,) = json.loads(run("source", "list", "--json")[1])
    assert (row["enabled"], row["settings"]["page"], row["next_run"], row["last_run"]) == (False, "100", None, None)
    assert run("harvest", "emds")[0] == 2
    assert json.loads(run("source", "enable", "emds", "--json")[1])["enabled"] is True
    (row,) = json.loads(run("source", "list", "--json")[1])
    assert row["next_run"] is not None
    assert run("source", "disable", "emds")[0] == 0
    assert "not enabled" in run("source", "list")[1]
    assert run("source", "add", "--known", "emds")[0] == 3
    assert run("source", "add", "mine", "--known", "emds")[0] == 0


def test_the_list_says_how_the_last_run_ended_and_when_the_next_one_is_due(run: Run, items: Path) -> None:
    url = items.as_uri()
    run("source", "add", "scenes", "--kind", "stac-items", "--url", url, "--set", "schedule=@daily")
    run("harvest", "scenes", "--json")
    items.unlink()
    run("harvest", "scenes", "--json")
    (row,) = json.loads(run("source", "list", "--json")[1])
    assert (row["records"], row["stated"], row["last_status"], row["failures"]) == (30, None, "failed", 1)
    assert row["last_run"] < row["next_run"]
    shown = run("source", "list")[1]
    assert "failure" in shown
    assert "failures" not in shown


def test_a_source_is_not_removed_while_it_is_harvested(run: Run, items: Path, tmp_path: Path) -> None:
    harvested(run, items)
    with wiring.harvest_lock(Settings(tmp_path / "home"), "scenes").hold():
        assert run("source", "remove", "scenes")[0] == 3
    assert [row["records"] for row in json.loads(run("source", "list", "--json")[1])] == [30]
    assert json.loads(run("source", "remove", "scenes", "--json")[1])["deleted"] == 30


def test_what_a_run_says_that_did_not_end_stands_below_the_list(run: Run, items: Path) -> None:
    harvested(run, items)
    assert "run 1" not in run("runs", "list")[1]
    items.write_text(json.dumps(item(0)) + "\n")
    run("harvest", "scenes", "--json")
    shown = run("runs", "list")[1]
    assert "run 2, scenes: 29 of 30 records have vanished" in shown
    assert "next: discovery runs show 2" in shown
    assert "not_before" not in run("runs", "show", "2")[1]
    assert len(json.loads(run("runs", "list", "--size", "1", "--json")[1])) == 1


def test_a_run_that_was_killed_is_told(run: Run, items: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    harvested(run, items)
    with closing(wiring.open_store(Settings(tmp_path / "home"))) as store:
        killed = store.ledger.begin("scenes")
    assert "nothing was heard" not in run("runs", "list")[1]
    monkeypatch.setattr("discovery.cli.runs.now", lambda: killed.started + 15 * 60_000)
    assert "run 2, scenes: nothing was heard of it for 15 minutes" in run("runs", "list")[1]


def test_quarantine_is_listed_a_part_at_a_time(run: Run, items: Path) -> None:
    items.write_text(items.read_text() + "{broken\n" * 3 + "[1]\n")
    run("source", "add", "scenes", "--kind", "stac-items", "--url", items.as_uri())
    run("harvest", "scenes", "--json")
    numbers = [each["number"] for each in json.loads(run("quarantine", "list", "--json")[1])]
    assert len(numbers) == 4
    shown = run("quarantine", "list", "scenes", "--size", "3")[1]
    assert f"in quarantine of scenes are 3 broken-json, 1 not-an-object; next: --after {numbers[2]}" in shown
    rest = json.loads(run("quarantine", "list", "--after", str(numbers[2]), "--json")[1])
    assert [each["number"] for each in rest] == numbers[3:]
    assert "nothing more" in run("quarantine", "list", "--after", str(numbers[3]))[1]


def test_a_file_of_sources_that_is_no_text_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "odd.toml").write_bytes(b"\xff\xfe[[source]]")
    assert run("source", "apply", str(tmp_path / "odd.toml"))[0] == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("source", "add", "Bad Id", "--kind", "stac-items", "--url", "file:///x"),
        ("source", "add", "x", "--kind", "no-such-kind", "--url", "file:///x"),
        ("source", "add", "x", "--kind", "stac-items", "--url", "ftp://example.org/"),
        ("source", "add", "x", "--kind", "stac-items", "--url", "https://user:word@example.org/"),
        ("source", "add", "x", "--kind", "stac-items", "--url", "file:///x", "--set", "nonsense=1"),
        ("source", "add", "x", "--kind", "stac-items", "--url", "file:///x", "--set", "schedule=often"),
        ("source", "add", "x", "--kind", "stac-items"),
        ("source", "add", "--known", "no-such-archive"),
        ("source", "add", "--known", "emds", "--url", "file:///x"),
        ("source", "enable", "nobody"),
        ("source", "export", "nobody"),
        ("harvest", "nobody"),
        ("search", "--facet", "misson=x"),
        ("search", "--facet", "without-a-value"),
        ("search", "--range", "size=2..1"),
        ("search", "--cell", "sky/3"),
        ("search", "--scope", "everything"),
        ("search", "--near", "Nigerria"),
        ("search", "--sort", "no-such-field"),
        ("search", "--size", "1000000"),
        ("runs", "show", "77"),
        ("runs", "list", "nobody"),
        ("quarantine", "list", "nobody"),
        ("no-such-command",),
    ],
)
def test_wrong_use_ends_with_status_2(run: Run, arguments: tuple[str, ...]) -> None:
    assert run(*arguments)[0] == 2


def test_a_missing_file_is_no_loss(run: Run, items: Path) -> None:
    harvested(run, items)
    items.unlink()
    assert run("harvest", "scenes", "--json")[0] == 3
    assert len(run("export", "--scope", "observations")[1].splitlines()) == 30


def test_remap_reindex_and_check_leave_a_whole_catalogue(run: Run, items: Path) -> None:
    harvested(run, items)
    assert json.loads(run("remap", "--json")[1])["updated"] == 0
    assert json.loads(run("reindex", "--json")[1])["observations"]["documents"] == 30
    answer = json.loads(run("check", "--json")[1])
    assert (answer["ok"], answer["problems"]) == (True, [])


def test_reindex_makes_vectors_of_resources_and_check_says_when_they_cannot_be(
    run: Run, items: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez(tmp_path / "w.npz", words=np.array(["title"]), vectors=np.ones((1, 2), dtype=np.float32))
    harvested(run, items)
    monkeypatch.setenv("DISCOVERY_SEMANTIC_WEIGHTS", str(tmp_path / "w.npz"))
    code, said = run("check")
    assert (code, "no vectors of the resources" in said) == (3, True)
    assert run("reindex")[0] == run("check")[0] == 0
    monkeypatch.setenv("DISCOVERY_SEMANTIC_WEIGHTS", str(tmp_path / "none.npz"))
    code, said = run("check")
    assert (code, "none.npz is missing" in said) == (3, True)


def test_runs_are_listed_newest_first(run: Run, items: Path) -> None:
    first = harvested(run, items)
    run("harvest", "scenes", "--json")
    found = json.loads(run("runs", "list", "--json")[1])
    assert [each["run"] for each in found] == [first["run"] + 1, first["run"]]
    assert json.loads(run("runs", "show", str(first["run"]), "--json")[1])["added"] == 30


def test_a_held_run_is_shown_and_approved_once(run: Run, items: Path) -> None:
    harvested(run, items)
    items.write_text("")
    status, out = run("harvest", "scenes", "--json")
    held = json.loads(out)
    assert (status, held["status"], held["missing"]) == (3, "held", 30)
    assert "discovery runs approve" in run("runs", "show", str(held["run"]))[1]
    status, out = run("runs", "approve", str(held["run"]), "--json")
    assert (status, json.loads(out)["deleted"]) == (0, 30)
    assert run("export", "--scope", "observations") == (0, "")
    assert run("runs", "approve", str(held["run"]))[0] == 3
    assert run("runs", "approve", "77")[0] == 2


def test_a_backup_brings_a_catalogue_to_another_home(run: Run, items: Path, tmp_path: Path) -> None:
    harvested(run, items)
    copy = tmp_path / "copy.sqlite"
    status, out = run("backup", str(copy), "--json")
    assert (status, json.loads(out)["bytes"]) == (0, copy.stat().st_size)
    assert run("--home", str(tmp_path / "other"), "restore", str(copy))[0] == 0
    _, before = run("export")
    _, after = run("--home", str(tmp_path / "other"), "export")
    assert before == after != ""
    _, out = run("--home", str(tmp_path / "other"), "search", "forest", "--scope", "observations", "--json")
    assert json.loads(out)["total"]["value"] == 30
    assert run("--home", str(tmp_path / "other"), "check")[0] == 0


@pytest.mark.peer
def test_every_command_works_with_a_store_on_postgresql(
    run: Run, items: Path, tmp_path: Path, postgresql_url: str
) -> None:
    def there(*arguments: str) -> tuple[int, str]:
        return run("--store", postgresql_url, *arguments)

    harvested(there, items)
    assert json.loads(there("harvest", "scenes", "--json")[1])["unchanged"] == 30
    _, out = there("search", "forest", "--scope", "observations", "--json")
    assert json.loads(out)["total"]["value"] == 30
    assert there("reindex")[0] == there("remap")[0] == there("check")[0] == 0
    assert len(json.loads(there("runs", "list", "--json")[1])) == 2
    _, before = there("export")
    assert there("backup", str(tmp_path / "copy.sqlite"))[0] == 0
    assert there("source", "remove", "scenes")[0] == 0
    assert there("export")[1] == ""
    assert there("restore", str(tmp_path / "copy.sqlite"))[0] == 0
    assert there("export")[1] == before
    # The same copy makes a catalogue in a file, with the same records under the same ids.
    assert run("--home", str(tmp_path / "file"), "restore", str(tmp_path / "copy.sqlite"))[0] == 0
    assert run("--home", str(tmp_path / "file"), "export")[1] == before != ""


def test_a_store_that_is_away_is_told_without_its_password(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    status, out = run("--store", "postgresql://ann:hunter2@127.0.0.1:1/catalogue", "search", "sea")
    complaint = capsys.readouterr().err
    assert status == 3
    assert "the store at postgresql://ann@127.0.0.1:1/catalogue cannot be opened" in " ".join(complaint.split())
    assert "hunter2" not in out + complaint


def test_a_restore_keeps_what_is_there_unless_it_may_go(run: Run, items: Path, tmp_path: Path) -> None:
    harvested(run, items)
    copy = tmp_path / "copy.sqlite"
    run("backup", str(copy))
    _, before = run("export")
    assert run("restore", str(copy))[0] == 3
    with wiring.home_lock(Settings(tmp_path / "home")).share():
        assert run("restore", "--replace", str(copy))[0] == 3
    assert run("export") == (0, before)
    assert run("restore", "--replace", str(copy))[0] == 0
    assert run("export") == (0, before)
    assert run("restore", str(tmp_path / "nothing"), "--replace")[0] == 2


def test_a_record_becomes_a_notebook(run: Run, items: Path, tmp_path: Path) -> None:
    harvested(run, items)
    id = json.loads(run("export")[1].splitlines()[0])["id"]
    status, printed = run("open", id, "--print")
    assert status == 0
    assert json.loads(printed)["nbformat"] == 4
    assert id in printed
    assert f"/selection?id={id}&f=ndjson" in printed
    assert json.loads(run("open", id, "--json")[1])["openable"] is False
    file = tmp_path / "mine.ipynb"
    assert run("open", id, "--output", str(file))[0] == 0
    assert file.read_text() == printed
    assert run("open", "nothing", "--print")[0] == 2
    assert run("open", id, "--file", "nothing", "--print")[0] == 2
    assert run("open", id, "--output", str(tmp_path / "nowhere" / "x.ipynb"))[0] == 2
    ids = [json.loads(each)["id"] for each in run("export")[1].splitlines()[:2]]
    both = run("open", *ids, ids[0], "--print")[1]
    assert f"/selection?id={ids[0]}&id={ids[1]}&f=ndjson" in both
    assert [each["id"] for each in json.loads(run("open", *ids, "--json")[1])] == ids
    assert run("open", *ids, "nothing", "--print")[0] == 2


def test_without_jupyterlab_the_notebook_is_written_all_the_same(
    run: Run, items: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    harvested(run, items)
    id = json.loads(run("export")[1].splitlines()[0])["id"]
    monkeypatch.setitem(sys.modules, "jupyterlab", None)
    assert run("open", id, "--folder", str(tmp_path / "books"))[0] == 2
    (made,) = (tmp_path / "books").iterdir()
    assert id in made.name


def test_a_record_is_shown_in_lines_that_people_read(run: Run, items: Path) -> None:
    harvested(run, items)
    _, out = run("search", "forest", "--scope", "observations", "--size", "1", "--json")
    (record,) = json.loads(out)["records"]
    _, out = run("get", record["id"])
    assert "start: 2020-01-" in out
    assert [line.split()[0] for line in out.splitlines() if "{" in line] == ["geometry:"]


def test_a_source_that_is_not_enabled_is_left_alone(run: Run, items: Path, tmp_path: Path) -> None:
    file = tmp_path / "sources.toml"
    file.write_text(f'[[source]]\nid = "scenes"\nkind = "stac-items"\nurl = "{items.as_uri()}"\nenabled = false\n')
    assert run("source", "apply", str(file))[0] == 0
    assert run("harvest", "scenes")[0] == 2
    assert run("export") == (0, "")


def test_an_operator_gets_a_link_that_opens_once(run: Run, tmp_path: Path) -> None:
    made = json.loads(run("operator", "link", "--port", "8123", "--json")[1])
    assert made["url"].startswith("http://127.0.0.1:8123/signin?code=")
    status, line = run("operator", "link")
    assert status == 0
    assert len(line.splitlines()) == 1
    with closing(wiring.open_portal(Settings(tmp_path / "home"))) as portal:
        code = line.strip().partition("code=")[2]
        assert portal.people.enter(code)
        assert portal.people.enter(code) is None


def test_the_link_at_the_start_lets_the_person_at_the_machine_in(tmp_path: Path) -> None:
    found = Settings(tmp_path / "home")
    link = sign_in_link(found, "http://127.0.0.1:8123/")
    assert link.startswith("http://127.0.0.1:8123/signin?code=")
    with closing(wiring.open_store(found)) as store:
        people = People(store)
        session = people.enter(link.partition("code=")[2])
        assert session is not None
        assert people.who(None, session).role is Role.ADMIN


def test_people_are_listed_given_roles_and_kept_out(run: Run, tmp_path: Path) -> None:
    assert run("person", "list") == (0, "nobody has signed in yet\n")
    with closing(wiring.open_store(Settings(tmp_path / "home"))) as store:
        people = People(store)
        session = people.welcome("https://id.example", "1", "Ann [red]", email="ann@example.org")
        ann = people.who(None, session).id
    assert "Ann [red]" in run("person", "list")[1]
    assert [each["person"] for each in json.loads(run("person", "list", "ann@", "--json")[1])] == [ann]
    assert run("person", "role", ann, "moderator")[1] == "Ann [red] is moderator\n"
    assert json.loads(run("person", "disable", ann, "--json")[1])["disabled"] is not None
    with closing(wiring.open_store(Settings(tmp_path / "home"))) as store:
        assert People(store).who(None, session).role is Role.ANONYMOUS
        assert [each.name for each in store.audit.lines(act="person")] == ["the command line"] * 2
    assert json.loads(run("person", "disable", ann, "--undo", "--json")[1])["disabled"] is None
    for wrong in (("role", ann, "anonymous"), ("role", ann, "king"), ("role", "nobody", "user"), ("disable", "nobody")):
        assert run("person", *wrong)[0] == 2


def test_tokens_of_people_are_made_listed_and_revoked(run: Run, tmp_path: Path) -> None:
    with closing(wiring.open_store(Settings(tmp_path / "home"))) as store:
        ann = People(store).who(None, People(store).welcome("https://id.example", "1", "Ann")).id
    shown = run("token", "create", ann, "--name", "cron", "--scope", "read", "--scope", "launch")[1].strip()
    (listed,) = json.loads(run("token", "list", ann, "--json")[1])
    assert (listed["name"], listed["scopes"]) == ("cron", ["read", "launch"])
    assert shown not in run("token", "list", ann)[1]
    with closing(wiring.open_store(Settings(tmp_path / "home"))) as store:
        assert People(store).who(f"Bearer {shown}").id == ann
    assert run("token", "revoke", ann, listed["id"])[0] == 0
    assert run("token", "list", ann) == (0, "there are none\n")
    assert run("token", "revoke", ann, listed["id"])[0] == 2
    assert run("token", "create", ann, "--name", "x", "--days", "366")[0] == 2
    assert run("token", "create", "nobody", "--name", "x")[0] == 2


def test_a_token_is_made_for_the_setting(run: Run) -> None:
    token = json.loads(run("operator", "token", "--json")[1])["token"]
    assert len(token) == 64
    assert token not in run("operator", "token")[1]


def test_what_two_sources_have_is_found_once_and_parted_when_somebody_says_so(run: Run, items: Path) -> None:
    harvested(run, items)
    run("source", "add", "mirror", "--kind", "stac-items", "--url", items.as_uri(), "--title", "The mirror")
    run("harvest", "mirror")
    found = json.loads(run("search", "--scope", "observations", "--json")[1])
    assert found["total"]["value"] == 30
    groups = json.loads(run("duplicates", "list", "--json")[1])
    assert len(groups) == 30
    assert {each["source"] for each in groups} == {"scenes"}
    assert {(other["source"], other["why"]) for each in groups for other in each["also_at"]} == {
        ("mirror", "identifier")
    }
    one, other = groups[0]["id"], groups[0]["also_at"][0]["id"]
    assert json.loads(run("get", one, "--json")[1])["also_at"][0]["id"] == other
    assert "The mirror: " + other in run("get", one)[1]
    assert json.loads(run("duplicates", "split", other, "--json")[1]) == {"id": other, "split": 1}
    assert json.loads(run("search", "--scope", "observations", "--json")[1])["total"]["value"] == 31
    assert json.loads(run("duplicates", "find", "--json")[1])["merged"] == 0
    assert json.loads(run("duplicates", "split", other, "--undo", "--json")[1]) == {"id": other, "undone": 1}
    assert len(json.loads(run("duplicates", "list", "--size", "50", "--json")[1])) == 30
    assert run("source", "remove", "scenes")[0] == 0
    assert json.loads(run("search", "--scope", "observations", "--json")[1])["total"]["value"] == 30
    assert json.loads(run("duplicates", "list", "--json")[1]) == []


def test_a_dry_run_of_duplicates_says_what_would_be(run: Run, items: Path) -> None:
    harvested(run, items)
    assert "0 changes looked at" in run("duplicates", "find", "--dry-run")[1]
    assert "no thing is at several sources" in run("duplicates", "list")[1]
    assert run("duplicates", "split", "nothing")[0] == 2


def test_maps_of_tables_are_listed_and_taken_by_name(run: Run) -> None:
    maps = {row["name"]: row for row in json.loads(run("source", "maps", "--json")[1])}
    assert maps["ehst"]["table"] == "ehst.observation"
    assert all(row["read_in"] for row in maps.values())
    assert "eso-raw" in run("source", "maps")[1]
    add = ("source", "add", "mine", "--kind", "tap", "--url", "https://example.org/tap", "--set")
    assert run(*add, "map=eso-rwa")[0] == 2
    assert run(*add, "map=eso-raw")[0] == 0


def test_links_of_a_record_are_asked_of_the_archive(run: Run, items: Path) -> None:
    run("source", "add", "scenes", "--kind", "stac-items", "--url", items.as_uri())
    run("harvest", "scenes")
    id = json.loads(run("search", "--scope", "observations", "--size", "1", "--json")[1])["records"][0]["id"]
    assert run("links", id) == (0, "the record has no DataLink document\n")
    assert json.loads(run("links", id, "--json")[1]) == []
    assert run("links", "nothing")[0] == 2


def test_items_find_their_collection_in_another_source(run: Run, items: Path, tmp_path: Path) -> None:
    harvested(run, items)
    assert json.loads(run("source", "list", "--json")[1])[0]["orphans"] == 30
    assert "30 records of scenes name a parent that is not here" in run("source", "list")[1]
    assert json.loads(run("check", "--json")[1])["orphans"] == {"scenes": 30}
    assert "30 records of scenes" in run("check")[1]
    collection = tmp_path / "collections.ndjson"
    body = {"type": "Collection", "stac_version": "1.0.0", "id": "scenes", "description": "d", "license": "other"}
    extent = {"spatial": {"bbox": [[0, 0, 1, 1]]}, "temporal": {"interval": [[None, None]]}}
    collection.write_text(json.dumps({**body, "extent": extent, "links": []}) + "\n")
    run("source", "add", "agency", "--kind", "stac-items", "--url", collection.as_uri())
    assert run("harvest", "agency")[0] == 0
    assert json.loads(run("source", "list", "--json")[1])[1]["orphans"] == 0
    (dataset,) = json.loads(run("search", "--json")[1])["records"]
    found = run("search", "--scope", "observations", "--facet", f"dataset={dataset['id']}", "--json")[1]
    assert json.loads(found)["total"]["value"] == 30


def test_services_of_a_registry_are_shown_and_added_but_not_enabled(run: Run, registry: str) -> None:
    shown = json.loads(run("source", "discover", "--registry", registry, "--json")[1])
    assert [(row["standard"], row["table"], row["added"]) for row in shown["found"]] == [
        ("obscore", "ivoa.ObsCore", None),
        ("epntap", "omega.epn_core", None),
    ]
    assert json.loads(run("source", "list", "--json")[1]) == []
    added = json.loads(run("source", "discover", "--registry", registry, "--add", "--json")[1])
    assert [row["added"] for row in added["found"]] == ["a-tap", "omega"]
    listed = json.loads(run("source", "list", "--json")[1])
    assert [(row["id"], row["kind"], row["enabled"]) for row in listed] == [
        ("a-tap", "tap", False),
        ("omega", "epntap", False),
    ]
    again = json.loads(run("source", "discover", "--registry", registry, "--add", "--json")[1])
    assert [row["added"] for row in again["found"]] == [None, None]
    words = ("source", "discover", "--registry", registry, "--words", "mars", "--standard", "epntap")
    assert "omega.epn_core" in run(*words)[1]
    assert run("source", "discover", "--registry", registry, "--standard", "siap")[0] == 2


@pytest.fixture
def registry() -> Iterator[str]:
    """Return the address of a registry that knows one service with a table of each standard."""
    names = ("ivoid", "short_name", "res_title", "standard_id", "intf_role", "access_url", "table_name")
    row = (
        "ivo://a/b",
        "A TAP",
        "A service",
        "ivo://ivoa.net/std/tap",
        "std",
        "https://a.example/tap",
        "omega.epn_core",
    )
    fields = "".join(f'<FIELD name="{name}" datatype="char" arraysize="*"/>' for name in names)
    cells = "".join(f"<TD>{cell}</TD>" for cell in row)
    body = (
        f"<VOTABLE><RESOURCE><TABLE>{fields}<DATA><TABLEDATA><TR>{cells}</TR></TABLEDATA></DATA></TABLE>"
        '<INFO name="QUERY_STATUS" value="OK"/></RESOURCE></VOTABLE>'
    ).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/tap"
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_no_vocabulary_knows_is_listed_until_an_operator_names_it(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "named.ndjson"
    called: list[dict[str, Any]] = [
        {"instruments": ["MYCAM"], "platform": "sentinel-2a", "mission": "balloon"},
        {"instruments": ["msi"]},
    ]
    every = [{**item(n), "properties": {**item(n)["properties"], **each}} for n, each in enumerate(called)]
    path.write_text("".join(json.dumps(each) + "\n" for each in every))
    harvested(run, path)
    rows = json.loads(run("terms", "unmapped", "--json")[1])
    assert rows == [{"field": "instrument", "value": "MYCAM", "records": 1, "sources": ["scenes"]}]
    shown = run("terms", "unmapped", "--field", "instrument")[1]
    assert "MYCAM" in shown
    assert "may be more" not in shown
    assert "there may be more than 1 of a field" in run("terms", "unmapped", "--size", "1")[1]
    assert run("terms", "unmapped", "--field", "planet")[0] == 2
    assert run("terms", "show", "mycam")[0] == 2
    (tmp_path / "home" / "own.toml").write_text('[instrument]\n"MyCam" = { label = "My camera", names = ["MYCAM"] }\n')
    monkeypatch.setenv("DISCOVERY_TERMS", "own.toml")
    try:
        assert json.loads(run("remap", "--json")[1])["updated"] == 1
        assert json.loads(run("terms", "unmapped", "--json")[1]) == []
        (shown,) = json.loads(run("terms", "show", "my cam", "--json")[1])
        assert (shown["field"], shown["value"], shown["label"]) == ("instrument", "MyCam", "My camera")
        for asked in ("instrument = 'MYCAM'", "platform = 'S2A'", "mission = 'Sentinel 2'"):
            found = run("search", "--scope", "observations", "--filter", asked, "--json")[1]
            assert json.loads(found)["total"]["value"] == 1, asked
        (tmp_path / "home" / "own.toml").write_text('[instrument]\n"MyCam" = { names = ["MSI"] }\n')
        assert run("remap")[0] == 2
    finally:
        terms.use({})
