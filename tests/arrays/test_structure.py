from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from discovery.arrays import facts, structure
from discovery.arrays.facts import Look, Variable
from discovery.arrays.structure import declared, ends, levels, text, walked
from tests.arrays.given import cube, look_here, put

pytestmark = pytest.mark.slow


def variables(look: Look) -> dict[str, Variable]:
    assert look.structure is not None
    return {each.path: each for each in look.structure.variables}


@pytest.mark.parametrize("name", ["v2.zarr", "v3.zarr", "sharded.zarr", "plain.zarr"])
def test_every_kind_of_store_says_the_same_of_its_arrays(cubes: Path, name: str) -> None:
    look = look_here(cubes / name)
    assert look.state == facts.READ
    found = variables(look)
    assert sorted(found) == ["lat", "lon", "temperature", "time"]
    one = found["temperature"]
    assert (one.label, one.units, one.dtype) == ("surface temperature", "K", "int16")
    assert (one.dims, one.shape, one.chunks) == (("time", "lat", "lon"), (10, 240, 480), (1, 60, 120))
    assert one.shards == ((1, 240, 480) if name == "sharded.zarr" else ())
    assert (one.size, one.chunk_size) == (10 * 240 * 480 * 2, 60 * 120 * 2)
    assert (one.coordinate, one.drawable) == (False, True)
    assert one.packing


@pytest.mark.parametrize("name", ["v2.zarr", "sharded.zarr"])
def test_coordinates_say_from_where_to_where_they_go(cubes: Path, name: str) -> None:
    found = variables(look_here(cubes / name))
    assert (found["lat"].low, found["lat"].high) == ("-60", "60")
    assert (found["lon"].low, found["lon"].high) == ("-180", "180")
    assert (found["time"].low, found["time"].high) == ("2020-01-01T00:00:00Z", "2020-01-10T00:00:00Z")
    assert found["temperature"].low == ""


def test_a_store_says_how_it_is_written(cubes: Path) -> None:
    def told(name: str) -> tuple[int, bool]:
        found = look_here(cubes / name).structure
        assert found is not None
        return found.format, found.consolidated

    assert told("v2.zarr") == (2, True)
    assert told("v3.zarr") == (3, True)
    assert told("plain.zarr") == (3, False)


def test_an_array_alone_is_a_store_too(cubes: Path) -> None:
    found = variables(look_here(cubes / "v3.zarr" / "temperature"))
    assert list(found) == [""]
    assert found[""].shape == (10, 240, 480)


def test_a_long_coordinate_is_told_by_its_ends(tmp_path: Path) -> None:
    root = zarr.open_group(tmp_path / "x.zarr", mode="w", zarr_format=3)
    array = put(root, "x", np.arange(1000, 0, -1.0), ("x",), chunks=(100,))
    assert ends("x", array) == ("1", "1000", False)


@pytest.mark.parametrize("units", ["days since 0001-01-01", "days since nothing", "fortnights since 2020-01-01"])
def test_times_of_other_calendars_are_told_as_numbers(tmp_path: Path, units: str) -> None:
    root = zarr.open_group(tmp_path / "x.zarr", mode="w", zarr_format=3)
    array = put(root, "time", np.array([0, 360]), ("time",), attrs={"units": units, "calendar": "360_day"})
    assert ends("time", array) == ("0", "360", True)


@pytest.mark.parametrize(
    "values",
    [np.full(4, np.nan), np.array(["a", "b"]), np.zeros((0,)), np.zeros((2, 2))],
    ids=["missing", "words", "empty", "plane"],
)
def test_a_coordinate_without_numbers_has_no_ends(tmp_path: Path, values: Any) -> None:
    root = zarr.open_group(tmp_path / "x.zarr", mode="w", zarr_format=2)
    assert ends("x", put(root, "x", values, ("x", "y")[: values.ndim], chunks=values.shape or (1,))) is None


def test_nothing_is_read_of_a_coordinate_whose_chunks_are_said_to_be_huge(tmp_path: Path) -> None:
    root = zarr.open_group(tmp_path / "x.zarr", mode="w", zarr_format=3)
    huge = root.create_array("x", shape=(10**15,), chunks=(10**12,), dtype="f8", dimension_names=("x",))
    assert ends("x", huge) is None
    found = variables(look_here(tmp_path / "x.zarr"))["x"]
    assert (found.size, found.chunk_size, found.low) == (8 * 10**15, 8 * 10**12, "")


def test_texts_of_strangers_come_on_one_line_and_short(tmp_path: Path) -> None:
    root = zarr.open_group(tmp_path / "x.zarr", mode="w", zarr_format=3)
    array = root.create_array("a\u202eb", shape=(4, 4), dtype="f4")
    array.attrs.update({"units": 7, "long_name": "<b>x</b>\n\x00" + "y" * 999})
    (found,) = variables(look_here(tmp_path / "x.zarr")).values()
    assert (found.name, found.units) == ("a b", "")
    assert found.label.startswith("<b>x</b> yyy")
    assert len(found.label) == 120
    assert text(None) == text(["a"]) == ""


def test_groups_and_levels_are_told_in_the_order_that_is_declared(tmp_path: Path) -> None:
    root = zarr.open_group(tmp_path / "x.zarr", mode="w", zarr_format=3)
    pyramid = root.create_group("image")
    for number, side in enumerate((256, 128, 64)):
        put(pyramid, str(number), np.ones((side, side), "u1"), ("y", "x"))
    pyramid.attrs["multiscales"] = [{"datasets": [{"path": str(each)} for each in (0, 1, 2)]}]
    look = look_here(tmp_path / "x.zarr")
    assert look.structure is not None
    assert look.structure.groups == ("image",)
    assert look.structure.levels == ("image/0", "image/1", "image/2")


@pytest.mark.parametrize(
    "said",
    [
        {"layout": [{"asset": "r10m"}, {"asset": "r60m"}]},
        {"layout": [{"group": "r10m"}, {"group": "r60m"}]},
        {"tile_matrix_set": {"tileMatrices": [{"id": "r10m"}, {"id": "r60m"}]}},
        [{"datasets": [{"path": "r10m"}, {"path": "r60m"}]}],
    ],
    ids=["geozarr", "groups", "tiles", "ome"],
)
def test_several_conventions_of_levels_are_known(tmp_path: Path, said: Any) -> None:
    root = zarr.open_group(tmp_path / "x.zarr", mode="w", zarr_format=3)
    for name in ("r10m", "r60m"):
        root.create_group(name)
    root.attrs["multiscales"] = said
    arrays, groups = walked(zarr.open_group(tmp_path / "x.zarr", mode="r"))
    assert levels(arrays, groups) == ("r10m", "r60m")
    assert declared("", groups) == ("r10m", "r60m")


@pytest.mark.parametrize(
    "said", [7, "x", None, [None, 3, []], {"layout": 3}, {"layout": [3, {"asset": 4}]}, {"tile_matrix_set": {"a": 1}}]
)
def test_levels_that_are_nonsense_are_none(tmp_path: Path, said: Any) -> None:
    root = zarr.open_group(tmp_path / "x.zarr", mode="w", zarr_format=3)
    root.attrs["multiscales"] = said
    assert levels(*walked(root)) == ()


def test_a_folder_that_leads_into_itself_is_walked_to_an_end(tmp_path: Path) -> None:
    root = zarr.open_group(tmp_path / "x.zarr", mode="w", zarr_format=3)
    root.create_group("a")
    (tmp_path / "x.zarr" / "a" / "again").symlink_to("..")
    look = look_here(tmp_path / "x.zarr")
    assert look.state in (facts.READ, facts.TOO_LARGE)


def test_more_arrays_than_are_told_of_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structure, "MAX_VARIABLES", 2)
    look = look_here(cube(tmp_path / "x.zarr"))
    assert look.structure is not None
    assert len(look.structure.variables) == 2
    assert look.structure.left == 2


def test_numbers_that_are_no_json_in_attributes_do_no_harm(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = cube(tmp_path / "x.zarr", 2)
    about = path / "temperature" / ".zattrs"
    told = json.loads(about.read_text()) | {"valid_max": float("nan"), "add_offset": float("inf")}
    about.write_text(json.dumps(told))
    (path / ".zmetadata").unlink()
    look = look_here(path)
    assert look.state == facts.READ
    assert look.picture_state == facts.EMPTY
