from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from zarr.abc.store import ByteRequest, OffsetByteRequest, RangeByteRequest, SuffixByteRequest

from discovery.arrays import facts
from discovery.arrays.arrays import here
from discovery.arrays.facts import Look
from discovery.arrays.reach import Reach
from discovery.arrays.references import references, within
from tests.arrays.given import Served, gathered, look_here, looked

pytestmark = pytest.mark.slow

Serve = Callable[[Path], Served]


def referring(cubes: Path, folder: Path, url: str = "whole.bin", **more: Any) -> Path:
    """Write the cube's chunks into one file, and a document of references to its pieces."""
    found = {
        key: f"base64:{base64.b64encode(value).decode()}" if isinstance(value, bytes) else value
        for key, value in gathered(cubes, folder, url).items()
    }
    (folder / "cube.json").write_text(json.dumps({"version": 1, "refs": found, **more}))
    return folder / "cube.json"


def test_a_document_of_references_gives_what_the_store_does(cubes: Path, tmp_path: Path) -> None:
    found, whole = look_here(referring(cubes, tmp_path)), look_here(cubes / "v2.zarr")
    assert found.state == facts.READ
    assert found.structure is not None
    assert whole.structure is not None
    assert found.structure.variables == whole.structure.variables
    assert found.picture == whole.picture


def test_another_reader_understands_the_document_alike(cubes: Path, tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    path = referring(cubes, tmp_path, str(tmp_path / "whole.bin"))
    told = json.loads(path.read_text())
    files = fsspec.filesystem("reference", fo=told, remote_protocol="file")
    known = {key: files.cat_file(key) for key in told["refs"] if key.startswith("temperature/5.")}
    ours = references(path.read_bytes())
    whole = (tmp_path / "whole.bin").read_bytes()
    assert known
    for key, value in known.items():
        _, offset, length = ours[key]
        assert whole[offset : offset + length] == value


def test_references_are_asked_for_on_the_web_piece_by_piece(cubes: Path, tmp_path: Path, serve: Serve) -> None:
    referring(cubes, tmp_path, "{{where}}/whole.bin", templates={"where": "nowhere"})
    served = serve(tmp_path)
    referring(cubes, tmp_path, "{{where}}/whole.bin", templates={"where": served.url})
    url = f"{served.url}/cube.json"
    found = looked(Reach(url, url=url), policy=served.policy)
    assert found is not None
    assert found.picture == look_here(cubes / "v2.zarr").picture
    assert len(served.ranges) > 10
    assert found.fetched < 200_000
    again = looked(Reach(url, url=url), policy=served.policy, known=found.fingerprint)
    assert again is None


def test_references_beside_their_document_are_found_there(cubes: Path, tmp_path: Path, serve: Serve) -> None:
    referring(cubes, tmp_path, "./whole.bin")
    served = serve(tmp_path)
    url = f"{served.url}/cube.json?v=1"
    found = looked(Reach(url, url=url), policy=served.policy)
    assert found is not None
    assert found.picture_state == facts.READ


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/whole.bin", "file:///etc/passwd", "/etc/passwd", "../secret", "http://127.0.0.1:1/x"]
)
def test_references_that_lead_elsewhere_are_not_followed(cubes: Path, tmp_path: Path, url: str) -> None:
    (tmp_path / "volume").mkdir()
    path = referring(cubes, tmp_path / "volume", url)
    found = look_here(path)
    assert (found.state, found.picture) == (facts.READ, None)
    assert found.picture_state in (facts.NOT_ASKED, facts.EMPTY)


def broken(tmp_path: Path, body: bytes) -> Look:
    (tmp_path / "x.json").write_bytes(body)
    found = looked(here(str(tmp_path / "x.json")))
    assert found is not None
    return found


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'{"refs": 7}',
        b'{"refs": {".zgroup": 7}}',
        b'{"refs": {".zgroup": []}}',
        b'{"refs": {".zgroup": ["a", 1]}}',
        b'{"refs": {".zgroup": ["a", -1, 5]}}',
        b'{"refs": {".zgroup": ["a", 1, 1e9]}}',
        b'{"refs": {".zgroup": "base64:%%"}}',
        b'{"refs": {".zgroup": "{}"}, "gen": [{"key": "{{i}}", "url": "{{ cycler.__init__ }}"}]}',
    ],
)
def test_damaged_references_are_said_to_be_damaged(tmp_path: Path, body: bytes) -> None:
    assert broken(tmp_path, body).state == facts.BROKEN


def test_a_document_that_is_no_store_is_none(tmp_path: Path) -> None:
    assert broken(tmp_path, b'{"type": "Feature"}').state in (facts.MISSING, facts.BROKEN)
    found = looked(here(str(tmp_path / "none.json")))
    assert found is not None
    assert found.state == facts.MISSING


def test_a_template_is_put_in_as_it_stands() -> None:
    document = json.dumps(
        {
            "version": 1,
            "templates": {"u": "https://a.example", "x": "{{ 7 * 7 }}"},
            "refs": {"a/0": ["{{u}}/{{x}}/{{ 7 * 7 }}"], "b/.zattrs": {"units": "K"}},
        }
    )
    found = references(document.encode())
    assert found == {"a/0": ("https://a.example/{{x}}/{{ 7 * 7 }}",), "b/.zattrs": b'{"units":"K"}'}


@pytest.mark.parametrize(
    ("part", "made"),
    [
        (None, (100, 110)),
        (RangeByteRequest(2, 5), (102, 105)),
        (RangeByteRequest(2, 50), (102, 110)),
        (OffsetByteRequest(4), (104, 110)),
        (OffsetByteRequest(40), (110, 110)),
        (SuffixByteRequest(3), (107, 110)),
        (SuffixByteRequest(30), (100, 110)),
    ],
)
def test_a_part_of_a_piece_never_leaves_the_piece(part: ByteRequest | None, made: tuple[int, int]) -> None:
    assert within(part, 100, 10) == RangeByteRequest(*made)


def test_an_empty_piece_is_empty(tmp_path: Path) -> None:
    group = zarr.open_group(tmp_path / "x.zarr", mode="w", zarr_format=2)
    group.create_array("z", shape=(4, 4), chunks=(4, 4), dtype="f4", compressors=None)[...] = np.ones((4, 4))
    about = (tmp_path / "x.zarr" / "z" / ".zarray").read_text()
    document = {"refs": {".zgroup": '{"zarr_format": 2}', "z/.zarray": about, "z/0.0": ["whole.bin", 5, 0]}}
    (tmp_path / "x.json").write_text(json.dumps(document))
    assert look_here(tmp_path / "x.json").picture_state == facts.BROKEN
