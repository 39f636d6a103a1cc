"""A filter means a term by any of its names."""

from __future__ import annotations

import pytest

from discovery.model.record import Record
from discovery.query import fields
from discovery.query.naming import FIELDS, named
from discovery.query.query import And, Comparison, Filter, In, IsNull, Not, Or


@pytest.mark.parametrize(
    ("node", "meant"),
    [
        (Comparison("=", "instrument", "msi"), In("instrument", ("msi", "MSI"))),
        (Comparison("=", "mission", "HST"), In("mission", ("HST", "astronomy/hubble"))),
        (Comparison("=", "platform", "S2A"), In("platform", ("S2A", "Sentinel-2A"))),
        (In("theme", ("ocean", "land")), In("theme", ("ocean", "land", "oceans"))),
        (
            Not(And((Comparison("=", "instrument", "ACS/WFC"), IsNull("mission")))),
            Not(And((In("instrument", ("ACS/WFC", "ACS")), IsNull("mission")))),
        ),
        (Or((Comparison("=", "instrument", "nobody's"),)), Or((Comparison("=", "instrument", "nobody's"),))),
        (Comparison("=", "instrument", "MSI"), Comparison("=", "instrument", "MSI")),
        (Comparison("=", "title", "msi"), Comparison("=", "title", "msi")),
        (Comparison("<", "instrument", "msi"), Comparison("<", "instrument", "msi")),
    ],
)
def test_the_term_stands_beside_its_name(node: Filter, meant: Filter) -> None:
    assert named(node) == meant


def test_every_field_is_one_of_the_table() -> None:
    assert FIELDS.keys() <= fields.FIELDS.keys()


def test_a_platform_has_one_name_in_the_index_and_the_sources_in_the_record() -> None:
    record = Record(
        "s", "c", "1", "observation", "T", properties={"platform": ("sentinel-2a", "S2A", "HST", "my balloon")}
    )
    found = list(fields.FIELDS["platform"].values(record))
    assert found == ["Sentinel-2A", "Hubble Space Telescope", "my balloon"]
    assert record.properties["platform"] == ("sentinel-2a", "S2A", "HST", "my balloon")
