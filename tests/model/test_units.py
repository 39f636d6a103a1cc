from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.model import units
from discovery.model.instant import DAY, days, instant

POSITIVE = st.floats(1e-20, 1e20)


@given(st.integers(days(-900_000, 1, 1) * DAY, days(900_000, 1, 1) * DAY))
def test_mjd_is_off_by_three_milliseconds_at_most_in_a_million_years(value: int) -> None:
    assert abs(units.mjd_to_ms(units.ms_to_mjd(value)) - value) <= 3


@given(st.integers(days(-10_000, 1, 1) * DAY, days(15_000, 1, 1) * DAY))
def test_mjd_and_jd_read_back_as_written_in_history(value: int) -> None:
    assert units.mjd_to_ms(units.ms_to_mjd(value)) == value
    assert units.jd_to_ms(units.ms_to_jd(value)) == value


@pytest.mark.parametrize(
    ("mjd", "text"),
    [
        (0.0, "1858-11-17"),
        (40587.0, "1970-01-01"),
        (51544.5, "2000-01-01T12:00:00Z"),
        (58849.25, "2020-01-01T06:00:00Z"),
        (-678575.0, "+0001-01-01"),
    ],
)
def test_mjd_and_jd_of_known_dates(mjd: float, text: str) -> None:
    assert units.mjd_to_ms(mjd) == instant(text)
    assert units.jd_to_ms(mjd + 2_400_000.5) == instant(text)


@pytest.mark.parametrize("convert", [units.mjd_to_ms, units.jd_to_ms])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e300])
def test_a_day_number_that_is_no_date_is_refused(convert: Callable[[float], int], value: float) -> None:
    with pytest.raises(ValueError, match="is not a date"):
        convert(value)


@given(POSITIVE)
def test_spectral_conversions_are_inverse(value: float) -> None:
    assert math.isclose(units.m_to_hz(units.hz_to_m(value)), value, rel_tol=1e-12)
    assert math.isclose(units.m_to_ev(units.ev_to_m(value)), value, rel_tol=1e-12)


@given(st.floats(1e-6, 1e6), st.sampled_from(sorted({*units.LENGTHS, *units.FREQUENCIES, *units.ENERGIES})))
def test_metres_read_back_in_every_unit(value: float, unit: str) -> None:
    assert math.isclose(units.from_metres(units.to_metres(value, unit), unit), value, rel_tol=1e-12)


@given(st.floats(-1e6, 1e6), st.sampled_from(sorted(units.ANGLES)))
def test_degrees_read_back_in_every_unit(value: float, unit: str) -> None:
    assert math.isclose(units.from_degrees(units.to_degrees(value, unit), unit), value, rel_tol=1e-12, abs_tol=1e-300)


@given(st.integers(0, 2**50), st.sampled_from(sorted(units.SIZES)))
def test_bytes_read_back_in_every_unit(size: int, unit: str) -> None:
    assert units.to_bytes(units.from_bytes(size, unit), unit) == size


@pytest.mark.parametrize(
    ("value", "unit", "metres"),
    [
        (1.42040575177e9, "Hz", 0.211061140542),
        (550.0, "nm", 5.5e-7),
        (2.0, "keV", 6.1992099216e-10),
        (5000, "Angstrom", 5e-7),
    ],
)
def test_known_lines_have_their_wavelength(value: float, unit: str, metres: float) -> None:
    assert math.isclose(units.to_metres(value, unit), metres, rel_tol=1e-9)


def test_a_kilobyte_of_obscore_is_a_thousand_bytes() -> None:
    assert units.to_bytes(12.5, "kbyte") == 12_500
    assert units.to_bytes(1, "KiB") == 1_024


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_a_wavelength_that_cannot_be_is_refused(value: float) -> None:
    for convert in (units.hz_to_m, units.m_to_hz, units.ev_to_m, units.m_to_ev):
        with pytest.raises(ValueError, match="is not a positive number"):
            convert(value)


def test_an_unknown_unit_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'parsec' is not one of .*nm"):
        units.to_metres(1.0, "parsec")
    with pytest.raises(ValueError, match="mas"):
        units.to_degrees(1.0, "gon")


def test_a_negative_size_is_refused() -> None:
    with pytest.raises(ValueError, match="is not a number of bytes"):
        units.to_bytes(-1, "kbyte")
