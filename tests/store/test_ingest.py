"""Writing pages: all or nothing, the same twice, whatever happens to the process or the disk."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from discovery.errors import ConflictError, GoneError, NotFoundError, UnavailableError
from discovery.model.record import OBSERVATIONS, RESOURCES, Issue, Record, record_id
from discovery.model.source import Checkpoint, Counts, Mapped, Quarantined, RawRecord, Splice
from discovery.store.connection import sqlite_url
from discovery.store.ingest import MAX_QUARANTINED_BODY
from discovery.store.store import Store

pytestmark = pytest.mark.stores

Make = Callable[..., Mapped]
PAGE = 50

# Forks a writer for each line it reads: starting Python anew for every kill would take most of the test's time.
WRITERS = f"""
import os, sys
from discovery.model.record import Record
from discovery.model.source import Checkpoint, Mapped, RawRecord
from discovery.store.store import Store

def write():
    store = Store(sys.argv[1])
    stood = store.ingest.checkpoint("s")
    page = stood.position["page"] if stood else 0
    print(os.getpid(), flush=True)
    while True:
        page += 1
        records = [Record("s", "c", f"{{page}}-{{n}}", "dataset", f"Page {{page}}") for n in range({PAGE})]
        mapped = [Mapped(each, RawRecord("c", each.source_id, b"{{}}")) for each in records]
        store.ingest.page("s", 1, mapped, checkpoint=Checkpoint(1, {{"page": page}}))

while sys.stdin.readline():
    child = os.fork()
    if child == 0:
        write()
    os.waitpid(child, 0)
    print("dead", flush=True)
"""

FILLER = """
import resource, sys
from discovery.errors import UnavailableError
from discovery.model.record import Record
from discovery.model.source import Checkpoint, Mapped, RawRecord
from discovery.store.store import Store

store = Store(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (700_000, resource.RLIM_INFINITY))
page = 0
try:
    while page < 1000:
        page += 1
        records = [Record("s", "c", f"{page}-{n}", "dataset", "T") for n in range(50)]
        mapped = [Mapped(each, RawRecord("c", each.source_id, b"{}")) for each in records]
        store.ingest.page("s", 1, mapped, checkpoint=Checkpoint(1, {"page": page}))
except UnavailableError as error:
    print(page - 1, error)
"""


def state(store: Store) -> tuple[dict[str, int], int]:
    """Return the change number of every live record by title and the newest one."""
    changes = store.catalogue.changes(RESOURCES, 0)
    return {each.record.source_id: each.change for each in changes if each.record}, store.catalogue.last_change()


def held(source_id: str, message: str = "no title", *, position: str = "", body: bytes = b"<bad>") -> Quarantined:
    return Quarantined(RawRecord("c", source_id, body, position=position), Issue("map", message))


def test_a_repeated_page_changes_nothing(store: Store, mapped: Make) -> None:
    page = [mapped(f"r{n}") for n in range(5)]
    assert store.ingest.page("s", 1, page) == Counts(seen=5, added=5)
    before = state(store)
    assert store.ingest.page("s", 1, page) == Counts(seen=5, unchanged=5)
    assert state(store) == before


def test_only_changed_records_get_new_change_numbers(store: Store, mapped: Make) -> None:
    store.ingest.page("s", 1, [mapped("a"), mapped("b"), mapped("c")])
    counts = store.ingest.page("s", 2, [mapped("a"), mapped("b", "New"), mapped("d")])
    assert counts == Counts(seen=3, added=1, updated=1, unchanged=1)
    numbers, last = state(store)
    assert numbers["a"] == 1
    assert numbers["c"] == 3
    assert sorted([numbers["b"], numbers["d"]]) == [4, 5]
    assert last == 5


def test_a_changed_record_keeps_its_key_and_gets_the_new_raw_bytes(store: Store, mapped: Make) -> None:
    one = mapped("a")
    store.ingest.page("s", 1, [one])
    key = store.catalogue.get(one.record.id).key
    other = Mapped(mapped("a", "New").record, RawRecord("c", "a", b'{"new": 1}'))
    store.ingest.page("s", 1, [other])
    assert store.catalogue.get(one.record.id).key == key
    assert store.catalogue.raw(one.record.id).body == b'{"new": 1}'


def test_the_last_of_two_on_one_page_wins(store: Store, mapped: Make) -> None:
    assert store.ingest.page("s", 1, [mapped("a", "First"), mapped("a", "Last")]) == Counts(seen=2, added=1)
    assert store.catalogue.find("s", "c", "a").record.title == "Last"


def test_warnings_are_counted(store: Store, mapped: Make) -> None:
    page = [mapped("a", issues=(Issue("x", "y"), Issue("z", "y"))), mapped("b")]
    assert store.ingest.page("s", 1, page).warnings == 2


def test_more_records_than_a_statement_may_name_fit_in_one_page(store: Store, mapped: Make) -> None:
    page = [mapped(f"r{n}") for n in range(2500)]
    assert store.ingest.page("s", 1, page).added == 2500
    assert store.ingest.page("s", 1, page).unchanged == 2500


def test_a_page_and_its_checkpoint_are_one(store: Store, mapped: Make) -> None:
    assert store.ingest.checkpoint("s") is None
    store.ingest.page("s", 4, [mapped("a")], checkpoint=Checkpoint(4, {"next": "x", "n": 1}))
    assert store.ingest.checkpoint("s") == Checkpoint(4, {"next": "x", "n": 1})
    with pytest.raises(TypeError, match="not JSON serializable"):
        store.ingest.page("s", 4, [mapped("b")], checkpoint=Checkpoint(4, {"next": object()}))
    assert store.ingest.checkpoint("s") == Checkpoint(4, {"next": "x", "n": 1})
    assert state(store) == ({"a": 1}, 1)


def test_partitions_have_checkpoints_of_their_own(store: Store) -> None:
    store.ingest.page("s", 1, [], checkpoint=Checkpoint(1, {"n": 1}), partition="north")
    store.ingest.page("s", 1, [], checkpoint=Checkpoint(1, {"n": 2}), partition="south")
    store.ingest.page("t", 1, [], checkpoint=Checkpoint(1, {"n": 3}), partition="north")
    store.ingest.finish("s", 1, sweep=False)
    assert store.ingest.checkpoint("s", "north") is store.ingest.checkpoint("s", "south") is None
    assert store.ingest.checkpoint("t", "north") == Checkpoint(1, {"n": 3})


@pytest.mark.slow
def test_a_reader_beside_writers_never_misses_a_change(store: Store, mapped: Make) -> None:
    """A follower that has seen change N must never later find a number below N that it has not seen."""
    writers = [
        threading.Thread(target=lambda w=w: [store.ingest.page("s", 1, [mapped(f"{w}-{n}")]) for n in range(15)])
        for w in range(4)
    ]
    for each in writers:
        each.start()
    seen: list[int] = []
    while any(each.is_alive() for each in writers) or len(seen) < store.catalogue.last_change():
        seen += [each.change for each in store.catalogue.changes(RESOURCES, seen[-1] if seen else 0)]
    for each in writers:
        each.join()
    assert seen == list(range(1, 61))


def test_writers_of_the_same_records_add_each_once(store: Store, mapped: Make) -> None:
    """Parts of a source that overlap are walked at the same time."""
    page = [mapped(f"r{n}") for n in range(30)]
    counts: list[Counts] = []
    ready = threading.Barrier(4)

    def write() -> None:
        ready.wait()
        counts.append(store.ingest.page("s", 1, page))

    writers = [threading.Thread(target=write) for _ in range(4)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    assert sorted((each.added, each.unchanged) for each in counts) == [(0, 30), (0, 30), (0, 30), (30, 0)]
    assert store.catalogue.last_change() == 30


@pytest.mark.slow
def test_a_killed_writer_leaves_whole_pages_only(store: Store) -> None:
    pages = turn = 0
    command = [sys.executable, "-c", WRITERS, store.database.url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writers:
        assert writers.stdin is not None
        assert writers.stdout is not None
        while turn < 10 or (pages == 0 and turn < 100):
            print("go", file=writers.stdin, flush=True)
            writer = int(writers.stdout.readline())
            # Later each time, until one page at least was written on a machine that is busy with other things.
            time.sleep(0.003 + 0.007 * turn)
            turn += 1
            os.kill(writer, signal.SIGKILL)
            assert writers.stdout.readline() == "dead\n"
            stood = store.ingest.checkpoint("s")
            pages = stood.position["page"] if stood else 0
            assert store.catalogue.live(RESOURCES) == pages * PAGE
            assert store.catalogue.last_change() == pages * PAGE
            assert store.check() == []
    assert pages > 0


@pytest.mark.slow
@pytest.mark.stores("sqlite")
def test_a_full_disk_tears_nothing_and_says_to_try_again(store: Store) -> None:
    command = [sys.executable, "-c", FILLER, store.database.url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    whole, message = done.stdout.split(" ", 1)
    assert int(whole) > 0
    assert message.startswith("the store cannot be written: ")
    assert store.ingest.checkpoint("s") == Checkpoint(1, {"page": int(whole)})
    assert store.catalogue.live(RESOURCES) == int(whole) * 50
    assert store.check() == []


def test_what_a_source_says_it_has_deleted_gets_a_tombstone_with_its_page(store: Store, mapped: Make) -> None:
    store.ingest.page("s", 1, [mapped("a"), mapped("b")])
    gone = [record_id("s", "c", "a"), record_id("s", "c", "never was"), record_id("t", "c", "b")]
    assert store.ingest.page("s", 2, [], gone=gone) == Counts(deleted=1)
    # The same page again, after a kill, deletes nothing more.
    assert store.ingest.page("s", 2, [], gone=gone) == Counts()
    assert [row["source_id"] for row in store.catalogue.export()] == ["b"]
    with pytest.raises(GoneError):
        store.catalogue.get(gone[0])
    store.ingest.page("s", 3, [mapped("a")])
    assert len(list(store.catalogue.export())) == 2


def test_a_record_is_deleted_only_when_two_walks_in_a_row_missed_it(store: Store, mapped: Make) -> None:
    store.ingest.page("s", 1, [mapped("a"), mapped("b")])
    store.ingest.page("s", 2, [mapped("a")])
    assert store.ingest.missing("s", 2) == (1, 2)
    assert store.ingest.finish("s", 2, sweep=True) == 0
    assert store.catalogue.find("s", "c", "b").record.title == "Title"
    store.ingest.page("s", 3, [mapped("a")])
    assert store.ingest.finish("s", 3, sweep=True) == 1
    with pytest.raises(GoneError, match="was deleted"):
        store.catalogue.find("s", "c", "b")
    tombstone = store.catalogue.changes(RESOURCES, 2)
    assert [(each.change, each.record) for each in tombstone] == [(3, None)]
    assert store.ingest.missing("s", 3) == (0, 1)


def test_a_record_seen_again_starts_from_the_beginning(store: Store, mapped: Make) -> None:
    store.ingest.page("s", 1, [mapped("a")])
    for walk in (2, 4, 6):
        assert store.ingest.finish("s", walk, sweep=True) == 0
        store.ingest.page("s", walk + 1, [mapped("a")])
    assert store.catalogue.last_change() == 1


def test_a_walk_without_a_sweep_deletes_nothing(store: Store, mapped: Make) -> None:
    store.ingest.page("s", 1, [mapped("a")])
    for walk in (2, 3, 4):
        assert store.ingest.finish("s", walk, sweep=False) == 0
    assert store.catalogue.live(RESOURCES) == 1


def test_an_approved_sweep_deletes_at_once_and_leaves_other_sources_alone(store: Store, mapped: Make) -> None:
    store.ingest.page("s", 1, [mapped("a")])
    store.ingest.page("t", 1, [mapped("a", source="t")])
    assert store.ingest.finish("s", 2, sweep=True, now_gone=True) == 1
    assert store.catalogue.counts() == {"t": {"dataset": 1}}


def test_a_deleted_record_comes_back_under_its_old_key_even_when_it_is_the_same(store: Store, mapped: Make) -> None:
    store.ingest.page("s", 1, [mapped("a")])
    before = store.catalogue.find("s", "c", "a")
    assert store.ingest.remove("s") == 1
    assert store.ingest.page("s", 2, [mapped("a")]) == Counts(seen=1, updated=1)
    after = store.catalogue.find("s", "c", "a")
    assert (after.key, after.stac_id, after.record) == (before.key, before.stac_id, before.record)
    assert after.change == 3


def test_removing_a_source_forgets_its_checkpoints_and_quarantine(store: Store, mapped: Make) -> None:
    for source in ("s", "t"):
        page = [mapped("a", source=source)]
        store.ingest.page(source, 1, page, [held("x")], checkpoint=Checkpoint(1, {"n": 1}))
    assert store.ingest.remove("s") == 1
    assert store.ingest.remove("s") == 0
    assert store.ingest.checkpoint("s") is None
    assert store.ingest.checkpoint("t") is not None
    assert [each.source for each in store.ledger.quarantined()] == ["t"]


def test_stac_ids_are_as_sent_while_unique_and_then_say_whose_they_are(store: Store, mapped: Make) -> None:
    first = mapped("x", container="one")
    store.ingest.page("s", 1, [first])
    others = [mapped("x", container="two"), mapped("x", source="t", container="one")]
    store.ingest.page("s", 1, others)
    names = {store.catalogue.get(each.record.id).stac_id for each in [first, *others]}
    assert names == {"x", "s.two.x", "t.one.x"}


def test_observations_need_unique_stac_ids_only_within_their_dataset(store: Store, mapped: Make) -> None:
    page = [
        mapped("x", kind="observation", container="one", dataset="d1"),
        mapped("x", kind="observation", container="two", dataset="d2"),
        mapped("x", kind="observation", container="three", dataset="d2"),
        mapped("x", container="four"),
    ]
    store.ingest.page("s", 1, page)
    found = [store.catalogue.get(each.record.id) for each in page]
    assert [(each.stac_space, each.stac_id) for each in found] == [
        ("d1", "x"),
        ("d2", "x"),
        ("d2", "s.three.x"),
        ("", "x"),
    ]


def test_a_stac_id_is_fixed_when_it_is_first_given(store: Store, mapped: Make) -> None:
    first, second = mapped("x", container="one"), mapped("x", container="two")
    store.ingest.page("s", 1, [first, second])
    store.ingest.finish("s", 2, sweep=True, now_gone=True)
    store.ingest.page("s", 3, [mapped("x", "New", container="two")])
    assert store.catalogue.get(second.record.id).stac_id == "s.two.x"


def test_a_name_made_unique_may_meet_an_id_that_was_sent_so(store: Store, mapped: Make) -> None:
    taken = mapped("s.two.x", container="one")
    page = [taken, mapped("x", container="one"), mapped("x", container="two")]
    store.ingest.page("s", 1, page)
    assert [store.catalogue.get(each.record.id).stac_id for each in page] == ["s.two.x", "x", "s.two.x.2"]


def test_an_element_is_held_once_a_place_with_its_last_reason(store: Store) -> None:
    store.ingest.page("s", 1, [], [held("x", "first"), held("", position="3"), held("", position="4")])
    store.ingest.page("s", 2, [], [held("x", "second")])
    entries = store.ledger.quarantined("s")
    assert [(each.raw.source_id, each.raw.position, each.attempts, each.run) for each in entries] == [
        ("x", "", 2, 2),
        ("", "3", 1, 1),
        ("", "4", 1, 1),
    ]
    assert entries[0].issue.message == "second"
    assert entries[0].first_seen <= entries[0].last_seen


def test_an_element_is_released_when_its_record_arrives(store: Store, mapped: Make) -> None:
    store.ingest.page("s", 1, [], [held("a"), held("b"), held("", position="1")])
    store.ingest.page("t", 1, [], [held("a")])
    store.ingest.page("s", 2, [mapped("a")])
    kept = [(each.source, each.raw.source_id) for each in store.ledger.quarantined()]
    assert kept == [("s", "b"), ("s", ""), ("t", "a")]


def test_an_element_twice_on_a_page_is_held_once_and_counted_twice(store: Store) -> None:
    store.ingest.page("s", 1, [], [held("x", "first"), held("y"), held("x", "second")])
    entries = {each.raw.source_id: each for each in store.ledger.quarantined()}
    assert {name: each.attempts for name, each in entries.items()} == {"x": 2, "y": 1}
    assert entries["x"].issue.message == "second"


def test_an_element_is_held_whatever_its_names_are(store: Store) -> None:
    """Random letters cannot be made shorter by an index, and what no database takes is taken by ours."""
    letters = random.Random(7)
    long = ["".join(letters.choices("abcdefghijklmnopqrstuvwxyz\u4e2d\u6587", k=64 * 1024)) for _ in range(2)]
    odd = [held(long[0]), held(long[1]), held("", position=long[0]), held("a\0b", "\udc80 and \0"), held("\U0001f30d")]
    for run in (1, 2):
        store.ingest.page("s", run, [], odd)
    entries = store.ledger.quarantined()
    assert [each.attempts for each in entries] == [2] * 5
    assert [each.raw.source_id for each in entries] == [*long, "", "a\ufffdb", "\U0001f30d"]
    assert entries[3].issue.message == "\ufffd and \ufffd"


def test_a_record_with_names_of_any_length_is_stored_and_found(store: Store, mapped: Make) -> None:
    letters = random.Random(7)
    names = ["".join(letters.choices("abcdefghijklmnopqrstuvwxyz\u4e2d", k=2048)) for _ in range(2)]
    page = [mapped(names[0]), mapped(names[1]), mapped(names[0], container="d" * 2048)]
    assert store.ingest.page("s", 1, page).added == 3
    assert store.ingest.page("s", 2, page).unchanged == 3
    found = [store.catalogue.get(each.record.id) for each in page]
    assert [each.record.source_id for each in found] == [names[0], names[1], names[0]]
    assert len({each.stac_id for each in found}) == 3
    assert all(len(each.stac_id.encode()) <= 1000 for each in found)
    assert all(store.catalogue.by_stac_id("", [each.stac_id]) == {each.stac_id: each.key} for each in found)


def test_a_text_that_a_database_has_no_room_for_costs_no_record(store: Store) -> None:
    record = Record("s", "c", "a\0b", "dataset", "A title\0 with a NUL\nand a line", keywords=("\0",))
    assert store.ingest.page("s", 1, [Mapped(record, RawRecord("c", "a\0b", b"\0"))]).added == 1
    assert store.catalogue.get(record.id).record == record
    assert [row["title"] for row in store.catalogue.export()] == ["A title\ufffd with a NUL\nand a line"]


def test_a_huge_element_is_held_in_part(store: Store) -> None:
    store.ingest.page("s", 1, [], [held("x", body=b"x" * (MAX_QUARANTINED_BODY + 5))])
    assert len(store.ledger.quarantined()[0].raw.body) == MAX_QUARANTINED_BODY


def test_remapping_touches_only_what_comes_out_otherwise(store: Store, mapped: Make) -> None:
    store.ingest.page("s", 7, [mapped("a"), mapped("b")])
    assert store.ingest.remap([mapped("a"), mapped("b", "Better")]) == Counts(seen=2, updated=1, unchanged=1)
    assert state(store) == ({"a": 1, "b": 3}, 3)
    assert store.ingest.missing("s", 7) == (0, 2)


def test_a_record_without_a_date_of_its_data_is_dated_by_its_metadata(store: Store, mapped: Make) -> None:
    page = [mapped("a", updated=5, metadata_updated=6), mapped("b", metadata_updated=7), mapped("c")]
    store.ingest.page("s", 1, page)
    assert [row["updated"] for row in store.catalogue.export()] == [5, 7, None]


def test_an_observation_changes_in_its_own_scope(store: Store, mapped: Make) -> None:
    store.ingest.page("s", 1, [mapped("a"), mapped("o", kind="observation")])
    assert [each.change for each in store.catalogue.changes(OBSERVATIONS, 0)] == [2]
    assert store.catalogue.pending(RESOURCES, 0) == 1


@pytest.mark.parametrize("remapped", [False, True])
def test_a_record_that_changes_its_scope_leaves_the_old_one(remapped: bool, store: Store, mapped: Make) -> None:
    store.ingest.page("s", 1, [mapped("a"), mapped("b")])
    old = store.catalogue.find("s", "c", "a")
    now = mapped("a", kind="observation", dataset="d")
    counts = store.ingest.remap([now]) if remapped else store.ingest.page("s", 2, [now])
    assert (counts.added, counts.updated) == (0, 1)
    new = store.catalogue.find("s", "c", "a")
    assert (new.record.kind, new.stac_space, new.stac_id) == ("observation", "d", "a")
    gone = [(each.key, each.record) for each in store.catalogue.changes(RESOURCES, 2)]
    assert gone == [(old.key, None)]
    arrived = [each.key for each in store.catalogue.changes(OBSERVATIONS, 2)]
    assert arrived == [new.key] != [old.key]
    assert (store.catalogue.live(RESOURCES), store.catalogue.live(OBSERVATIONS)) == (1, 1)
    store.ingest.page("s", 3, [mapped("a"), mapped("b")])
    assert store.catalogue.find("s", "c", "a").record.kind == "dataset"
    assert store.catalogue.live(OBSERVATIONS) == 0
    assert store.ingest.missing("s", 3) == (0, 2)


@pytest.mark.stores("sqlite")
def test_a_writer_that_waits_too_long_says_so(store: Store, mapped: Make, tmp_path: Path) -> None:
    other = Store(sqlite_url(tmp_path / "catalogue.sqlite"))
    with store.database.read() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=10")
    with other.database.write(), pytest.raises(UnavailableError, match="locked"):
        store.ingest.page("s", 1, [mapped("a")])
    store.ingest.page("s", 1, [mapped("a")])
    other.close()
    assert json.loads(store.catalogue.raw(record_id("s", "c", "a")).body) == {"id": "a"}


def test_new_bytes_of_an_unchanged_record_are_served_without_a_new_change(store: Store) -> None:
    record = Record("a", "c", "1", "dataset", "Title")
    first = Mapped(record, RawRecord("c", "1", b'{"id": "1", "links": []}'), Splice(11, 22, b""))
    again = Mapped(record, RawRecord("c", "1", b'{"id":  "1", "links": [1]}'), Splice(13, 25, b"1"))
    store.ingest.page("a", 1, [first])
    before = store.catalogue.last_change()
    assert store.ingest.page("a", 2, [again]).unchanged == 1
    assert store.catalogue.last_change() == before
    assert store.catalogue.raw(record.id).body == again.raw.body
    key = store.catalogue.get(record.id).key
    assert store.catalogue.served([key])[key].links == b"1"


def test_what_is_written_by_hand_is_there_once(store: Store, mapped: Make) -> None:
    one = mapped("a")
    assert store.ingest.edit("s", [one], expected={one.record.id: None}) == Counts(seen=1, added=1)
    before = state(store)
    with pytest.raises(ConflictError, match="'a' is here already"):
        store.ingest.edit("s", [mapped("b"), mapped("a", "New")], expected={one.record.id: None})
    assert state(store) == before


def test_what_is_written_by_hand_gets_the_id_that_it_came_with_or_none(store: Store, mapped: Make) -> None:
    store.ingest.page("other", 1, [mapped("a", source="other")])
    with pytest.raises(ConflictError, match="'a' is, or was, the id of something else"):
        store.ingest.edit("s", [one := mapped("a")], expected={one.record.id: None})
    with pytest.raises(NotFoundError):
        store.catalogue.get(one.record.id)


def test_what_was_changed_meanwhile_is_not_written_over(store: Store, mapped: Make) -> None:
    one = mapped("a")
    store.ingest.page("s", 1, [one])
    known = store.catalogue.get(one.record.id).change
    store.ingest.page("s", 2, [mapped("a", "Theirs")])
    with pytest.raises(ConflictError, match="changed meanwhile"):
        store.ingest.edit("s", [mapped("a", "Mine")], expected={one.record.id: known})
    assert store.catalogue.get(one.record.id).record.title == "Theirs"
    known = store.catalogue.get(one.record.id).change
    assert store.ingest.edit("s", [mapped("a", "Mine")], expected={one.record.id: known}).updated == 1
    with pytest.raises(ConflictError, match="changed meanwhile"):
        store.ingest.edit("s", gone=[one.record.id], expected={one.record.id: known, "nothere": 7})


def test_a_container_is_emptied_with_its_own_source_alone(store: Store, mapped: Make) -> None:
    one, inside, elsewhere = mapped("a"), mapped("b", container="a"), mapped("b", container="a", source="other")
    store.ingest.page("s", 1, [one, inside])
    store.ingest.page("other", 2, [elsewhere])
    known = store.catalogue.get(one.record.id).change
    counts = store.ingest.edit("s", gone=[one.record.id], emptied="a", expected={one.record.id: known})
    assert counts == Counts(deleted=2)
    for each in (one, inside):
        with pytest.raises(GoneError):
            store.catalogue.get(each.record.id)
    assert store.catalogue.get(elsewhere.record.id).record.source == "other"
    assert store.ingest.edit("s", [one], expected={one.record.id: None}).updated == 1
    assert store.catalogue.get(one.record.id).stac_id == "a"


def test_of_many_who_write_one_id_at_once_one_does(store: Store, mapped: Make) -> None:
    outcomes: list[str] = []

    def write(title: str) -> None:
        one = mapped("a", title)
        try:
            store.ingest.edit("s", [one], expected={one.record.id: None})
            outcomes.append(title)
        except ConflictError:
            outcomes.append("")

    writers = [threading.Thread(target=write, args=(f"Title {n}",)) for n in range(8)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    done = [each for each in outcomes if each]
    assert len(outcomes) == 8
    assert len(done) == 1
    assert store.catalogue.find("s", "c", "a").record.title == done[0]
