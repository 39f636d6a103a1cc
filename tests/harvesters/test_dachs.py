"""What is promised of harvesting TAP, held to a DaCHS that gives at most 5,000 rows at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from discovery.model.source import COMPLETE, Report, Source
from discovery.store.store import Store

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.timeout(300)]

Harvest = Callable[..., Report]
ROWS = 50_000
DIFFERENT = "SELECT DISTINCT obs_publisher_did, access_url, obs_id FROM"


def here(store: Store) -> set[tuple[str, str]]:
    """Return identifier and obs_id of every row in the store."""
    rows = (orjson.loads(raw.body) for _, _, raw in store.catalogue.raws() if raw.container != "obs_collection")
    return {(row.get("obs_publisher_did", ""), row["obs_id"]) for row in rows}


def there(dachs: Any, table: str = "ivoa.obscore") -> set[tuple[str, str]]:
    """Return the same of every row on the server, as its database has it."""
    return {(did, obs_id) for did, _, obs_id in dachs.sql(f"{DIFFERENT} {table}")}


def test_every_row_comes_although_an_answer_holds_a_tenth(dachs: Any, store: Store, harvest: Harvest) -> None:
    report = harvest(Source("s", "tap", dachs.url))
    # Eight collections are datasets beside the rows.
    assert (report.status, report.counts.seen, report.counts.quarantined) == (COMPLETE, ROWS + 8, 0)
    assert here(store) == there(dachs)
    assert len(here(store)) == ROWS
