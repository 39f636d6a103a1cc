"""Which walk comes next, and what a walk over changes does to the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from discovery.http import Client
from discovery.model.instant import iso
from discovery.model.source import CHANGES, COMPLETE, FULL, HELD, IDS, PARTIAL, UNSURE, Report, Source, Walked
from discovery.store.ingest import now
from discovery.store.store import Store
from harvesters import registry
from harvesters.base import Position, RawPage, SourceContext
from harvesters.stac_items import StacItems
from harvesters.walk import OVERLAP, Walk, digest, plan

pytestmark = pytest.mark.stores

DAY = 24 * 3_600_000
Make = Callable[..., dict[str, Any]]
Go = Callable[..., Report]


class Changing(StacItems):
    """A file of items that can also be asked for those that are new: by `updated`, as a service would."""

    cheap_ids = True
    can_tell = True
    page = 3

    def __init__(self, context: SourceContext) -> None:
        super().__init__(context)
        self.asked: list[int] = []
        self.walks = 0
        self.clock: int | None = None
        self.says: int | None = None
        self.breaks_after: int | None = None

    def pages(self, position: Position | None) -> Iterator[RawPage]:
        self.walks += 1
        for page in super().pages(position):
            yield replace(page, clock=self.clock)

    def changes(self, since: int, position: Position | None) -> Iterator[RawPage] | None:
        self.asked.append(since)
        return self._changed(since, int((position or {}).get("n", 0))) if self.can_tell else None

    def _changed(self, since: int, begin: int) -> Iterator[RawPage]:
        raws = [raw for page in super().pages(None) for raw in page.raws]
        new = [raw for raw in raws if orjson.loads(raw.body).get("properties", {}).get("updated", "") >= iso(since)]
        for n in range(begin, max(len(new), 1), self.page):
            if self.breaks_after is not None and n >= self.breaks_after:
                raise OSError("the line was cut")
            end = n + self.page
            yield RawPage(tuple(new[n:end]), {"n": end} if end < len(new) else None, self.says, clock=self.clock)

    def ids(self) -> Iterator[tuple[str, str]]:
        for page in super().pages(None):
            for raw in page.raws:
                yield raw.container, raw.source_id


class NoIds(Changing):
    cheap_ids = False


@pytest.fixture
def go(store: Store, client: Client, tmp_path: Path) -> Go:
    """Return a function that walks a source once by a harvester that knows changes, which it keeps as `go.worker`."""

    def walk(
        source: Source, *, kind: type[Changing] = Changing, asked: Any = lambda worker: None, **more: Any
    ) -> Report:
        from harvesters.run import harvest

        settings = registry.read_settings(registry.find(source.kind), source.settings)
        worker = kind(SourceContext(source, client, tmp_path, settings))
        asked(worker)
        walk.worker = worker  # type: ignore[attr-defined]
        return harvest(store, source, client=client, folder=tmp_path, worker=worker, **more)

    return walk


@pytest.fixture
def aged(store: Store) -> Callable[[int], None]:
    """Return a function that makes every finished walk so many milliseconds older."""
    from sqlalchemy import update

    from discovery.store.schema import runs

    def age(by: int) -> None:
        with store.database.write() as connection:
            connection.execute(update(runs).values(began=runs.c.began - by))

    return age


def items(make_item: Make, count: int, **updated: int) -> list[dict[str, Any]]:
    """Return items of long ago, but for those that are named with the instant of their change."""
    old = 1_000_000_000_000
    return [
        make_item(
            f"i{n}", properties={"title": f"t{updated.get(f'i{n}', 0)}", "updated": iso(updated.get(f"i{n}", old))}
        )
        for n in range(count)
    ]


def live(store: Store) -> dict[str, str]:
    return {row["source_id"]: row["title"] for row in store.catalogue.export()}


def test_the_second_walk_asks_only_for_what_has_changed(
    store: Store, go: Go, lines: Callable[..., Source], make_item: Make
) -> None:
    first = go(lines(*items(make_item, 30)))
    began = store.ledger.walked("s")
    assert began is not None
    assert (first.mode, began.mode, began.began) == (FULL, FULL, store.ledger.run(first.run).started)
    second = go(lines(*items(make_item, 31, i3=now(), i30=now())))
    worker = go.worker  # type: ignore[attr-defined]
    assert (second.mode, second.status, worker.walks) == (CHANGES, COMPLETE, 0)
    assert worker.asked == [began.began - OVERLAP]
    counts = second.counts
    assert (counts.seen, counts.added, counts.updated, len(live(store))) == (2, 1, 1, 31)


def test_a_source_that_was_removed_and_comes_back_is_read_whole(
    store: Store, go: Go, lines: Callable[..., Source], make_item: Make, aged: Callable[[int], None]
) -> None:
    source = lines(*items(make_item, 10))
    go(source)
    aged(DAY)
    store.ingest.remove("s")
    back = go(source)
    assert (back.mode, back.counts.updated, len(live(store))) == (FULL, 10, 10)


def test_what_changed_during_the_overlap_comes_again_and_changes_nothing(
    store: Store, go: Go, lines: Callable[..., Source], make_item: Make
) -> None:
    source = lines(*items(make_item, 5, i1=now(), i2=now()))
    go(source)
    again = go(source)
    assert (again.mode, again.counts.seen, again.counts.unchanged) == (CHANGES, 2, 2)


def test_a_walk_over_changes_never_deletes(store: Store, go: Go, lines: Callable[..., Source], make_item: Make) -> None:
    everything = items(make_item, 30)
    go(lines(*everything))
    for _ in range(4):
        report = go(lines(*everything[:20]))
        assert (report.mode, report.counts.deleted) == (CHANGES, 0)
    assert len(live(store)) == 30


@pytest.mark.parametrize("reason", ["asked", "approved", "due", "other settings", "clock set back", "cannot tell"])
def test_everything_is_walked_where_changes_are_not_enough(
    reason: str, store: Store, go: Go, lines: Callable[..., Source], make_item: Make, aged: Callable[[int], None]
) -> None:
    source = lines(*items(make_item, 4))
    go(source, kind=NoIds)
    assert go(source, kind=NoIds).mode == CHANGES
    if reason == "due":
        aged(7 * DAY)
    if reason == "clock set back":
        aged(-DAY)
    if reason == "other settings":
        source = replace(source, settings={**source.settings, "provider": "P"})
    report = go(
        source,
        kind=NoIds,
        full=reason == "asked",
        approve=reason == "approved",
        asked=lambda worker: setattr(worker, "can_tell", reason != "cannot tell"),
    )
    assert (report.mode, report.counts.seen) == (FULL, 4)


def test_how_often_is_a_setting_that_needs_no_new_walk(
    store: Store, go: Go, lines: Callable[..., Source], make_item: Make, aged: Callable[[int], None]
) -> None:
    source = lines(*items(make_item, 4))
    go(source, kind=NoIds)
    aged(2 * DAY)
    often, seldom = (replace(source, settings={**source.settings, "full_every": days}) for days in ("2", "30"))
    assert go(seldom, kind=NoIds).mode == CHANGES
    assert go(often, kind=NoIds).mode == FULL


def test_the_clock_of_the_source_counts_where_it_is_behind(
    store: Store, go: Go, lines: Callable[..., Source], make_item: Make
) -> None:
    source, behind = lines(*items(make_item, 4)), now() - 3 * DAY
    go(source, asked=lambda worker: setattr(worker, "clock", behind))
    go(source, asked=lambda worker: setattr(worker, "clock", now() + DAY))
    assert go.worker.asked == [behind - OVERLAP]  # type: ignore[attr-defined]
    last = store.ledger.walked("s")
    assert last is not None
    assert last.began <= now()


def test_an_interrupted_walk_over_changes_goes_on_and_the_next_begins_with_it(
    store: Store, go: Go, lines: Callable[..., Source], make_item: Make
) -> None:
    go(lines(*items(make_item, 20)))
    changed = lines(*items(make_item, 20, **{f"i{n}": now() for n in range(10)}))
    broken = go(changed, asked=lambda worker: setattr(worker, "breaks_after", 6))
    assert (broken.status, broken.mode, broken.counts.seen) == (PARTIAL, CHANGES, 6)
    rest = go(changed)
    assert (rest.status, rest.counts.seen, rest.counts.updated) == (COMPLETE, 4, 4)
    last = store.ledger.walked("s")
    assert last is not None
    assert last.began == store.ledger.run(broken.run).started


def test_a_full_walk_that_is_asked_for_does_not_go_on_with_one_over_changes(
    store: Store, go: Go, lines: Callable[..., Source], make_item: Make
) -> None:
    go(lines(*items(make_item, 20)))
    changed = lines(*items(make_item, 20, **{f"i{n}": now() for n in range(10)}))
    go(changed, asked=lambda worker: setattr(worker, "breaks_after", 6))
    report = go(changed, full=True)
    assert (report.mode, report.counts.seen, store.ingest.checkpoint("s")) == (FULL, 20, None)


def test_an_interrupted_walk_is_given_up_where_the_source_has_moved(
    store: Store, go: Go, lines: Callable[..., Source], make_item: Make, tmp_path: Path
) -> None:
    source = lines(*items(make_item, 25))
    go(source, limit=12)
    (tmp_path / "items.ndjson").rename(tmp_path / "moved.ndjson")
    report = go(replace(source, url="file:moved.ndjson"))
    assert (report.status, report.counts.seen) == (COMPLETE, 25)


def test_a_source_that_gives_fewer_changes_than_it_says_is_asked_again(
    store: Store, go: Go, lines: Callable[..., Source], make_item: Make
) -> None:
    go(lines(*items(make_item, 20)))
    before = store.ledger.walked("s")
    changed = lines(*items(make_item, 20, i1=now()))
    report = go(changed, asked=lambda worker: setattr(worker, "says", 5))
    assert (report.status, store.ledger.walked("s")) == (PARTIAL, before)
    assert "says that 5 elements have changed and gave 1" in report.message
    assert go(changed).status == COMPLETE


def test_ids_alone_say_what_is_gone(
    store: Store, go: Go, lines: Callable[..., Source], make_item: Make, aged: Callable[[int], None]
) -> None:
    everything = items(make_item, 30)
    go(lines(*everything))
    fewer = lines(*everything[3:])
    for deleted in (0, 3):
        aged(7 * DAY)
        report = go(fewer)
        assert (report.mode, report.counts.seen, report.counts.deleted) == (IDS, 0, deleted)
        assert go.worker.walks == 0  # type: ignore[attr-defined]
    assert len(live(store)) == 27
    assert go(fewer).mode == CHANGES


@pytest.mark.parametrize("left", [0, 15])
def test_ids_of_which_too_many_are_gone_hold_the_run(
    left: int, store: Store, go: Go, lines: Callable[..., Source], make_item: Make, aged: Callable[[int], None]
) -> None:
    everything = items(make_item, 60)
    go(lines(*everything))
    aged(7 * DAY)
    report = go(lines(*everything[:left]))
    assert (report.status, report.mode, len(live(store))) == (HELD, IDS, 60)
    mended = go(lines(*everything))
    assert (mended.status, mended.mode) == (COMPLETE, IDS)


def test_ids_that_no_change_has_told_of_bring_a_full_walk(
    store: Store, go: Go, lines: Callable[..., Source], make_item: Make, aged: Callable[[int], None]
) -> None:
    go(lines(*items(make_item, 30)))
    aged(7 * DAY)
    more = lines(*items(make_item, 32, i30=now()))  # i31 is new, and its date is of long ago
    report = go(more)
    assert (report.mode, report.status, report.counts.added) == (IDS, COMPLETE, 1)
    assert "1 elements are not among its changes" in report.message
    last = store.ledger.walked("s")
    assert last is not None
    assert last.mode == UNSURE
    full = go(more)
    assert (full.mode, full.counts.added, len(live(store))) == (FULL, 1, 32)
    assert go(more).mode == CHANGES


def test_a_dry_run_says_what_has_changed_and_leaves_no_trace(
    store: Store, go: Go, lines: Callable[..., Source], make_item: Make
) -> None:
    go(lines(*items(make_item, 5)))
    before = store.ledger.walked("s")
    report = go(lines(*items(make_item, 5, i1=now())), dry_run=True)
    assert (report.mode, report.counts.updated, store.ledger.walked("s")) == (CHANGES, 1, before)
    assert store.ingest.checkpoint("s") is None


def test_a_harvester_without_changes_is_walked_whole(store: Store, client: Client) -> None:
    source = Source("s", "stac-static", "file:catalog.json")
    store.ledger.end(Report("s", store.ledger.begin("s").id, COMPLETE), Walked(FULL, now(), digest(source)))
    worker = registry.harvester(source, client)
    assert plan(store.ledger, source, worker, now()).mode == FULL


def test_a_walk_comes_back_from_its_checkpoint() -> None:
    walk = Walk(CHANGES, 5, 7, "abc")
    assert Walk.from_json(orjson.loads(orjson.dumps(walk.to_json()))) == walk
    assert Walk.from_json({"at": None}) == Walk(FULL, 0, 0, "")
