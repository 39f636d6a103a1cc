"""Nearly every record of the demo can be opened or says why not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from discovery import wiring
from discovery.config import Settings
from discovery.demo.load import load
from discovery.launch.locating import REASONS
from discovery.portal import Portal

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    settings = Settings(tmp_path_factory.mktemp("located"))
    portal = wiring.open_portal(settings)
    load(portal, settings, quiet=True)
    yield portal
    portal.close()


def test_at_least_95_percent_of_the_records_have_a_place_or_a_reason(portal: Portal) -> None:
    told = portal.locations.report().to_dict()
    assert told["records"] == sum(1 for _ in portal.export())
    assert told["share"] == pytest.approx((told["located"] + told["explained"]) / told["records"], abs=1e-6)
    assert told["share"] >= 0.95
    assert told["located"] / told["records"] > 0.7
    for each in told["by_source"].values():
        assert each["share"] >= 0.95
        assert set(each["reasons"]) <= set(REASONS)
        assert sum(each["reasons"].values()) == each["explained"]


def test_a_page_alone_is_said_of_no_record_that_names_a_file(portal: Portal) -> None:
    """Hold the reason to the records themselves: none of those has an asset that a browser could fetch."""
    counted = 0
    for page in portal.store.catalogue.walk():
        for record in page:
            found = portal.locations.of(record)
            if found.reason and found.reason.code in ("page-only", "no-assets"):
                counted += 1
                assert record.assets == ()
    assert counted > 100
