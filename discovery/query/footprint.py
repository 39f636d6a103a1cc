"""Geometries made ready to be covered and compared: read, checked, repaired, and laid on the right surface.

On Earth a geometry is what GeoJSON says: straight lines in longitude and latitude, cut at the antimeridian (shapely).
On the sky and on other bodies edges are great circles and a ring means its smaller side (spherely).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise
from typing import Any, cast

import numpy as np
import shapely
import spherely
from shapely.geometry.base import BaseGeometry

from discovery.errors import RecordError
from discovery.model.extent import EARTH, Geometry
from discovery.query import healpix, knots, moc
from discovery.query.healpix import Floats, Objects
from discovery.query.moc import Ranges

MAX_VERTICES = 1_000_000
"""A footprint with more is refused."""
_MAX_DEPTH = 8  # of collections within collections
_MAX_REPAIRS = 30  # of the parts of one geometry on a sphere; each takes 1 ms even if it is small
_WORLD = shapely.box(-180, -90, 180, 90)


@dataclass(frozen=True, slots=True)
class Cap:
    """A circle on the sphere: centre and great-circle radius in degrees."""

    lon: float
    lat: float
    radius: float


@dataclass(frozen=True, slots=True)
class Footprint:
    """A geometry ready for use: the union of a shape, of circles and of MOCs' cells."""

    plane: BaseGeometry | None
    """In lon/lat; on Earth cut to -180..180, elsewhere the vertices of `sphere`."""
    sphere: Any
    """The spherely geography; None on Earth and where there are only circles."""
    caps: tuple[Cap, ...]
    ranges: Ranges | None
    """Of a MOC: rows of first and one-past-last cell of order 29, which are in `plane` and `sphere` too."""
    anchor: tuple[float, float]
    """A point that certainly belongs to the footprint."""
    parts: tuple[BaseGeometry, ...] = ()
    """`plane` as areas, lines and points, where it is prepared: collections cannot be asked quickly."""
    shards: tuple[Any, ...] = ()
    """The geographies of `sphere`, where it is made of several: to S2 a shape over two of them lies in neither."""


def bad(message: str) -> RecordError:
    """Return the error of a footprint that cannot be used."""
    return RecordError("region", message)


def build(geometry: Geometry, frame: str, *, strict: bool = False) -> Footprint:
    """Return the footprint of a geometry in a frame, repaired where it is invalid.

    Args:
        geometry: GeoJSON, a `Circle` or a `Moc`.
        frame: Whose surface it lies on.
        strict: Whether a geometry that crosses itself too often is refused. Otherwise its hull, or a circle around
            it, stands for it, so that nothing is missed.

    Raises:
        RecordError: It is no geometry, is empty, has a number out of range, or more than 1,000,000 vertices. The code
            is `tangled` for what `strict` refuses.
    """
    shapes: list[BaseGeometry] = []
    caps: list[Cap] = []
    mocs: list[Ranges] = []
    _collect(geometry, shapes, caps, mocs, 0)
    ranges = moc.merged(np.concatenate(mocs)) if mocs else None
    spheres: tuple[Any, ...] = ()
    if frame == EARTH:
        plane = _flat(shapes, ranges, strict)
    else:
        plane, spheres = _round(shapes, caps, ranges, strict)
    sphere = spheres[0] if len(spheres) == 1 else spherely.create_collection(list(spheres)) if spheres else None
    return Footprint(plane, sphere, tuple(caps), ranges, _anchor(plane, caps), (), spheres if len(spheres) > 1 else ())


def is_tangled(geometry: Geometry) -> bool:
    """Tell whether a footprint on Earth crosses itself so often that its hull will stand for it."""
    shapes: list[BaseGeometry] = []
    try:
        _collect(geometry, shapes, [], [], 0)
        _check_knots(shapes, strict=False)
    except RecordError as error:
        return error.code == knots.TANGLED
    return False


def _check_knots(shapes: Sequence[BaseGeometry], *, strict: bool) -> None:
    if len(shapes) > 1 or any(_is_noded(shape) for shape in shapes):
        knots.check(shapes, strict=strict)


def _flat(shapes: Sequence[BaseGeometry], ranges: Ranges | None, strict: bool) -> BaseGeometry | None:
    """Return the union of planar geometries and of MOC ranges on the Earth's map."""
    shapes = [shape for shape in shapes if not shape.is_empty]
    try:
        _check_knots(shapes, strict=strict)
        flats = [flatten(shape) for shape in shapes]
    except RecordError:
        if strict:
            raise
        flats = [flatten(shapely.convex_hull(shapely.GeometryCollection(shapes)))]
    if ranges is not None:
        flats.append(flatten(shapely.union_all(moc.polygons(ranges))))
    return flats[0] if len(flats) == 1 else shapely.union_all(flats) if flats else None


def _is_noded(shape: BaseGeometry) -> bool:
    """Whether crossings are looked for in a shape, to repair it or where it meets a seam."""
    return not (shape.geom_type.endswith("Point") or (shape.geom_type.endswith("Polygon") and shape.is_valid))


def _round(
    shapes: Sequence[BaseGeometry], caps: list[Cap], ranges: Ranges | None, strict: bool
) -> tuple[BaseGeometry | None, tuple[Any, ...]]:
    """Return geometries and MOC ranges on a sphere, planar and as geographies; circles for tangles go to `caps`."""
    pieces = [piece for shape in shapes for piece in _pieces(shape)]
    if ranges is not None:
        pieces.extend(shapely.transform(moc.polygons(ranges), _snapped))
    solid: list[tuple[BaseGeometry, Any]] = []
    repairs = 0
    for piece in pieces:
        whole: tuple[BaseGeometry, Any] | Cap | None = _solid(piece)
        if whole is None:
            repairs += 1
            whole = _repaired(piece) if repairs <= _MAX_REPAIRS else _around(piece)
        if isinstance(whole, Cap):
            if strict:
                raise RecordError(knots.TANGLED, "it crosses itself too often, or is wider than half of the sky")
            caps.append(whole)
        else:
            solid.append(whole)
    spheres = tuple(geography for _, geography in solid)
    raw = [shape for shape, _ in solid]
    return raw[0] if len(raw) == 1 else shapely.GeometryCollection(raw) if raw else None, spheres


def _snapped(lonlat: Floats) -> Floats:
    """Return corners of cells so that neighbours share theirs to the last digit, and no slit is between them."""
    found = np.round(lonlat, 11)
    found[:, 0] = np.where(np.abs(found[:, 1]) >= 90, 0.0, (found[:, 0] + 180) % 360 - 180)
    return np.asarray(found, dtype=np.float64)


def _anchor(plane: BaseGeometry | None, caps: Sequence[Cap]) -> tuple[float, float]:
    if plane is not None and not plane.is_empty:
        x, y = shapely.get_coordinates(plane)[0]
        return float(x), float(y)
    if caps:
        return caps[0].lon, caps[0].lat
    raise bad("the geometry is empty")


# --- reading


def _collect(
    geometry: Any,
    shapes: list[BaseGeometry],
    caps: list[Cap],
    mocs: list[Ranges],
    depth: int,
) -> None:
    """Sort a geometry's parts into planar shapes, circles and MOC ranges."""
    if not isinstance(geometry, Mapping):
        raise bad(f"a geometry must be an object, not {type(geometry).__name__}")
    kind = geometry.get("type")
    if kind == "GeometryCollection":
        members = geometry.get("geometries")
        if depth >= _MAX_DEPTH or not isinstance(members, Sequence):
            raise bad(f"GeometryCollection needs a list `geometries`, at most {_MAX_DEPTH} deep")
        for member in members:
            _collect(member, shapes, caps, mocs, depth + 1)
    elif kind == "Circle":
        caps.append(_cap(geometry))
    elif kind == "Moc":
        mocs.append(moc.read(geometry.get("moc")))
    else:
        shapes.append(planar(geometry))


def _cap(geometry: Mapping[str, Any]) -> Cap:
    centre = positions([geometry.get("center")])
    radius = geometry.get("radius")
    if isinstance(radius, bool) or not isinstance(radius, int | float) or not 0 <= radius <= 180:
        raise bad(f"the radius of a circle must be 0 to 180 degrees, not {radius!r:.40}")
    return Cap(float(centre[0, 0]), float(centre[0, 1]), float(radius))


def prepared(footprint: Footprint) -> Footprint:
    """Return a footprint that many others are compared with."""
    plane = footprint.plane
    if plane is None:
        return footprint
    parts: tuple[BaseGeometry, ...] = (plane,)
    if plane.geom_type == "GeometryCollection" and footprint.sphere is None:
        flat = deep_parts(np.array([plane], dtype=np.object_))
        kinds = shapely.get_type_id(flat)
        made = ((shapely.multipolygons, (3,)), (shapely.multilinestrings, (1, 2)), (shapely.multipoints, (0,)))
        parts = tuple(make(some) for make, which in made if len(some := flat[np.isin(kinds, which)]))
    for part in parts:
        shapely.prepare(part)
    return replace(footprint, parts=parts)


def deep_parts(shapes: Objects) -> Objects:
    """Return the points, lines and areas of geometries, however deep they are in collections."""
    while (shapely.get_type_id(shapes) > 3).any():
        shapes = shapely.get_parts(shapes)
    return shapes


def positions(values: Any) -> Floats:
    """Return positions as an (n, 2) array; heights are dropped.

    Raises:
        RecordError: Not numbers, not finite, or a latitude or longitude out of range.
    """
    try:
        if not len(values):
            raise bad("a geometry has no positions")
        if len(values) > MAX_VERTICES:
            raise bad(f"{len(values):,} vertices; at most {MAX_VERTICES:,} are read")
        try:
            array = np.asarray(values, dtype=np.float64)
        except ValueError:  # some with height and some without
            array = np.array([[float(v[0]), float(v[1])] for v in values])
    except (TypeError, ValueError, IndexError, KeyError) as error:
        raise bad(f"positions must be pairs of numbers, not {str(values)[:60]!r}") from error
    if array.ndim != 2 or not 2 <= array.shape[1] <= 4:
        raise bad(f"positions must be pairs of numbers, not {str(values)[:60]!r}")
    array = array[:, :2]
    # Comparisons with NaN are false, so this refuses NaN too.
    fine = (np.abs(array[:, 1]) <= 90.0) & (np.abs(array[:, 0]) <= 540.0)
    if not fine.all():
        lon, lat = array[int(np.argmin(fine))]
        raise bad(f"position {lon:g}, {lat:g} is out of range: longitude -540 to 540, latitude -90 to 90")
    return array


def planar(geometry: Mapping[str, Any]) -> BaseGeometry:
    """Return a plain GeoJSON geometry as a planar one, just as it is written.

    Raises:
        RecordError: It is none, or is malformed.
    """
    kind, given = geometry.get("type"), geometry.get("coordinates")
    if not isinstance(given, Sequence | np.ndarray) or isinstance(given, str):
        raise bad(f"geometry {str(kind)[:40]!r} has no list of coordinates")
    if kind == "Point":
        return shapely.Point(positions([given])[0])
    if kind == "MultiPoint":
        return shapely.MultiPoint(positions(given))
    if kind == "LineString":
        return _line(positions(given))
    if kind == "MultiLineString":
        return shapely.GeometryCollection([_line(positions(line)) for line in given])
    if kind == "Polygon":
        return _polygon(given)
    if kind == "MultiPolygon":
        parts = [_polygon(rings) for rings in given]
        if any(not isinstance(part, shapely.Polygon) for part in parts):
            return shapely.GeometryCollection(parts)
        return shapely.MultiPolygon(parts)
    raise bad(f"unknown geometry type {str(kind)[:40]!r}")


def _line(array: Floats) -> BaseGeometry:
    return shapely.LineString(array) if len(array) > 1 else shapely.Point(array[0])


def _polygon(rings: Any) -> BaseGeometry:
    """Return a polygon; one whose outer ring has no area on paper becomes the line or point that it is."""
    if not isinstance(rings, Sequence) or not rings:
        raise bad("a polygon has no rings")
    shell, *holes = (positions(ring) for ring in rings)
    if len(np.unique(shell, axis=0)) < 3:
        return _line(shell)
    return shapely.Polygon(shell, [hole for hole in holes if len(np.unique(hole, axis=0)) >= 3])


# --- Earth: the plane


def flatten(shape: BaseGeometry) -> BaseGeometry:
    """Return a planar geometry valid and within -180..180, with what it touches at a seam on both its sides.

    Raises:
        RecordError: It is wider than the world and crosses itself too often where it meets itself again.
    """
    if not shape.is_valid:
        shape = _valid(shape)
    west, south, east, north = shape.bounds
    if west < -180 or east > 180:
        shape = _wrapped(shape)
        west, south, east, north = shape.bounds
    if west <= -180 or east >= 180 or south <= -90 or north >= 90:
        shape = _seamed(shape)
    return shape


def _wrapped(shape: BaseGeometry) -> BaseGeometry:
    west, _, east, _ = shape.bounds
    parts = []
    for turn in (-360, 0, 360):
        if west + turn <= 180 and east + turn >= -180:
            moved = shapely.transform(shape, lambda xy, turn=turn: xy + np.array((turn, 0.0)))
            parts.append(shapely.intersection(moved, _WORLD))
    if east - west > 360:
        knots.check(parts)
    return reduce(shapely.union, parts)  # two by two: `union_all` takes 300 times as long for thousands of areas


def _seamed(shape: BaseGeometry) -> BaseGeometry:
    """Add the twin of what lies on longitude 180, and the whole pole where one is touched: they are one place."""
    parts = [shape]
    for lon in (-180, 180):
        touched = shapely.intersection(shape, shapely.LineString([(lon, -90), (lon, 90)]))
        if not touched.is_empty:
            parts.append(shapely.transform(touched, lambda xy, lon=lon: xy - (2 * lon, 0)))
    for lat in (-90, 90):
        pole = shapely.LineString([(-180, lat), (180, lat)])
        if shapely.intersects(shape, pole):
            parts.append(pole)
    return reduce(shapely.union, parts)


# --- the sky and other bodies: the sphere


def _pieces(shape: BaseGeometry) -> Iterable[BaseGeometry]:
    """Yield the parts of a geometry, boxes that no great circles can bound cut into ones that they nearly do."""
    for part in getattr(shape, "geoms", (shape,)):
        if hasattr(part, "geoms"):
            yield from _pieces(part)
        elif isinstance(part, shapely.Polygon) and _is_wide_box(part):
            yield from box_pieces(*part.bounds)
        else:
            yield part


def _is_wide_box(polygon: shapely.Polygon) -> bool:
    west, south, east, north = polygon.bounds
    # Anything else narrower or wider is as its great circles say: 359 to 1 is two degrees wide.
    polar = 1e-9 < east - west < 180 and (north >= 90 or south <= -90)
    wide = east - west >= 359.9 or polar
    return wide and bool(shapely.box(west, south, east, north).equals(polygon))


def box_pieces(west: float, south: float, east: float, north: float) -> list[shapely.Polygon]:
    """Return a lon/lat box as spherical polygons of at most 60 degrees, its parallels followed to 0.00007 degrees."""
    count = max(1, math.ceil((east - west) / 60))
    bounds = np.linspace(west, east, count + 1)
    found = []
    for left, right in pairwise(bounds.tolist()):
        for low, high in (
            ((south, min(north, 0.0)), (max(south, 0.0), north)) if south < 0 < north else ((south, north),)
        ):
            steps = np.linspace(left, right, max(2, math.ceil((right - left) / 0.25) + 1))
            bottom = [(x, low) for x in (steps if low > -90 else steps[:1])]
            top = [(x, high) for x in (steps[::-1] if high < 90 else steps[:1])]
            found.append(shapely.Polygon(bottom + top))
    return found


def _solid(shape: BaseGeometry) -> tuple[BaseGeometry, Any] | None:
    """Return a simple planar geometry and its geography, None where S2 finds it invalid."""
    try:
        shape = shapely.remove_repeated_points(shape)
        return shape, spherely.from_wkb(shapely.to_wkb(_once(shape)))
    except (RuntimeError, ValueError, shapely.errors.GEOSException):
        return None


def _once(shapes: Any) -> Any:
    """Return geometries whose places are written in one way each: -180, 180 and 540 are one meridian, a pole is a pole.

    S2 takes sines of what is written, which differ in the last digit: shapes that meet there would have a slit.
    """
    west, south, east, north = np.atleast_2d(shapely.bounds(shapes)).T
    if ((west > -180) & (east < 180) & (south > -90) & (north < 90)).all():
        return shapes
    return shapely.transform(shapes, _written_once)


def _written_once(lonlat: Floats) -> Floats:
    lon, lat = lonlat.T
    # Nothing is rounded here: what is subtracted is between half of and twice the longitude.
    lon = np.where(lon > 180, lon - 360, np.where(lon <= -180, lon + 360, lon))
    return np.column_stack((np.where(np.abs(lat) >= 90, 0.0, lon), lat))


def _repaired(shape: BaseGeometry) -> tuple[BaseGeometry, Any] | Cap:
    """Make a geometry valid in the gnomonic plane, where great circles are straight; a circle where that fails."""
    xyz = _vectors(shapely.get_coordinates(shape))
    centre = xyz.mean(axis=0)
    try:
        length = float(np.linalg.norm(centre))
        if length < 1e-9:
            raise ValueError("no middle")
        axes = _axes(centre / length)
        if (xyz @ axes[2] < 0.01).any():
            raise ValueError("wider than a hemisphere")
        plane = shapely.transform(shape, lambda xy: _gnomonic(xy, axes))
        knots.check([plane], strict=True)
        back = shapely.transform(_valid(plane), lambda uv: _gnomonic_back(uv, axes))
        parts = [part for part in shapely.get_parts(back) if not part.is_empty]
        made = [spherely.from_wkb(shapely.to_wkb(shapely.remove_repeated_points(part))) for part in parts]
        if not made:
            raise ValueError("nothing left")
        return back, made[0] if len(made) == 1 else spherely.create_collection(made)
    except (RecordError, RuntimeError, ValueError, shapely.errors.GEOSException):
        return _around(shape)


def _around(shape: BaseGeometry) -> tuple[BaseGeometry, Any] | Cap:
    """Return what stands for a geometry that cannot be repaired: a circle around an area, else its points."""
    lonlat = shapely.get_coordinates(shape)
    if shape.geom_type != "Polygon" or len(np.unique(lonlat, axis=0)) < 3:
        points = shapely.MultiPoint(lonlat)
        return points, spherely.from_wkb(shapely.to_wkb(points))
    x, y, z = _vectors(lonlat).mean(axis=0)
    lon, lat = float(np.degrees(np.arctan2(y, x))), float(np.degrees(np.arctan2(z, np.hypot(x, y))))
    reach = float(healpix.separation(lonlat[:, 0], lonlat[:, 1], lon, lat).max())
    # Edges between points of a circle wider than a hemisphere may leave it.
    return Cap(lon, lat, reach + 1e-9 if reach < 90 else 180.0)


def _valid(shape: BaseGeometry) -> BaseGeometry:
    """Return a planar geometry made valid: `structure` takes a thousandth of the time of GEOS's first method."""
    return shapely.make_valid(shape, method="structure", keep_collapsed=True)


def _vectors(lonlat: Floats) -> Floats:
    lon, lat = np.radians(lonlat).T
    return np.column_stack((np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)))


def _axes(z: Floats) -> Floats:
    x = np.cross(z, (0.0, 0.0, 1.0) if abs(z[2]) < 0.9 else (1.0, 0.0, 0.0))
    x /= np.linalg.norm(x)
    return np.array([x, np.cross(z, x), z])


def _gnomonic(lonlat: Floats, axes: Floats) -> Floats:
    p = _vectors(lonlat) @ axes.T
    return np.asarray(p[:, :2] / p[:, 2:], dtype=np.float64)


def _gnomonic_back(uv: Floats, axes: Floats) -> Floats:
    p = np.column_stack((uv, np.ones(len(uv)))) @ axes
    lonlat: Floats = np.degrees(
        np.column_stack((np.arctan2(p[:, 1], p[:, 0]), np.arctan2(p[:, 2], np.hypot(p[:, 0], p[:, 1]))))
    )
    return lonlat


def footprints(geometries: Sequence[Geometry | None], frame: str) -> list[Footprint | None]:
    """Return the footprint of each geometry, None where there is none or it cannot be read; simple ones in batches."""
    found: list[Footprint | None] = [None] * len(geometries)
    quick, rest = one_ringed(geometries)
    shapes = polygons([cast(Mapping[str, Any], geometries[i])["coordinates"][0] for i in quick])
    made = _batch(shapes, frame) if len(quick) else []
    for i, footprint in zip(quick, made, strict=True):
        if footprint is None:
            rest.append(i)
        else:
            found[i] = footprint
    for i in rest:
        geometry = geometries[i]
        if geometry is not None:
            try:
                found[i] = build(geometry, frame)
            except RecordError:
                continue
    return found


def one_ringed(geometries: Sequence[Geometry | None]) -> tuple[list[int], list[int]]:
    """Part the polygons of one ring, closed and of plain pairs, from all the others."""
    quick, rest = [], []
    for i, geometry in enumerate(geometries):
        if (type(geometry) is dict or isinstance(geometry, Mapping)) and geometry.get("type") == "Polygon":
            rings = geometry.get("coordinates")
            if isinstance(rings, list | tuple) and len(rings) == 1 and isinstance(rings[0], list | tuple):
                ring = rings[0]
                if 4 <= len(ring) <= 1000 and ring[0] == ring[-1]:
                    quick.append(i)
                    continue
        rest.append(i)
    return quick, rest


def polygons(rings: list[Any]) -> Objects:
    """Return the rings as polygons, None in place of those that need care."""
    found = np.full(len(rings), None, dtype=np.object_)
    if not rings:
        return found
    array = _pairs([position for ring in rings for position in ring])
    if array is None:
        # Some have heights, or one is none: whatever it is must not make all others slow.
        each = [_pairs(ring) for ring in rings]
        good = [i for i, ring in enumerate(each) if ring is not None]
        if len(good) < len(rings):
            found[good] = polygons([rings[i] for i in good])
            return found
        array = np.concatenate([ring for ring in each if ring is not None])
    sizes = np.fromiter((len(ring) for ring in rings), dtype=np.int64, count=len(rings))
    owner = np.repeat(np.arange(len(rings)), sizes)
    wrong = ~((np.abs(array[:, 1]) <= 90.0) & (np.abs(array[:, 0]) <= 540.0))
    fine = np.ones(len(rings), dtype=bool)
    fine[owner[wrong]] = False
    keep = fine[owner]
    kept = np.flatnonzero(fine)
    if len(kept):
        rank = np.cumsum(fine) - 1
        linear = shapely.linearrings(array[keep], indices=rank[owner[keep]])
        found[kept] = shapely.polygons(linear)
    return found


def _pairs(positions: Sequence[Any]) -> Floats | None:
    """Return positions without heights, None where one is no position."""
    try:
        array = np.array(positions, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    return array[:, :2] if array.ndim == 2 and 2 <= array.shape[1] <= 4 else None


def _batch(shapes: Objects, frame: str) -> list[Footprint | None]:
    there = shapely.is_valid(shapes) if frame == EARTH else ~shapely.is_missing(shapes)
    west, south, east, north = shapely.bounds(shapes).T
    # What crosses or touches a seam, or may be a wide box, goes the careful way.
    inner = (np.abs(south) < 90) & (np.abs(north) < 90)
    inner &= (west > -180) & (east < 180) if frame == EARTH else east - west < 180
    there &= inner & (shapely.area(shapes) > 0)
    rows = np.flatnonzero(there)
    spheres: Any = np.full(len(shapes), None, dtype=np.object_)
    if frame != EARTH and len(rows):
        shapes[rows] = shapely.remove_repeated_points(shapes[rows])
        spheres[rows] = geographies(shapes[rows])
        there[rows] = [sphere is not None for sphere in spheres[rows]]
    found: list[Footprint | None] = [None] * len(shapes)
    rows = np.flatnonzero(there)
    coordinates, owner = shapely.get_coordinates(shapes[rows], return_index=True)
    anchors = coordinates[np.searchsorted(owner, np.arange(len(rows)))].tolist()
    for i, anchor in zip(rows.tolist(), anchors, strict=True):
        found[i] = Footprint(shapes[i], spheres[i], (), None, (anchor[0], anchor[1]))
    return found


def geographies(shapes: Objects) -> Objects:
    """Return the geographies of polygons, None where one is invalid: halves are tried until the bad ones are alone."""
    if not len(shapes):
        return np.empty(0, dtype=np.object_)
    try:
        return np.asarray(spherely.from_wkb(shapely.to_wkb(_once(shapes))), dtype=np.object_)
    except RuntimeError:
        if len(shapes) == 1:
            return np.array([None], dtype=np.object_)
        middle = len(shapes) // 2
        return np.concatenate((geographies(shapes[:middle]), geographies(shapes[middle:])))
