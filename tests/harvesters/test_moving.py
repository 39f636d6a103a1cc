"""A source that changes while it is read, by pages that are counted from its beginning, as many services have them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest

from discovery.http import Client
from discovery.model.source import Mapped, RawRecord, Report, Source
from discovery.store.store import Store
from harvesters import registry
from harvesters.base import Position, Probe, RawPage
from harvesters.run import harvest

pytestmark = [pytest.mark.stores, pytest.mark.slow]

Make = Callable[..., dict[str, Any]]
SIZE = 10


class Moving:
    """Pages of a list that `move` changes before each page is read."""

    bytes_read = 0

    def __init__(self, source: Source, client: Client, items: list[dict[str, Any]]) -> None:
        self.inner = registry.harvester(source, client)
        self.items = items
        self.move: Callable[[], None] = lambda: None

    def probe(self) -> Probe:
        return Probe()

    def pages(self, position: Position | None) -> Iterator[RawPage]:
        start = int((position or {}).get("n", 0))
        while True:
            page = [RawRecord("c", each["id"], orjson.dumps(each)) for each in self.items[start : start + SIZE]]
            start += SIZE
            more = start < len(self.items)
            yield RawPage(tuple(page), {"n": start} if more else None, len(self.items))
            if not more:
                return
            self.move()

    def ids(self) -> Iterator[tuple[str, str]]:
        return iter([("c", each["id"]) for each in self.items])

    def parse(self, raw: RawRecord) -> Any:
        return self.inner.parse(raw)

    def map(self, raw: RawRecord, document: Any) -> Mapped:
        return self.inner.map(raw, document)


def live(store: Store) -> list[str]:
    return sorted(row["source_id"] for row in store.catalogue.export())


@pytest.mark.parametrize("way", ["inserted", "deleted", "reordered", "all of it"])
def test_what_is_there_before_and_after_is_never_lost_and_nothing_is_there_twice(
    way: str, store: Store, client: Client, make_item: Make
) -> None:
    chance, source = random.Random(3), Source("s", "stac-items", "file:nothing.ndjson")
    items = [make_item(f"i{n}") for n in range(120)]
    moving, number = Moving(source, client, items), 1000

    def move() -> None:
        nonlocal number
        number += 1
        if way in ("inserted", "all of it"):
            items.insert(chance.randrange(len(items)), make_item(f"i{number}"))
        # As few as may go without anybody asking.
        if way in ("deleted", "all of it") and number % 4 == 0:
            del items[chance.randrange(len(items))]
        if way in ("reordered", "all of it"):
            chance.shuffle(items)

    def walk() -> Report:
        return harvest(store, source, client=client, worker=moving)

    walk()
    moving.move = move
    for _ in range(6):
        before = {each["id"] for each in items} & set(live(store))
        walk()
        both = before & {each["id"] for each in items}
        assert both <= set(live(store))
        assert len(live(store)) == len(set(live(store)))
    moving.move = lambda: None
    # Once it rests, two walks are enough for what has gone to be gone.
    for _ in range(2):
        report = walk()
    assert report.message == ""
    assert live(store) == sorted(each["id"] for each in items)
