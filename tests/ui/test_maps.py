"""Every cell is drawn where it is, whole, and told in words."""

from __future__ import annotations

import re

import numpy as np
import pytest

from discovery.query import healpix
from discovery.query.facets import HeatMap, Place
from discovery.query.place import centre
from ui import maps


def corners(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"(-?[\d.e-]+) (-?[\d.e-]+)", path)]


def whole(frame: str, order: int) -> maps.Heat:
    drawn = maps.draw(HeatMap(frame, order, tuple((cell, cell + 1) for cell in range(12 * 4**order))))
    assert drawn is not None
    return drawn


def area(path: str) -> float:
    total = 0.0
    for piece in path.split("Z"):
        points = corners(piece)
        sides = zip(points, [*points[1:], *points[:1]], strict=True)
        total += abs(sum(x * b - a * y for (x, y), (a, b) in sides)) / 2
    return total


def test_nothing_is_no_map() -> None:
    assert maps.draw(HeatMap("sky", 3)) is None


@pytest.mark.parametrize("frame", ["earth", "sky"])
@pytest.mark.parametrize("order", [0, 1, 3])
def test_all_cells_together_cover_the_map(frame: str, order: int) -> None:
    drawn = whole(frame, order)
    assert len(drawn.cells) == 12 * 4**order
    assert drawn.oval == (frame == "sky")
    area_of_map = 360 * 180 if frame == "earth" else 3.14159265 * 180 * 90
    # What goes over an edge is drawn twice, half of it out of sight.
    assert sum(area(each.path) for each in drawn.cells) >= 0.97 * area_of_map


def test_right_ascension_grows_to_the_left_and_longitude_to_the_right() -> None:
    for frame, sign in (("earth", 1), ("sky", -1)):
        drawn = whole(frame, 2)
        for number in (5, 40, 100):
            lon, lat = centre(Place(frame, 2, number))
            lon = (lon + 180) % 360 - 180
            path = next(each.path for each in drawn.cells if each.asks == f"{frame}/2/{number}").split("Z")[0]
            xs, ys = zip(*corners(path), strict=True)
            assert (sum(xs) / len(xs) > 180) == (sign * lon > 0)
            assert (sum(ys) / len(ys) < 90) == (lat > 0)


@pytest.mark.parametrize("frame", ["earth", "sky"])
def test_what_lies_together_is_drawn_from_near(frame: str) -> None:
    drawn = maps.draw(HeatMap(frame, 8, ((1000, 3), (1001, 9), (1002, 1))))
    assert drawn is not None
    assert not drawn.oval
    points = [point for each in drawn.cells for point in corners(each.path)]
    assert all(-40 <= x <= 400 and -40 <= y <= 220 for x, y in points)
    assert max(x for x, _ in points) - min(x for x, _ in points) > 40
    assert drawn.grid


def test_near_the_antimeridian_cells_stay_together() -> None:
    drawn = maps.draw(HeatMap("earth", 6, tuple((cell, 1) for cell in neighbours_of_180())))
    assert drawn is not None
    assert not drawn.oval
    for each in drawn.cells:
        xs = [x for x, _ in corners(each.path)]
        assert max(xs) - min(xs) < 200


def neighbours_of_180() -> list[int]:
    around = [(179.5, 0.3), (179.9, -0.3), (-179.9, 0.1), (-179.2, 0.5)]
    lon, lat = (np.array(each) for each in zip(*around, strict=True))
    return sorted(set((healpix.cells_at(lon, lat, 6) - (4 << 12)).tolist()))


def test_a_pole_is_a_line_on_a_map_of_longitudes() -> None:
    drawn = whole("earth", 0)
    north = [point for point in corners(drawn.cells[0].path) if point[1] == 0]
    assert {x for x, _ in north} == {180.0, 270.0}


def test_colours_rise_with_the_counts_by_factors() -> None:
    drawn = maps.draw(HeatMap("sky", 3, ((1, 1), (2, 10), (3, 1_000_000), (4, 1_000))))
    assert drawn is not None
    assert [each.level for each in drawn.cells] == [1, 2, 6, 4]
    assert [each.count for each in drawn.fullest] == [1_000_000, 1_000, 10, 1]
    even = maps.draw(HeatMap("sky", 3, ((1, 5), (2, 5))))
    assert even is not None
    assert {each.level for each in even.cells} == {maps.LEVELS}


def test_a_map_is_told_in_words() -> None:
    drawn = maps.draw(HeatMap("earth", 3, ((1, 1), (300, 4))))
    assert drawn is not None
    assert drawn.label.startswith("Map of Earth: 5 results in 2 cells 7.3° wide; most, 4, at ")
    assert maps.said("sky", -10.0, 5.0) == "RA 350.0°, Dec +5.0°"
    assert maps.said("mars", 190.0, -5.0) == "170.0° W, 5.0° S"


def test_a_map_says_that_it_is_only_nearly_right() -> None:
    drawn = maps.draw(HeatMap("earth", 3, ((0, 4), (9, 1)), exact=False))
    assert drawn is not None
    assert drawn.label.startswith("Map of Earth: about 5 results in 2 cells")
