"""Granules of EPN-TAP, whose columns look like ObsCore's and mean something else."""

from __future__ import annotations

from typing import Any

import pytest

from discovery.model.extent import EARTH, SKY
from discovery.model.instant import instant
from discovery.model.record import Record, record_id
from discovery.model.units import jd_to_ms
from discovery.query.region import cone, decide
from harvesters.defaults import Defaults
from harvesters.epntap import PRODUCTS, STANDARD, body_of, to_dataset, to_record

DEFAULTS = Defaults("s", fallback_domain="space-science")
GRANULE = {
    "granule_uid": "ORB0018_1_cal",
    "granule_gid": "calibrated",
    "obs_id": "ORB0018_1",
    "dataproduct_type": "sc",
    "target_name": "Mars",
    "target_class": "planet",
    "time_min": "2453015.5",
    "time_max": "2453015.75",
    "time_exp_min": "0.0025",
    "time_exp_max": "0.005",
    "spectral_range_min": "57652395769231",
    "spectral_range_max": "856549880000000",
    "c1min": "350",
    "c1max": "10",
    "c2min": "-20",
    "c2max": "5",
    "spatial_frame_type": "body",
    "instrument_host_name": "Mars Express",
    "instrument_name": "OMEGA",
    "measurement_type": "phot.radiance;em.wl",
    "processing_level": "3",
    "creation_date": "2015-01-01T00:00:00",
    "modification_date": "2020-02-03T04:05:06",
    "release_date": "2015-06-01T00:00:00",
    "service_title": "omega_cubes",
    "access_url": "https://data.example/ORB0018_1.nc",
    "access_format": "application/x-netcdf",
    "access_estsize": "1500",
    "thumbnail_url": "https://data.example/ORB0018_1.png",
    "bib_reference": "10.1126/science.1122659#2006Sci...312..400B",
}


def granule(*, units: dict[str, str] | None = None, xtypes: dict[str, str] | None = None, **more: str | None) -> Record:
    row = {name: value for name, value in {**GRANULE, **more}.items() if value is not None}
    return to_record(row, units or {}, xtypes or {}, "omega.epn_core", row["granule_uid"], DEFAULTS)


def codes(record: Record) -> list[str]:
    return [issue.code for issue in record.issues]


def test_a_granule_is_an_observation_of_its_body() -> None:
    record = granule()
    assert (record.kind, record.source_id, record.container) == ("observation", "ORB0018_1_cal", "omega.epn_core")
    assert record.title == "Mars OMEGA ORB0018_1"
    assert (record.missions, record.domain) == (("planetary/mars-express",), "space-science")
    assert (record.targets, record.product_type, record.level) == (("Mars",), "spectral cube", "CODMAC 3")
    assert record.dataset == record_id("s", "service_title", "omega_cubes")
    assert (record.extent.frame, record.extent.bbox) == ("mars", (-10.0, -20.0, 10.0, 5.0))
    assert record.metadata_updated == instant("2020-02-03T04:05:06Z")
    assert record.properties["granule_gid"] == "calibrated"
    assert record.properties["obs_id"] == "ORB0018_1"
    assert record.properties["dataproduct_type"] == "sc"
    assert [(each.key, each.roles, each.size) for each in record.assets] == [
        ("data", ("data",), 1_500_000),
        ("thumbnail", ("thumbnail",), None),
    ]
    assert [link.href for link in record.links] == [
        "https://doi.org/10.1126/science.1122659",
        "https://ui.adsabs.harvard.edu/abs/2006Sci...312..400B",
    ]
    # That of a paper about it is not the granule's own.
    assert record.doi == ""
    assert record.issues == ()


def test_times_are_julian_dates() -> None:
    record = granule()
    assert record.extent.start == instant("2004-01-11T00:00:00Z")
    assert record.extent.end == instant("2004-01-11T06:00:00Z")


def test_times_that_look_like_another_calendar_are_said_and_not_guessed() -> None:
    record = granule(time_min="53015", time_max="53015.25")
    assert codes(record) == ["strange-date", "strange-date"]
    assert record.extent.start == jd_to_ms(53015)


def test_a_service_that_calls_its_times_mjd_is_believed() -> None:
    record = granule(xtypes={"time_min": "mjd", "time_max": "MJD"}, time_min="53015", time_max="53015.25")
    assert (record.extent.start, codes(record)) == (instant("2004-01-11T00:00:00Z"), [])


def test_the_highest_frequency_is_the_shortest_wavelength() -> None:
    numbers = granule().numbers
    assert numbers["wavelength_min"] == pytest.approx(3.5e-7, rel=1e-4)
    assert numbers["wavelength_max"] == pytest.approx(5.2e-6, rel=1e-4)
    assert numbers["exposure"] == 0.005


def test_a_spectral_axis_in_other_units_keeps_its_order() -> None:
    more = {"spectral_range_min": "0.35", "spectral_range_max": "5.2"}
    numbers = granule(units={"spectral_range_min": "um", "spectral_range_max": "um"}, **more).numbers
    assert (numbers["wavelength_min"], numbers["wavelength_max"]) == pytest.approx((3.5e-7, 5.2e-6))


@pytest.mark.parametrize(
    ("more", "frame", "bbox", "geometry", "issues"),
    [
        ({}, "mars", (-10, -20, 10, 5), None, []),
        ({"c1min": "0", "c1max": "360", "c2min": "-90", "c2max": "90"}, "mars", (-180, -90, 180, 90), None, []),
        ({"c1max": None, "c2max": None}, "mars", None, "Point", []),
        ({"c1min": "12", "c1max": "12", "c2min": "3", "c2max": "3"}, "mars", None, "Point", []),
        ({"target_name": "1 Ceres"}, "ceres", (-10, -20, 10, 5), None, []),
        ({"target_name": "67P/Churyumov-Gerasimenko"}, "67p-churyumov-gerasimenko", (-10, -20, 10, 5), None, []),
        ({"target_name": "Earth", "c1min": "190", "c1max": "200"}, EARTH, (-170, -20, -160, 5), None, []),
        ({"target_name": "Mars#Phobos"}, SKY, None, None, ["no-place"]),
        ({"target_name": None}, SKY, None, None, ["no-place"]),
        ({"spatial_frame_type": "celestial"}, SKY, (-10, -20, 10, 5), None, []),
        ({"spatial_frame_type": "celestial", "spatial_coordinate_description": "IAU galactic"}, SKY, None, None,
         ["unknown-frame"]),
        ({"spatial_frame_type": "cartesian"}, SKY, None, None, []),
        ({"spatial_frame_type": "none"}, SKY, None, None, []),
        ({"spatial_frame_type": None}, SKY, None, None, []),
        ({"spatial_frame_type": "toroidal"}, SKY, None, None, ["unknown-frame"]),
        ({"c1min": None, "c1max": None}, "mars", None, None, ["no-place"]),
        ({"c2min": "5", "c2max": "-20"}, "mars", (-10, -20, 10, 5), None, []),
        ({"c2max": "95"}, "mars", None, None, ["bad-bbox"]),
        ({"c1min": "12", "c1max": "12", "c2min": "93", "c2max": "93"}, "mars", None, None, ["bad-position"]),
        ({"s_region": "Polygon ICRS 10 10 12 10 12 12 10 12"}, "mars", None, "Polygon", []),
        ({"coverage": "4/12-15"}, "mars", None, "Moc", []),
        ({"s_region": "Blob 1 2", "coverage": "4/12-15"}, "mars", None, "Moc", ["bad-region"]),
        ({"s_region": "Blob 1 2"}, "mars", (-10, -20, 10, 5), None, ["bad-region"]),
    ],
)  # fmt: skip
def test_coordinates_are_of_the_frame_that_the_granule_names(
    more: dict[str, str | None], frame: str, bbox: Any, geometry: str | None, issues: list[str]
) -> None:
    record = granule(**more)
    found = record.extent.geometry
    assert (record.extent.frame, record.extent.bbox) == (frame, bbox)
    assert (found["type"] if found else None) == geometry
    assert codes(record) == issues


def test_a_footprint_on_the_sky_is_found_there() -> None:
    record = granule(spatial_frame_type="celestial", s_region="10 10 12 10 12 12", xtypes={"s_region": "polygon"})
    assert record.extent.geometry is not None
    assert decide(cone([11.5, 11, 0]), [record.extent.geometry]) == [True]


@pytest.mark.parametrize(
    ("name", "frame"),
    [("Mars", "mars"), ("(4) Vesta", "vesta"), ("EARTH", "earth"), ("C/2014 Q2 Lovejoy", "c-2014-q2-lovejoy")],
)
def test_a_body_has_one_name_for_its_frame(name: str, frame: str) -> None:
    assert body_of(name) == frame


@pytest.mark.parametrize(
    ("sent", "word"), [("im", "image"), ("ca#sp", "catalogue"), ("TS", "timeseries"), ("holo", "holo"), (None, "")]
)
def test_product_types_are_words(sent: str | None, word: str) -> None:
    assert granule(dataproduct_type=sent).product_type == word


def test_every_product_type_of_the_standard_has_its_word() -> None:
    assert set(PRODUCTS) == {
        *("im", "ma", "sp", "ds", "sc", "pr", "pf", "vo"),
        *("mo", "cu", "ts", "ca", "ci", "sv", "ev"),
    }


def test_a_level_of_another_scale_stays_as_it_is() -> None:
    assert granule(processing_level="L1B").level == "L1B"
    assert granule(processing_level=None).level == ""


def test_a_granule_with_hardly_anything_is_still_a_record() -> None:
    record = to_record({"granule_uid": "x"}, {}, {}, "t.epn_core", "x", DEFAULTS)
    assert (record.title, codes(record)) == ("x", ["no-time"])


def test_a_service_is_a_dataset() -> None:
    record = to_dataset("omega_cubes", "omega.epn_core", DEFAULTS)
    assert (record.kind, record.title, record.id) == ("dataset", "omega_cubes", granule().dataset)
    assert record.properties["table"] == "omega.epn_core"


def test_tables_are_walked_by_what_the_standard_demands() -> None:
    assert (STANDARD.key, STANDARD.window, STANDARD.modified, STANDARD.group) == (
        "granule_uid", "time_min", ("modification_date",), "service_title",
    )  # fmt: skip
