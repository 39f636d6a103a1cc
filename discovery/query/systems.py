"""Places on the sky in galactic and ecliptic coordinates, turned to ICRS, in which footprints are kept."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from discovery.errors import BadQueryError
from discovery.model.extent import Geometry
from discovery.query.healpix import Floats

SYSTEMS: Final[Mapping[str, str]] = MappingProxyType(
    {"galactic": "galactic", "ecliptic": "barycentricmeanecliptic"},
)
"""The systems beside ICRS that a region of the sky may be given in, with astropy's names; ecliptic is of J2000."""


def turned(geometry: Geometry, system: str, parameter: str) -> Geometry:
    """Return a geometry of a system of coordinates in ICRS; right ascensions are 0 to 360.

    Raises:
        BadQueryError: It is a MOC, whose cells are those of ICRS.
    """
    if geometry["type"] == "Moc":
        raise BadQueryError(f"{parameter}: a MOC is in ICRS; leave out the frame {system!r}", parameter="frame")
    if geometry["type"] == "GeometryCollection":
        members = [turned(each, system, parameter) for each in geometry["geometries"]]
        return {"type": "GeometryCollection", "geometries": members}
    if geometry["type"] == "Circle":
        return {**geometry, "center": _positions(geometry["center"], system)}
    return {"type": geometry["type"], "coordinates": _positions(geometry["coordinates"], system)}


def _positions(value: Any, system: str) -> Any:
    """Return positions in the lists within lists that they came in."""
    if not isinstance(value[0], list | tuple):
        return _icrs([value], system)[0]
    if isinstance(value[0][0], list | tuple):
        return [_positions(each, system) for each in value]
    return _icrs(value, system)


def _icrs(positions: Any, system: str) -> list[list[float]]:
    lon, lat = np.radians(np.array([each[:2] for each in positions], dtype=np.float64)).T
    xyz = np.column_stack((np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat))) @ _rotation(system).T
    ra, dec = np.arctan2(xyz[:, 1], xyz[:, 0]), np.arctan2(xyz[:, 2], np.hypot(xyz[:, 0], xyz[:, 1]))
    found: list[list[float]] = np.column_stack((np.degrees(ra) % 360.0, np.degrees(dec))).tolist()
    return found


@lru_cache(maxsize=len(SYSTEMS))
def _rotation(system: str) -> Floats:
    """Return the rotation from a system to ICRS: where its three axes point."""
    from astropy.coordinates import SkyCoord  # a second to import, for the few who do not ask in ICRS

    axes = SkyCoord([0.0, 90.0, 0.0], [0.0, 0.0, 90.0], unit="deg", frame=SYSTEMS[system]).icrs
    return np.asarray(axes.cartesian.xyz.value, dtype=np.float64)
