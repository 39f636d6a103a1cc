"""References as Parquet: what Kerchunk's own writer makes of a store is read, and what no writer would make is not."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zarr

from discovery.arrays import apart, facts, tables
from discovery.arrays.apart import Question
from discovery.arrays.arrays import here
from discovery.arrays.facts import Look
from discovery.arrays.reach import Reach
from discovery.arrays.stores import Budget, FolderStore
from discovery.arrays.tables import TableStore, is_one
from discovery.errors import SourceUnavailableError
from discovery.http import Client, Policy
from discovery.testing import damage
from tests.arrays.given import Served, gathered, look_here, looked, put

pytestmark = pytest.mark.slow

Serve = Callable[[Path], Served]


def tabled(found: dict[str, Any], folder: Path, records: int = 100) -> Path:
    """Write references as Kerchunk's own writer has them."""
    from fsspec.implementations.reference import LazyReferenceMapper

    made = LazyReferenceMapper.create(str(folder), record_size=records, engine="pyarrow")
    for key, value in found.items():
        made[key] = value
    made.flush()
    return folder


@pytest.mark.parametrize("records", [7, 100, 100_000])
def test_tables_of_references_give_what_the_store_does(cubes: Path, tmp_path: Path, records: int) -> None:
    path = tabled(gathered(cubes, tmp_path, "whole.bin"), tmp_path / "cube.parq", records)
    found, whole = look_here(path), look_here(cubes / "v2.zarr")
    assert found.state == facts.READ, found
    assert found.structure is not None
    assert whole.structure is not None
    assert found.structure.variables == whole.structure.variables
    assert found.picture == whole.picture


def test_tables_on_the_web_are_fetched_when_a_chunk_of_theirs_is_wanted(
    cubes: Path, tmp_path: Path, serve: Serve
) -> None:
    served = serve(tmp_path)
    tabled(gathered(cubes, tmp_path, f"{served.url}/whole.bin"), tmp_path / "cube.parq", 16)
    url = f"{served.url}/cube.parq/"
    found = looked(Reach(url, url=url), policy=served.policy)
    assert found is not None
    assert found.picture == look_here(cubes / "v2.zarr").picture
    tables_of = [each for each in served.asked if "/temperature/refs." in each]
    assert len(tables_of) == len(set(tables_of)) < 4
    assert len(served.ranges) > 10
    again = looked(Reach(url, url=url), policy=served.policy, known=found.fingerprint)
    assert again is None


def test_references_beside_the_folder_are_found_there(cubes: Path, tmp_path: Path, serve: Serve) -> None:
    tabled(gathered(cubes, tmp_path, "whole.bin"), tmp_path / "cube.parq")
    served = serve(tmp_path)
    for end in ("", "/"):
        url = f"{served.url}/cube.parq{end}"
        found = looked(Reach(url, url=url), policy=served.policy)
        assert found is not None
        assert found.picture_state == facts.READ


def test_another_reader_understands_the_tables_alike(cubes: Path, tmp_path: Path) -> None:
    from fsspec.implementations.reference import LazyReferenceMapper

    path = tabled(gathered(cubes, tmp_path, "https://a.example/whole.bin"), tmp_path / "cube.parq", 7)
    theirs, ours = LazyReferenceMapper(str(path), engine="pyarrow"), store(path)
    keys = ["time/0", "lat/0", *(f"temperature/{n}.{m}.{k}" for n in (0, 4, 9) for m in range(4) for k in range(4))]
    for key in keys:
        known, found = theirs[key], ours.reference(key)
        assert found == (known if isinstance(known, bytes) else tuple(known)), key


def store(path: Path, budget: Budget | None = None) -> TableStore:
    budget = budget or Budget()
    folder = FolderStore(str(path), "", budget)
    document = folder.read(tables.ABOUT, None)
    assert document is not None
    return TableStore(document, folder, "", FolderStore(str(path.parent), "", budget), Client(Policy()), budget)


def test_a_chunk_without_a_reference_holds_the_fill_value(tmp_path: Path) -> None:
    group = zarr.open_group(tmp_path / "x.zarr", mode="w", zarr_format=2)
    put(group, "z", [[1.0, 2.0], [3.0, 4.0]], ("y", "x"), chunks=(1, 1), compressors=None)
    found: dict[str, Any] = {
        path.relative_to(tmp_path / "x.zarr").as_posix(): path.read_bytes()
        for path in sorted((tmp_path / "x.zarr").rglob("*"))
        if path.is_file()
    }
    del found["z/1.0"]
    ours = store(tabled(found, tmp_path / "x.parq", 3))
    assert ours.reference("z/0.1") == found["z/0.1"]
    assert ours.reference("z/1.0") is None
    assert ours.reference("z/1.1") == found["z/1.1"]
    assert ours.reference("z") is None
    assert ours.reference("none/0.0") is None
    assert ours.names("z") == (".zarray", ".zattrs")
    for key in ("z/2.0", "z/0", "z/0.0.0"):
        with pytest.raises(ValueError, match="no chunk"):
            ours.reference(key)


def test_a_number_alone_has_one_chunk(tmp_path: Path) -> None:
    found = {".zgroup": b'{"zarr_format": 2}', "n/.zarray": b'{"shape": [], "chunks": []}', "n/0": b"12345678"}
    assert store(tabled(found, tmp_path / "x.parq")).reference("n/0") == b"12345678"


# Hostile ones.


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/whole.bin",
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:1/x",
        "file:///etc/passwd",
        "/etc/passwd",
        "../../../../../../etc/passwd",
    ],
)
def test_references_that_lead_elsewhere_are_not_followed(cubes: Path, tmp_path: Path, url: str) -> None:
    (tmp_path / "volume").mkdir()
    path = tabled(gathered(cubes, tmp_path / "volume", url), tmp_path / "volume" / "cube.parq")
    found = looked(Reach("x", root=str(tmp_path / "volume"), tail="cube.parq"))
    assert found is not None
    assert (found.state, found.picture) == (facts.READ, None)
    assert found.picture_state in (facts.NOT_ASKED, facts.EMPTY)
    assert path.exists()


def with_table(cubes: Path, tmp_path: Path, table: bytes, *, confined: bool = True) -> Look:
    """Return what comes of a store whose references to one array are these bytes."""
    path = tabled(gathered(cubes, tmp_path, "whole.bin"), tmp_path / "cube.parq", 100_000)
    (path / "temperature" / "refs.0.parq").write_bytes(table)
    # Too much work is ended by the processor's time, which stays as limited; a busy machine is not what is tested.
    found = apart.look(Question((here(str(path)),), Policy()), seconds=300.0)[0] if confined else look_here(path)
    assert found is not None
    assert found.state == facts.READ
    return found


def written(table: pa.Table, tmp_path: Path, **more: Any) -> bytes:
    pq.write_table(table, tmp_path / "made.parquet", **more)
    return (tmp_path / "made.parquet").read_bytes()


def test_a_huge_row_group_is_refused_before_there_is_room_for_it(cubes: Path, tmp_path: Path) -> None:
    rows = 200_000
    raw = pa.array([b"x" * 1000] * rows, pa.large_binary())
    columns = {"path": pa.nulls(rows, pa.string()), "offset": pa.nulls(rows, pa.int64()), "size": [0] * rows}
    table = written(pa.table({**columns, "raw": raw}), tmp_path, compression="zstd", use_dictionary=False)
    assert len(table) < 1 << 20
    found = with_table(cubes, tmp_path, table)
    assert found.picture_state == facts.TOO_LARGE
    assert "200,000 rows" in found.picture_detail


@pytest.mark.parametrize("step", [110, pytest.param(1, marks=pytest.mark.long)])
def test_a_lie_in_a_footer_costs_no_more_than_the_limits_of_a_look(cubes: Path, tmp_path: Path, step: int) -> None:
    rows = 1000
    columns = {"path": ["whole.bin"] * rows, "offset": list(range(rows)), "size": [10] * rows}
    table = written(pa.table({**columns, "raw": pa.nulls(rows, pa.binary())}), tmp_path)
    lies = [lie for name, lie in damage.parquet(table) if not name.endswith(("-0", "-1", "-8589934592"))]
    assert len(lies) > 100
    for number, lie in enumerate(lies[::step]):
        (tmp_path / str(number)).mkdir()
        found = with_table(cubes, tmp_path / str(number), lie)
        assert found.picture_state in (facts.BROKEN, facts.TOO_LARGE, facts.EMPTY, facts.READ), found


@pytest.mark.parametrize(
    "columns",
    [
        {"path": [1], "offset": [0], "size": [0]},
        {"path": ["a"], "offset": ["x"], "size": [0]},
        {"path": ["a"], "offset": [-1], "size": [5]},
        {"path": ["a"], "offset": [0], "size": [2**62]},
        {"path": [["a"]], "offset": [0], "size": [0]},
        {"raw": [[1, 2]]},
    ],
    ids=["path", "offset", "before", "beyond", "list", "raw"],
)
def test_tables_of_other_things_are_damaged(cubes: Path, tmp_path: Path, columns: dict[str, list[Any]]) -> None:
    table = pa.table({name: values * 1000 for name, values in columns.items()})
    found = with_table(cubes, tmp_path, written(table, tmp_path), confined=False)
    assert found.picture_state == facts.BROKEN


@pytest.mark.parametrize("body", [b"", b"PAR1", b"PAR1 and nothing else PAR1", b"{}" * 100])
def test_what_is_no_table_is_damaged(cubes: Path, tmp_path: Path, body: bytes) -> None:
    assert with_table(cubes, tmp_path, body, confined=False).picture_state == facts.BROKEN


@pytest.mark.parametrize("records", [0, -1, 2**40, "100", None, 1.5, True])
def test_a_folder_that_has_no_number_of_rows_is_damaged(tmp_path: Path, records: Any) -> None:
    (tmp_path / "x.parq").mkdir()
    (tmp_path / "x.parq" / ".zmetadata").write_text(json.dumps({"metadata": {}, "record_size": records}))
    assert look_here(tmp_path / "x.parq").state == facts.BROKEN


def test_only_a_document_with_a_number_of_rows_is_of_tables() -> None:
    assert is_one(b'{"metadata": {}, "record_size": 10}')
    for other in (b"{", b"[]", b'{"metadata": {}}', b'{"metadata": 7, "record_size": 1}', b"[" * 100_000):
        assert not is_one(other)


def test_names_lead_nowhere_but_into_the_folder(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    found = {".zgroup": b'{"zarr_format": 2}', "../secret/.zarray": b'{"shape": [1], "chunks": [1]}', "n/0": b"1"}
    del found["n/0"]
    path = tabled(found, tmp_path / "x.parq")
    assert store(path).reference("../secret/0") is None
    (path / "led").symlink_to(tmp_path / "secret")
    shutil.copy(path / ".zmetadata", tmp_path / "secret" / "refs.0.parq")
    with pytest.raises(SourceUnavailableError, match="leads out"):
        FolderStore(str(path), "", Budget()).read("led/refs.0.parq", None)


def test_without_the_reader_of_parquet_it_says_so(cubes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tabled(gathered(cubes, tmp_path, "whole.bin"), tmp_path / "cube.parq")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    found = look_here(path)
    assert found.state == facts.NO_READER
    assert "pyarrow" in found.detail
