from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from discovery.errors import ConfigError
from discovery.http import Client
from discovery.model.source import COMPLETE, HELD, PARTIAL, RawRecord, Report, Source
from discovery.store.store import Store
from harvesters import tap_walk
from harvesters.base import Position, SupportsPartitions
from harvesters.registry import harvester
from harvesters.tap_walk import STRATEGIES

pytestmark = pytest.mark.slow

Harvest = Callable[..., Report]
Row = dict[str, Any]


def odd_rows() -> list[Row]:
    """Return rows with everything that makes cutting a table hard."""
    rows = [
        {"obs_publisher_did": f"d{n:02}", "obs_collection": f"c'{n % 3}", "t_min": 50000.0 + n * 97.5}
        for n in range(30)
    ]
    # More rows of one instant than an answer holds, and rows without a time or a collection.
    rows += [{"obs_publisher_did": f"i{n:02}", "obs_collection": "one", "t_min": 60000.5} for n in range(12)]
    rows += [{"obs_publisher_did": f"n{n}", "obs_collection": None, "t_min": None} for n in range(7)]
    # Rows of one identifier in different windows, in different collections, twice the same, and without one.
    rows += [{"obs_publisher_did": "two", "obs_collection": "one", "t_min": t} for t in (50001.0, 59000.0, None)]
    rows += [{"obs_publisher_did": "due", "obs_collection": c, "t_min": 52000.0} for c in ("one", "c'1", None)]
    rows += [{"obs_publisher_did": None, "obs_collection": "one", "t_min": 51000.0 + n} for n in range(2)]
    for n, row in enumerate(rows):
        row |= {"access_url": f"https://example.org/{n}", "obs_id": f"o{n}", "lastmodified": "2026-01-01T00:00:00"}
    return [*rows, dict(rows[3])]


def source(url: str, **settings: str) -> Source:
    return Source("s", "tap", url, settings=settings)


def walked(client: Client, url: str, **settings: str) -> list[RawRecord]:
    return [raw for page in harvester(source(url, **settings), client).pages(None) for raw in page.raws]


def names(raws: list[RawRecord]) -> dict[tuple[str, str], bytes]:
    return {(raw.container, raw.source_id): raw.body for raw in raws}


@pytest.mark.parametrize("limit", [3, 5, 1000])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_gives_the_same_rows_under_the_same_names(
    strategy: str, limit: int, tap_server: Callable[..., Any], client: Client
) -> None:
    tap = tap_server(odd_rows(), limit=limit)
    tap.advertised = limit
    found = walked(client, tap.url, strategy=strategy)
    assert names(found) == names(walked(client, tap_server(odd_rows(), limit=1000).url, strategy="keyset"))
    assert len(names(found)) == len(found) == 57 + 4
    kinds = {"keyset": "ORDER BY obs_publisher_did", "window": "t_min IS NULL", "collection": "obs_collection = 'c''1'"}
    assert any(kinds[strategy] in each for each in tap.asked)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_walk_may_be_resumed_at_every_page_of_every_strategy(
    strategy: str, tap_server: Callable[..., Any], client: Client
) -> None:
    tap = tap_server(odd_rows(), limit=5)
    tap.advertised = 5
    straight = walked(client, tap.url, strategy=strategy)
    pieces: list[RawRecord] = []
    position: Position | None = None
    pages = 0
    while pages < 100:
        page = next(harvester(source(tap.url, strategy=strategy), client).pages(position))
        pieces += page.raws
        pages += 1
        if page.position is None:
            break
        position = orjson.loads(orjson.dumps(dict(page.position)))
    assert names(pieces) == names(straight)
    assert pages < 100


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_walk_that_ends_between_two_portions_of_an_answer_goes_on(
    strategy: str, tap_server: Callable[..., Any], harvest: Harvest, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tap_walk, "_CHUNK", 4)
    given = source(tap_server(odd_rows(), limit=1000).url, strategy=strategy)
    for limit in (4, 4, 8, 12, 20, 4):
        assert harvest(given, limit=limit).status == PARTIAL
    report = harvest(given)
    assert (report.status, report.message) == (COMPLETE, "")
    assert len(list(store.catalogue.export())) == 57 + 4


@pytest.mark.parametrize("limit", [3, 4, 7])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_limit_smaller_than_an_answer_gets_to_the_end(
    strategy: str,
    limit: int,
    tap_server: Callable[..., Any],
    harvest: Harvest,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tap_walk, "_CHUNK", 4)
    given = source(tap_server(odd_rows(), limit=1000).url, strategy=strategy)
    runs = 1
    while (report := harvest(given, limit=limit)).status == PARTIAL:
        runs += 1
        assert runs < 60, "it has stopped getting on"
    assert (report.status, report.message) == (COMPLETE, "")
    assert len(list(store.catalogue.export())) == 57 + 4


@pytest.mark.parametrize("parts", [2, 3, 50])
def test_parts_hold_every_row_once_and_each_may_be_resumed_at_every_page(
    parts: int, tap_server: Callable[..., Any], client: Client
) -> None:
    tap = tap_server(odd_rows(), limit=5)
    tap.advertised = 5
    given = source(tap.url, parts=str(parts))
    worker = harvester(given, client)
    assert isinstance(worker, SupportsPartitions)
    found: list[RawRecord] = []
    partitions = worker.partitions()
    assert len(partitions) >= min(parts, 3) + 1
    for name in partitions:
        position: Position | None = None
        for _ in range(100):
            again = harvester(given, client)
            assert isinstance(again, SupportsPartitions)
            page = next(again.partition(name, position))
            found += page.raws
            if page.position is None:
                break
            position = orjson.loads(orjson.dumps(dict(page.position)))
        else:
            pytest.fail(f"part {name} has no end")
    observed = [raw for raw in found if raw.container == "ivoa.ObsCore"]
    assert len(observed) == len(names(observed))
    assert names(found) == names(walked(client, tap.url, strategy="keyset"))


def test_a_table_that_is_walked_in_parts_ends_complete(
    tap_server: Callable[..., Any], store: Store, harvest: Harvest
) -> None:
    tap = tap_server(odd_rows(), limit=5)
    tap.advertised = 5
    given = source(tap.url, parts="3", modified="none")
    assert harvest(given).status == COMPLETE
    assert len(list(store.catalogue.export())) == 57 + 4
    assert (harvest(given).status, harvest(given).counts.deleted) == (COMPLETE, 0)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_ends_complete_and_what_is_gone_is_deleted(
    strategy: str, tap_server: Callable[..., Any], store: Store, harvest: Harvest
) -> None:
    tap = tap_server(odd_rows(), limit=5)
    tap.advertised = 5
    given = source(tap.url, strategy=strategy, modified="none")
    assert harvest(given).status == COMPLETE
    tap.put(odd_rows()[2:])
    harvest(given)
    report = harvest(given)
    assert (report.status, report.counts.deleted) == (COMPLETE, 2)
    assert "d00" not in {row["source_id"] for row in store.catalogue.export()}


def test_the_strategy_follows_what_is_indexed(tap_server: Callable[..., Any], client: Client) -> None:
    tap = tap_server(odd_rows(), limit=100)
    tap.indexed = {"t_min"}
    walked(client, tap.url, page="10")
    assert any("t_min <" in each for each in tap.asked)
    tap.asked.clear()
    tap.indexed = {"t_min", "obs_publisher_did"}
    walked(client, tap.url)
    assert not any("t_min" in each for each in tap.asked)


def test_what_a_service_refuses_at_the_beginning_is_tried_another_way(
    tap_server: Callable[..., Any], client: Client
) -> None:
    tap = tap_server(odd_rows(), limit=5)
    tap.advertised = 5
    refused = b'<VOTABLE><RESOURCE><INFO name="QUERY_STATUS" value="ERROR">no sorting</INFO></RESOURCE></VOTABLE>'
    tap.wrong = lambda query, most: (200, {}, refused) if "WHERE obs_publisher_did IS NOT NULL ORDER" in query else None
    # By identifier it cannot be begun; along t_min what is of one instant is sorted by identifier, too.
    assert names(walked(client, tap.url, mode="sync")).keys() >= {("ivoa.ObsCore", "d00")}
    assert any("t_min <" in each for each in tap.asked)


def test_a_service_without_overviews_is_walked_by_identifier(tap_server: Callable[..., Any], client: Client) -> None:
    tap = tap_server(odd_rows(), limit=5)
    tap.indexed = {"t_min"}
    refused = b'<VOTABLE><RESOURCE><INFO name="QUERY_STATUS" value="ERROR">no grouping</INFO></RESOURCE></VOTABLE>'
    tap.wrong = lambda query, most: (200, {}, refused) if "GROUP BY" in query else None
    assert len(walked(client, tap.url, mode="sync")) == 57 + 4


def test_a_window_that_is_cut_without_a_word_is_halved(tap_server: Callable[..., Any], client: Client) -> None:
    tap = tap_server([row for row in odd_rows() if row["t_min"] != 60000.5], limit=1000)

    def cuts(query: str, most: int) -> tuple[int, dict[str, str], bytes] | None:
        whole = "SELECT *" in query and "t_min" in query
        return (200, {}, tap.answer(query, 4).replace(b"OVERFLOW", b"OK")) if whole else None

    tap.wrong = cuts
    found = walked(client, tap.url, strategy="window", page="8")
    assert names(found) == names(walked(client, tap.url, strategy="keyset"))


def test_a_service_that_gives_more_and_more_rows_does_not_keep_us(
    tap_server: Callable[..., Any], harvest: Harvest
) -> None:
    tap = tap_server([{"obs_publisher_did": "a", "access_url": "u"}], limit=5000)
    count = 0

    def invents(query: str, most: int) -> tuple[int, dict[str, str], bytes] | None:
        nonlocal count
        if "ORDER BY" not in query:
            return None
        count += 1
        rows = [{"obs_publisher_did": f"x{count:06}-{n:05}", "access_url": "u"} for n in range(3000)]
        tap.put(rows)
        body = tap.answer("SELECT * FROM ivoa.ObsCore", 2999)
        return 200, {}, body

    tap.wrong = invents
    report = harvest(source(tap.url), limit=400_000, dry_run=True)
    assert report.status == PARTIAL
    assert "gives many more" in report.message


def test_only_what_has_changed_is_asked_for_after_a_whole_walk(
    tap_server: Callable[..., Any], store: Store, harvest: Harvest
) -> None:
    rows = odd_rows()
    tap = tap_server(rows, limit=1000)
    given = source(tap.url)
    assert (harvest(given).mode, tap.asked.clear()) == ("full", None)
    # A row changes whose identifier others have as well, and one comes: what it is called depends on the others.
    changed = next(row for row in rows if row["obs_publisher_did"] == "two" and row["t_min"] == 59000.0)
    changed |= {"lastmodified": "2999-01-01T00:00:00", "obs_collection": "new"}
    rows.append({**changed, "obs_publisher_did": "zz", "access_url": "https://example.org/zz"})
    tap.put(rows)
    report = harvest(given)
    assert (report.mode, report.status, report.counts.deleted) == ("changes", COMPLETE, 0)
    # The three rows of `two`, the new one, and two collections, of which one is new.
    assert (report.counts.seen, report.counts.added, report.counts.updated) == (6, 2, 1)
    assert any("lastmodified >= '20" in each for each in tap.asked)
    stored = {row["source_id"] for row in store.catalogue.export() if row["kind"] == "observation"}
    assert {"zz", "two"} <= stored


def test_without_a_column_of_changes_every_walk_is_a_full_one(tap_server: Callable[..., Any], harvest: Harvest) -> None:
    tap = tap_server(odd_rows(), limit=1000)
    given = source(tap.url, modified="none")
    assert [harvest(given).mode for _ in range(2)] == ["full", "full"]


def test_rows_without_an_identifier_come_whole_although_an_answer_holds_few(
    tap_server: Callable[..., Any], store: Store, harvest: Harvest
) -> None:
    times = [None, 5.0, *(50000.0 + n for n in range(23))]
    rows = [{"obs_publisher_did": None, "access_url": f"u{n}", "t_min": time} for n, time in enumerate(times)]
    tap = tap_server(rows, limit=4)
    report = harvest(source(tap.url))
    assert (report.status, report.counts.quarantined) == (COMPLETE, 0)
    assert len(list(store.catalogue.export())) == 25
    # Those of one instant cannot be told apart by any condition: some are missing, and it is said.
    tap.put([row | {"t_min": 7.0} for row in rows])
    report = harvest(source(tap.url), full=True)
    assert report.counts.quarantined == 1
    assert report.status == HELD


def test_a_source_that_loses_many_rows_is_held(tap_server: Callable[..., Any], harvest: Harvest) -> None:
    rows = [{"obs_publisher_did": f"d{n:03}", "access_url": "u"} for n in range(60)]
    tap = tap_server(rows, limit=1000)
    given = source(tap.url, strategy="window", modified="none")
    assert harvest(given).status == COMPLETE
    tap.put(rows[:30])
    assert harvest(given).status == HELD


@pytest.mark.parametrize("modified", ["a b", "x;--", "a'b"])
def test_a_column_that_is_no_name_is_a_wrong_setting(modified: str, client: Client) -> None:
    with pytest.raises(ConfigError, match="setting modified"):
        harvester(source("http://127.0.0.1/tap", modified=modified), client)
