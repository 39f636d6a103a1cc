from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import icechunk
import pytest

from discovery.arrays.archive import Archive
from discovery.arrays.opening import opened
from discovery.arrays.reach import Reach
from discovery.arrays.references import ReferenceStore
from discovery.arrays.repository import RepositoryStore
from discovery.arrays.stores import Budget, FolderStore, Reading
from discovery.arrays.tables import TableStore
from discovery.errors import NotFoundError
from discovery.http import Client, Policy
from tests.arrays.given import Served
from tests.arrays.test_archive import packed

pytestmark = pytest.mark.slow


@pytest.fixture
def budget() -> Budget:
    return Budget()


@pytest.fixture
def kinds(tmp_path: Path, budget: Budget) -> Iterator[Callable[[str], list[type[Reading]]]]:
    """Return `kinds(name)`: what a name in a folder may be, in the order in which it is tried."""
    (tmp_path / "a").mkdir()
    with Client(Policy()) as client:

        def found(name: str) -> list[type[Reading]]:
            there = opened(Reach("x", root=str(tmp_path), tail=name), client, budget)
            return [type(each) for each in there or ()]

        yield found


def test_a_folder_is_a_folder_and_nothing_else_is_asked_for(
    tmp_path: Path, kinds: Callable[[str], list[type[Reading]]]
) -> None:
    assert kinds("a") == [FolderStore]
    (tmp_path / "a" / ".zmetadata").write_text('{"metadata": {}, "zarr_consolidated_format": 1}')
    assert kinds("a") == [FolderStore]


def test_a_folder_of_tables_is_tried_last(tmp_path: Path, kinds: Callable[[str], list[type[Reading]]]) -> None:
    (tmp_path / "a" / ".zmetadata").write_text('{"metadata": {}, "record_size": 100}')
    assert kinds("a") == [FolderStore, TableStore]


def test_a_repository_is_told_by_what_every_repository_has(
    tmp_path: Path, kinds: Callable[[str], list[type[Reading]]]
) -> None:
    icechunk.Repository.create(icechunk.local_filesystem_storage(str(tmp_path / "r")))
    assert kinds("r") == [FolderStore, RepositoryStore]


def test_files_are_told_by_their_ends(tmp_path: Path, kinds: Callable[[str], list[type[Reading]]]) -> None:
    (tmp_path / "x.json").write_text(json.dumps({"refs": {".zgroup": "{}"}}))
    assert kinds("x.json") == [ReferenceStore]
    packed(tmp_path / "a", tmp_path / "x.zarr.zip")
    (tmp_path / "a" / "y").write_bytes(b"1")
    packed(tmp_path / "a", tmp_path / "x.ZIP")
    assert kinds("x.ZIP") == [Archive]
    assert kinds("x.zarr.zip") == [Archive]
    with pytest.raises(NotFoundError, match=r"no 'none\.json'"):
        kinds("none.json")


def test_a_volume_that_is_not_mounted_is_none(tmp_path: Path, budget: Budget) -> None:
    for name in ("x.zarr", "x.json", "x.zip"):
        with Client(Policy()) as client:
            assert opened(Reach("x", root=str(tmp_path / "none"), tail=name), client, budget) is None


def test_a_file_on_the_web_is_asked_for_as_it_is_written(tmp_path: Path, serve: Callable[[Path], Served]) -> None:
    (tmp_path / "a b.json").write_text(json.dumps({"refs": {".zgroup": "{}"}}))
    served = serve(tmp_path)
    with Client(served.policy) as client:
        url = f"{served.url}/a%20b.json?v=1"
        there = opened(Reach(url, url=url), client, Budget())
        assert [type(each) for each in there or ()] == [ReferenceStore]
    assert served.asked == ["/a%20b.json?v=1"]
