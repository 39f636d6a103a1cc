"""What is derived from a file is the same here and by workers of a cluster, which may end and must not lie."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from discovery.embeddings import building, deriving, space
from discovery.embeddings.building import Wanted
from discovery.embeddings.deriving import Failed, Task
from discovery.embeddings.space import Quantization, Segment
from discovery.embeddings.spaces import opened
from discovery.errors import BadQueryError, ConfigError, LimitError, UnavailableError
from discovery.testing.vectors import clustered

Write = Callable[..., Path]


def task(path: Path, part: Path, fingerprint: str) -> Task:
    return Task(Segment("s", str(path), fingerprint, 0, 100), part, 16, "cosine", Quantization(), {}, True, None)


def test_errors_travel_by_their_kind_and_words() -> None:
    for error in (ConfigError("a"), UnavailableError("b", retry_after=None), BadQueryError("c")):
        found = Failed.of(error).error()
        assert (type(found), str(found)) == (type(error), str(error))
    # What cannot be made of words alone is told at least.
    assert str(Failed.of(LimitError("page", "d")).error()) == "d (limit page)"
    assert isinstance(Failed("odd", "e").error(), ConfigError)


def test_a_file_that_is_another_one_by_now_is_refused_before_it_is_read(tmp_path: Path, major_tom: Write) -> None:
    path = major_tom(clustered(100, 16))
    found = deriving.apart(task(path, tmp_path / "part", "another"))
    assert isinstance(found, Failed)
    assert "changed while it was read" in found.message
    assert not (tmp_path / "part").exists()
    path.unlink()
    gone = deriving.apart(task(path, tmp_path / "part", "another"))
    assert isinstance(gone, Failed)
    assert isinstance(gone.error(), UnavailableError)


def kept(folder: Path) -> dict[str, Any]:
    """Return all that a build has left: the manifest but for when it was made, and the bytes of what is derived."""
    told = json.loads((folder / space.MANIFEST).read_text())
    names = [each for each in folder.rglob("*") if each.is_file() and each.name not in (space.MANIFEST, "build.lock")]
    return {"": told} | {str(each.relative_to(folder)): each.read_bytes() for each in names}


@pytest.fixture(scope="module")
def scheduler() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        yield cluster.scheduler_address


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_workers_of_a_cluster_make_what_is_made_here(
    tmp_path: Path, major_tom: Write, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "FEWEST", 1000)
    monkeypatch.setattr(building, "lists_for", lambda _rows: 16)
    files = [major_tom(clustered(500 + 100 * n, 16, seed=n), f"{n}.parquet", first=700 * n) for n in range(4)]
    told: list[tuple[str, int, int]] = []
    for name, dask in (("here", ""), ("there", scheduler)):
        folder = tmp_path / name / "s"
        building.add(
            folder, Wanted(tuple(map(str, files[:3])), sidecar=True, dask=dask), lambda *each: told.append(each)
        )
        # One more file, and one that has changed.
        major_tom(clustered(300, 16, seed=9), "1.parquet", first=9000)
        building.add(folder, Wanted((str(files[1]), str(files[3])), sidecar=True, dask=dask))
        major_tom(clustered(600, 16, seed=1), "1.parquet", first=700)
    here, there = (kept(tmp_path / name / "s") for name in ("here", "there"))
    fingerprints = [[each.pop("fingerprint") for each in made[""]["segments"]] for made in (here, there)]
    assert len(fingerprints[0]) == 5
    assert here == there
    assert ("2.parquet", 700, 700) in told
    searchers = [opened(folder, space.read(folder)) for folder in (tmp_path / "here" / "s", tmp_path / "there" / "s")]
    query = searchers[0].segments[0].vectors(np.array([17]))
    assert all(each.said.coded for searcher in searchers for each in searcher.segments)
    first, second = (each.search(query, 20, mode="fast").found[0].rows.tolist() for each in searchers)
    assert first == second


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_file_that_no_worker_can_read_is_named_and_those_before_it_count(
    tmp_path: Path, major_tom: Write, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = major_tom(clustered(400, 16)), major_tom(clustered(400, 16, seed=2), "bad.parquet")
    planned = building._Build._planned

    def damaged(self: Any, *given: Any) -> Any:
        steps = planned(self, *given)
        data = bytearray(bad.read_bytes())
        data[200:8000] = bytes(7800)
        bad.write_bytes(data)
        return steps

    monkeypatch.setattr(building._Build, "_planned", damaged)
    folder = tmp_path / "s"
    with pytest.raises((ConfigError, UnavailableError), match=r"bad\.parquet"):
        building.add(folder, Wanted((str(good), str(bad)), dask=scheduler))
    assert not (folder / space.MANIFEST).exists()
    assert [each.address for each in space.read(folder, space.BUILDING).segments] == [str(good)]
    assert not list((folder / "segments").glob("*.part"))
    monkeypatch.undo()
    made = building.add(folder, Wanted((str(good),)), lambda *_: pytest.fail("it was read again"))
    assert made.rows == 400


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_command_has_a_cluster_read_files(
    run: Callable[..., tuple[int, str]], tmp_path: Path, major_tom: Write, scheduler: str
) -> None:
    files = [str(major_tom(clustered(200, 16, seed=n), f"{n}.parquet", first=200 * n)) for n in range(2)]
    given = [part for each in files for part in ("--data", each)]
    status, told = run("embeddings", "add", "tom", *given, "--dask", scheduler, "--json")
    assert status == 0
    assert [each["address"] for each in json.loads(told)["segments"]] == files
    status, told = run("similar", "tom", "--id", "row-250", "--size", "2", "--json")
    assert (status, len(json.loads(told)["hits"])) == (0, 2)
