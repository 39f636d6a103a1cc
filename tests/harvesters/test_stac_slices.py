from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from discovery.model.instant import instant, iso
from discovery.model.source import COMPLETE, HELD, PARTIAL, Report, Source
from discovery.store.store import Store
from harvesters.stac_slices import MOST, REST, Slice, divide

Harvest = Callable[..., Report]
Item = dict[str, Any]
Make = Callable[..., Item]
NOW = instant("2026-11-21T00:00:00Z")
DAY = 86_400_000


def span(item: Item, by_interval: bool) -> tuple[int, int] | None:
    """Return what a service takes for the time of an Item: services differ in whether an interval comes first."""
    given = item["properties"]
    at = given.get("datetime")
    ends = given.get("start_datetime"), given.get("end_datetime")
    if all(ends) and (by_interval or not at):
        return instant(ends[0]), instant(ends[1])
    return (instant(at), instant(at)) if at else None


def found(items: list[Item], stretch: str, by_interval: bool = True) -> list[Item]:
    """Return what a service finds within a stretch of time, both of whose ends belong to it."""
    if not stretch:
        return items
    start, _, end = stretch.partition("/")
    out = []
    for item in items:
        when = span(item, by_interval)
        if (
            when is not None
            and (start == ".." or instant(start) <= when[1])
            and (end == ".." or when[0] <= instant(end))
        ):
            out.append(item)
    return out


def times(r: random.Random) -> dict[str, Any]:
    """Return the times of some Item: near together or far apart, long or short, none at all."""
    base = instant("2020-01-01T00:00:00Z")
    start = base + (r.randrange(DAY) if r.random() < 0.6 else r.randrange(-80 * 365 * DAY, 6 * 365 * DAY))
    start -= start % 3_600_000 if r.random() < 0.5 else 0
    kind = r.random()
    if kind < 0.6:
        return {"datetime": iso(start)}
    end = start + r.choice((1000, DAY, 900 * DAY))
    if kind < 0.8:
        return {"datetime": None, "start_datetime": iso(start), "end_datetime": iso(end)}
    if kind < 0.95:
        # The nominal time may lie anywhere, even outside.
        return {
            "datetime": iso(start + r.randrange(-DAY, 900 * DAY)),
            "start_datetime": iso(start),
            "end_datetime": iso(end),
        }
    return {"datetime": None}


@pytest.fixture
def many(make_item: Make) -> list[Item]:
    """Return four hundred Items of all times."""
    return [make_item(f"i{n}", properties=times(random.Random(f"item {n}"))) for n in range(400)]


@pytest.mark.parametrize("by_interval", [True, False], ids=["by interval", "by datetime"])
def test_slices_follow_each_other_without_a_gap(many: list[Item], by_interval: bool) -> None:
    *names, rest = divide(lambda stretch: len(found(many, stretch, by_interval)), 50, NOW)
    assert rest == REST
    slices = [Slice.of(name) for name in names]
    assert [each.name for each in slices] == names
    assert (slices[0].start, slices[-1].end) == (None, None)
    assert all(one.end == two.start for one, two in pairwise(slices))
    assert 5 < len(slices) < 60


@pytest.mark.slow
def test_a_crowded_day_is_cut_finer_than_empty_years(make_item: Make) -> None:
    crowd = [
        make_item(f"i{n}", properties={"datetime": iso(instant("2020-05-05T00:00:00Z") + n * 60_000)})
        for n in range(1000)
    ]
    names = divide(lambda stretch: len(found(crowd, stretch)), 100, NOW)
    assert REST not in names
    assert 10 <= len(names) <= 32
    assert max(len(found(crowd, name)) for name in names) <= 101


@pytest.mark.parametrize(
    "count",
    [
        lambda stretch: None,
        lambda stretch: 99,
        lambda stretch: 5000,
        lambda stretch: None if stretch else 5000,
        lambda stretch: 5000 if not stretch or ".." not in stretch else None,
    ],
    ids=["no counts", "few", "takes no notice of time", "counts only all", "knows no open ends"],
)
def test_what_cannot_be_cut_is_walked_whole(count: Callable[[str], int | None]) -> None:
    assert divide(count, 100, NOW) == []


def test_items_that_are_always_in_both_halves_are_not_cut_for_ever(make_item: Make) -> None:
    long = {"datetime": None, "start_datetime": "1990-01-01T00:00:00Z", "end_datetime": "2020-01-01T00:00:00Z"}
    everything = [make_item(f"i{n}", properties=long) for n in range(300)]
    asked: list[str] = []

    def count(stretch: str) -> int:
        asked.append(stretch)
        return len(found(everything, stretch))

    divide(count, 10, NOW)
    assert len(asked) < 200


def test_a_service_that_finds_too_much_everywhere_makes_no_more_slices_than_allowed() -> None:
    r = random.Random(4)
    assert len(divide(lambda stretch: r.randrange(5000, 10**6), 100, NOW)) <= MOST + 2


class Service:
    """A STAC API with one collection, whose search knows time; a test may make it lie."""

    def __init__(self, items: list[Item], by_interval: bool) -> None:
        self.items = items
        self.by_interval = by_interval
        self.hidden: set[str] = set()

    def answer(self, path: str, headers: Mapping[str, str]) -> tuple[int, bytes, Mapping[str, str]]:
        url = urlsplit(path)
        asked = {name: each[0] for name, each in parse_qs(url.query).items()}
        if url.path == "/":
            links = [{"rel": "data", "href": "/collections"}, {"rel": "search", "href": "/search"}]
            return self._json({"type": "Catalog", "stac_version": "1.0.0", "links": links})
        if url.path == "/collections":
            return self._json({"collections": [{"type": "Collection", "id": "c", "links": []}], "links": []})
        hits = found(self.items, asked.get("datetime", ""), self.by_interval)
        start, size = int(asked.get("token", 0)), int(asked["limit"])
        page = [each for each in hits[start : start + size] if each["id"] not in self.hidden]
        onward = f"{path.partition('&token')[0]}&token={start + size}"
        links = [{"rel": "next", "href": onward}] if start + size < len(hits) else []
        return self._json({"type": "FeatureCollection", "features": page, "links": links, "numberMatched": len(hits)})

    def _json(self, value: Any) -> tuple[int, bytes, Mapping[str, str]]:
        return 200, orjson.dumps(value), {"Content-Type": "application/json"}


@pytest.fixture(params=[True, False], ids=["by interval", "by datetime"])
def service(request: pytest.FixtureRequest, many: list[Item]) -> Service:
    return Service(many, request.param)


@pytest.fixture
def source(service: Service, served: Callable[..., str]) -> Source:
    settings = {"walk": "search", "slice": "60", "page": "30", "parallel": "2"}
    return Source("s", "stac-api", served(service.answer), settings=settings)


def ids(store: Store) -> set[str]:
    return {row["source_id"] for row in store.catalogue.export()}


@pytest.mark.slow
def test_slices_bring_everything_once(service: Service, source: Source, store: Store, harvest: Harvest) -> None:
    report = harvest(source)
    assert (report.status, report.message) == (COMPLETE, "")
    assert ids(store) == {each["id"] for each in service.items} | {"c"}
    # One of a nominal time outside its interval may come several times.
    assert 401 <= report.counts.seen <= 401 + 40 * sum(map(odd, service.items))


def odd(item: Item) -> bool:
    given = item["properties"]
    ends = given.get("start_datetime"), given.get("end_datetime")
    return bool(all(ends) and given["datetime"] and not ends[0] <= given["datetime"] <= ends[1])


@pytest.mark.slow
def test_slices_go_on_where_they_stood(service: Service, source: Source, store: Store, harvest: Harvest) -> None:
    while (report := harvest(source, limit=70)).status != COMPLETE:
        assert report.status == PARTIAL, report.message
    assert ids(store) == {each["id"] for each in service.items} | {"c"}


@pytest.mark.slow
def test_a_slice_that_gives_less_than_it_says_deletes_nothing(
    service: Service, source: Source, store: Store, harvest: Harvest
) -> None:
    service.items = [each for each in service.items if not odd(each)]
    harvest(source)
    name = service.items[7]["id"]
    service.hidden = {name}
    report = harvest(source)
    assert report.status == HELD
    assert "says that it has" in report.message
    assert name in ids(store)
