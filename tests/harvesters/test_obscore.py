from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from discovery.model import instant
from discovery.model.record import Record, record_id
from harvesters import obscore
from harvesters.defaults import Defaults

DEFAULTS = Defaults("s", fallback_domain="space-science")
ROW = {
    "obs_publisher_did": "ivo://x/y?1",
    "obs_id": "1",
    "obs_collection": "HST",
    "facility_name": "HST",
    "instrument_name": "ACS/WFC",
    "target_name": "M 31",
    "dataproduct_type": "image",
    "calib_level": "2",
    "s_ra": "10.5",
    "s_dec": "-20",
    "s_fov": "0.5",
    "t_min": "51544.0",
    "t_max": "51544.5",
    "em_min": "5e-7",
    "em_max": "4e-7",
    "access_url": "https://example.org/1.fits",
    "access_format": "application/fits",
    "access_estsize": "3",
}


def record(
    units: Mapping[str, str] | None = None, xtypes: Mapping[str, str] | None = None, **more: str | None
) -> Record:
    row: dict[str, Any] = {name: value for name, value in {**ROW, **more}.items() if value is not None}
    return obscore.to_record(row, units or {}, xtypes or {}, "ivoa.ObsCore", "id", DEFAULTS)


def codes(found: Record) -> list[str]:
    return [each.code for each in found.issues]


def test_a_row_is_an_observation_of_its_collection() -> None:
    found = record()
    assert (found.kind, found.domain, found.missions) == ("observation", "space-science", ("astronomy/hubble",))
    assert found.dataset == record_id("s", obscore.COLLECTIONS, "HST")
    assert found.targets == ("M 31",)
    assert (found.extent.frame, found.extent.start, found.extent.end) == ("sky", 946_684_800_000, 946_728_000_000)
    assert found.extent.geometry == {"type": "Circle", "center": [10.5, -20.0], "radius": 0.25}
    assert found.numbers == {"wavelength_min": 4e-7, "wavelength_max": 5e-7, "size": 3000.0}
    assert codes(found) == []


def test_when_it_was_made_and_when_it_came_out_are_kept_apart() -> None:
    found = record(obs_creation_date="2012-03-04T05:06:07", obs_release_date="2013-03-04T00:00:00.000")
    assert found.created == instant.instant("2012-03-04T05:06:07Z")
    assert found.properties["published"] == "2013-03-04T00:00:00Z"
    assert codes(found) == []
    odd = record(obs_creation_date="once", obs_release_date="later")
    assert (odd.created, "published" in odd.properties) == (None, False)
    assert len(codes(odd)) == 2


def test_a_unit_that_a_service_states_is_believed() -> None:
    found = record({"em_min": "nm", "em_max": "nm", "s_ra": "rad"}, em_min="400", em_max="500", s_ra="1", s_fov=None)
    assert found.numbers["wavelength_min"] == pytest.approx(4e-7)
    assert found.extent.geometry is not None
    assert found.extent.geometry["coordinates"][0] == pytest.approx(57.29578)


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({"t_min": "yesterday"}, "not-a-number"),
        ({"s_ra": "inf"}, "not-a-number"),
        ({"t_min": "51545"}, "bad-interval"),
        ({"s_dec": "91"}, "bad-position"),
        ({"s_ra": None}, "no-place"),
        ({"s_region": "BLOB 1 2 3"}, "bad-region"),
        ({"access_url": "https://h.org/x?X-Amz-Signature=1"}, "signed-asset"),
        ({"access_url": "https://u:p@h.org/x"}, "secret-in-link"),
    ],
)
def test_what_is_wrong_with_a_row_is_an_issue_and_costs_only_itself(cells: dict[str, str | None], code: str) -> None:
    found = record(None, None, **cells)
    assert code in codes(found)
    assert found.title
    assert "u:p" not in found.to_json().decode()


def test_a_region_is_read_before_the_position() -> None:
    found = record(s_region="POLYGON ICRS 10 -20 11 -20 11 -19")
    assert found.extent.geometry is not None
    assert found.extent.geometry["type"] == "Polygon"


def test_a_datalink_is_no_data() -> None:
    found = record(access_format="application/x-votable+xml; content=datalink", preview="https://example.org/p.png")
    assert [(each.key, each.roles) for each in found.assets] == [("data", ("datalink",)), ("preview", ("thumbnail",))]


@pytest.mark.parametrize(
    ("rights", "access"), [("public", "open"), ("secure", "registered"), ("proprietary", "restricted"), (None, "open")]
)
def test_rights_are_our_words(rights: str | None, access: str) -> None:
    assert record(data_rights=rights).access == access


def test_what_has_no_field_of_its_own_is_kept() -> None:
    found = record(o_ucd="phot.flux")
    assert found.properties["o_ucd"] == "phot.flux"
    assert found.properties["collection"] == "HST"


def test_a_collection_is_a_dataset() -> None:
    found = obscore.to_dataset("HST", "ivoa.ObsCore", DEFAULTS)
    assert (found.id, found.kind, found.title) == (record_id("s", obscore.COLLECTIONS, "HST"), "dataset", "HST")
    assert found.missions == ("astronomy/hubble",)
