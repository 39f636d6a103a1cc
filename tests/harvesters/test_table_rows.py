"""Rows that archives really sent, through the maps that we ship for their tables."""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from discovery.launch.resolver import resolve
from discovery.launch.rules import shipped as rules
from discovery.model.extent import SKY
from discovery.model.instant import HOUR, instant
from discovery.model.record import Record, record_id
from discovery.model.units import mjd_to_ms
from harvesters import votable
from harvesters.defaults import Defaults
from harvesters.table_map import TableMap, read, shipped
from harvesters.table_rows import standard, to_record

SAMPLES = Path(__file__).parents[2] / "fixtures" / "sources" / "vo" / "astroquery"
DEFAULTS = Defaults("s", fallback_domain="space-science")
# Printed in the documentation of the archives' own client (astroquery 2e8c636b, docs/esa).
ISO = {"tdt": "58302402", "ra": "0.71225", "dec": "41.26945", "aotname": "C01", "target": "M31_LW2"}
INTEGRAL = {
    "dec": "26.3157778", "end_revno": "0352", "endtime": "2005-09-02 21:20:59", "exposure": "200032",
    "obsid": "03200490001", "prop_id": "0320049", "ra": "84.727375", "scw_number": "110", "scw_size": "8865617044",
    "srcname": "A 0535+26", "start_revno": "0352", "starttime": "2005-08-31 11:07:06", "surname": "Kretschmar",
    "title": "Target of Opportunity Observations of an Outburst in A 0535+26",
}  # fmt: skip

MOSAIC = "EUC_MER_BGSUB-MOSAIC-VIS_TILE102158889-F95D3B_20241025T024806.508980Z_00.00.fits"


def rows(name: str) -> list[dict[str, str]]:
    """Return the rows of a sample: a VOTable, or what ESO's client wrote as CSV."""
    path = SAMPLES / name
    if name.endswith(".csv"):
        with path.open(newline="") as file:
            return [{key.lower(): value for key, value in row.items() if key and value} for row in csv.DictReader(file)]
    body = gzip.decompress(path.read_bytes()) if name.endswith(".gz") else path.read_bytes()
    return votable.read(body, most=10_000).rows


def mapped(table: TableMap | str, row: Mapping[str, str], **units: str) -> Record:
    table = shipped()[table] if isinstance(table, str) else table
    return to_record(table, row, units, {}, table.table, row[table.id], DEFAULTS)


def codes(record: Record) -> list[str]:
    return [issue.code for issue in record.issues]


def small(fields: str, **more: Any) -> TableMap:
    head = "\n".join(f"{name} = {value!r}" for name, value in more.items())
    return read(f'name = "small"\ntable = "a.b"\nid = "x"\n{head}\n[fields]\n{fields}', "here")


SENT = {
    "ehst": ("ehst-cone_search.vot.gz", 317),
    "euclid": ("euclid-product_list.vot", 4),
    "eso-raw": ("eso-main_sgra.csv", 23),
}


@pytest.mark.parametrize("name", list(SENT))
def test_every_row_that_was_sent_becomes_a_record(name: str) -> None:
    file, count = SENT[name]
    records = [mapped(name, row) for row in rows(file)]
    assert len(records) == count
    assert {code for record in records for code in codes(record)} <= {"no-time"}
    assert all(record.extent.geometry and record.missions and record.title for record in records)


def test_maps_that_are_called_verified_are_those_with_a_row_in_these_tests() -> None:
    printed = {"iso", "integral"}
    of_any_service = {"tap-tables"}  # tests/harvesters/test_dachs.py walks those of a real one
    verified = {name for name, table in shipped().items() if table.verified}
    assert verified == set(SENT) | printed | of_any_service


def test_an_observation_of_hubble() -> None:
    row = next(row for row in rows("ehst-cone_search.vot.gz") if row["observation_id"] == "n4k413d1q")
    record = mapped("ehst", row)
    assert record.title == "NGC224 NICMOS/NIC3 n4k413d1q"
    assert record.description == "NICMOS Camera 3 campaign snapshots"
    assert (record.missions, record.targets, record.product_type) == (("astronomy/hubble",), ("NGC224",), "image")
    assert record.dataset == record_id("s", "collection", "HST")
    assert record.extent.start == instant("1998-06-12T19:44:05.737Z")
    assert record.numbers["wavelength_min"] == pytest.approx(1.86475e-6)
    assert record.numbers["wavelength_max"] == pytest.approx(1.88425e-6)
    assert record.numbers["exposure"] == pytest.approx(703.9361)
    geometry = record.extent.geometry
    assert geometry is not None
    assert (geometry["type"], geometry["radius"]) == ("Circle", pytest.approx(0.0203740296 / 2))


def test_the_times_of_hubble_are_those_of_its_files_and_not_the_local_ones_in_text() -> None:
    late = set()
    for row in rows("ehst-cone_search.vot.gz"):
        start = mapped("ehst", row).extent.start
        if start is None:
            continue
        found = re.search(r"EXPSTART=([0-9.]+)", row.get("instrument_configuration", ""))
        assert found is None or abs(start - mjd_to_ms(float(found[1]))) < 2_000
        late.add(round((instant(row["start_time"]) - start) / HOUR, 3))
    assert late == {1.0, 2.0}


def test_a_frame_of_euclid() -> None:
    record = mapped("euclid", rows("euclid-product_list.vot")[0])
    assert record.title == "Euclid VIS VIS 13"
    assert (record.missions, record.instruments, record.product_type) == (("astronomy/euclid",), ("VIS",), "image")
    assert record.extent.frame == SKY
    assert record.extent.geometry is not None
    assert record.extent.geometry["type"] == "Polygon"
    assert record.extent.start == instant("2023-05-02T12:33:13Z")
    assert record.properties["file_path"] == "/data_03/repository_pvpr01/VIS/13"
    assert record.properties["file_name"] == record.source_id


def test_a_raw_frame_of_eso() -> None:
    record = mapped("eso-raw", rows("eso-main_sgra.csv")[0])
    assert record.source_id == "SINFO.2013-08-27T01:05:24.328"
    assert (record.missions, record.instruments, record.level) == (("astronomy/eso-vlt",), ("SINFONI",), "0")
    assert record.properties["platform"] == ("ESO-VLT-U4",)
    assert {"IFU", "NODDING", "SCIENCE"} <= set(record.keywords)
    assert record.extent.geometry == {"type": "Point", "coordinates": [266.414807, -29.00877]}
    assert (record.numbers["size"], record.updated) == (18_026_000.0, instant("2013-08-27T04:02:35.663Z"))
    assert [(each.key, each.roles) for each in record.assets] == [("data", ("data",)), ("datalink", ("datalink",))]


def test_an_observation_of_iso_whose_right_ascension_is_hours() -> None:
    record = mapped("iso", ISO, ra="h")
    assert record.title == "M31_LW2 C01 58302402"
    assert record.extent.geometry == {"type": "Point", "coordinates": [pytest.approx(10.68375), 41.26945]}
    assert record.assets[0].href.endswith("&tdt=58302402&product_level=DEFAULT_DATA_SET")
    assert mapped("iso", {**ISO, "ra_deg": "10.68375"}).extent == record.extent


def test_an_observation_of_integral() -> None:
    record = mapped("integral", INTEGRAL)
    assert (record.title, record.missions) == ("A 0535+26 03200490001", ("astronomy/integral",))
    assert record.extent.end == instant("2005-09-02T21:20:59Z")
    assert (record.numbers["size"], record.assets[0].size) == (8_865_617_044.0, 8_865_617_044)


@pytest.mark.parametrize(
    ("name", "row", "address"),
    [
        # The path and the name are from the tests of the archive's own client, with the place that they expect.
        ("ehst-files",
         {"artifact_id": "a", "file_path": "/hstdata/hstdata_i/i/b4x/04", "file_name": "ib4x04ivq_flt.jpg"},
         "/data/user/hub_hstdata_i/i/b4x/04/ib4x04ivq_flt.jpg"),
        ("ehst-files",
         {"artifact_id": "a", "file_path": "/hstdata/hstdata_i/i/b4x/04", "file_name": "ib4x04ivq_flt.fits"},
         "/data/user/hub_hstdata_i/i/b4x/04/ib4x04ivq_flt.fits.gz"),
        ("euclid-mosaics",
         {"file_name": MOSAIC, "datalabs_path": "/data/euclid_q1/Q1_R1/MER/102158889/VIS"},
         f"/data/euclid_q1/Q1_R1/MER/102158889/VIS/{MOSAIC}"),
    ],
)  # fmt: skip
def test_paths_give_places_by_the_shipped_rules(name: str, row: dict[str, str], address: str) -> None:
    (file,) = resolve(mapped(name, row), rules(), ())
    assert address in [place.address for place in file.places]


def test_a_path_that_no_platform_mounts_gives_no_place() -> None:
    assert resolve(mapped("euclid", rows("euclid-product_list.vot")[0]), rules(), ()) == ()


def test_the_first_way_that_gives_something_fills_a_field() -> None:
    level, start = '{ column = "l", values = { raw = "0" } }', '["s", { column = "m", as = "mjd" }]'
    table = small(f'title = ["a", "b"]\nlevel = {level}\nstart = {start}')
    first = mapped(table, {"x": "1", "a": "A", "b": "B", "l": "raw", "s": "2020-01-01", "m": "0"})
    assert (first.title, first.level, first.extent.start) == ("A", "0", instant("2020-01-01T00:00:00Z"))
    second = mapped(table, {"x": "1", "b": "B", "l": "odd", "m": "40587"})
    assert (second.title, second.level, second.extent.start) == ("B", "odd", 0)


def test_what_stands_in_an_address_is_quoted() -> None:
    table = small('url = { template = "https://a.example/get?id={x}&n={n}" }\ntitle = { template = "{x} of {n}" }')
    record = mapped(table, {"x": "a&b=../c d", "n": "ä"})
    assert record.assets[0].href == "https://a.example/get?id=a%26b%3D..%2Fc%20d&n=%C3%A4"
    assert record.title == "a&b=../c d of ä"
    assert mapped(table, {"x": "1"}).assets == ()


def test_braces_in_a_cell_are_no_template() -> None:
    assert mapped(small('title = { template = "{a}" }'), {"x": "1", "a": "{x.__class__}"}).title == "{x.__class__}"


@pytest.mark.parametrize(
    ("row", "issues"),
    [
        ({}, ["no-time", "no-place"]),
        ({"ra": "1", "dec": "95", "start": "x"}, ["bad-date", "no-time", "bad-position"]),
        ({"ra": "x", "dec": "5", "start": "2020"}, ["not-a-number", "no-place"]),
        ({"ra": "1", "dec": "5", "start": "2020-02-01", "end": "2020-01-01"}, ["bad-interval"]),
        ({"region": "Blob", "ra": "1", "dec": "5", "start": "2020"}, ["bad-region"]),
        ({"ra": "1", "dec": "5", "start": "2020", "size": "1e999"}, ["not-a-number"]),
    ],
)
def test_what_cannot_be_read_is_an_issue_and_no_quarantine(row: dict[str, str], issues: list[str]) -> None:
    table = small('ra = "ra"\ndec = "dec"\nstart = "start"\nend = "end"\nregion = "region"\nsize = "size"')
    assert codes(mapped(table, {"x": "1", **row})) == issues


def test_the_unit_that_the_service_says_is_believed() -> None:
    table = small('wavelength_min = { column = "w", unit = "nm" }')
    assert mapped(table, {"x": "1", "w": "500"}).numbers["wavelength_min"] == pytest.approx(5e-7)
    assert mapped(table, {"x": "1", "w": "500"}, w="um").numbers["wavelength_min"] == pytest.approx(5e-4)


def test_a_group_is_the_dataset_of_its_rows() -> None:
    table = small('title = "t"', group="g")
    made = standard(table)
    assert made.to_group is not None
    dataset = made.to_group("HST", "a.b", DEFAULTS)
    assert (dataset.kind, dataset.id, dataset.missions) == (
        "dataset", mapped(table, {"x": "1", "g": "HST"}).dataset, ("astronomy/hubble",),
    )  # fmt: skip


def test_a_map_says_how_its_table_is_walked() -> None:
    made = standard(shipped()["eso-raw"])
    assert (made.key, made.window, made.modified, made.group) == ("dp_id", "mjd_obs", ("last_mod_date",), "instrument")
    assert (made.regions, made.units["access_estsize"]) == (("s_region",), "kbyte")
    assert made.rows_of("dbo.raw") == "dbo.raw"
    joined = standard(shipped()["ehst"]).rows_of("ehst.observation")
    assert joined.startswith("(SELECT o.observation_id")
