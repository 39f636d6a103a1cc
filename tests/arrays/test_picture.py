from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import zarr
from PIL import Image

from discovery.arrays import facts, picture
from discovery.arrays.facts import Look, Picture
from discovery.arrays.picture import palette
from discovery.embeddings import packing
from tests.arrays.given import cube, look_here, put

pytestmark = pytest.mark.slow


def seen(look: Look) -> tuple[Picture, npt.NDArray[Any]]:
    """Return the picture of a look, and its pixels as red, green, blue and opacity."""
    assert look.picture is not None, look
    with Image.open(io.BytesIO(look.picture.png)) as image:
        assert image.format == "PNG"
        assert image.size == (look.picture.width, look.picture.height)
        return look.picture, np.asarray(image.convert("RGBA"))


def group(path: Path) -> zarr.Group:
    return zarr.open_group(path, mode="w", zarr_format=3)


@pytest.mark.parametrize("name", ["v2.zarr", "v3.zarr", "sharded.zarr", "plain.zarr"])
def test_a_picture_is_in_the_units_that_are_meant_with_north_above_and_missing_left_out(cubes: Path, name: str) -> None:
    found, pixels = seen(look_here(cubes / name))
    assert (found.variable, found.units, found.colours) == ("temperature", "K", "viridis")
    assert found.part == "all 240 x 480 cells; time 6 of 10"
    assert 270 < found.low < found.high < 290
    assert found.missing == pytest.approx(20 / 240, abs=1e-6)
    assert (pixels[-20:, :, 3] == 0).all()
    assert (pixels[:-20, :, 3] == 255).all()
    # It is warmest in the north at the meridian, and coldest there at the date line.
    assert tuple(pixels[0, 240, :3]) == palette()[-1]
    assert tuple(pixels[0, 0, :3]) == palette()[0]


def test_the_coarsest_level_with_enough_cells_is_drawn(tmp_path: Path) -> None:
    root = group(tmp_path / "x.zarr")
    measured = root.create_group("measurements").create_group("reflectance")
    for name, side in (("r10m", 360), ("r20m", 180), ("r60m", 60)):
        level = measured.create_group(name)
        put(level, "b02", np.arange(side * side, dtype="u2").reshape(side, side), ("y", "x"), chunks=(30, 30))
    put(root.create_group("conditions").create_group("mask"), "b02", np.ones((400, 400), "u1"), ("y", "x"))
    found, _ = seen(look_here(tmp_path / "x.zarr"))
    assert found.variable == "measurements/reflectance/r20m/b02"


def test_levels_of_a_pyramid_are_told_apart(tmp_path: Path) -> None:
    root = group(tmp_path / "x.zarr")
    for number, side in enumerate((512, 256, 128, 4)):
        put(root, str(number), np.ones((2, side, side), "u1").cumsum(axis=1), ("c", "y", "x"), chunks=(1, 64, 64))
    root.attrs["multiscales"] = [{"datasets": [{"path": str(each)} for each in range(4)]}]
    found, _ = seen(look_here(tmp_path / "x.zarr"))
    assert found.variable == "2"
    assert found.part == "all 128 x 128 cells; c 2 of 2; level 2"


def test_of_a_large_plane_one_chunk_in_the_middle_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "MAX_CHUNKS", 3)
    root = group(tmp_path / "x.zarr")
    put(root, "z", np.arange(10000.0).reshape(100, 100), ("y", "x"), chunks=(50, 50))
    (tmp_path / "x.zarr" / "z" / "c" / "0" / "0").write_bytes(b"damaged, and not asked for")
    found, _ = seen(look_here(tmp_path / "x.zarr"))
    assert found.part == "the chunk in the middle, 50 x 50 of 100 x 100 cells"
    assert 5000 < found.low < found.high < 10000


def test_a_picture_of_many_cells_is_thinned_and_one_of_few_is_enlarged(tmp_path: Path) -> None:
    root = group(tmp_path / "x.zarr")
    put(root, "z", np.arange(1200 * 600, dtype="f4").reshape(1200, 600), ("y", "x"), chunks=(600, 600))
    found, _ = seen(look_here(tmp_path / "x.zarr"))
    assert found.part == "all 1,200 x 600 cells, every 3rd cell"
    assert (found.width, found.height) == (200, 400)
    put(group(tmp_path / "y.zarr"), "z", np.arange(6.0).reshape(2, 3), ("y", "x"))
    found, pixels = seen(look_here(tmp_path / "y.zarr"))
    assert (found.width, found.height) == (255, 170)
    assert len({tuple(each) for each in pixels.reshape(-1, 4)}) == 6


def test_columns_before_rows_are_turned(tmp_path: Path) -> None:
    root = group(tmp_path / "x.zarr")
    put(root, "z", np.arange(300 * 100.0).reshape(300, 100), ("lon", "lat"))
    found, _ = seen(look_here(tmp_path / "x.zarr"))
    assert (found.width, found.height) == (300, 100)


@pytest.mark.parametrize("kind", ["u1", "i8", "f2", "f8", "bool", ">f4"])
def test_every_kind_of_number_is_drawn(tmp_path: Path, kind: str) -> None:
    root = zarr.open_group(tmp_path / "x.zarr", mode="w", zarr_format=2)
    put(root, "z", (np.arange(100).reshape(10, 10) % 50).astype(kind), ("y", "x"))
    found, _ = seen(look_here(tmp_path / "x.zarr"))
    assert found.low <= found.high


def test_one_value_alone_is_drawn_in_one_colour(tmp_path: Path) -> None:
    put(group(tmp_path / "x.zarr"), "z", np.full((8, 8), 7, "u1"), ("y", "x"))
    found, pixels = seen(look_here(tmp_path / "x.zarr"))
    assert (found.low, found.high) == (7, 7)
    assert len({tuple(each) for each in pixels.reshape(-1, 4)}) == 1


def test_infinite_and_missing_numbers_are_left_out(tmp_path: Path) -> None:
    values = np.arange(100.0).reshape(10, 10)
    values[0, 0], values[0, 1] = np.inf, np.nan
    put(group(tmp_path / "x.zarr"), "z", values, ("a", "b"))
    found, pixels = seen(look_here(tmp_path / "x.zarr"))
    assert found.missing == pytest.approx(0.02)
    assert pixels[0, 0, 3] == 0


def test_an_array_can_be_named(cubes: Path) -> None:
    assert seen(look_here(cubes / "v3.zarr", "temperature"))[0].variable == "temperature"
    for name in ("lat", "none", "../temperature"):
        found = look_here(cubes / "v3.zarr", name)
        assert (found.state, found.picture, found.picture_state) == (facts.READ, None, facts.UNKNOWN)


def test_missing_values_alone_are_no_picture(tmp_path: Path) -> None:
    put(group(tmp_path / "x.zarr"), "z", np.full((8, 8), np.nan), ("y", "x"))
    assert look_here(tmp_path / "x.zarr").picture_state == facts.EMPTY


def test_words_and_lines_are_no_picture(tmp_path: Path) -> None:
    root = group(tmp_path / "x.zarr")
    put(root, "line", np.arange(9.0), ("x",))
    put(root, "one", np.ones((1, 9)), ("y", "x"))
    look = look_here(tmp_path / "x.zarr")
    assert (look.state, look.picture_state) == (facts.READ, facts.NONE)


@pytest.mark.parametrize(
    ("shape", "chunks"),
    [((10, 10), (10**6, 10**6)), ((10**9, 10**9), (10**6, 10**6)), ((10**15, 10**15), (10**12, 1))],
)
def test_chunks_that_are_said_to_be_huge_are_never_made(tmp_path: Path, shape: Any, chunks: Any) -> None:
    group(tmp_path / "x.zarr").create_array("z", shape=shape, chunks=chunks, dtype="f8")
    look = look_here(tmp_path / "x.zarr")
    assert (look.state, look.picture_state) == (facts.READ, facts.TOO_LARGE)
    assert f"{chunks[0] * chunks[1] * 8:,} bytes" in look.picture_message


def test_an_index_of_a_shard_that_is_said_to_be_huge_is_never_read(tmp_path: Path) -> None:
    root = group(tmp_path / "x.zarr")
    root.create_array("z", shape=(10**6, 10**6), shards=(10**6, 10**6), chunks=(1, 1), dtype="u1")
    look = look_here(tmp_path / "x.zarr")
    assert look.picture_state == facts.TOO_LARGE
    assert "shards" in look.picture_message


def test_a_chunk_that_is_not_there_is_what_the_metadata_say(tmp_path: Path) -> None:
    group(tmp_path / "x.zarr").create_array("z", shape=(9, 9), chunks=(9, 9), dtype="u1", fill_value=3)
    assert seen(look_here(tmp_path / "x.zarr"))[0].low == 3


def test_a_damaged_chunk_is_said_to_be_damaged(tmp_path: Path) -> None:
    path = cube(tmp_path / "x.zarr")
    for each in (path / "temperature" / "c" / "5").rglob("*"):
        if each.is_file():
            each.write_bytes(b"\x00" * 50)
    look = look_here(path)
    assert (look.state, look.picture, look.picture_state) == (facts.READ, None, facts.BROKEN)


def test_a_codec_that_could_run_code_is_not_used(tmp_path: Path) -> None:
    path = cube(tmp_path / "x.zarr", 2, consolidated=False)
    about = path / "temperature" / ".zarray"
    said = about.read_text().replace('"filters": null', '"filters": [{"id": "json2"}]')
    assert "json2" in said
    about.write_text(said)
    look = look_here(path)
    assert "json2" not in packing.KNOWN
    assert look.picture is None
    assert (look.state, look.picture_state) in {(facts.READ, facts.UNSAFE), (facts.BROKEN, facts.NONE)}


def test_the_colours_are_those_of_the_scale_that_is_named() -> None:
    colours = pytest.importorskip("matplotlib").colormaps["viridis"](np.linspace(0, 1, 255))[:, :3] * 255
    assert np.abs(np.array(palette()) - colours).max() < 4
