"""Galactic and ecliptic coordinates in ICRS, against what is known of the sky and against astropy."""

from __future__ import annotations

import numpy as np
import pytest

from discovery.errors import BadQueryError
from discovery.query import region
from discovery.query.healpix import separation
from discovery.query.systems import SYSTEMS, turned


@pytest.mark.parametrize(
    ("system", "place", "icrs"),
    [
        ("galactic", [0, 0], (266.40499, -28.93617)),
        ("galactic", [0, 90], (192.85948, 27.12825)),
        ("galactic", [121.17433, -21.57309], (10.68479, 41.26906)),  # M31
        ("ecliptic", [0, 90], (270.0, 66.56072)),
        ("ecliptic", [0, 0], (0.0, 0.0)),
    ],
)
def test_known_places_are_where_they_are_known_to_be(
    system: str, place: list[float], icrs: tuple[float, float]
) -> None:
    lon, lat = turned({"type": "Point", "coordinates": place}, system, "cone")["coordinates"]
    assert float(separation(np.array([lon]), np.array([lat]), *icrs)[0]) < 2e-4


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_place_is_turned_as_astropy_turns_it(system: str) -> None:
    from astropy.coordinates import SkyCoord

    rng = np.random.default_rng(3)
    lon, lat = rng.uniform(-180, 360, 200), np.degrees(np.arcsin(rng.uniform(-1, 1, 200)))
    places = np.column_stack((lon, lat)).tolist()
    mine = np.array(turned({"type": "MultiPoint", "coordinates": places}, system, "polygon")["coordinates"])
    theirs = SkyCoord(lon, lat, unit="deg", frame=SYSTEMS[system]).icrs
    assert separation(mine[:, 0], mine[:, 1], theirs.ra.deg, theirs.dec.deg).max() < 1e-9


def test_every_shape_is_turned_and_its_lists_stay_as_deep() -> None:
    ring = [[0, 0], [1, 0], [0, 1], [0, 0]]
    shapes = {"Point": [1, 2], "LineString": ring, "Polygon": [ring], "MultiPolygon": [[ring], [ring, ring]]}
    for kind, coordinates in shapes.items():
        found = turned({"type": kind, "coordinates": coordinates}, "galactic", "polygon")["coordinates"]
        assert np.shape(np.array(found, dtype=object)) == np.shape(np.array(coordinates, dtype=object))
    both = turned(
        {"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [0, 90]}]}, "galactic", ""
    )
    assert both["geometries"][0]["coordinates"] == pytest.approx([192.85948, 27.12825], abs=1e-4)


def test_a_galactic_box_follows_its_parallels() -> None:
    plane = region.bbox("300,-5,60,5", frame="galactic")
    assert plane.frame == "sky"
    inside = turned({"type": "MultiPoint", "coordinates": [[0, 4.99], [330, -4.99], [59, 0]]}, "galactic", "")
    outside = turned({"type": "MultiPoint", "coordinates": [[0, 5.01], [330, -5.01], [61, 0]]}, "galactic", "")
    for places, truth in ((inside, True), (outside, False)):
        points = [{"type": "Point", "coordinates": each} for each in places["coordinates"]]
        assert region.decide(plane, points) == [truth] * 3


def test_a_moc_is_in_icrs() -> None:
    with pytest.raises(BadQueryError, match="ICRS") as told:
        region.moc("3/1", frame="galactic")
    assert told.value.parameter == "frame"
