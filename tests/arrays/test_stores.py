from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from zarr.abc.store import ByteRequest, OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest
from zarr.core.buffer import default_buffer_prototype

from discovery.arrays import stores
from discovery.arrays.arrays import here
from discovery.arrays.reach import Reach
from discovery.arrays.stores import Budget, FolderStore, WebStore, opened
from discovery.errors import SourceRefusedError, SourceUnavailableError
from discovery.http import Client, Policy
from tests.arrays.given import Served

Serve = Callable[[Path], Served]
PARTS = [
    (None, b"0123456789"),
    (RangeByteRequest(2, 5), b"234"),
    (RangeByteRequest(8, 99), b"89"),
    (OffsetByteRequest(7), b"789"),
    (SuffixByteRequest(3), b"789"),
    (SuffixByteRequest(99), b"0123456789"),
]


def got(store: Store, key: str, part: ByteRequest | None = None) -> bytes | None:
    found = asyncio.run(store.get(key, default_buffer_prototype(), part))
    return None if found is None else found.to_bytes()


def names(store: Store, prefix: str) -> list[str]:
    async def all_of_them() -> list[str]:
        return [each async for each in store.list_dir(prefix)]

    return asyncio.run(all_of_them())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inner = tmp_path / "volume" / "x.zarr"
    inner.mkdir(parents=True)
    (inner / "c0").write_bytes(b"0123456789")
    (tmp_path / "secret").write_bytes(b"secret")
    return inner


@pytest.mark.parametrize(("part", "held"), PARTS)
def test_a_folder_gives_the_part_that_is_asked_for(folder: Path, part: Any, held: bytes) -> None:
    assert got(FolderStore(str(folder.parent), "x.zarr", Budget()), "c0", part) == held


@pytest.mark.parametrize("parts", [True, False])
@pytest.mark.parametrize(("part", "held"), PARTS)
def test_the_web_gives_the_part_that_is_asked_for_even_where_the_whole_is_sent(
    folder: Path, serve: Serve, part: Any, held: bytes, parts: bool
) -> None:
    served = serve(folder)
    served.parts = parts
    budget = Budget()
    with Client(served.policy) as client:
        assert got(WebStore(served.url, client, budget), "c0", part) == held
    assert budget.requests == 1
    assert budget.fetched == (len(held) if parts else 10)


@pytest.mark.parametrize("key", ["../secret", "a/../../../secret", "/../../secret", "c0\0", "out", "loop", "none", ""])
def test_nothing_outside_of_the_volume_is_read(folder: Path, key: str) -> None:
    (folder / "out").symlink_to(folder.parent.parent / "secret")
    (folder / "loop").symlink_to("loop")
    store = FolderStore(str(folder.parent), "x.zarr", Budget())
    try:
        assert got(store, key) is None
    except (SourceRefusedError, OSError):
        return


def test_links_within_the_volume_are_followed(folder: Path) -> None:
    (folder / "again").symlink_to("c0")
    (folder.parent / "other.zarr").symlink_to("x.zarr")
    assert got(FolderStore(str(folder.parent), "other.zarr", Budget()), "again") == b"0123456789"


def test_a_pipe_in_the_place_of_a_chunk_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    assert got(FolderStore(str(folder.parent), "x.zarr", Budget()), "pipe") is None


def test_a_folder_is_listed_and_the_web_is_not(folder: Path) -> None:
    store = FolderStore(str(folder.parent), "", Budget())
    assert names(store, "") == ["x.zarr"]
    assert names(store, "x.zarr") == ["c0"]
    assert names(store, "none") == []
    with Client(Policy()) as client:
        web = WebStore("https://a.example/x", client, Budget())
        assert not web.supports_listing
        with pytest.raises(NotImplementedError):
            names(web, "")


def test_a_folder_of_too_many_entries_is_not_looked_through(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "MAX_ENTRIES", 2)
    for number in range(3):
        (folder / f"d{number}").touch()
    with pytest.raises(SourceUnavailableError, match="more than 2 entries"):
        names(FolderStore(str(folder.parent), "x.zarr", Budget()), "")


def test_more_bytes_than_a_look_may_read_are_refused_before_they_are_read(
    folder: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "MAX_BYTES", 9)
    served = serve(folder)
    with Client(served.policy) as client:
        for store in (FolderStore(str(folder.parent), "x.zarr", Budget()), WebStore(served.url, client, Budget())):
            with pytest.raises(SourceUnavailableError) as caught:
                got(store, "c0")
            assert caught.value.detail == "too_large"
            assert got(store, "c0", RangeByteRequest(0, 3)) == b"012"


def test_more_metadata_than_any_store_has_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "MAX_METADATA", 5)
    (folder / "zarr.json").write_bytes(b"123456")
    with pytest.raises(SourceUnavailableError, match="has 6 bytes"):
        got(FolderStore(str(folder.parent), "x.zarr", Budget()), "zarr.json")


def test_more_requests_than_a_look_may_make_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "MAX_REQUESTS", 2)
    store = FolderStore(str(folder.parent), "x.zarr", Budget())
    assert got(store, "none") is None
    assert got(store, "none") is None
    with pytest.raises(SourceUnavailableError, match="more than 2 files"):
        got(store, "none")


def test_a_key_that_may_not_be_asked_for_is_missing_and_that_is_remembered(folder: Path, serve: Serve) -> None:
    served = serve(folder)
    served.status = {"c1": 403}
    budget = Budget()
    with Client(served.policy) as client:
        assert got(WebStore(served.url, client, budget), "c1") is None
    assert budget.refused == "it answers 403"


def test_the_fingerprint_changes_with_the_metadata_and_not_with_chunks(folder: Path) -> None:
    def fingerprint() -> str:
        budget = Budget()
        store = FolderStore(str(folder.parent), "x.zarr", budget)
        for key in ("zarr.json", "c0"):
            got(store, key)
        return budget.fingerprint

    (folder / "zarr.json").write_bytes(b"{}")
    before = fingerprint()
    (folder / "c0").write_bytes(b"other")
    assert fingerprint() == before
    (folder / "zarr.json").write_bytes(b"{ }")
    assert fingerprint() != before


def test_nothing_is_written(folder: Path) -> None:
    store = FolderStore(str(folder.parent), "x.zarr", Budget())
    assert store.read_only
    assert not store.supports_writes
    assert not store.supports_deletes


def test_a_volume_that_is_not_mounted_here_is_no_store(tmp_path: Path) -> None:
    with Client(Policy()) as client:
        assert opened(Reach("/a", root=str(tmp_path / "none"), tail="x"), client, Budget()) is None
        assert opened(Reach("/a", root=str(tmp_path), tail="x"), client, Budget()) is None
        (tmp_path / "x").mkdir()
        assert isinstance(opened(here(str(tmp_path / "x")), client, Budget()), FolderStore)
