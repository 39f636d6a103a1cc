"""Files that lie: none of them ends, hangs or fills the process that reads it, and each is an error that names it."""

from __future__ import annotations

import gzip
import itertools
import json
import shutil
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zarr
from zarr import codecs

from discovery.embeddings.building import Wanted
from discovery.embeddings.spaces import Spaces
from discovery.errors import ConfigError, UnavailableError
from discovery.testing import damage
from discovery.testing.vectors import clustered

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
BAD = Path(__file__).resolve().parents[2] / "fixtures" / "parquet-testing"
ROWS, SIZE = 60, 4
SHARES = [pytest.param(1, marks=[pytest.mark.long, pytest.mark.timeout(3600)]), 31]
"""Of so many damaged files one is read; all of them take minutes, and an hour where others want the machine as well."""
VECTORS = clustered(ROWS, SIZE)


def table(kind: str) -> pa.Table:
    flat = pa.array(VECTORS.ravel())
    column = pa.FixedSizeListArray.from_arrays(flat, SIZE) if kind == "fixed" else pa.array(VECTORS.tolist())
    return pa.table(
        {"id": [f"row-{each}" for each in range(ROWS)], "lon": np.linspace(0, 50, ROWS), "embedding": column}
    )


def written(cases: Iterable[tuple[str, bytes]], folder: Path, ending: str) -> list[Path]:
    """Return the files of damaged bytes, which are written to a folder."""
    folder.mkdir()
    paths = []
    for name, data in cases:
        paths.append(folder / f"{name}{ending}")
        paths[-1].write_bytes(data)
    return paths


def check(paths: list[Path], folder: Path, *, least: int = 1) -> dict[str, str]:
    """Return what came of each file, which is to be read or named in an error; so many at least are refused."""
    found = damage.judged(paths, folder / "space")
    assert len(found) == len(paths)
    wrong = {
        Path(path).name: told
        for path, told in found.items()
        if told != "read" and not told.startswith(("config: ", "unavailable: "))
    }
    assert not wrong
    refused = {path: told for path, told in found.items() if told != "read"}
    assert len(refused) >= least
    unnamed = {told for path, told in refused.items() if Path(path).name not in told and "no rows" not in told}
    assert not unnamed
    return found


def test_bad_files_of_the_parquet_project_are_refused(tmp_path: Path) -> None:
    paths = sorted(BAD.glob("*.parquet"))
    for each in BAD.glob("*.gz"):
        paths.append(tmp_path / each.stem)
        paths[-1].write_bytes(gzip.decompress(each.read_bytes()))
    assert len(paths) == 8
    check(paths, tmp_path, least=8)


@pytest.mark.parametrize(("kind", "packed"), [("fixed", "none"), ("list", "zstd")])
@pytest.mark.parametrize("share", SHARES)
def test_every_number_of_a_parquet_file_may_lie(tmp_path: Path, kind: str, packed: str, share: int) -> None:
    path = tmp_path / "whole.parquet"
    pq.write_table(table(kind), path, row_group_size=30, compression=packed, use_dictionary=kind == "list")
    page = pq.ParquetFile(path).metadata.row_group(1).column(2).data_page_offset
    cases = list(damage.parquet(path.read_bytes(), first_page=page))
    assert len(cases) > 500
    check(written(cases[::share], tmp_path / "cases", ".parquet"), tmp_path, least=4)


@pytest.mark.parametrize("kind", ["fixed", "list"])
@pytest.mark.parametrize("share", SHARES)
def test_every_word_of_an_arrow_file_may_lie(tmp_path: Path, kind: str, share: int) -> None:
    path = tmp_path / "whole.arrow"
    with pa.ipc.new_file(str(path), table(kind).schema) as out:
        out.write_table(table(kind), max_chunksize=30)
    data = path.read_bytes()
    halves = [data.find(each.tobytes()) for each in np.split(VECTORS, 2)]
    cases = list(damage.words(data, [range(at, at + 30 * SIZE * 4) for at in halves]))
    assert len(cases) > 1000
    check(written(cases[::share], tmp_path / "cases", ".arrow"), tmp_path, least=20)


@pytest.mark.parametrize("share", SHARES)
def test_a_packed_arrow_file_is_unpacked_batch_by_batch_and_may_lie(tmp_path: Path, share: int) -> None:
    path = tmp_path / "whole.arrow"
    with pa.ipc.new_file(str(path), table("fixed").schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as out:
        out.write_table(table("fixed"), max_chunksize=30)
    cases = list(damage.words(path.read_bytes()))
    check(written(cases[::share], tmp_path / "cases", ".arrow"), tmp_path, least=10)


CODECS = {
    "raw": None,
    "zstd": codecs.ZstdCodec(),
    "gzip": codecs.GzipCodec(),
    "blosc": codecs.BloscCodec(),
}


def group(path: Path, packed: str, *, sharded: bool) -> Path:
    """Write a group with vectors and what describes them."""
    made = zarr.open_group(str(path), mode="w", zarr_format=3)
    shards = (30, SIZE) if sharded else None
    vectors: Any = made.create_array(
        "embedding", shape=VECTORS.shape, chunks=(10, SIZE), shards=shards, dtype="float32", compressors=CODECS[packed],
        dimension_names=("row", "number"),
    )  # fmt: skip
    vectors[:] = VECTORS
    for name, given in (("lon", np.linspace(0, 50, ROWS)), ("lat", np.linspace(0, 50, ROWS)), ("id", np.arange(ROWS))):
        array: Any = made.create_array(
            name, shape=(ROWS,), chunks=(ROWS,), dtype=given.dtype, compressors=None, dimension_names=("row",)
        )
        array[:] = given
    return path


def copied(whole: Path, folder: Path, name: str, inner: Path | str, data: bytes) -> Path:
    path = folder / f"{name.replace('/', '_')[:120]}.zarr"
    shutil.copytree(whole, path)
    (path / inner).write_bytes(data)
    return path


def chunk(whole: Path) -> Path:
    """Return the first file of the vectors, as a path within the group."""
    found = min(each for each in (whole / "embedding" / "c").rglob("*") if each.is_file())
    return found.relative_to(whole)


@pytest.mark.parametrize(
    ("where", "sharded"), [("zarr.json", False), ("embedding/zarr.json", True), ("lon/zarr.json", False)]
)
@pytest.mark.parametrize("share", SHARES)
def test_every_value_of_the_metadata_of_zarr_may_lie(tmp_path: Path, where: str, sharded: bool, share: int) -> None:
    whole = group(tmp_path / "whole.zarr", "raw", sharded=sharded)
    document = json.loads((whole / where).read_text())
    cases = list(damage.values(document))[::share]
    paths = [copied(whole, tmp_path, name, where, json.dumps(made).encode()) for name, made in cases]
    paths += [copied(whole, tmp_path, "deep", where, b"[" * 100_000), copied(whole, tmp_path, "none", where, b"")]
    check(paths, tmp_path)


@pytest.mark.parametrize("sharded", [False, True])
def test_pieces_of_no_length_are_refused(tmp_path: Path, sharded: bool) -> None:
    whole = group(tmp_path / "whole.zarr", "raw", sharded=sharded)
    document = json.loads((whole / "embedding" / "zarr.json").read_text())
    document["chunk_grid"]["configuration"]["chunk_shape"][0] = 0
    check([copied(whole, tmp_path, "none", "embedding/zarr.json", json.dumps(document).encode())], tmp_path)


@pytest.mark.parametrize("packed", CODECS)
@pytest.mark.parametrize("sharded", [False, True])
@pytest.mark.parametrize("share", SHARES)
def test_chunks_may_lie(tmp_path: Path, packed: str, sharded: bool, share: int) -> None:
    whole = group(tmp_path / "whole.zarr", packed, sharded=sharded)
    inner = chunk(whole)
    data = (whole / inner).read_bytes()
    cases = [
        ("cut", data[:7]),
        ("empty", b""),
        ("long", data * 3),
        *itertools.islice(damage.words(data), 0, None, share * 4),
    ]
    found = check([copied(whole, tmp_path, name, inner, each) for name, each in cases], tmp_path, least=0)
    assert any(told != "read" for told in found.values()) or packed == "raw"


def test_a_chunk_of_blosc_that_says_it_is_smaller_than_nothing_is_refused(tmp_path: Path) -> None:
    whole = group(tmp_path / "whole.zarr", "blosc", sharded=False)
    data = (whole / chunk(whole)).read_bytes()
    check([copied(whole, tmp_path, "less", chunk(whole), data[:4] + b"\xff" * 4 + data[8:])], tmp_path)


def test_a_chunk_that_unpacks_to_more_than_there_is_memory_is_refused(tmp_path: Path) -> None:
    whole = group(tmp_path / "whole.zarr", "gzip", sharded=False)
    bomb = gzip.compress(bytes(100 << 20)) * 80
    check([copied(whole, tmp_path, "bomb", chunk(whole), bomb)], tmp_path)


def npy(
    shape: str = "(60, 4)", descr: str = "'<f4'", order: str = "False", *, version: int = 1, size: int = -1
) -> bytes:
    """Return a file of numpy with this header, which says that it has so many bytes."""
    header = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}".ljust(117).encode() + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(header) if size < 0 else size)
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + VECTORS.tobytes()


SHAPES = ("(1099511627776, 4)", "(4611686018427387904, 4)", "(-1, 4)", "(-60, -4)", "(60,)", "()", "(60, 0)",
          "(60, 4, 1)", "(1, 9223372036854775808)", "(60.0, 4)", "('a', 4)", "None",
          "(36893488147419103232, 4)")  # fmt: skip
KINDS = ("'|O'", "'<c8'", "'<U1000000'", "'|V4'", "'|b1'", "[('a', '<f4')]", "'<M8[ns]'", "'odd'", "None", "'<f8'")


def test_headers_of_numpy_may_lie(tmp_path: Path) -> None:
    cases = [(f"shape-{number}", npy(each)) for number, each in enumerate(SHAPES)]
    cases += [(f"kind-{number}", npy(descr=each)) for number, each in enumerate(KINDS)]
    cases += [
        ("code", npy("__import__('os').abort()")),
        ("deep", npy("(" * 90)),
        ("header", npy(version=2, size=2**32 - 1)),
        ("version", npy(version=9)),
        ("cut", npy()[:40]),
        ("short", npy()[:-3]),
        ("empty", b""),
        ("archive", b"PK\x03\x04" + npy()),
        ("pickle", b"\x80\x04cos\nabort\n(tR."),
    ]
    check(written(cases, tmp_path / "refused", ".npy"), tmp_path, least=len(cases))
    heads = itertools.islice(damage.words(npy()[:128]), 0, None, 3)
    check(written(((name, head + npy()[128:]) for name, head in heads), tmp_path / "words", ".npy"), tmp_path)


def test_a_file_that_has_become_another_one_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "whole.parquet"
    pq.write_table(table("fixed"), path)
    spaces = Spaces(tmp_path / "spaces")
    spaces.add("s", Wanted((str(path),)))
    path.write_bytes((BAD / "ARROW-GH-45185.parquet").read_bytes())
    monkeypatch.setattr(pq, "ParquetFile", lambda *_, **__: pytest.fail("it was opened"))
    searcher = Spaces(tmp_path / "spaces").searcher("s")
    with pytest.raises(UnavailableError, match="has changed: add it again"):
        searcher.segments[0].vectors(np.array([0]))
    path.unlink()
    with pytest.raises(UnavailableError, match="cannot be read"):
        searcher.segments[0].vectors(np.array([0]))


def test_rows_beyond_what_is_read_at_a_time_are_refused_before_there_is_room_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from discovery.embeddings import arrow
    from discovery.embeddings import zarr as zarrs

    path = tmp_path / "whole.parquet"
    pq.write_table(table("fixed"), path)
    monkeypatch.setattr(arrow, "MAX_ROWS", ROWS - 1)
    with pytest.raises(ConfigError, match=r"row group 0 of .*whole.parquet has 60 rows; at most 59"):
        Spaces(tmp_path / "spaces").add("s", Wanted((str(path),)))
    monkeypatch.setattr(zarrs, "MAX_DESCRIBED", ROWS - 1)
    with pytest.raises(ConfigError, match=r"whole.zarr has 60 rows; at most 59"):
        Spaces(tmp_path / "spaces").add("s", Wanted((str(group(tmp_path / "whole.zarr", "raw", sharded=False)),)))
