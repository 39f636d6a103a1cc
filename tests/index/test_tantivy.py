"""The tantivy engine passes the contract, and each trap that tantivy sets is sprung on purpose."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from tantivy import Query

from discovery.errors import ConfigError, ConflictError, UnavailableError
from discovery.index import plans
from discovery.index.base import Document, Keys, Plan
from discovery.index.like import like
from discovery.index.tantivy import TantivyIndex
from discovery.index.tantivy import schema as schema_module
from discovery.index.tantivy.folder import LOOK_AGAIN
from discovery.query.fields import FIELDS
from discovery.query.query import And, Comparison, FacetRequest, Like, Not, Sort
from discovery.testing.count_contract import CountContract
from discovery.testing.index_catalogue import SCOPE, fill, found, make, walked
from discovery.testing.index_contract import IndexContract
from discovery.testing.index_machine import IndexMachine

WRITE_FOR_EVER = """
import sys
from pathlib import Path
from discovery.index.tantivy import TantivyIndex
from discovery.testing.count_contract import CountContract
from discovery.testing.index_catalogue import SCOPE, make
index = TantivyIndex(Path(sys.argv[1]))
change = index.generation(SCOPE).change
while True:
    change += 1
    keys = [change * 7 % 50, change * 11 % 50]
    index.write(SCOPE, [make(key, f"change {change}", numbers={"size": change}) for key in keys], [change % 50], change)
    print(change, flush=True)
"""

READ_FOR_EVER = """
import sys
from pathlib import Path
from discovery.index.base import Plan
from discovery.index.tantivy import TantivyIndex
index = TantivyIndex(Path(sys.argv[1]))
for line in sys.stdin:
    answer = index.search(Plan("resources"))
    print(answer.total.value, answer.generation, index.generation("resources").change, flush=True)
"""

FULL_DISK = """
import resource, sys
from pathlib import Path
from discovery.errors import UnavailableError
from discovery.index.tantivy import TantivyIndex
from discovery.testing.count_contract import CountContract
from discovery.testing.index_catalogue import SCOPE, make
index = TantivyIndex(Path(sys.argv[1]))
index.write(SCOPE, [make(1, "old")], [], 1)
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
try:
    index.write(SCOPE, [make(key, f"title {key}") for key in range(5_000)], [], 2)
except UnavailableError:
    print("refused", index.generation(SCOPE).change, index.generation(SCOPE).documents)
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
index.write(SCOPE, [make(2, "new")], [], 2)
print("written", index.generation(SCOPE).change, index.generation(SCOPE).documents)
index.close()
"""


@pytest.mark.slow
class TestTantivy(IndexContract):
    @pytest.fixture
    def index(self, tmp_path: Path) -> Iterator[TantivyIndex]:
        engine = TantivyIndex(tmp_path)
        yield engine
        engine.close()


class TantivyMachine(IndexMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="discovery-"))

    def open(self) -> TantivyIndex:
        return TantivyIndex(self.folder)

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


def lives(examples: int, steps: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("part", range(8))
def test_random_lives_agree_with_the_oracle(part: int) -> None:
    """2,000 lives of 50 steps where everything is tested, fewer elsewhere; in parts that workers share.

    Each part has a seed of its own: where CI is set, Hypothesis would live the same lives in all of them.
    """

    class Part(TantivyMachine):
        """The machine with a seed of its own."""

    many = lives(250, 50) if os.environ.get("CI") == "true" else lives(3, 30)
    run_state_machine_as_test(seed(part)(Part), settings=many)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_other_random_lives_agree_with_the_oracle() -> None:
    run_state_machine_as_test(TantivyMachine, settings=settings(lives(2_000, 50), derandomize=False))


def sole(folder: Path) -> Path:
    """The folder of the one generation."""
    (only,) = (folder / SCOPE).glob("g*")
    return only


def killed_while_writing(folder: Path, after: float) -> int:
    """Write in a process that is killed; return the last change that it has said to be written."""
    with subprocess.Popen([sys.executable, "-c", WRITE_FOR_EVER, folder], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        said = [writer.stdout.readline()]
        time.sleep(after)
        writer.send_signal(signal.SIGKILL)
        said += writer.stdout.readlines()
    return int([line for line in said if line.endswith("\n")][-1])


def replayed(change: int) -> dict[int, int]:
    """What the writing process must have left behind: key to the change that wrote it."""
    state: dict[int, int] = {}
    for each in range(1, change + 1):
        state |= {each * 7 % 50: each, each * 11 % 50: each}
        state.pop(each % 50, None)
    return state


def held(index: TantivyIndex) -> dict[int, int]:
    hits = index.search(Plan(SCOPE, sort=Sort("size"), size=100)).hits
    return {hit.key: int(hit.value or 0) for hit in hits}


@pytest.mark.slow
@pytest.mark.parametrize("kills", [2, pytest.param(10, marks=pytest.mark.long)])
def test_a_writer_killed_anywhere_loses_nothing_it_has_said(tmp_path: Path, kills: int) -> None:
    chance = random.Random(kills)
    for _ in range(kills):
        said = killed_while_writing(tmp_path, chance.uniform(0, 0.3))
        index = TantivyIndex(tmp_path)
        assert list(index.check()) == []
        change = index.generation(SCOPE).change
        assert change >= said
        # The change remembered may be one behind what was committed, and then the next writer writes it again.
        assert held(index) in (replayed(change), replayed(change + 1))
        index.write(SCOPE, (), (), change)
        index.close()


def test_a_writer_is_not_stuck_by_files_of_a_commit_that_a_kill_cut_short(tmp_path: Path) -> None:
    index = TantivyIndex(tmp_path)
    fill(index, [make(key) for key in range(10)])
    index.close()
    folder = sole(tmp_path)
    meta, state = (folder / "meta.json").read_bytes(), (folder / "state.json").read_bytes()
    index = TantivyIndex(tmp_path)
    index.write(SCOPE, (), [3], 2)
    index.close()
    assert list(folder.glob("*.del"))
    (folder / "meta.json").write_bytes(meta)
    (folder / "state.json").write_bytes(state)
    index = TantivyIndex(tmp_path)
    assert index.generation(SCOPE).documents == 10
    index.write(SCOPE, (), [3], 2)
    assert index.generation(SCOPE).documents == 9
    index.close()


def test_what_was_committed_before_a_kill_is_not_twice_when_it_is_written_again(tmp_path: Path) -> None:
    index = TantivyIndex(tmp_path)
    index.write(SCOPE, [make(key) for key in (3, 9)], (), 1)
    index.write(SCOPE, [make(key, numbers={"size": 1.0}) for key in (9, 12, 15)], (), 2)
    index.write(SCOPE, [make(5)], [15], 3)
    index.close()
    state = sole(tmp_path) / "state.json"
    # As if the last two commits had been followed by a kill.
    state.write_bytes(state.read_bytes().replace(b'"change":3', b'"change":1'))
    for _ in range(2):
        index = TantivyIndex(tmp_path)
        assert index.generation(SCOPE).change == 1
        # Keys between, above and below all that is there: each may be written already.
        index.write(SCOPE, [make(key, numbers={"size": 2.0}) for key in (12, 9, 15, 14, 1)], [5], 1)
        index.write(SCOPE, [make(key, numbers={"size": 3.0}) for key in (14, 15)], (), 1)
        assert held(index) == {3: 0, 12: 2, 9: 2, 15: 3, 14: 3, 1: 2}
        assert index.generation(SCOPE).documents == 6
        index.close()


def test_files_left_by_a_kill_are_swept(tmp_path: Path) -> None:
    index = TantivyIndex(tmp_path)
    fill(index, [make(1)])
    index.close()
    left = sole(tmp_path) / ".tmpAbC"
    left.write_bytes(b"x")
    index = TantivyIndex(tmp_path)
    fill(index, [make(2)])
    index.close()
    assert not left.exists()


def test_builds_left_by_a_kill_are_swept_by_the_next(tmp_path: Path) -> None:
    index = TantivyIndex(tmp_path)
    fill(index, [make(1)])
    index.build(SCOPE)
    other = TantivyIndex(tmp_path)
    build = other.build(SCOPE)
    assert sorted(each.name for each in (tmp_path / SCOPE).glob("g*")) == ["g000001", "g000002"]
    assert build.publish(2).documents == 0


def test_of_old_generations_one_is_kept(tmp_path: Path) -> None:
    index = TantivyIndex(tmp_path)
    for change in range(1, 5):
        index.build(SCOPE).publish(change)
    assert sorted(each.name for each in (tmp_path / SCOPE).glob("g*")) == ["g000003", "g000004"]
    index.close()


def test_counts_are_exact_over_many_segments(tmp_path: Path) -> None:
    chance = random.Random(5)
    index = TantivyIndex(tmp_path)
    expected: Counter[str] = Counter()
    for part in range(6):
        documents = []
        for key in range(part * 400, part * 400 + 400):
            values = tuple({f"v{int(chance.paretovariate(0.5)) % 900}" for _ in range(4)})
            expected.update(values)
            documents.append(Document(key, keywords={"keyword": values}))
        index.write(SCOPE, documents, (), part)
    facet = index.search(Plan(SCOPE, facets=(FacetRequest("keyword", 30),))).facets[0]
    ranked = sorted(expected.items(), key=lambda item: (-item[1], item[0]))[:30]
    assert [(bucket.value, bucket.count) for bucket in facet.buckets] == ranked
    assert facet.other == sum(expected.values()) - sum(count for _, count in ranked)
    assert facet.exact
    index.close()


@pytest.mark.slow
def test_a_reader_in_another_process_sees_each_commit_and_generation(tmp_path: Path) -> None:
    index = TantivyIndex(tmp_path)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", READ_FOR_EVER, tmp_path], **pipes) as reader:

        def seen() -> str:
            time.sleep(LOOK_AGAIN * 1.5)
            reader.stdin.write("\n")
            reader.stdin.flush()
            return reader.stdout.readline().strip()

        assert seen() == "0  0"
        for change in range(1, 5):
            index.write(SCOPE, [make(change)], (), change)
            assert seen() == f"{change} g000001 {change}"
        index.build(SCOPE).publish(9)
        assert seen() == "0 g000002 9"
        index.rollback(SCOPE)
        assert seen() == "4 g000001 4"
        reader.stdin.close()
    index.close()


def test_two_writers_at_once_are_refused(tmp_path: Path) -> None:
    index, other = TantivyIndex(tmp_path), TantivyIndex(tmp_path)
    fill(index, [make(1)])
    with pytest.raises(ConflictError):
        fill(other, [make(2)])
    index.close()
    fill(other, [make(2)])
    assert found(other) == {1, 2}
    other.close()


@pytest.mark.slow
def test_a_full_disk_stops_the_write_and_tears_nothing(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL_DISK, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["refused 1 1", "written 2 2"]
    index = TantivyIndex(tmp_path)
    assert list(index.check()) == []
    assert found(index) == {1, 2}


def test_a_flipped_byte_is_found_by_check(tmp_path: Path) -> None:
    index = TantivyIndex(tmp_path)
    fill(index)
    index.close()
    for file in sorted(sole(tmp_path).glob("*.store")) + sorted(sole(tmp_path).glob("*.idx")):
        data = file.read_bytes()
        file.write_bytes(bytes([data[0] ^ 1]) + data[1:])
        assert [str(file) in sentence for sentence in TantivyIndex(tmp_path).check()] == [True]
        file.write_bytes(data)
    assert list(TantivyIndex(tmp_path).check()) == []


@pytest.mark.parametrize("pattern", ["*.fast", "*.term"])
def test_a_missing_file_is_found_by_check(tmp_path: Path, pattern: str) -> None:
    index = TantivyIndex(tmp_path)
    fill(index)
    index.close()
    gone = next(sole(tmp_path).glob(pattern))
    gone.unlink()
    assert any(str(gone) in sentence for sentence in TantivyIndex(tmp_path).check())


@pytest.mark.parametrize("name", ["../CURRENT", "state.json", "meta.json"])
@pytest.mark.parametrize("data", [b"", b"{}", b"nonsense"])
def test_a_damaged_list_of_files_says_to_reindex_and_a_build_heals_it(tmp_path: Path, name: str, data: bytes) -> None:
    index = TantivyIndex(tmp_path)
    fill(index)
    index.close()
    (sole(tmp_path) / name).write_bytes(data)
    index = TantivyIndex(tmp_path)
    with pytest.raises(ConfigError, match="discovery reindex"):
        index.search(Plan(SCOPE))
    with pytest.raises(ConfigError, match="discovery reindex"):
        fill(index)
    assert len(index.check()) == 1
    build = index.build(SCOPE)
    build.add([make(1)])
    build.publish(5)
    assert found(index) == {1}
    assert list(index.check()) == []
    index.close()


def test_an_index_of_another_version_says_to_reindex(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = TantivyIndex(tmp_path)
    fill(index)
    index.close()
    monkeypatch.setattr(plans, "analysis", lambda: "of another time")
    other = TantivyIndex(tmp_path)
    with pytest.raises(ConfigError, match=r"another version.*discovery reindex"):
        other.search(Plan(SCOPE))
    other.build(SCOPE).publish(1)
    assert other.generation(SCOPE).documents == 0


def test_every_field_of_the_table_can_be_indexed() -> None:
    schema = schema_module.schema()
    for name in FIELDS:
        assert Query.exists_query(name)
        assert Query.term_query(schema, name, "x" if FIELDS[name].type in {"keyword", "text"} else 1)


def test_a_pattern_too_large_for_an_automaton_is_matched_all_the_same(tmp_path: Path) -> None:
    index = TantivyIndex(tmp_path)
    fill(index, [make(1, keywords={"keyword": ("xa" + "b" * 14,)}), make(2, keywords={"keyword": ("xa",)})])
    schema = schema_module.schema()
    with pytest.raises(ValueError, match="1000 states"):
        Query.regex_query(schema, "keyword", like("%a" + "_" * 14 + "%").regex("."))
    assert found(index, filter=Like("keyword", "%a" + "_" * 14 + "%")) == {1}
    index.close()


def test_dates_beyond_nanoseconds_are_found(tmp_path: Path) -> None:
    index = TantivyIndex(tmp_path)
    far = 10**16
    fill(index, [make(1, instants={"start": -far}), make(2, instants={"start": far})])
    assert found(index, filter=Comparison("<", "start", -far + 1)) == {1}
    assert walked(index, Sort("start", descending=True), 1) == [2, 1]
    index.close()


def test_answers_of_everything_are_remembered_until_the_next_commit(tmp_path: Path) -> None:
    index = TantivyIndex(tmp_path)
    fill(index)
    plan = Plan(SCOPE, facets=(FacetRequest("keyword"),))
    first = index.search(plan).facets[0]
    assert index.search(plan).facets[0] is first
    index.write(SCOPE, [make(50, keywords={"keyword": ("x",)})], (), 2)
    assert index.search(plan).facets[0] != first
    index.close()


def test_a_search_that_the_engine_cannot_do_is_an_error_of_ours(tmp_path: Path) -> None:
    index = TantivyIndex(tmp_path)
    fill(index)
    index.close()
    for file in sole(tmp_path).glob("*.fast"):
        file.write_bytes(b"\0" * file.stat().st_size)
    with pytest.raises((UnavailableError, ConfigError)):
        TantivyIndex(tmp_path).search(Plan(SCOPE, sort=Sort("title"), facets=(FacetRequest("keyword"),)))


def test_nobody_who_asks_waits_for_a_writer(tmp_path: Path) -> None:
    index = TantivyIndex(tmp_path)
    fill(index)
    with ThreadPoolExecutor(1) as other, index._scopes[SCOPE].write_lock:
        time.sleep(LOOK_AGAIN * 1.5)
        assert other.submit(index.search, Plan(SCOPE)).result(timeout=20).total.value == 6
    index.close()


@pytest.mark.slow
def test_another_process_reads_old_or_new_while_generations_are_swapped(tmp_path: Path) -> None:
    """The reader shares nothing with the writer but the folder, as another process would."""
    index, reader = TantivyIndex(tmp_path), TantivyIndex(tmp_path)
    fill(index, [make(key, keywords={"keyword": ("0",)}) for key in range(30)])
    done = threading.Event()

    def read() -> list[str]:
        wrong = []
        while not done.is_set():
            reader._scopes[SCOPE].looked = float("-inf")
            answer = reader.search(Plan(SCOPE, facets=(FacetRequest("keyword"),)))
            if answer.total.value != 30 or [bucket.count for bucket in answer.facets[0].buckets] != [30]:
                wrong.append(f"{answer.generation}: {answer.total} {answer.facets}")
        return wrong

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        try:
            for number in range(1, 21):
                build = index.build(SCOPE)
                build.add(make(key, keywords={"keyword": (str(number),)}) for key in range(30))
                build.publish(number)
        finally:
            done.set()
        assert [each.result() for each in readers] == [[], []]
    index.close()


class TestTantivyByDocument(CountContract):
    """Counts of documents that are all written as those with numbers that JSON would change."""

    @pytest.fixture
    def index(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TantivyIndex]:
        monkeypatch.setattr(schema_module, "is_exact", lambda _: False)
        engine = TantivyIndex(tmp_path)
        yield engine
        engine.close()


@pytest.mark.parametrize(
    ("number", "exact"), [(0.1, True), (1e22, True), (455.49320625196924, False), (1e300, True), (-0.5, True)]
)
def test_it_is_known_which_numbers_json_would_change(number: float, exact: bool) -> None:
    assert schema_module.read_exactly(number) is exact


@pytest.mark.parametrize("count", [1, 100, 101, 128, 129, 700, 4_000, 4_001])
def test_few_and_many_keys_are_found_counted_and_left_out_alike(tmp_path: Path, count: int) -> None:
    index = TantivyIndex(tmp_path)
    index.write(SCOPE, [Document(key, instants={"start": key}) for key in range(1, 4_501)], (), 1)
    named = Keys(frozenset(range(2, 2 + count)))
    for node, wanted in ((named, count), (Not(named), 4_500 - count)):  # type: ignore[arg-type]
        plan = Plan(SCOPE, filter=node, sort=Sort("start"), size=10)
        answer = index.search(plan)
        assert answer.total.value == wanted
        first = [key for key in range(1, 4_501) if (key in named.keys) == (node is named)][:10]
        assert [hit.key for hit in answer.hits] == first
        assert len(index.keys(plan, 5_000)) == wanted
    index.close()


def test_what_is_left_out_is_left_out_of_everything_where_nothing_else_is_asked(tmp_path: Path) -> None:
    index = TantivyIndex(tmp_path)
    index.write(SCOPE, [Document(key, keywords={"kind": ("ab"[key % 2],)}) for key in range(1, 21)], (), 1)
    odd, none = Comparison("=", "kind", "b"), Not(And(()))
    few: Any = Keys(frozenset({1, 2, 3}))
    three: Any = Keys(frozenset({3}))
    five: Any = Keys(frozenset({5}))
    for parts, wanted in (
        ((Not(odd), Not(few)), set(range(4, 21, 2))),
        ((odd, And((Not(few), Not(five)))), set(range(7, 21, 2))),
        ((few, Not(And((odd, Not(three))))), {2, 3}),
        ((none,), set()),
        ((), set(range(1, 21))),
    ):
        assert found(index, filter=And(parts)) == wanted
    index.close()
