"""Covers against brute force: nothing is missed, nothing is sure that is not so."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import shapely
import spherely

from discovery.errors import RecordError
from discovery.query import healpix, sieve
from discovery.query.cover import (
    Asked,
    Cover,
    anchored,
    ask,
    bbox_cover,
    box_geometry,
    box_test,
    cover,
    covers,
    plane_test,
    prepared,
    share,
)
from discovery.query.query import Region
from discovery.query.region import bbox, cone, geojson, polygon
from discovery.query.relate import decide

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
            truth.append(bool(shapely.intersects(target, plain)))
        counts = tally(region, geometries, truth)
        asked, truths = asked + each, truths + sum(truth)
        missed, wrong = missed + counts[0], wrong + counts[1]
    return asked, truths, missed, wrong


@pytest.mark.parametrize("pairs", [sky_pairs, earth_pairs])
def test_nothing_is_missed_and_nothing_is_wrong(pairs: Any) -> None:
    asked, truths, missed, wrong = pairs(np.random.default_rng(1), 10, 50)
    assert asked == 500
    assert 100 < truths < 400  # the pairs are drawn so that both answers are common
    assert (missed, wrong) == (0, 0)


@pytest.mark.long
@pytest.mark.parametrize("pairs", [sky_pairs, earth_pairs])
def test_nothing_is_missed_and_nothing_is_wrong_in_many_more(pairs: Any) -> None:
    asked, _, missed, wrong = pairs(np.random.default_rng(2), 600, 50)
    assert (asked, missed, wrong) == (30_000, 0, 0)


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


@pytest.mark.parametrize("radius", [5e-324, 1e-310, 1e-300, 1e-12, 1e-6])
def test_a_circle_is_covered_however_small_it_is(radius: float) -> None:
    asked = ask(cone([83.6, 22.0, radius]))
    point, other = (cover({"type": "Point", "coordinates": [lon, 22.0]}, frame="sky") for lon in (83.6, 85.0))
    assert matches(asked, point)
    assert not matches(asked, other)


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


KNOTS: list[Any] = [
    {"type": "Polygon", "coordinates": [[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]]},
    {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 0]]]},
    {"type": "Polygon", "coordinates": [[[0, 0], [0, 0], [0, 0], [0, 0]]]},
    {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]], [[0, 0], [1, 5], [5, 1], [0, 0]]]},
]


def draw_shape(rng: np.random.Generator, middle: tuple[float, float], size: float) -> dict[str, Any]:
    """A geometry of any kind around a point."""
    kind = rng.choice(["Circle", "Point", "MultiPoint", "LineString", "MultiPolygon", "Moc", "Box", "Collection"])
    near = [list(nearby(rng, middle, size / 3)) for _ in range(4)]
    if kind == "Circle":
        return {"type": "Circle", "center": near[0], "radius": size}
    if kind == "Point":
        return {"type": "Point", "coordinates": near[0]}
    if kind in ("MultiPoint", "LineString"):
        return {"type": str(kind), "coordinates": near}
    if kind == "MultiPolygon":
        return {"type": "MultiPolygon", "coordinates": [[draw_ring(rng, (x, y), size / 9)] for x, y in near]}
    if kind == "Moc":
        order = int(rng.integers(1, 8))
        lon, lat = np.array(near).T
        cells = healpix.cells_at(lon, lat, order) - (4 << 2 * order)
        return {"type": "Moc", "moc": f"{order}/" + " ".join(map(str, sorted(set(cells.tolist()))))}
    if kind == "Box":
        (west, south), (east, north) = (np.clip(near[0], -89, 360) - 0.1).tolist(), near[0]
        return dict(box_geometry(west, min(south, north), east, north, frame="sky"))
    return {"type": "GeometryCollection", "geometries": [draw_shape(rng, middle, size / 2) for _ in range(2)]}


@pytest.mark.slow
@pytest.mark.parametrize("frame", ["earth", "sky", "mars"])
def test_terms_never_contradict_the_exact_answer_whatever_the_shape(frame: str) -> None:
    rng = np.random.default_rng(3)
    meeting = 0
    for _ in range(3):
        middle, size = draw_middle(rng), float(np.clip(np.exp(rng.normal(1, 1.2)), 0.05, 40))
        region = Region(draw_shape(rng, middle, size), frame)
        others = [
            *KNOTS,
            *(draw_shape(rng, nearby(rng, middle, size), float(rng.uniform(0.01, 20))) for _ in range(12)),
        ]
        terms, together = ask(region), covers(others, frame)
        for truth, item, geometry in zip(decide(region, others), together, others, strict=True):
            for each in (item, cover(geometry, frame=frame)):
                assert each is not None
                assert matches(terms, each) or not truth
                assert truth or not surely(terms, each)
                assert matches(terms, each) or not surely(terms, each)
            meeting += truth
    assert 5 < meeting < 40


def test_what_cannot_be_read_has_no_cover_among_others_that_can() -> None:
    point = {"type": "Point", "coordinates": [1, 2]}
    bad: list[Any] = [None, {}, {"type": "Polygon"}, {"type": "Point", "coordinates": [0, math.nan]}]
    assert [each is None for each in covers([*bad, point])] == [True, True, True, True, False]
    assert covers([]) == []


BOXES = [
    [-20, -10, 30, 40],
    [-179.9, 60, -179.5, 89],
    [170, -89, 179.99, -60],
    [0, 0, 1e-3, 1e-3],
    [-179, -80, 179, 80],
]


@pytest.mark.parametrize("box", BOXES)
def test_a_box_is_compared_with_cells_as_any_other_area_is(box: tuple[float, float, float, float]) -> None:
    area, rng = shapely.box(*box), np.random.default_rng(8)
    lon, lat = (np.append(rng.uniform(low, high, 300), (low, high)) for low, high in zip(box[:2], box[2:], strict=True))
    for order in (0, 1, 3, 6):
        held = np.unique(healpix.cells_at(lon, lat, order))
        touch, _ = box_test(box, held)
        assert touch.all()
        cells = np.unique(healpix.blocks(held).ravel())
        (touch, inside), (careful, sure) = box_test(box, cells), plane_test([area], cells)
        assert touch.sum() <= 1.5 * careful.sum() + 4
        assert (inside | ~sure).all()
        assert shapely.covers(area, shapely.points(*healpix.rings(cells[inside], 4))).all()


@pytest.mark.parametrize("region", [cone([10, 20, 7]), bbox([-5, 50, 30, 60]), polygon([0, 0, 20, 0, 10, 15])])
def test_the_share_of_a_region_is_about_its_area(region: Region) -> None:
    rng = np.random.default_rng(4)
    lon, lat = rng.uniform(0, 360, 40_000), np.degrees(np.arcsin(rng.uniform(-1, 1, 40_000)))
    hits = sieve.points(region, np.column_stack(((lon + 180) % 360 - 180, lat))).mean()
    assert hits * 0.8 < share(region) < 4 * hits


@pytest.mark.parametrize(
    "region",
    [
        cone([10, 20, 7]),
        bbox([-5, 50, 30, 60]),
        polygon([0, 0, 20, 0, 10, 15]),
        geojson({"type": "Polygon", "coordinates": [[[170, 0], [179, 9], [175, 9], [170, 0]]]}),
    ],
)
def test_an_anchor_tells_what_its_point_would(region: Region) -> None:
    rng = np.random.default_rng(6)
    lon, lat = rng.uniform(-180, 180, 3_000), np.degrees(np.arcsin(rng.uniform(-1, 1, 3_000)))
    edge = shapely.get_coordinates(prepared(region).plane) if prepared(region).plane is not None else np.empty((0, 2))
    lon, lat = np.append(lon, edge[:, 0]), np.append(lat, edge[:, 1])
    anchors = healpix.cells_at(lon, lat, healpix.DEEPEST) - (4 << 2 * healpix.DEEPEST)
    touch, inside = anchored(region, np.append(anchors, -1))
    truth = sieve.points(region, np.column_stack((lon, lat)))
    assert (touch[:-1] | ~truth).all()
    assert (truth | ~inside[:-1]).all()
    assert touch[-1]
    assert not inside[-1]
    assert truth[:3_000].sum() - inside[:3_000].sum() < 10


def test_the_share_of_what_is_wide_or_scattered_is_everything() -> None:
    assert share(cone([0, 0, 180])) == 1.0
    assert share(geojson({"type": "Moc", "moc": "3/1-4"}, frame="sky")) == 1.0


def test_cells_are_finer_where_they_are_asked_among_more_documents() -> None:
    few, many = (len(ask(cone([120, -20, 30]), documents=count).cells) for count in (20_000, 1_000_000))
    assert few < 300 < 3 * few < many <= 2_400
    assert len(ask(cone([120, -20, 1]), documents=1_000_000).cells) <= 110


@pytest.mark.parametrize("documents", [1, 20_000, 1_000_000])
def test_finer_cells_miss_nothing_and_are_no_less_sure(documents: int) -> None:
    rng = np.random.default_rng(5)
    for radius in (0.001, 1.0, 20.0, 120.0):
        region = cone([30, 60, radius])
        asked = ask(region, documents=documents)
        shapes = [
            {"type": "Circle", "center": list(nearby(rng, (30, 60), 1.5 * radius)), "radius": radius * rng.random() / 4}
            for _ in range(100)
        ]
        for found, truth in zip(covers(shapes, "sky"), decide(region, shapes), strict=True):
            assert found is not None
            assert matches(asked, found) or not truth
            assert truth or not surely(asked, found)
