"""Adding files: what is whole counts, what has changed gets new rows, and what does not fit is refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from discovery.embeddings import building, codes, space
from discovery.embeddings.building import Wanted
from discovery.embeddings.space import Model
from discovery.embeddings.spaces import Spaces, opened
from discovery.errors import ConfigError, ConflictError, UnavailableError
from discovery.testing.vectors import clustered

CLAY = Path(__file__).resolve().parents[2] / "fixtures" / "embeddings" / "clay_v0_03WVN_20220610.parquet"

Write = Callable[..., Path]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let spaces of a thousand rows have codes already."""
    monkeypatch.setattr(building, "FEWEST", 1000)
    monkeypatch.setattr(building, "lists_for", lambda _rows: 16)


def test_a_real_tile_becomes_a_space(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    made = building.add(tmp_path / "clay", Wanted((str(CLAY),)), lambda *each: told.append(each))
    assert (made.rows, made.live, made.dimensions, made.coder) == (417, 417, 768, "")
    assert told[-1] == (CLAY.name, 417, 417)
    assert space.read(tmp_path / "clay") == made


def test_adding_the_same_again_reads_nothing(tmp_path: Path) -> None:
    made = building.add(tmp_path / "clay", Wanted((str(CLAY),)))
    again = building.add(tmp_path / "clay", Wanted((str(CLAY),)), lambda *_: pytest.fail("it was read again"))
    assert again == made


def test_new_files_are_new_segments_and_lists_stay(tmp_path: Path, major_tom: Write, small: None) -> None:
    one, two = major_tom(clustered(1200, 16)), major_tom(clustered(500, 16, seed=8), "b.parquet", first=1200)
    first = building.add(tmp_path / "s", Wanted((str(one),)))
    second = building.add(tmp_path / "s", Wanted((str(two),)))
    assert [each.start for each in second.segments] == [0, 1200]
    assert second.segments[0] == first.segments[0]
    assert second.coder == first.coder
    assert all(each.coded for each in second.segments)


def test_a_space_that_outgrows_its_lists_gets_new_ones_and_keeps_its_numbers(
    tmp_path: Path, major_tom: Write, small: None
) -> None:
    one, two = major_tom(clustered(600, 16)), major_tom(clustered(900, 16, seed=8), "b.parquet", first=600)
    assert building.add(tmp_path / "s", Wanted((str(one),))).coder == ""
    grown = building.add(tmp_path / "s", Wanted((str(two),)))
    assert grown.coder
    assert [(each.start, each.rows, each.coder) for each in grown.segments] == [
        (0, 600, grown.coder),
        (600, 900, grown.coder),
    ]
    retrained = building.add(tmp_path / "s", Wanted((), retrain=True))
    assert retrained.coder != grown.coder
    assert [each.start for each in retrained.segments] == [0, 600]
    kept = {each.name for each in (tmp_path / "s" / "segments").iterdir()}
    assert kept == {each.name for each in retrained.segments}
    assert [each.name for each in (tmp_path / "s").glob("lists-*")] == [retrained.coder]


def test_a_file_that_has_changed_gets_new_rows_and_its_old_ones_are_gone(tmp_path: Path, major_tom: Write) -> None:
    path = major_tom(clustered(300, 16))
    building.add(tmp_path / "s", Wanted((str(path),)))
    major_tom(clustered(200, 16, seed=8))
    made = building.add(tmp_path / "s", Wanted((str(path),)))
    assert [(each.start, each.rows, bool(each.gone)) for each in made.segments] == [(0, 300, True), (300, 200, False)]
    assert (made.rows, made.live) == (500, 200)


def test_vectors_of_another_space_are_refused_by_what_differs(tmp_path: Path, major_tom: Write) -> None:
    building.add(tmp_path / "s", Wanted((str(major_tom(clustered(100, 16))),), model=Model("a", "1")))
    other = str(major_tom(clustered(100, 8), "b.parquet"))
    with pytest.raises(ConfigError, match="vectors have 8 numbers, not 16"):
        building.add(tmp_path / "s", Wanted((other,)))
    same = str(major_tom(clustered(100, 16), "c.parquet"))
    with pytest.raises(ConflictError, match="model"):
        building.add(tmp_path / "s", Wanted((same,), model=Model("a", "2")))
    with pytest.raises(ConflictError, match="metric"):
        building.add(tmp_path / "s", Wanted((same,), metric="l2"))
    assert space.read(tmp_path / "s").rows == 100


def test_a_build_that_finds_too_little_is_not_published(tmp_path: Path, major_tom: Write) -> None:
    def poor(_folder: Path, made: space.Space) -> space.Space:
        raise ConfigError(f"{made.name} is not published")

    with pytest.raises(ConfigError, match="not published"):
        building.add(tmp_path / "s", Wanted((str(major_tom(clustered(100, 16))),)), measure=poor)
    assert not (tmp_path / "s" / space.MANIFEST).exists()


def test_nobody_adds_beside_somebody_else(tmp_path: Path) -> None:
    from discovery.lock import Lock

    with Lock(tmp_path / "s" / "build.lock").hold(), pytest.raises(ConflictError, match="somebody is adding to s"):
        building.add(tmp_path / "s", Wanted((str(CLAY),)))


def test_no_rows_make_no_space(tmp_path: Path) -> None:
    empty = CLAY.with_name("earth_index_21MNT_schema_only.parquet")
    with pytest.raises(ConfigError, match="no rows"):
        building.add(tmp_path / "s", Wanted((str(empty),)))
    with pytest.raises(UnavailableError, match="is not there"):
        building.add(tmp_path / "s", Wanted((str(tmp_path / "none.parquet"),)))


KILLED = """
import sys
from pathlib import Path
from discovery.embeddings import building, deriving
building.FEWEST = 1000
building.BATCH = deriving.BATCH = 200
building.lists_for = lambda _rows: 16
import time
def told(*_):
    print("on", flush=True)
    time.sleep(0.02)
building.add(Path(sys.argv[1]), building.Wanted(tuple(sys.argv[2:])), told)
"""


@pytest.mark.slow
def test_a_build_that_is_killed_goes_on_where_it_was_and_ends_the_same(tmp_path: Path, major_tom: Write) -> None:
    files = [str(major_tom(clustered(800, 16, seed=n), f"{n}.parquet", first=800 * n)) for n in range(4)]
    folder = tmp_path / "killed"
    rng = np.random.default_rng(3)
    for _ in range(6):
        work = subprocess.Popen([sys.executable, "-c", KILLED, str(folder), *files], stdout=subprocess.PIPE, text=True)
        assert work.stdout is not None
        for _ in range(int(rng.integers(1, 14))):
            work.stdout.readline()
        os.kill(work.pid, signal.SIGKILL)
        work.wait()
        work.stdout.close()
        assert not (folder / space.MANIFEST).exists() or space.read(folder).rows == 3200
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", KILLED, str(folder), *files], check=True, stdout=subprocess.DEVNULL)
    assert time.monotonic() - began < 60
    whole = tmp_path / "whole"
    subprocess.run([sys.executable, "-c", KILLED, str(whole), *files], check=True, stdout=subprocess.DEVNULL)
    one, other = (opened(each, space.read(each)) for each in (folder, whole))
    query = one.segments[2].vectors(np.array([17]))
    found = [each.search(query, 50, mode="fast").found[0].rows.tolist() for each in (one, other)]
    assert found[0] == found[1]
    assert not (folder / space.BUILDING).exists()


def test_codes_are_made_for_many_rows_only() -> None:
    assert codes.lists_for(codes.FEWEST - 1) == 0
    assert Spaces(Path("none")).names() == []
