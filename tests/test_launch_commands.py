"""`discovery launch` and `discovery zones`, as people type them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from discovery.cli import main
from discovery.model.launch import Asked, Launch
from discovery.store.launches import new_id
from discovery.store.store import Store

pytestmark = pytest.mark.slow
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return `run(arguments)`: the status of the command, and what it prints."""

    def command(*arguments: str) -> tuple[int, str, str]:
        try:
            main(["--home", str(tmp_path), *arguments])
            status = 0
        except SystemExit as end:
            status = int(end.code or 0)
        return status, *capsys.readouterr()

    return command


def test_launches_are_listed_and_stopped_by_whoever_looks_after_the_portal(run: Run, tmp_path: Path) -> None:
    assert "nothing is running" in run("launch", "list")[1]
    store = Store(f"sqlite:///{tmp_path / 'catalogue.sqlite'}")
    kept, _ = store.launches.add(Launch(new_id(), "ada", "download", "here", asked=Asked(("a" * 16,), title="Maps")), 3)
    store.close()
    listed = orjson.loads(run("launch", "list", "--json")[1])["launches"]
    assert [(each["id"], each["status"], each["title"]) for each in listed] == [(kept.id, "asked", "Maps")]
    assert "Maps" in run("launch", "list")[1]
    assert f"{kept.id} stopped" in run("launch", "stop", kept.id)[1]
    assert "nothing is running" in run("launch", "list")[1]
    assert orjson.loads(run("launch", "list", "--all", "--json")[1])["launches"][0]["status"] == "stopped"
    status, _, complaint = run("launch", "stop", "nothing")
    assert (status, "no launch nothing" in complaint) == (2, True)


def test_a_file_of_zones_is_checked_with_what_it_names(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "zones.toml"
    file.write_text('[zones.x.targets.b]\nkind = "binder"\nurl = "https://b.example"\nrepository = "o/r"\n')
    status, said, _ = run("zones", "check", str(file))
    assert status == 0
    assert "x/b  binder  well" in said
    (tmp_path / "token").write_text("7" * 32)
    file.write_text('[zones.x.targets.hub]\nkind = "hub"\nurl = "http://127.0.0.1:1"\ntoken_file = "token"\n')
    status, said, _ = run("zones", "check", str(file), "--json")
    assert status == 3
    assert orjson.loads(said)["targets"][0]["says"] == "hub does not answer just now"
    file.write_text("[zones.x]\n")
    status, _, complaint = run("zones", "check", str(file))
    assert status == 2
    assert "zones.x.targets is no table" in complaint
