"""Our harvest of a STAC server that we did not write, against what a client that we did not write gets from it."""

from __future__ import annotations

from collections.abc import Callable

import pystac_client
import pytest

from discovery.model.source import COMPLETE, PARTIAL, Report, Source
from discovery.store.store import Store
from harvesters.stac_items import COLLECTIONS

Harvest = Callable[..., Report]
pytestmark = [pytest.mark.peer, pytest.mark.timeout(300)]


@pytest.fixture(scope="session")
def there(pgstac: str) -> set[tuple[str, str]]:
    """Return collection and id of everything that pystac-client sees."""
    client = pystac_client.Client.open(pgstac)
    items = {(each["collection"], each["id"]) for each in client.search(limit=300).items_as_dicts()}
    return items | {(COLLECTIONS, each["id"]) for each in client.collection_search(limit=100).collections_as_dicts()}


def here(store: Store) -> set[tuple[str, str]]:
    return {(row["container"], row["source_id"]) for row in store.catalogue.export()}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("walk", ["items", "search"])
def test_a_harvest_has_what_another_client_sees(
    pgstac: str, there: set[tuple[str, str]], store: Store, harvest: Harvest, walk: str, method: str
) -> None:
    report = harvest(Source("s", "stac-api", pgstac, settings={"walk": walk, "method": method, "page": "150"}))
    assert (report.status, report.message, report.counts.quarantined) == (COMPLETE, "", 0)
    assert len(there) == 1012
    assert here(store) == there
    assert report.counts.seen == len(there)


@pytest.mark.parametrize("parallel", ["1", "2"])
def test_slices_of_time_are_the_same(
    pgstac: str, there: set[tuple[str, str]], store: Store, harvest: Harvest, parallel: str
) -> None:
    settings = {"walk": "search", "slice": "100", "page": "50", "parallel": parallel}
    report = harvest(Source("s", "stac-api", pgstac, settings=settings))
    assert (report.status, report.message, report.counts.quarantined) == (COMPLETE, "", 0)
    assert here(store) == there


def test_a_harvest_in_many_steps_is_the_same(
    pgstac: str, there: set[tuple[str, str]], store: Store, harvest: Harvest
) -> None:
    source = Source("s", "stac-api", pgstac, settings={"page": "100"})
    while (report := harvest(source, limit=330)).status != COMPLETE:
        assert report.status == PARTIAL, report.message
    assert here(store) == there


def test_a_second_harvest_changes_nothing(pgstac: str, store: Store, harvest: Harvest) -> None:
    source = Source("s", "stac-api", pgstac, settings={"page": "500"})
    first, second = harvest(source), harvest(source)
    assert (second.status, second.counts.unchanged) == (COMPLETE, first.counts.added)
    assert (second.counts.updated, second.counts.deleted) == (0, 0)
