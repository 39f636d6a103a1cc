"""Regions against brute force, and every wrong input by its name."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import shapely
import spherely

from discovery.errors import BadQueryError, LimitError, RecordError
from discovery.query import healpix
from discovery.query.query import Region
from discovery.query.region import (
    Asked,
    Cover,
    ask,
    bbox,
    bbox_cover,
    cone,
    cover,
    covers,
    decide,
    geojson,
    polygon,
    simplify,
)

Ring = list[list[float]]


def matches(asked: Asked, found: Cover) -> bool:
    """The rule that an engine follows (`discovery.index.base.Cells`)."""
    cells = {*found.cells, *found.anchors}
    return bool(cells & {*asked.cells, *asked.parents}) or bool({*found.parents} & {*asked.cells})


def surely(asked: Asked, found: Cover) -> bool:
    return bool({*found.cells, *found.anchors} & {*asked.sure})


def draw_ring(rng: np.random.Generator, middle: tuple[float, float], size: float) -> Ring:
    """A star-shaped ring around a point, made in the tangent plane so that it is right at the poles too."""
    angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 9)))
    if np.diff(np.append(angles, angles[0] + 2 * np.pi)).max() > np.pi - 0.1:
        angles = np.array([0.3, 2.2, 4.4])
    away = np.radians(size) * rng.uniform(0.4, 1, len(angles))
    lon0, lat0 = np.radians(middle)
    lat = np.arcsin(np.sin(lat0) * np.cos(away) + np.cos(lat0) * np.sin(away) * np.cos(angles))
    lon = lon0 + np.arctan2(np.sin(angles) * np.sin(away) * np.cos(lat0), np.cos(away) - np.sin(lat0) * np.sin(lat))
    ring = np.column_stack((np.degrees(lon) % 360, np.degrees(lat))).tolist()
    return [*ring, ring[0]]


def draw_middle(rng: np.random.Generator) -> tuple[float, float]:
    """A point anywhere, often near a pole or the meridians 0 and 180."""
    lat = math.degrees(math.asin(rng.uniform(-1, 1)))
    if rng.random() < 0.15:
        lat = math.copysign(90 - rng.exponential(2), lat)
    lon = rng.choice([0.0, 180.0]) + rng.normal(0, 3) if rng.random() < 0.4 else rng.uniform(0, 360)
    return float(lon % 360), float(np.clip(lat, -90, 90))


def nearby(rng: np.random.Generator, point: tuple[float, float], reach: float) -> tuple[float, float]:
    lat = float(np.clip(point[1] + rng.normal(0, reach), -89.9, 89.9))
    return (point[0] + rng.normal(0, reach) / max(math.cos(math.radians(lat)), 0.05)) % 360, lat


def sky_pairs(rng: np.random.Generator, queries: int, each: int) -> tuple[int, int, int, int]:
    """Return how many pairs were asked, how many intersect, how many were missed and how many were wrong."""
    asked = truths = missed = wrong = 0
    for _ in range(queries):
        middle, size = draw_middle(rng), float(np.clip(np.exp(rng.normal(1, 1.2)), 0.05, 40))
        if rng.random() < 0.5:
            region = cone([*middle, size])
            target: Any = spherely.create_point(middle[0] - 360 if middle[0] > 180 else middle[0], middle[1])
        else:
            ring = draw_ring(rng, middle, size)
            region = geojson({"type": "Polygon", "coordinates": [ring]}, frame="sky")
            target = spherely.create_polygon(shell=[(x, y) for x, y in ring], oriented=False)
        rings = [
            draw_ring(rng, nearby(rng, middle, size), float(np.clip(np.exp(rng.normal(-1, 1.5)), 0.003, 30)))
            for _ in range(each)
        ]
        shapes = [spherely.create_polygon(shell=[(x, y) for x, y in ring], oriented=False) for ring in rings]
        if region.geometry["type"] == "Circle":
            away = [spherely.distance(shape, target, radius=1.0) for shape in shapes]
            truth = [bool(d <= math.radians(size)) for d in away]
        else:
            truth = [bool(spherely.intersects(shape, target)) for shape in shapes]
        geometries = [{"type": "Polygon", "coordinates": [ring]} for ring in rings]
        counts = tally(region, geometries, truth)
        asked, truths = asked + each, truths + sum(truth)
        missed, wrong = missed + counts[0], wrong + counts[1]
    return asked, truths, missed, wrong


def tally(region: Region, geometries: list[Any], truth: list[bool]) -> tuple[int, int]:
    terms = ask(region)
    found = covers(geometries, region.frame)
    exact = decide(region, geometries)
    missed = wrong = 0
    for item, is_so, said in zip(found, truth, exact, strict=True):
        assert item is not None
        missed += is_so and not matches(terms, item)
        wrong += (
            said != is_so or (surely(terms, item) and not is_so) or (surely(terms, item) and not matches(terms, item))
        )
    return missed, wrong


def flat(west: float, south: float, east: float, north: float) -> Any:
    """An independent reading of a lon/lat box: three copies, so that the antimeridian needs no thought."""
    return shapely.union_all([shapely.box(west + t, south, east + t, north) for t in (-360, 0, 360)])


def unwrapped(ring: Ring) -> list[tuple[float, float]]:
    xs = np.degrees(np.unwrap(np.radians([x for x, _ in ring])))
    xs -= 360 * math.floor((xs.min() + 180) / 360)
    return [(float(x), y) for x, (_, y) in zip(xs, ring, strict=True)]


def earth_pairs(rng: np.random.Generator, queries: int, each: int) -> tuple[int, int, int, int]:
    asked = truths = missed = wrong = 0
    for _ in range(queries):
        middle, size = draw_middle(rng), float(np.clip(np.exp(rng.normal(1, 1.2)), 0.05, 40))
        lat = float(np.clip(middle[1], -85, 85))
        half = min(size / math.cos(math.radians(lat)), 170.0)
        south, north = max(lat - size, -90.0), min(lat + size, 90.0)
        west, east = ((middle[0] + d + 180) % 360 - 180 for d in (-half, half))
        region = bbox([west, south, east, north])
        target = flat(west, south, east + (360 if west > east else 0), north)
        geometries, truth = [], []
        for _ in range(each):
            centre = nearby(rng, middle, size)
            centre = centre[0], float(np.clip(centre[1], -80, 80))
            ring = unwrapped(draw_ring(rng, centre, float(np.clip(np.exp(rng.normal(-1, 1.5)), 0.003, 9))))
            plain = shapely.make_valid(shapely.Polygon(ring))
            geometries.append({"type": "Polygon", "coordinates": [[list(p) for p in ring]]})
            copies = [shapely.transform(plain, lambda xy, t=t: xy + np.array((t, 0.0))) for t in (-360, 0, 360)]
            truth.append(any(bool(shapely.intersects(target, copy)) for copy in copies))
        counts = tally(region, geometries, truth)
        asked, truths = asked + each, truths + sum(truth)
        missed, wrong = missed + counts[0], wrong + counts[1]
    return asked, truths, missed, wrong


@pytest.mark.parametrize("pairs", [sky_pairs, earth_pairs])
def test_nothing_is_missed_and_nothing_is_wrong(pairs: Any) -> None:
    asked, truths, missed, wrong = pairs(np.random.default_rng(1), 40, 50)
    assert asked == 2000
    assert 400 < truths < 1600  # the pairs are drawn so that both answers are common
    assert (missed, wrong) == (0, 0)


@pytest.mark.long
@pytest.mark.parametrize("pairs", [sky_pairs, earth_pairs])
def test_nothing_is_missed_and_nothing_is_wrong_in_many_more(pairs: Any) -> None:
    asked, _, missed, wrong = pairs(np.random.default_rng(2), 400, 50)
    assert (asked, missed, wrong) == (20_000, 0, 0)


def test_outlines_and_circles_of_cells_hold_all_of_the_cell() -> None:
    for order in (0, 1, 2, 3, 4, 9):
        numbers = np.arange(4 << 2 * order, 16 << 2 * order, max(1, 4**order // 200), dtype=np.int64)
        lon, lat = healpix.rings(numbers, 8)
        held = shapely.covers(healpix.outlines(numbers)[:, None], shapely.points(lon, lat))
        assert (held | (np.abs(lat) > 90 - 1e-9)).all()
        clon, clat, radius = healpix.caps(numbers)
        assert (healpix.separation(lon, lat, clon[:, None], clat[:, None]) <= radius[:, None]).all()


WORLD = bbox("-180,-90,180,90")


@pytest.mark.parametrize(
    ("region", "geometry", "truth"),
    [
        (bbox("170,-10,-170,10"), {"type": "Point", "coordinates": [-175, 0]}, True),
        (bbox("170,-10,-170,10"), {"type": "Point", "coordinates": [175, 0]}, True),
        (bbox("170,-10,-170,10"), {"type": "Point", "coordinates": [0, 0]}, False),
        (bbox("170,-10,190,10"), {"type": "Point", "coordinates": [-175, 0]}, True),
        (bbox("-180,-10,-170,10"), {"type": "Point", "coordinates": [180, 0]}, True),
        (bbox("10,80,20,90"), {"type": "Point", "coordinates": [-100, 90]}, True),
        (bbox("10,80,20,89.9"), {"type": "Point", "coordinates": [-100, 90]}, False),
        (WORLD, {"type": "Point", "coordinates": [180, -90]}, True),
        (cone("0,90,1", frame="earth"), {"type": "Point", "coordinates": [123, 89.5]}, True),
        (cone("179.5,0,1", frame="earth"), {"type": "Point", "coordinates": [-179.9, 0]}, True),
        (cone("179.5,0,1", frame="earth"), {"type": "Point", "coordinates": [-179.4, 0]}, False),
        (cone("0,0,2"), {"type": "Circle", "center": [357, 0], "radius": 1.0}, True),
        (cone("0,0,2"), {"type": "Circle", "center": [356.9, 0], "radius": 1.0}, False),
        (cone("0,0,180"), {"type": "Point", "coordinates": [180, 0]}, True),
        (cone("45,0,1"), {"type": "Moc", "moc": "0/4"}, True),
        (cone("45,80,1"), {"type": "Moc", "moc": "0/4"}, False),
        (polygon("359,-1,1,-1,1,1,359,1"), {"type": "Point", "coordinates": [0, 0]}, True),
        (bbox("0,-90,360,90", frame="sky"), {"type": "Point", "coordinates": [77, -90]}, True),
        (bbox("10,70,100,75", frame="mars"), {"type": "Point", "coordinates": [55, 74.9]}, True),
        (bbox("10,70,100,75", frame="mars"), {"type": "Point", "coordinates": [55, 75.1]}, False),
    ],
)
def test_seams_poles_circles_and_mocs_are_right(region: Region, geometry: Any, truth: bool) -> None:
    terms, item = ask(region), cover(geometry, frame=region.frame)
    assert decide(region, [geometry]) == [truth]
    assert matches(terms, item) or not truth
    assert truth or not surely(terms, item)
    assert decide(Region(region.geometry, region.frame, "disjoint"), [geometry]) == [not truth]


def test_a_circle_on_earth_reaches_as_far_as_the_great_circle_says() -> None:
    rng = np.random.default_rng(4)
    for _ in range(60):
        lat, size = float(rng.uniform(-88, 88)), float(rng.uniform(0.1, 20))
        west, south = float(rng.uniform(-179, 140)), float(rng.uniform(-89, 60))
        width, height = float(rng.uniform(0.5, 39)), float(rng.uniform(0.5, 29))
        t = np.linspace(0, 1, 4001)
        xs = np.concatenate((west + width * t, west + width * t, 0 * t + west, 0 * t + west + width))
        ys = np.concatenate((0 * t + south, 0 * t + south + height, south + height * t, south + height * t))
        away = float(healpix.separation(xs, ys, 0.0, lat).min())
        if west <= 0 <= west + width and south <= lat <= south + height:
            away = 0.0
        if abs(away - size) < 0.001:
            continue
        region = cone([0, lat, size], frame="earth")
        box = bbox([west, south, west + width, south + height]).geometry
        assert decide(region, [box]) == [away <= size]
        assert matches(ask(region), cover(box)) or away > size


@pytest.mark.parametrize("frame", ["earth", "sky", "mars"])
def test_within_and_contains_are_each_other_turned_round(frame: str) -> None:
    small, large = bbox("14,14,16,16", frame=frame), bbox("10,10,20,20", frame=frame)
    disc = {"type": "Circle", "center": [15, 15], "radius": 2.0}
    for inner, outer in ((small.geometry, large.geometry), (disc, large.geometry), (small.geometry, disc)):
        assert decide(Region(outer, frame, "within"), [inner]) == [True]
        assert decide(Region(inner, frame, "contains"), [outer]) == [True]
        assert decide(Region(inner, frame, "within"), [outer]) == [False]
        assert ask(Region(outer, frame, "within")).sure == ()


BAD_FOOTPRINTS: list[Any] = [
    {"type": "Polygon", "coordinates": [[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]]},
    {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 0]]]},
    {"type": "Polygon", "coordinates": [[[0, 0], [0, 0], [0, 0], [0, 0]]]},
    {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [2, 0], [0, 0]]]},
    {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]], [[0, 0], [1, 5], [5, 1], [0, 0]]]},
    {"type": "LineString", "coordinates": [[0, 0], [0, 0]]},
    {"type": "MultiPoint", "coordinates": [[0, 0, 5], [1, 1]]},
]


@pytest.mark.parametrize("frame", ["earth", "sky"])
@pytest.mark.parametrize("geometry", BAD_FOOTPRINTS)
def test_an_invalid_footprint_is_repaired(geometry: Any, frame: str) -> None:
    region = bbox("-1,-1,3,3", frame=frame)
    assert decide(region, [geometry]) == [True]
    assert matches(ask(region), cover(geometry, frame=frame))
    assert decide(bbox("50,50,51,51", frame=frame), [geometry]) == [False]


@pytest.mark.parametrize("geometry", [None, {}, {"type": "Polygon"}, {"type": "Point", "coordinates": [0, math.nan]}])
def test_an_unreadable_footprint_is_in_no_relation(geometry: Any) -> None:
    for relation in ("intersects", "within", "contains", "disjoint"):
        assert decide(Region(WORLD.geometry, "earth", relation), [geometry]) == [False]
    assert covers([geometry]) == [None]


def test_a_footprint_that_cannot_be_read_is_one_records_error() -> None:
    for geometry in ({"type": "Point", "coordinates": [0, 91]}, {"type": "Moc", "moc": "x"}, {"type": "Polygon"}):
        with pytest.raises(RecordError) as caught:
            cover(geometry)
        assert caught.value.code == "region"


def test_a_cover_keeps_its_limit_and_names_every_ancestor() -> None:
    for item in (bbox_cover([0, 0, 50, 1]), bbox_cover([-180, -90, 180, 90]), bbox_cover([179, -3, -179, 4])):
        assert 1 <= len(item.cells) <= 64
        every = {cell >> 2 * up for cell in item.cells for up in range(1, 13) if cell >> 2 * up >= 4}
        assert every == set(item.parents)
    scattered = {"type": "MultiPoint", "coordinates": [[x, y] for x in range(-180, 180, 9) for y in range(-90, 90, 9)]}
    assert len(cover(scattered, max_cells=20).cells) <= 20


def test_the_whole_globe_is_sure() -> None:
    for region in (WORLD, bbox("0,-90,360,90", frame="sky"), cone("12,34,180")):
        assert len(ask(region).sure) == 12


@pytest.mark.parametrize("text", ["1,2,3", "1,2,3,4,5", "a,b,c,d", "1,2,nan,4", "1,2,inf,4", "1,2,3,91", "1,20,3,10",
                                  "361,0,362,1", ""])  # fmt: skip
def test_a_wrong_box_is_named(text: str) -> None:
    with pytest.raises(BadQueryError) as caught:
        bbox(text)
    assert caught.value.parameter == "bbox"


@pytest.mark.parametrize("text", ["1,2", "1,2,-1", "1,2,181", "1,-91,1", "1,2,nan", "x"])
def test_a_wrong_cone_is_named(text: str) -> None:
    with pytest.raises(BadQueryError) as caught:
        cone(text)
    assert caught.value.parameter == "cone"


@pytest.mark.parametrize(
    "value",
    [
        None, 5, "POINT(1 2)", {"type": "Blob"}, {"type": "Point", "coordinates": [1]}, {"type": "Polygon"},
        {"type": "Point", "coordinates": [1, "2"]}, {"type": "Point", "coordinates": [1, math.inf]},
        {"type": "Polygon", "coordinates": []}, {"type": "Circle", "center": [1, 2], "radius": -1},
        {"type": "Circle", "center": [1, 2]}, {"type": "Moc", "moc": "9/zz"}, {"type": "GeometryCollection"},
        {"type": "Point", "coordinates": [True, 1]}, {"type": "Polygon", "coordinates": [[[[1, 2]]]]},
    ],
)  # fmt: skip
def test_a_wrong_geometry_is_named(value: Any) -> None:
    with pytest.raises(BadQueryError) as caught:
        geojson(value)
    assert caught.value.parameter == "intersects"


def test_limits_and_names_of_a_region() -> None:
    ring = [[x / 1000, 0.0] for x in range(5000)] + [[0, 1], [0, 0]]
    with pytest.raises(LimitError):
        geojson({"type": "Polygon", "coordinates": [ring]})
    with pytest.raises(LimitError):
        polygon(",".join(["1"] * 20_000))
    for wrong in ({"frame": "narnia"}, {"relation": "beside"}):
        with pytest.raises(BadQueryError) as caught:
            bbox("1,2,3,4", **wrong)
        assert caught.value.parameter in wrong


def test_heights_of_a_box_are_dropped() -> None:
    assert bbox([1, 2, -50, 3, 4, 50]).geometry == bbox("1,2,3,4").geometry


def test_a_large_footprint_is_simplified_and_a_huge_one_refused() -> None:
    angle = np.linspace(0, 2 * np.pi, 100_001)
    away = 10 + 0.01 * np.sin(angle * 3000)
    ring = np.column_stack((away * np.cos(angle), away * np.sin(angle))).tolist()
    large = {"type": "Polygon", "coordinates": [ring]}
    simple = simplify(large)
    assert len(simple["coordinates"][0]) <= 10_000
    assert decide(bbox("9.5,-0.1,9.6,0.1"), [simple]) == [True]
    with pytest.raises(RecordError):
        simplify({"type": "LineString", "coordinates": [[0, 0]] * 1_000_001})
