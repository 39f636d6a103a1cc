"""Conversions of what sources send into what records hold: UTC milliseconds, metres, bytes and degrees, and back.

Every conversion has its inverse beside it and is tested as a pair. A value that is not a finite number, or not a
possible one (a wavelength of zero), raises ValueError; the caller turns that into an issue of the record.
"""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import Final

from discovery.model.instant import DAY, MAX_YEAR

SPEED_OF_LIGHT: Final = 299_792_458.0
"""Metres a second, exact by definition (SI)."""
PLANCK_EV: Final = 6.626_070_15e-34 / 1.602_176_634e-19
"""Planck's constant in electronvolt seconds, exact by definition (SI 2019)."""

_MJD_OF_1970: Final = 40_587
_JD_OF_1970: Final = 2_440_587.5
_LAST_DAY: Final = MAX_YEAR * 366.0

LENGTHS: Final = MappingProxyType(
    {
        "m": 1.0,
        "km": 1e3,
        "cm": 1e-2,
        "mm": 1e-3,
        "um": 1e-6,
        "micron": 1e-6,
        "nm": 1e-9,
        "angstrom": 1e-10,
        "pm": 1e-12,
    }
)
"""Metres in one of each unit, by its VOUnits name in lower case (and the common `micron`)."""
FREQUENCIES: Final = MappingProxyType({"hz": 1.0, "khz": 1e3, "mhz": 1e6, "ghz": 1e9, "thz": 1e12})
"""Hertz in one of each unit."""
ENERGIES: Final = MappingProxyType({"ev": 1.0, "kev": 1e3, "mev": 1e6, "gev": 1e9, "tev": 1e12})
"""Electronvolts in one of each unit; `mev` is mega, since no catalogue of photons has milli."""
SIZES: Final = MappingProxyType(
    {"byte": 1, "b": 1}
    | {f"{prefix}{unit}": 1_000**power for power, prefix in enumerate("kmgtp", 1) for unit in ("byte", "b")}
    | {f"{prefix}i{unit}": 1_024**power for power, prefix in enumerate("kmgtp", 1) for unit in ("byte", "b")}
)
"""Bytes in one of each unit, lower case. A kilobyte is 1000 bytes: ObsCore 1.1 gives `access_estsize` in kbyte, and
VOUnits 1.1 reads k as 10^3 and keeps Ki for 1024."""
ANGLES: Final = MappingProxyType(
    {
        "deg": 1.0,
        "arcmin": 1 / 60,
        "arcsec": 1 / 3_600,
        "mas": 1 / 3_600_000,
        "rad": 180 / math.pi,
        "hour": 15.0,
        "h": 15.0,
    }
)
"""Degrees in one of each unit; `hour` and `h`, as VOUnits has it, are of right ascension."""


def mjd_to_ms(mjd: float) -> int:
    """Return the UTC milliseconds of a Modified Julian Date (days since 1858-11-17), rounded to the nearest."""
    return _days_to_ms(mjd - _MJD_OF_1970, "MJD", mjd)


def ms_to_mjd(milliseconds: int) -> float:
    """Return the Modified Julian Date of an instant; 3 ms off at most a million years from today."""
    return _split_days(milliseconds, _MJD_OF_1970)


def jd_to_ms(jd: float) -> int:
    """Return the UTC milliseconds of a Julian Date (days since noon of -4713-11-24), rounded to the nearest."""
    return _days_to_ms(jd - _JD_OF_1970, "JD", jd)


def ms_to_jd(milliseconds: int) -> float:
    """Return the Julian Date of an instant; exact to a millisecond for years -10000 to 15000."""
    return _split_days(milliseconds, _JD_OF_1970)


def hz_to_m(hertz: float) -> float:
    """Return the wavelength in metres, in vacuum, of a frequency in hertz."""
    return SPEED_OF_LIGHT / _positive("frequency", hertz)


def m_to_hz(metres: float) -> float:
    """Return the frequency in hertz of a wavelength in metres, in vacuum."""
    return SPEED_OF_LIGHT / _positive("wavelength", metres)


def ev_to_m(electronvolts: float) -> float:
    """Return the wavelength in metres of a photon's energy in electronvolts."""
    return PLANCK_EV * SPEED_OF_LIGHT / _positive("energy", electronvolts)


def m_to_ev(metres: float) -> float:
    """Return the energy in electronvolts of a photon of a wavelength in metres."""
    return PLANCK_EV * SPEED_OF_LIGHT / _positive("wavelength", metres)


def to_metres(value: float, unit: str) -> float:
    """Return the wavelength in metres of a length, frequency or energy in a named unit, as spectral axes come in.

    The order of a range turns round for frequencies and energies: the caller sorts the two ends.

    Raises:
        ValueError: The unit is not known, or the value is not a positive finite number.
    """
    name = unit.strip().lower()
    if name in LENGTHS:
        return _positive("wavelength", value) * LENGTHS[name]
    if name in FREQUENCIES:
        return hz_to_m(value * FREQUENCIES[name])
    if name in ENERGIES:
        return ev_to_m(value * ENERGIES[name])
    raise _unknown(unit, (*LENGTHS, *FREQUENCIES, *ENERGIES))


def from_metres(metres: float, unit: str) -> float:
    """Return a wavelength in metres as a length, frequency or energy in a named unit; the inverse of `to_metres`."""
    name = unit.strip().lower()
    if name in LENGTHS:
        return _positive("wavelength", metres) / LENGTHS[name]
    if name in FREQUENCIES:
        return m_to_hz(metres) / FREQUENCIES[name]
    if name in ENERGIES:
        return m_to_ev(metres) / ENERGIES[name]
    raise _unknown(unit, (*LENGTHS, *FREQUENCIES, *ENERGIES))


def to_bytes(value: float, unit: str = "byte") -> int:
    """Return a size in a named unit as whole bytes; `to_bytes(n, "kbyte")` reads ObsCore's access_estsize."""
    size = _finite("size", value) * _factor(SIZES, unit)
    if size < 0 or not math.isfinite(size):
        raise ValueError(f"size {value!r} {unit} is not a number of bytes")
    return round(size)


def from_bytes(size: int, unit: str = "byte") -> float:
    """Return a size in bytes in a named unit; the inverse of `to_bytes`."""
    return size / _factor(SIZES, unit)


def to_degrees(value: float, unit: str) -> float:
    """Return an angle in a named unit as degrees."""
    return _finite("angle", value) * _factor(ANGLES, unit)


def from_degrees(degrees: float, unit: str) -> float:
    """Return an angle in degrees in a named unit; the inverse of `to_degrees`."""
    return _finite("angle", degrees) / _factor(ANGLES, unit)


def _split_days(milliseconds: int, epoch: float) -> float:
    # Whole days and the rest apart: milliseconds of far years have more digits than a float keeps.
    number, rest = divmod(milliseconds, DAY)
    return number + epoch + rest / DAY


def _days_to_ms(days: float, what: str, sent: float) -> int:
    if not abs(days) < _LAST_DAY:  # also true for NaN
        raise ValueError(f"{what} {sent!r} is not a date")
    whole = math.floor(days)
    return whole * DAY + round((days - whole) * DAY)


def _finite(what: str, value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{what} {value!r} is not a finite number")
    return value


def _positive(what: str, value: float) -> float:
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{what} {value!r} is not a positive number")
    return value


def _factor(table: MappingProxyType[str, float] | MappingProxyType[str, int], unit: str) -> float:
    factor = table.get(unit.strip().lower())
    if factor is None:
        raise _unknown(unit, tuple(table))
    return factor


def _unknown(unit: str, known: tuple[str, ...]) -> ValueError:
    return ValueError(f"unit {unit[:40]!r} is not one of {', '.join(known)}")
