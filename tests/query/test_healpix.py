"""Cells as numbers, against cdshealpix's own names for them and against points drawn in them."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from discovery.query import healpix


def test_outlines_and_circles_of_cells_hold_all_of_the_cell() -> None:
    for order in (0, 1, 2, 3, 4, 9):
        numbers = np.arange(4 << 2 * order, 16 << 2 * order, max(1, 4**order // 60), dtype=np.int64)
        lon, lat = healpix.rings(numbers, 8)
        held = shapely.covers(healpix.outlines(numbers)[:, None], shapely.points(lon, lat))
        assert (held | (np.abs(lat) > 90 - 1e-9)).all()
        clon, clat, radius = circles(numbers)
        assert (healpix.separation(lon, lat, clon[:, None], clat[:, None]) <= radius[:, None]).all()


@pytest.mark.parametrize("order", range(13))
def test_middles_are_the_centres_and_circles_around_them_hold_the_cell_and_little_else(order: int) -> None:
    numbers = np.concatenate((every(order), every(order) + 1, [(16 << 2 * order) - 1]))
    clon, clat, radius = circles(numbers)
    x, y, z = healpix.Spots.of(numbers).middles()
    assert (
        healpix.separation(np.degrees(np.arctan2(y, x)), np.degrees(np.arctan2(z, np.hypot(x, y))), clon, clat).max()
        < 1e-9
    )
    reach = healpix.Spots.of(numbers).reaches()
    assert (reach >= radius - 1e-9).all()
    assert (reach <= 1.2 * radius).all()
    lon, lat = healpix.rings(numbers, 8)
    assert (healpix.separation(lon, lat, clon[:, None], clat[:, None]) <= reach[:, None]).all()


def test_children_are_where_their_numbers_say() -> None:
    numbers = np.concatenate([every(order) for order in (0, 1, 4, 11)])
    one = healpix.Spots.of(numbers).children()
    other = healpix.Spots.of((4 * numbers[:, None] + np.arange(4)).ravel())
    assert np.array_equal(one.middles(), other.middles())
    assert np.array_equal(one.reaches(), other.reaches())


def test_boxes_of_cells_hold_all_of_the_cell_and_little_else() -> None:
    for order in (0, 1, 2, 3, 4, 9):
        numbers = np.arange(4 << 2 * order, 16 << 2 * order, max(1, 4**order // 60), dtype=np.int64)
        lon, lat = healpix.rings(numbers, 8)
        west, south, east, north = (side[:, None] for side in healpix.bounds(numbers))
        polar = np.abs(lat) > 90 - 1e-9
        assert (((west <= lon) & (lon <= east)) | polar).all()
        assert ((south <= lat) & (lat <= north)).all()
        assert np.allclose(west[:, 0], np.where(polar, np.inf, lon).min(axis=1), atol=1e-6)
        assert np.allclose(north[:, 0], lat.max(axis=1), atol=1e-6)


def circles(numbers: healpix.Numbers) -> tuple[healpix.Floats, healpix.Floats, healpix.Floats]:
    """Return centre and radius (degrees) of a circle around each cell that holds all of it."""
    lon, lat = healpix.centres(numbers)
    corners = healpix.edges(numbers, 1)
    return lon, lat, healpix.separation(*corners, lon[:, None], lat[:, None]).max(axis=1) * 1.002 + 1e-9


def every(order: int, most: int = 400) -> healpix.Numbers:
    """Return cells of an order, spread over the sphere."""
    return np.arange(4 << 2 * order, 16 << 2 * order, max(1, 12 * 4**order // most), dtype=np.int64)


@pytest.mark.parametrize("order", range(13))
def test_a_number_says_the_order_and_the_parents_of_a_cell(order: int) -> None:
    numbers = np.concatenate((every(order), [(16 << 2 * order) - 1]))
    assert (healpix.orders(numbers) == order).all()
    above = healpix.ancestors(numbers)
    assert set(above.tolist()) == {n >> 2 * up for n in numbers.tolist() for up in range(1, order + 1)}
    assert (np.diff(above) > 0).all()


@pytest.mark.parametrize("order", [0, 1, 2, 5, 12])
def test_the_centre_of_a_cell_lies_in_it_and_in_its_parents(order: int) -> None:
    numbers = every(order)
    lon, lat = healpix.centres(numbers)
    for up in range(order + 1):
        assert (healpix.cells_at(lon, lat, order - up) == numbers >> 2 * up).all()
    assert (healpix.cells_at(lon - 360, lat, order) == numbers).all()


def test_points_of_mixed_orders_are_placed_at_once() -> None:
    rng = np.random.default_rng(1)
    lon, lat = rng.uniform(0, 360, 500), np.degrees(np.arcsin(rng.uniform(-1, 1, 500)))
    order = rng.integers(0, 13, 500)
    deep = healpix.cells_at(lon, lat, healpix.DEEPEST)
    assert (healpix.cells_at(lon, lat, order) == deep >> 2 * (healpix.DEEPEST - order)).all()


def test_a_block_is_the_cell_and_what_touches_it() -> None:
    for order in (1, 3, 7):
        numbers = every(order, 60)
        found = healpix.blocks(numbers)
        assert (found == numbers[:, None]).any(axis=1).all()
        lon, lat, radius = circles(found.ravel())
        clon, clat, wide = circles(np.repeat(numbers, 9))
        assert (healpix.separation(lon, lat, clon, clat) <= radius + wide).all()


@pytest.mark.parametrize("order", [0, 1, 2, 3, 4, 8, 12])
def test_the_neighbours_of_a_few_cells_are_those_of_many(order: int) -> None:
    numbers = every(order, 3_000)
    many = healpix.blocks(np.resize(numbers, 400))
    for at in range(0, min(len(numbers), 400), 8):
        few = healpix.blocks(numbers[at : at + 8])
        assert [set(row) for row in few.tolist()] == [set(row) for row in many[at : at + len(few)].tolist()]


def test_a_block_reaches_as_far_as_promised() -> None:
    for order in (1, 3, 7):
        numbers = every(order, 60)
        found = healpix.blocks(numbers)
        away = np.radians(healpix.REACH / 2**order)
        lon, lat = map(np.radians, healpix.centres(numbers))
        for turn in np.radians(np.arange(0, 360, 45)):
            up = np.sin(lat) * np.cos(away) + np.cos(lat) * np.sin(away) * np.cos(turn)
            along = np.arctan2(np.sin(turn) * np.sin(away) * np.cos(lat), np.cos(away) - np.sin(lat) * up)
            there = healpix.cells_at(np.degrees(lon + along), np.degrees(np.arcsin(np.clip(up, -1, 1))), order)
            assert (found == there[:, None]).any(axis=1).all()


def test_separations_are_right_for_near_and_for_opposite_points() -> None:
    zero = np.zeros(1)
    assert healpix.separation(zero, zero, 1e-9, 0.0)[0] == pytest.approx(1e-9, rel=1e-6)
    assert healpix.separation(zero, zero, 180.0, 0.0)[0] == pytest.approx(180)
    assert healpix.separation(zero, zero + 90, 77.0, 89.0)[0] == pytest.approx(1)
    assert healpix.separation(zero, zero, 359.0, 0.0)[0] == pytest.approx(1)


def test_no_cells_have_no_ancestors() -> None:
    assert healpix.ancestors(healpix.BASE).tolist() == []
    assert healpix.ancestors(np.empty(0, dtype=np.int64)).tolist() == []


@pytest.mark.parametrize("order", range(13))
def test_few_cells_lie_where_the_library_says(order: int, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 12 * 4**order
    ends = [0, count // 12 - 1, count // 3 - 1, count - 1]
    numbers = 4 * 4**order + np.unique(np.append(np.random.default_rng(order).integers(0, count, 500), ends))
    ours = [*circles(numbers), *healpix.edges(numbers, 1), *healpix.edges(numbers, 4)]
    monkeypatch.setattr(healpix, "_FEW", -1)
    library = [*circles(numbers), *healpix.edges(numbers, 1), *healpix.edges(numbers, 4)]
    for one, other in zip(ours, library, strict=True):
        assert np.abs((one - other + 180) % 360 - 180).max() < 1e-11


@pytest.mark.parametrize("order", range(13))
def test_few_points_lie_in_the_cells_that_the_library_says(order: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(order)
    lon = np.append(rng.uniform(-180, 540, 2000), [0.1, 200, 359.9, 45.3])
    lat = np.append(np.degrees(np.arcsin(rng.uniform(-1, 1, 2000))), [89.99999, -89.99999, 41.8, -41.8])
    ours = healpix.cells_at(lon, lat, order)
    assert np.array_equal(ours >> (2 * order) >= 4, np.ones(len(lon), dtype=bool))
    monkeypatch.setattr(healpix, "_FEW", -1)
    assert np.array_equal(ours, healpix.cells_at(lon, lat, order))


def test_poles_and_meridians_lie_in_a_cell_that_touches_them() -> None:
    lon, lat = (
        np.array(each, dtype=float) for each in zip(*[(0, 90), (90, -90), (0, 0), (360, 0), (180, 41.81)], strict=True)
    )
    for order in (0, 1, 5, 12):
        cells = healpix.cells_at(lon, lat, order)
        clon, clat, radius = circles(cells)
        assert (healpix.separation(clon, clat, lon, lat) <= radius).all()
