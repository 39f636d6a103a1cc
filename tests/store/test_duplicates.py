"""Records of several sources that are one thing: found, parted again, and the same whatever the order."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from discovery.errors import BadQueryError, GoneError, MovedError, NotFoundError
from discovery.model import sameness
from discovery.model.extent import Extent
from discovery.model.record import OBSERVATIONS, RESOURCES, Record, record_id
from discovery.model.source import Mapped, RawRecord, Source
from discovery.store.connection import sqlite_url
from discovery.store.schema import matches, records
from discovery.store.store import Store

DOI = "10.5270/esa-1"
BOX = Extent(bbox=(0.0, 40.0, 10.0, 50.0), start=0, end=86_400_000)


def record(source: str, source_id: str = "1", title: str = "A title of some length", **more: Any) -> Record:
    return Record(source, more.pop("container", "c"), source_id, more.pop("kind", "dataset"), title, **more)


def put(store: Store, *given: Record) -> None:
    for each in given:
        raw = RawRecord(each.container, each.source_id, b"{}", url=f"https://{each.source}.example/{each.source_id}")
        store.ingest.page(each.source, 1, [Mapped(each, raw)])


def add(store: Store, *ids: str, **priorities: int) -> None:
    for id in ids:
        priority = {"priority": str(priorities[id])} if id in priorities else {}
        store.ledger.add_source(Source(id, "stac-items", f"file:{id}", id.upper(), priority))
        time.sleep(0.002)  # Which of them is the oldest is known to a millisecond.


def groups(store: Store) -> dict[str, str]:
    """Return what the store says of the records that another one speaks for: by name, into which."""
    with store.database.read() as connection:
        rows = connection.execute(select(records.c.id, records.c.source, records.c.source_id, records.c.merged)).all()
    names = {row.id: f"{row.source}/{row.source_id}" for row in rows}
    return {names[row.id]: names[row.merged] for row in rows if row.merged is not None}


@pytest.fixture
def two(store: Store) -> Store:
    """Return a store with two sources, of which `a` is the older one."""
    add(store, "a", "b")
    return store


@pytest.mark.stores
def test_two_records_of_one_doi_are_one_and_the_older_source_speaks(two: Store) -> None:
    put(two, record("b", doi=f"https://doi.org/{DOI.upper()}"), record("a", "x", "Another title", doi=DOI))
    found = two.duplicates.find()
    assert (found.looked, found.merged, found.parted) == (2, 1, 0)
    assert groups(two) == {"b/1": "a/x"}
    with pytest.raises(MovedError) as moved:
        two.catalogue.find("b", "c", "1")
    assert moved.value.id == record_id("a", "c", "x")


@pytest.mark.stores
def test_whoever_follows_the_changes_sees_a_merged_record_go_and_come_back(two: Store) -> None:
    put(two, record("a", doi=DOI), record("b", doi=DOI))
    seen = two.catalogue.last_change()
    two.duplicates.find()
    gone = two.catalogue.changes(RESOURCES, seen)
    assert [each.record for each in gone] == [None]
    put(two, record("a", doi="10.5270/esa-2"))
    two.duplicates.find()
    back = two.catalogue.changes(RESOURCES, gone[-1].change)
    assert [each.record.source for each in back if each.record] == ["a", "b"]


@pytest.mark.stores
def test_a_second_pass_finds_nothing_to_do(two: Store) -> None:
    put(two, record("a", doi=DOI), record("b", doi=DOI))
    assert two.duplicates.waiting()
    two.duplicates.find()
    two.duplicates.find()  # It looks at what the first has changed.
    assert not two.duplicates.waiting()
    last = two.catalogue.last_change()
    assert two.duplicates.find().looked == 0
    assert two.catalogue.last_change() == last


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param({"doi": DOI}, {"external_ids": (f"doi:{DOI}",)}, id="doi-among-the-others"),
        pytest.param(
            {"external_ids": ("ivo://esavo/GAIA",)}, {"external_ids": ("IVO://ESAVO/gaia/",)}, id="ivoid-in-capitals"
        ),
        pytest.param(
            {"source_id": "urn:uuid:0A1B2C3D-0000-4000-8000-000000000001"},
            {"source_id": "{0a1b2c3d-0000-4000-8000-000000000001}"},
            id="uuid",
        ),
        pytest.param(
            {"external_ids": ("http://data.example.org/one/",)},
            {"external_ids": ("https://DATA.example.org/one",)},
            id="address",
        ),
        pytest.param(
            {"title": "Sea ice: thickness", "extent": BOX},
            {"title": "SEA-ICE THICKNESS", "extent": Extent(bbox=(0.0001, 40.0, 10.05, 50), start=0, end=86_400_000)},
            id="title-place-time",
        ),
        pytest.param(
            {
                "kind": "observation",
                "source_id": "ivo://x/y?1",
                "container": "t1",
                "properties": {"collection": "HST"},
            },
            {"kind": "observation", "external_ids": ("ivo://x/y?1",), "properties": {"collection": "hst"}},
            id="did-in-a-collection",
        ),
        pytest.param(
            {"kind": "observation", "source_id": "S2A_1", "container": "sentinel-2-l2a", "extent": BOX},
            {"kind": "observation", "source_id": "s2a_1", "container": "SENTINEL-2-L2A", "extent": BOX},
            id="item-in-a-collection-at-a-time",
        ),
    ],
)
def test_these_are_the_same(two: Store, one: dict[str, Any], other: dict[str, Any]) -> None:
    put(two, record("a", **one), record("b", **other))
    assert two.duplicates.find().merged == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param({"title": "Same"}, {"title": "Same"}, id="title-alone"),
        pytest.param({"extent": BOX, "title": "Same title"}, {"title": "Same title"}, id="no-place"),
        pytest.param(
            {"extent": BOX, "title": "Same title"},
            {"extent": Extent(bbox=BOX.bbox, start=0, end=1), "title": "Same title"},
            id="other-time",
        ),
        pytest.param(
            {"extent": BOX, "title": "Same title"},
            {"extent": Extent(bbox=(0, 40, 11, 50), start=0, end=86_400_000), "title": "Same title"},
            id="other-place",
        ),
        pytest.param({"doi": DOI}, {"doi": DOI, "kind": "document"}, id="other-kind"),
        pytest.param(
            {"doi": DOI, "extent": BOX, "title": "Same title"},
            {"doi": DOI + "0", "extent": BOX, "title": "Same title"},
            id="two-dois",
        ),
        pytest.param({"source_id": "sentinel-2"}, {"source_id": "sentinel-2"}, id="an-id-of-each-source"),
        pytest.param(
            {"kind": "observation", "source_id": "item-1", "extent": BOX},
            {"kind": "observation", "source_id": "item-1", "extent": Extent(start=5)},
            id="an-item-of-another-time",
        ),
        pytest.param(
            {"kind": "observation", "source_id": "ivo://x/y", "properties": {"collection": "A"}},
            {"kind": "observation", "source_id": "ivo://x/y", "properties": {"collection": "B"}},
            id="other-collection",
        ),
        pytest.param(
            {"kind": "observation", "doi": DOI}, {"kind": "observation", "doi": DOI}, id="observations-of-one-paper"
        ),
    ],
)
def test_these_are_not_the_same(two: Store, one: dict[str, Any], other: dict[str, Any]) -> None:
    put(two, record("a", **one), record("b", **other))
    assert two.duplicates.find().merged == 0


def test_a_key_that_two_records_of_a_source_have_says_nothing(two: Store) -> None:
    put(two, record("a", doi=DOI), record("b", doi=DOI))
    two.duplicates.find()
    assert groups(two) == {"b/1": "a/1"}
    put(two, record("b", "2", "Another", doi=DOI))
    assert two.duplicates.find().parted == 1
    assert groups(two) == {}
    two.ingest.finish("b", 2, sweep=False)
    put(two, record("b", "2", "Another", doi="10.5270/esa-2"))
    two.duplicates.find()
    assert groups(two) == {"b/1": "a/1"}


def test_priority_decides_who_speaks_and_may_change(two: Store) -> None:
    add(two, "c", c=200)
    put(two, record("a", doi=DOI), record("b", doi=DOI), record("c", doi=DOI))
    two.duplicates.find()
    assert groups(two) == {"a/1": "c/1", "b/1": "c/1"}
    two.ledger.add_source(Source("b", "stac-items", "file:b", "B", {"priority": "300"}), replace=True)
    two.duplicates.find()
    assert groups(two) == {"a/1": "b/1", "c/1": "b/1"}


@pytest.mark.stores
def test_when_the_master_goes_the_next_one_speaks(two: Store) -> None:
    add(two, "c")
    put(two, record("a", doi=DOI), record("b", doi=DOI), record("c", doi=DOI))
    two.duplicates.find()
    assert groups(two) == {"b/1": "a/1", "c/1": "a/1"}
    two.ingest.remove("a")
    two.duplicates.find()
    assert groups(two) == {"c/1": "b/1"}
    assert two.catalogue.find("b", "c", "1").record.doi == DOI
    put(two, record("a", doi=DOI))
    two.duplicates.find()
    assert groups(two) == {"b/1": "a/1", "c/1": "a/1"}


def test_a_merged_record_is_still_harvested_and_deleted_with_its_source(two: Store) -> None:
    put(two, record("a", doi=DOI), record("b", doi=DOI))
    two.duplicates.find()
    put(two, record("b", title="A newer title", doi=DOI))
    two.duplicates.find()
    assert groups(two) == {"b/1": "a/1"}
    assert two.ingest.missing("b", 1) == (0, 1)
    assert two.ingest.here("b", 2, [("c", "1")]) == []
    assert [id for _, id, _ in two.catalogue.raws("b")] == [record_id("b", "c", "1")]
    assert two.ingest.remove("b") == 1
    two.duplicates.find()
    assert groups(two) == {}
    with pytest.raises(GoneError):
        two.catalogue.find("b", "c", "1")


def test_a_record_whose_kind_changes_is_parted(two: Store) -> None:
    put(two, record("a", doi=DOI), record("b", doi=DOI))
    two.duplicates.find()
    put(two, record("a", kind="observation", doi=DOI))
    two.duplicates.find()
    assert groups(two) == {}
    assert two.catalogue.live(RESOURCES) == two.catalogue.live(OBSERVATIONS) == 1


@pytest.mark.stores
def test_an_operator_may_say_that_two_are_not_the_same_and_take_it_back(two: Store) -> None:
    add(two, "c")
    put(two, record("a", doi=DOI), record("b", doi=DOI), record("c", doi=DOI))
    two.duplicates.find()
    assert two.duplicates.split(record_id("b", "c", "1"), by="me") == 2
    assert groups(two) == {"c/1": "a/1"}
    put(two, record("b", title="A newer title", doi=DOI), record("c", title="A newer title", doi=DOI))
    two.duplicates.find()
    assert groups(two) == {"c/1": "a/1"}
    assert two.duplicates.join(record_id("b", "c", "1")) == 2
    assert groups(two) == {"b/1": "a/1", "c/1": "a/1"}


def test_what_cannot_be_split_is_told(two: Store) -> None:
    put(two, record("a"))
    with pytest.raises(BadQueryError, match="in one place alone"):
        two.duplicates.split(record_id("a", "c", "1"))
    with pytest.raises(BadQueryError, match="from itself"):
        two.duplicates.split(record_id("a", "c", "1"), record_id("a", "c", "1"))
    with pytest.raises(NotFoundError):
        two.duplicates.split("nothing")


def test_a_dry_run_says_what_would_be_and_leaves_no_trace(two: Store) -> None:
    put(two, record("a", doi=DOI), record("b", doi=DOI))
    before = two.catalogue.last_change()
    found = two.duplicates.find(dry_run=True)
    assert found.examples == ((record_id("b", "c", "1"), record_id("a", "c", "1")),)
    assert groups(two) == {}
    assert two.catalogue.last_change() == before
    assert two.duplicates.waiting()


def test_a_crowd_is_no_group_until_it_has_scattered(store: Store) -> None:
    every = [f"s{n:02}" for n in range(sameness.MOST + 1)]
    put(store, *(record(each, doi=DOI) for each in every[:-1]))
    store.duplicates.find()
    assert len(groups(store)) == sameness.MOST - 1
    put(store, record(every[-1], doi=DOI))
    store.duplicates.find()
    assert groups(store) == {}
    put(store, *(record(f"more{n}", doi=DOI) for n in range(5)))
    assert store.duplicates.find().merged == 0
    for each in [*every[:3], *(f"more{n}" for n in range(5))]:
        store.ingest.remove(each)
    store.duplicates.find()
    assert len(groups(store)) == sameness.MOST + 1 - 3 - 1


def test_a_chain_that_grows_too_long_is_no_group_and_its_parts_are(store: Store) -> None:
    def link(number: int) -> Record:
        return record(f"s{number:03}", external_ids=(f"urn:link:{number}", f"urn:link:{number + 1}"))

    put(store, *(link(n) for n in range(40)), *(link(n) for n in range(41, 81)))
    store.duplicates.find()
    assert len(groups(store)) == 39 * 2
    put(store, link(40))
    store.duplicates.find()
    assert groups(store) == {}
    store.ingest.remove("s020")
    store.duplicates.find()
    assert len(groups(store)) == 19 + 59


# The order of things

SOURCES = ("a", "b", "c")
_event = st.tuples(
    st.sampled_from(SOURCES),
    st.sampled_from("123"),
    st.one_of(
        st.none(),
        st.fixed_dictionaries(
            {
                "doi": st.sampled_from(("", "", "10.1234/x", "10.1234/y")),
                "external_ids": st.lists(st.sampled_from(("urn:one:1", "urn:two:2", "urn:three:3")), max_size=2).map(
                    tuple
                ),
                "title": st.sampled_from(("Title the first", "Title the second")),
                "extent": st.sampled_from(
                    (
                        Extent(),
                        Extent(bbox=(0, 0, 1, 1), start=1),
                        Extent(bbox=(0, 0, 1.0005, 1), start=1),
                        Extent(bbox=(0, 0, 1.02, 1), start=1),
                    )
                ),
                "kind": st.sampled_from(("dataset", "dataset", "dataset", "document", "observation")),
            }
        ),
    ),
)
_Event = tuple[str, str, dict[str, Any] | None]


@contextmanager
def fresh(empty: Path) -> Iterator[Store]:
    """Give a store of its own to each example."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.sqlite"
        shutil.copyfile(empty, path)
        with closing(Store(sqlite_url(path))) as store:
            yield store


def happen(store: Store, event: _Event) -> None:
    source, source_id, given = event
    if given is not None:
        put(store, record(source, source_id, **given))
        return
    with store.database.read() as connection:
        here = select(records.c.source_id).where(records.c.source == source, records.c.deleted.is_(None))
        left = [each for each in connection.execute(here).scalars() if each != source_id]
    store.ingest.here(source, 2, [("c", each) for each in left])
    store.ingest.finish(source, 2, sweep=True, now_gone=True)
    with store.database.write() as connection:
        connection.exec_driver_sql("UPDATE records SET walk = 1")


_orders = given(
    events=st.lists(_event, max_size=16),
    passes=st.sets(st.integers(0, 15)),
    order=st.randoms(use_true_random=False),
)


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@_orders
def test_the_groups_are_the_same_whatever_came_first(
    empty: Path, events: list[_Event], passes: set[int], order: random.Random
) -> None:
    compare(empty, events, passes, order)


@pytest.mark.long
@settings(max_examples=500, deadline=None)
@_orders
def test_the_groups_are_the_same_whatever_came_first_and_however_often(
    empty: Path, events: list[_Event], passes: set[int], order: random.Random
) -> None:
    compare(empty, events, passes, order)


def compare(empty: Path, events: list[_Event], passes: set[int], order: random.Random) -> None:
    """One store sees everything happen, with passes in between; the other only what is left, in another order."""
    with fresh(empty) as store:
        for number, event in enumerate(events):
            happen(store, event)
            if number in passes:
                store.duplicates.find()
        store.duplicates.find()
        grown = groups(store)
        with store.database.read() as connection:
            keyed = connection.execute(select(matches.c.digest).order_by(matches.c.digest)).scalars().all()
    last: dict[tuple[str, str], dict[str, Any] | None] = {(source, id): given for source, id, given in events}
    left = [(source, id, given) for (source, id), given in last.items() if given is not None]
    order.shuffle(left)
    with fresh(empty) as store:
        for event in left:
            happen(store, event)
        store.duplicates.find()
        assert groups(store) == grown
        with store.database.read() as connection:
            assert connection.execute(select(matches.c.digest).order_by(matches.c.digest)).scalars().all() == keyed


# Kills

# Forks whoever looks for duplicates: starting Python anew for every kill would take most of the test's time.
SEEKERS = """
import os, sys
from discovery.store import duplicates, parents
from discovery.store.store import Store

duplicates.STEP = parents.STEP = 20

def seek():
    store = Store(sys.argv[1])
    print(os.getpid(), flush=True)
    store.duplicates.find()
    store.parents.repair()

while sys.stdin.readline():
    child = os.fork()
    if child == 0:
        seek()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    print("killed" if os.WIFSIGNALED(status) else "done", flush=True)
"""


def whole(store: Store) -> list[tuple[Any, ...]]:
    """Return everything that a pass decides."""
    with store.database.read() as connection:
        columns = (records.c.id, records.c.merged, records.c.dataset, records.c.declared, records.c.stac_id)
        rows = connection.execute(select(*columns).order_by(records.c.id)).all()
        keyed = connection.execute(select(matches.c.digest, matches.c.key).order_by(*matches.primary_key)).all()
    return [tuple(each) for each in (*rows, *keyed)]


def catalogue(store: Store) -> None:
    """Put 150 datasets of two sources into a store, of which 100 are the same, each with an observation."""
    add(store, "a", "b")
    for source in ("a", "b"):
        every = []
        for n in range(150):
            one = record(source, str(n), doi=f"10.1234/{n}" if n < 100 else f"10.1234/{source}-{n}")
            every += [
                one,
                record(source, f"o{n}", kind="observation", dataset=one.id, properties={"collection": str(n)}),
            ]
        mapped = [Mapped(each, RawRecord(each.container, each.source_id, b"{}")) for each in every]
        store.ingest.page(source, 1, mapped)


@pytest.mark.slow
@pytest.mark.stores
def test_a_pass_that_is_killed_anywhere_ends_as_one_that_is_not(store: Store, store_url: str, empty: Path) -> None:
    catalogue(store)
    with fresh(empty) as calm:
        catalogue(calm)
        # Its own time: what it waits for others here, the one that is killed may not wait.
        began = time.process_time()
        calm.duplicates.find()
        calm.parents.repair()
        took = time.process_time() - began
        expected = whole(calm)
    chance = random.Random(5)
    seekers = subprocess.Popen(
        [sys.executable, "-c", SEEKERS, store_url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert seekers.stdin is not None
    assert seekers.stdout is not None
    killed = 0
    while killed < 12:
        seekers.stdin.write("\n")
        pid = int(seekers.stdout.readline())
        # What is done stays done, so that a pass of several times this length is killed several times.
        time.sleep(chance.random() * took / 6)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        if seekers.stdout.readline().strip() == "done":
            break
        killed += 1
    seekers.stdin.close()
    seekers.stdout.close()
    assert seekers.wait(30) == 0
    store.duplicates.find()
    store.parents.repair()
    assert killed >= 3
    assert whole(store) == expected
