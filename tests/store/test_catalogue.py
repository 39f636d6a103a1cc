"""Reading records: by every name they have, by change, and in bounded batches."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest
from sqlalchemy import event, update

from discovery.errors import GoneError, MovedError, NotFoundError
from discovery.model.record import OBSERVATIONS, RESOURCES, record_id
from discovery.model.source import Mapped, RawRecord, Splice
from discovery.store.bulk import parts
from discovery.store.schema import records
from discovery.store.store import Store

pytestmark = pytest.mark.stores

Make = Callable[..., Mapped]
NEVER_AN_ID = ["", "nosuchrecord2345", "\ud800", "a\0b", "x" * 10_000, "' OR 1=1 --"]


def merge(store: Store, id: str, into: str) -> None:
    with store.database.write() as connection:
        connection.execute(update(records).where(records.c.id == id).values(merged=into))


def test_a_record_is_found_by_its_id_and_by_its_triple(store: Store, mapped: Make) -> None:
    one = mapped("a", "A title")
    store.ingest.page("s", 1, [one])
    found = store.catalogue.get(one.record.id)
    assert found == store.catalogue.find("s", "c", "a")
    assert (found.record, found.change, found.stac_id, found.stac_space) == (one.record, 1, "a", "")


@pytest.mark.parametrize("id", NEVER_AN_ID)
def test_what_never_was_an_id_is_not_found(store: Store, id: str) -> None:
    with pytest.raises(NotFoundError, match="no record") as caught:
        store.catalogue.get(id)
    assert caught.value.status == 404
    assert len(str(caught.value)) < 300
    with pytest.raises(NotFoundError):
        store.catalogue.raw(id)


def test_a_deleted_record_is_gone_and_a_merged_one_moved(store: Store, mapped: Make) -> None:
    old, new = mapped("old"), mapped("new")
    store.ingest.page("s", 1, [old, new])
    merge(store, old.record.id, new.record.id)
    with pytest.raises(MovedError) as moved:
        store.catalogue.get(old.record.id)
    assert (moved.value.status, moved.value.id) == (301, new.record.id)
    store.ingest.remove("s")
    with pytest.raises(GoneError) as gone:
        store.catalogue.get(new.record.id)
    assert gone.value.status == 410


def test_a_merged_record_that_is_harvested_again_stays_merged_and_quiet(store: Store, mapped: Make) -> None:
    old, new = mapped("old"), mapped("new")
    store.ingest.page("s", 1, [old, new])
    merge(store, old.record.id, new.record.id)
    assert store.ingest.page("s", 2, [old, new]).unchanged == 2
    with pytest.raises(MovedError):
        store.catalogue.get(old.record.id)


def test_only_live_records_are_found_by_number_id_and_stac_id(store: Store, mapped: Make) -> None:
    live, dead = mapped("a"), mapped("b", source="t")
    store.ingest.page("s", 1, [live])
    store.ingest.page("t", 1, [dead])
    numbers = store.catalogue.keys([live.record.id, dead.record.id])
    assert set(store.catalogue.many(list(numbers.values()))) == set(numbers.values())
    store.ingest.remove("t")
    assert store.catalogue.keys([live.record.id, dead.record.id]) == {live.record.id: numbers[live.record.id]}
    assert set(store.catalogue.many(list(numbers.values()))) == {numbers[live.record.id]}
    assert store.catalogue.by_stac_id("", ["a", "b"]) == {"a": numbers[live.record.id]}


@pytest.mark.parametrize("name", NEVER_AN_ID)
def test_hostile_names_find_nothing_and_break_nothing(store: Store, mapped: Make, name: str) -> None:
    one = mapped("a", kind="observation", dataset="d")
    store.ingest.page("s", 1, [one])
    assert list(store.catalogue.keys([name, one.record.id])) == [one.record.id]
    assert list(store.catalogue.by_stac_id("d", [name, "a"])) == ["a"]
    assert store.catalogue.by_stac_id(name, ["a"]) == {}
    assert len(store.catalogue.by_stac_item([name, "a"])) == 1


def test_items_of_one_name_are_found_in_every_collection(store: Store, mapped: Make) -> None:
    page = [mapped("x", kind="observation", container=name, dataset=name) for name in ("d1", "d2")]
    store.ingest.page("s", 1, [*page, mapped("x", container="d3")])
    keys = store.catalogue.keys(each.record.id for each in page)
    assert sorted(store.catalogue.by_stac_item(["x"])) == sorted(keys.values())
    assert store.catalogue.by_stac_id("d2", ["x"]) == {"x": keys[page[1].record.id]}


def test_changes_come_in_order_a_record_once_and_bounded(store: Store, mapped: Make) -> None:
    store.ingest.page("s", 1, [mapped(name) for name in "abc"])
    store.ingest.page("s", 1, [mapped("a", "New"), mapped("d")])
    every = store.catalogue.changes(RESOURCES, 0)
    assert [each.change for each in every] == [2, 3, 4, 5]
    assert {each.record.source_id for each in every if each.record} == set("abcd")
    assert [each.change for each in store.catalogue.changes(RESOURCES, 2, 2)] == [3, 4]
    assert [each.change for each in store.catalogue.changes(RESOURCES, 0, until=3)] == [2, 3]
    assert store.catalogue.changes(OBSERVATIONS, 0) == []
    assert (store.catalogue.pending(RESOURCES, 3), store.catalogue.pending(RESOURCES, 5)) == (2, 0)


def test_the_newest_change_of_an_empty_store_is_zero(store: Store) -> None:
    assert store.catalogue.last_change() == 0


def test_only_documents_that_came_as_stac_are_served(store: Store, mapped: Make) -> None:
    body = b'{"id":"a","links":[1],"token":"secret"}'
    record = mapped("a").record
    raw = RawRecord("c", "a", body, "application/geo+json", "https://x.org/a")
    plain = Mapped(record, raw, Splice(18, 21, b'{"rel":"license"}'))
    public = Mapped(mapped("b").record, raw, Splice(18, 21, b"", b'{"id":"a","links":[1]}'))
    row = mapped("c")
    store.ingest.page("s", 1, [plain, public, row])
    keys = store.catalogue.keys(each.record.id for each in (plain, public, row))
    served = store.catalogue.served(list(keys.values()))
    assert set(served) == {keys[plain.record.id], keys[public.record.id]}
    one, other = served[keys[plain.record.id]], served[keys[public.record.id]]
    assert (one.body, one.links, one.body[one.start : one.end]) == (body, b'{"rel":"license"}', b"[1]")
    assert (one.id, one.stac_id, one.dataset, one.media_type) == (record.id, "a", "", "application/geo+json")
    assert (other.body, other.links) == (b'{"id":"a","links":[1]}', b"")
    assert store.catalogue.raw(public.record.id) == RawRecord("c", "b", body, "application/geo+json", "https://x.org/a")
    store.ingest.remove("s")
    assert store.catalogue.served(list(keys.values())) == {}


def test_an_export_yields_every_live_record_once_in_bounded_batches(store: Store, mapped: Make) -> None:
    store.ingest.page("s", 1, [mapped(f"r{n}") for n in range(2100)])
    store.ingest.page("t", 1, [mapped("gone", source="t")])
    store.ingest.remove("t")
    fetched: list[int] = []
    event.listen(store.database.engine, "before_cursor_execute", lambda *_: fetched.append(1))
    rows = store.catalogue.export()
    first = next(rows)
    assert first == {
        "id": record_id("s", "c", "r0"),
        "source": "s",
        "container": "c",
        "source_id": "r0",
        "dataset": "",
        "kind": "dataset",
        "title": "Title",
        "updated": None,
    }
    assert len(fetched) <= 2, "an export must not read the whole store before its first row"
    assert [first["source_id"], *(row["source_id"] for row in rows)] == [f"r{n}" for n in range(2100)]


def test_an_export_may_be_of_one_scope(store: Store, mapped: Make) -> None:
    store.ingest.page("s", 1, [mapped("a"), mapped("o", kind="observation")])
    assert [row["source_id"] for row in store.catalogue.export(OBSERVATIONS)] == ["o"]
    assert [row["source_id"] for row in store.catalogue.export(RESOURCES)] == ["a"]


@pytest.mark.slow
def test_an_export_does_not_keep_what_it_has_yielded(store: Store, mapped: Make) -> None:
    store.ingest.page("s", 1, [mapped(f"r{n}", "x" * 5000) for n in range(3000)])
    sum(1 for _ in store.catalogue.export())  # what is made once stays out of the measure
    tracemalloc.start()
    count = sum(1 for _ in store.catalogue.export())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 3000
    assert peak < 13_000_000, "1000 rows of 5 kB are 5 MB, two batches meet; all of them would be 15 MB"


def test_raw_records_come_back_for_mapping_again(store: Store, mapped: Make) -> None:
    page = [mapped(f"r{n}") for n in range(1100)]
    store.ingest.page("s", 1, page)
    store.ingest.page("t", 1, [mapped("z", source="t")])
    assert list(store.catalogue.raws("s")) == [("s", each.record.id, each.raw) for each in page]
    assert sum(1 for _ in store.catalogue.raws()) == 1101


def test_live_records_are_counted_by_source_and_kind(store: Store, mapped: Make) -> None:
    store.ingest.page("s", 1, [mapped("a"), mapped("b"), mapped("p", kind="project")])
    store.ingest.page("t", 1, [mapped("o", source="t", kind="observation")])
    assert store.catalogue.counts() == {"s": {"dataset": 2, "project": 1}, "t": {"observation": 1}}
    assert (store.catalogue.live(RESOURCES), store.catalogue.live(OBSERVATIONS)) == (3, 1)


@pytest.mark.parametrize("count", [0, 1, 900, 901, 2000])
def test_parts_hold_every_value_once(count: int) -> None:
    slices = list(parts(range(count)))
    assert [each for part in slices for each in part] == list(range(count))
    assert all(0 < len(part) <= 900 for part in slices)


def test_a_stac_item_is_found_by_its_names_with_its_dataset(store: Store, mapped: Make) -> None:
    def sent(id: str, **more: object) -> Mapped:
        made = mapped(id, **more)
        return Mapped(made.record, made.raw, Splice(1, 2, b"", collection="d"))

    dataset = sent("d")
    items = [sent("a", kind="observation", dataset=dataset.record.id), sent("o", kind="observation", dataset="nowhere")]
    row = mapped("r", kind="observation", dataset=dataset.record.id)
    store.ingest.page("s", 1, [dataset, *items, row])
    found = store.catalogue.served_item("d", "a")
    assert found is not None
    assert (found.id, found.source_id, found.collection) == (items[0].record.id, "a", "d")
    assert (found.parent, found.parent_kind) == ("d", "dataset")
    keys = store.catalogue.keys(each.record.id for each in items)
    assert {each.id: each.parent for each in store.catalogue.served(list(keys.values())).values()} == {
        items[0].record.id: "d",
        items[1].record.id: "",
    }
    for collection, item in (("d", "r"), ("d", "o"), ("nowhere", "o"), ("", "o"), ("d", "\ud800"), ("d\0", "a")):
        assert store.catalogue.served_item(collection, item) is None
    store.ingest.remove("s")
    assert store.catalogue.served_item("d", "a") is None


def test_stac_names_lead_to_what_decides_about_a_collection(store: Store, mapped: Make) -> None:
    one, other = mapped("a"), mapped("b", kind="datalab")
    store.ingest.page("s", 1, [one, other])
    found = {each.stac_id: (each.id, each.kind) for each in store.catalogue.named("", ["a", "b", "c", "\ud800"])}
    assert found == {"a": (one.record.id, "dataset"), "b": (other.record.id, "datalab")}
    assert store.catalogue.named("elsewhere", ["a"]) == []
