from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from discovery.arrays import arrays, facts
from discovery.arrays.apart import Question
from discovery.arrays.arrays import Arrays, here, on_web
from discovery.arrays.facts import Look, Picture, Structure
from discovery.errors import ConfigError, NotFoundError
from discovery.http import Policy
from discovery.launch.resolver import Resolver
from discovery.launch.rules import shipped
from discovery.model.record import Asset, Record
from discovery.model.volume import Volume

ZARR = "application/vnd+zarr"
RECORD = Record(
    "s",
    "c",
    "1",
    "observation",
    "A cube",
    assets=(
        Asset("https://a.example/table.csv", "table", media_type="text/csv"),
        Asset("https://a.example/x.zarr", "cube", "The cube", ZARR, ("data",)),
        Asset("https://a.example/y.zarr", "other"),
    ),
)
READ = Look(facts.READ, structure=Structure(3, True), fingerprint="f", picture_state=facts.READ)


def picture(size: int) -> Picture:
    return Picture("z", "z", "", "", "all", 1, 1, 0, 1, 0, "viridis", bytes(size))


class Looker:
    """Stands for the process: says what it is told to say, and remembers what it was asked."""

    def __init__(self, *answers: Look | None) -> None:
        self.asked: list[Question] = []
        self.answers = list(answers)
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, question: Question) -> tuple[Look | None, Any]:
        self.asked.append(question)
        self.gate.wait(60)
        return (self.answers.pop(0) if self.answers else READ), None


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def made(clock: Clock) -> Callable[..., Arrays]:
    def make(looker: Any, **more: Any) -> Arrays:
        resolver = Resolver(shipped(), (Volume("v", "V", mount_path="/media/data/v"),))
        return Arrays(lambda: resolver, look=looker, clock=more.pop("clock", clock), **more)

    return make


def test_the_zarr_files_of_a_record_are_found_without_asking_anybody(made: Callable[..., Arrays]) -> None:
    looker = Looker()
    assert [each.key for each in made(looker).files(RECORD)] == ["cube", "other"]
    assert looker.asked == []


def test_a_document_of_references_is_a_file_where_it_is_called_one(made: Callable[..., Arrays]) -> None:
    assets = (
        Asset("https://a.example/a.json", "metadata", media_type="application/json", roles=("metadata",)),
        Asset("https://a.example/b.json", "kerchunk", media_type="application/json"),
        Asset("https://a.example/c.json?v=1", "c", roles=("references",)),
        Asset("https://a.example/d-kerchunk.parq", "d"),
        Asset("http://user:pw@a.example/kerchunk.json", "e"),
    )
    found = made(Looker()).files(Record("s", "c", "3", "observation", "References", assets=assets))
    assert [each.key for each in found] == ["kerchunk", "c", "d"]
    assert found[0].places[0].address == "https://a.example/b.json"


def test_tables_and_repositories_are_files_where_they_are_called_so(made: Callable[..., Arrays]) -> None:
    assets = (
        Asset("https://a.example/items.parquet", "references", roles=("references",)),
        Asset("https://a.example/refs.parquet/", "b", roles=("kerchunk",)),
        Asset("s3://bucket/repo", "c", media_type="application/vnd.zarr+icechunk"),
        Asset("https://a.example/x-icechunk/", "d"),
        Asset("https://a.example/x.zarr.zip", "e", media_type="application/zip"),
    )
    found = made(Looker()).files(Record("s", "c", "3", "observation", "References", assets=assets))
    assert {each.key for each in found} == {"b", "c", "d", "e"}


def test_the_first_file_is_looked_into_unless_one_is_named(made: Callable[..., Arrays]) -> None:
    looker = Looker()
    found = made(looker)
    assert found.look(RECORD) == READ
    found.look(RECORD, "other", "/a/b/")
    assert [each.reaches[0].url for each in looker.asked] == ["https://a.example/x.zarr", "https://a.example/y.zarr"]
    assert [each.variable for each in looker.asked] == ["", "a/b"]


def test_a_file_that_a_record_does_not_have_is_not_found(made: Callable[..., Arrays]) -> None:
    with pytest.raises(NotFoundError, match="it has cube, other"):
        made(Looker()).look(RECORD, "table")
    with pytest.raises(NotFoundError, match="has no Zarr data"):
        made(Looker()).look(Record("s", "c", "2", "dataset", "Nothing"))


def test_the_hosts_that_are_asked_are_those_of_the_source(made: Callable[..., Arrays]) -> None:
    looker = Looker()
    made(looker, policy=lambda source: Policy().with_hosts(f"{source}.example")).look(RECORD)
    assert looker.asked[0].policy.allow_hosts == {"s.example"}


def test_what_was_seen_is_remembered_and_compared_after_a_while(made: Callable[..., Arrays], clock: Clock) -> None:
    looker = Looker(READ, None, READ)
    found = made(looker)
    assert found.look(RECORD) is found.look(RECORD)
    assert len(looker.asked) == 1
    clock.now += arrays.FRESH + 1
    assert found.look(RECORD) == READ
    assert [each.known for each in looker.asked] == ["", "f"]
    assert found.look(RECORD) == READ
    assert len(looker.asked) == 2


def test_the_array_that_was_chosen_is_not_looked_for_again_by_its_name(made: Callable[..., Arrays]) -> None:
    seen = Look(facts.READ, picture=picture(10), picture_state=facts.READ)
    looker = Looker(seen)
    found = made(looker)
    assert found.look(RECORD) is found.look(RECORD, "cube", "z") is seen
    assert len(looker.asked) == 1


@pytest.mark.parametrize("state", sorted(facts.PASSING))
def test_a_server_that_does_not_answer_is_left_alone_for_a_minute(
    made: Callable[..., Arrays], clock: Clock, state: str
) -> None:
    looker = Looker(Look(state), READ)
    found = made(looker)
    assert [found.look(RECORD).state for _ in range(3)] == [state] * 3
    clock.now += arrays.FAILED + 1
    assert found.look(RECORD).state == facts.READ
    assert [each.known for each in looker.asked] == ["", ""]


def test_no_more_is_remembered_than_there_is_room_for(
    made: Callable[..., Arrays], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "KEPT", 3)
    monkeypatch.setattr(arrays, "KEPT_BYTES", 100)
    sizes = zip("abcde", (10, 10, 10, 10, 95), strict=True)
    looker = Looker(*(Look(facts.READ, picture=replace(picture(size), variable=name)) for name, size in sizes))
    found = made(looker)
    for name in "abcd":
        found.look(RECORD, "", name)
    assert len(found._kept) == 3
    found.look(RECORD, "", "e")
    assert len(found._kept) == 1
    found.close()
    assert not found._kept


def test_many_who_ask_the_same_look_once(made: Callable[..., Arrays]) -> None:
    looker = Looker()
    looker.gate.clear()
    found = made(looker, clock=time.monotonic)
    seen: list[Look] = []
    threads = [threading.Thread(target=lambda: seen.append(found.look(RECORD))) for _ in range(6)]
    for each in threads:
        each.start()
    time.sleep(0.05)
    looker.gate.set()
    for each in threads:
        each.join(60)
    assert len(seen) == 6
    assert len(looker.asked) == 1


def test_only_so_many_look_at_once_and_only_so_many_wait(
    made: Callable[..., Arrays], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "SLOTS", 1)
    monkeypatch.setattr(arrays, "WAITING", 1)
    looker = Looker()
    looker.gate.clear()
    found = made(looker, clock=time.monotonic)
    threads = [threading.Thread(target=found.look, args=(RECORD, "", name)) for name in "ab"]
    threads[0].start()
    while not looker.asked:
        time.sleep(0.001)
    threads[1].start()
    while not found._waiting:
        time.sleep(0.001)
    assert found.look(RECORD, "", "c").state == facts.BUSY
    looker.gate.set()
    for each in threads:
        each.join(60)
    assert [each.variable for each in looker.asked] == ["a", "b"]
    assert found._waiting == 0


def test_a_look_that_raises_gives_back_its_turn(made: Callable[..., Arrays], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "SLOTS", 1)

    def failing(_question: Question) -> Any:
        raise OSError("no process can be made")

    found = made(failing)
    for _ in range(2):
        with pytest.raises(OSError, match="no process"):
            found.look(RECORD)


def test_a_process_that_does_not_end_takes_a_place(
    made: Callable[..., Arrays], monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    monkeypatch.setattr(arrays, "SLOTS", 1)
    monkeypatch.setattr(arrays, "WAITING", 0)

    class Hanging:
        ended: int | None = None

        def poll(self) -> int | None:
            return self.ended

    left = Hanging()
    found = made(lambda _question: (Look(facts.SLOW), left))
    assert found.look(RECORD).state == facts.SLOW
    assert found.look(RECORD, "other").state == facts.BUSY
    left.ended = -9
    assert found.look(RECORD, "other").state == facts.SLOW


@pytest.mark.parametrize("variable", ["x" * 501, "a\nb", "a\0"])
def test_a_variable_that_can_be_none_is_asked_of_nobody(made: Callable[..., Arrays], variable: str) -> None:
    looker = Looker()
    assert made(looker).look(RECORD, "", variable).picture_state == facts.UNKNOWN
    assert looker.asked == []


def test_a_file_in_a_bucket_that_wants_keys_is_not_asked_for(made: Callable[..., Arrays]) -> None:
    looker = Looker()
    assert made(looker).at((), Policy()).state == facts.NOT_ASKED
    assert looker.asked == []


def test_whoever_is_at_the_machine_may_name_a_folder_or_an_address(tmp_path: Path) -> None:
    found = here(f"{tmp_path}/x.zarr/")
    assert (found.root, found.tail) == (str(tmp_path), "x.zarr")
    reach, policy = on_web("http://127.0.0.1:9000/x.zarr", Policy())
    assert reach.url == "http://127.0.0.1:9000/x.zarr"
    assert policy.allows("127.0.0.1", 9000)
    with pytest.raises(ConfigError):
        on_web("ftp://a.example/x", Policy())
