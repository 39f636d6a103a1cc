"""The Elasticsearch engine passes the contract on a real server, and each of its traps is sprung on purpose."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from elasticsearch import BadRequestError
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from discovery.errors import BadQueryError, ConfigError, GoneError, UnavailableError
from discovery.index import plans
from discovery.index.base import Document, Plan
from discovery.index.elasticsearch import Access, ElasticsearchIndex
from discovery.index.elasticsearch import search as search_module
from discovery.index.elasticsearch import server as server_module
from discovery.index.elasticsearch.scope import LOOK_AGAIN
from discovery.index.elasticsearch.search import Search
from discovery.index.elasticsearch.server import Action, Server
from discovery.query.query import And, Between, Comparison, FacetRequest, In, IsNull, Like, Not, Or, Selection, Sort
from discovery.query.text import parse
from discovery.testing.index_catalogue import SCOPE, fill, found, make, walked
from discovery.testing.index_contract import IndexContract, OrderContract
from discovery.testing.index_machine import IndexMachine
from discovery.testing.oracle import OracleIndex

pytestmark = pytest.mark.peer


def lives(examples: int, steps: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


def emptied(address: str, prefix: str) -> None:
    """Remove every generation under a prefix."""
    request = urllib.request.Request(f"{address}/{prefix}-*-g*", method="DELETE")
    urllib.request.urlopen(request, timeout=30).close()


@pytest.fixture
def index(elasticsearch: str, elasticsearch_prefix: str) -> Iterator[ElasticsearchIndex]:
    engine = ElasticsearchIndex(Access((elasticsearch,)), prefix=elasticsearch_prefix)
    yield engine
    engine.close()


class TestElasticsearch(IndexContract):
    """The contract; its fixture stands above."""


def machine(address: str, prefix: str) -> type[IndexMachine]:
    """Return the machine of random lives over a server."""

    class ElasticsearchMachine(IndexMachine):
        def open(self) -> ElasticsearchIndex:
            return ElasticsearchIndex(Access((address,)), prefix=prefix)

        def teardown(self) -> None:
            try:
                super().teardown()
            finally:
                emptied(address, prefix)

    return ElasticsearchMachine


@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(4))
def test_random_lives_agree_with_the_oracle(elasticsearch: str, elasticsearch_prefix: str, part: int) -> None:
    """In parts for as many workers: 200 lives of 50 steps where everything is tested, fewer elsewhere.

    Each part has a seed of its own: where CI is set, Hypothesis would live the same lives in all of them.
    """
    many = lives(50, 50) if os.environ.get("CI") == "true" else lives(4, 25)
    run_state_machine_as_test(seed(part)(machine(elasticsearch, elasticsearch_prefix)), settings=many)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_long_random_lives_agree_with_the_oracle(elasticsearch: str, elasticsearch_prefix: str) -> None:
    run_state_machine_as_test(machine(elasticsearch, elasticsearch_prefix), settings=lives(2_000, 50))


# The traps


@pytest.fixture
def server(index: ElasticsearchIndex) -> Server:
    return index._server


def indexes(server: Server, prefix: str) -> list[str]:
    return sorted(server.client.indices.get(index=f"{prefix}-*-g*").body)


class Middle(BaseHTTPRequestHandler):
    """Stands between the engine and the server, and may answer in its place."""

    protocol_version = "HTTP/1.1"
    target = ""
    spoil: Callable[[str, int, bytes], tuple[int, bytes]] = staticmethod(lambda path, status, body: (status, body))

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def passed(self) -> None:
        given = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        heads = {name: value for name, value in self.headers.items() if name.lower() not in {"host", "connection"}}
        request = urllib.request.Request(f"{self.target}{self.path}", given or None, heads, method=self.command)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                status, body, kind = answer.status, answer.read(), answer.headers.get("Content-Type", "")
        except urllib.error.HTTPError as error:
            with error:
                status, body, kind = error.code, error.read(), error.headers.get("Content-Type", "")
        status, body = self.spoil(self.path, status, body)
        self.send_response(status)
        self.send_header("X-Elastic-Product", "Elasticsearch")
        self.send_header("Content-Type", kind or "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            with suppress(ConnectionError):
                self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = passed  # noqa: N815 - names of the standard library


@contextmanager
def between(target: str, spoil: Callable[[str, int, bytes], tuple[int, bytes]]) -> Iterator[str]:
    """Yield the address of a server that hands everything on and may spoil the answers."""
    handler = type("Handler", (Middle,), {"target": target, "spoil": staticmethod(spoil)})
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=http.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{http.server_port}"
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


@contextmanager
def spoiled(
    elasticsearch: str, prefix: str, spoil: Callable[[str, int, bytes], tuple[int, bytes]]
) -> Iterator[ElasticsearchIndex]:
    with between(elasticsearch, spoil) as address:
        engine = ElasticsearchIndex(Access((address,)), prefix=prefix)
        yield engine
        engine.close()


def test_an_item_that_the_bulk_answer_leaves_out_is_missed(elasticsearch: str, elasticsearch_prefix: str) -> None:
    def spoil(path: str, status: int, body: bytes) -> tuple[int, bytes]:
        if "/_bulk" not in path:
            return status, body
        answer = json.loads(body)
        return status, json.dumps({**answer, "items": answer["items"][1:]}).encode()

    with spoiled(elasticsearch, elasticsearch_prefix, spoil) as index:
        with pytest.raises(UnavailableError, match="accounted for 5 of 6 documents"):
            fill(index)
        assert index.generation(SCOPE).change == 0


def test_items_without_room_are_sent_again_and_nothing_else(elasticsearch: str, elasticsearch_prefix: str) -> None:
    refused: list[str] = []

    def spoil(path: str, status: int, body: bytes) -> tuple[int, bytes]:
        if "/_bulk" not in path:
            return status, body
        items = json.loads(body)["items"]
        refused.append(",".join(item["index"]["_id"] for item in items))
        if len(refused) == 1:
            return 429, b'{"error": {"type": "es_rejected_execution_exception", "reason": "queue"}, "status": 429}'
        if len(refused) == 2:
            full = {"type": "es_rejected_execution_exception", "reason": "queue is full"}
            items[2]["index"] |= {"status": 429, "error": full}
        return status, json.dumps({"errors": True, "items": items}).encode()

    with spoiled(elasticsearch, elasticsearch_prefix, spoil) as index:
        fill(index)
        assert refused == ["1,2,3,4,5,6", "1,2,3,4,5,6", "3"]
        assert found(index) == {1, 2, 3, 4, 5, 6}


def test_a_server_without_room_for_long_is_told_with_its_reason(
    elasticsearch: str, elasticsearch_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil(path: str, status: int, body: bytes) -> tuple[int, bytes]:
        if "/_bulk" not in path:
            return status, body
        return 429, b'{"error": {"type": "es_rejected_execution_exception", "reason": "queue is full"}, "status": 429}'

    monkeypatch.setattr(server_module, "_BACKOFF", (0.01, 0.02))
    with spoiled(elasticsearch, elasticsearch_prefix, spoil) as index:
        with pytest.raises(UnavailableError, match="queue is full"):
            fill(index)
        assert index.generation(SCOPE).change == 0


def test_a_refused_document_stops_the_write_and_says_to_reindex(index: ElasticsearchIndex, server: Server) -> None:
    fill(index)
    reader = index._scopes[SCOPE].reader()
    with pytest.raises(ConfigError, match=r"not allowed.*discovery reindex"):
        server.bulk(f"{reader.index}-docs", [Action(1, 2, b'{"nothing": 1}'), Action(2, 2, b'{"_key": 2}')])


def test_who_is_not_allowed_is_told_where_it_says_so(elasticsearch: str, elasticsearch_prefix: str) -> None:
    def spoil(path: str, status: int, body: bytes) -> tuple[int, bytes]:
        return 403, b'{"error": {"type": "security_exception", "reason": "unauthorized for [x]"}, "status": 403}'

    with spoiled(elasticsearch, elasticsearch_prefix, spoil) as index, pytest.raises(ConfigError, match="unauthorized"):
        index.search(Plan(SCOPE))


def test_what_is_no_elasticsearch_is_told(elasticsearch_prefix: str) -> None:
    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Other) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.05,))
        thread.start()
        index = ElasticsearchIndex(Access((f"http://127.0.0.1:{http.server_port}",)), prefix=elasticsearch_prefix)
        with pytest.raises(ConfigError, match="is no Elasticsearch"):
            index.search(Plan(SCOPE))
        index.close()
        http.shutdown()
        thread.join()


def test_a_server_that_is_down_is_told_at_once_and_without_its_password() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    index = ElasticsearchIndex(Access((f"http://ann:s3cret@127.0.0.1:{port}",)))
    began = time.monotonic()
    for ask in (index.search, index.keys):
        with pytest.raises(UnavailableError, match=f"http://127.0.0.1:{port} does not answer") as caught:
            ask(Plan(SCOPE))
        assert caught.value.retry_after > 0
        assert "s3cret" not in str(caught.value)
    assert time.monotonic() - began < server_module.PATIENCE
    assert ["does not answer" in sentence for sentence in index.check()] == [True]
    index.close()


def test_a_server_that_hangs_costs_one_who_asks_and_not_everybody(
    elasticsearch: str, elasticsearch_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs = threading.Event()
    goes_on = threading.Event()

    def spoil(path: str, status: int, body: bytes) -> tuple[int, bytes]:
        if hangs.is_set():
            goes_on.wait(30)
        return status, body

    def refused(ask: Callable[[], object]) -> float:
        began = time.monotonic()
        with pytest.raises(UnavailableError):
            ask()
        return time.monotonic() - began

    patience, probe = 4.0, 0.5
    monkeypatch.setattr(server_module, "PATIENCE", patience)
    with spoiled(elasticsearch, elasticsearch_prefix, spoil) as index:
        assert index.search(Plan(SCOPE)).total.value == 0
        monkeypatch.setattr(server_module, "PAUSE", 60.0)
        hangs.set()
        assert refused(lambda: index.generation(SCOPE)) >= patience
        # For a while nobody else waits, and then only for the answer to a short question.
        monkeypatch.setattr(server_module, "PROBE", 30.0)
        assert max(refused(lambda: index.generation(SCOPE)) for _ in range(2)) < patience
        monkeypatch.setattr(server_module, "PAUSE", 0.0)
        monkeypatch.setattr(server_module, "PROBE", probe)
        assert probe <= refused(lambda: index.search(Plan(SCOPE))) < patience
        monkeypatch.setattr(server_module, "PROBE", 30.0)
        hangs.clear()
        goes_on.set()
        assert index.search(Plan(SCOPE)).total.value == 0


def test_an_older_change_does_not_replace_a_newer_one(index: ElasticsearchIndex) -> None:
    index.write(SCOPE, [make(1, "new"), make(2)], (), 9)
    index.write(SCOPE, [make(1, "old"), make(3)], [2], 5)
    assert found(index) == {1, 2, 3}
    assert found(index, text=parse("new")) == {1}
    # What was not seen is told again: a change remembered too low does no harm.
    assert index.generation(SCOPE).change == 5


def test_a_write_never_makes_an_index(index: ElasticsearchIndex, server: Server, elasticsearch_prefix: str) -> None:
    fill(index)
    reader = index._scopes[SCOPE].reader()
    server.client.indices.delete(index=reader.index)
    with pytest.raises(GoneError):
        index._scopes[SCOPE].put(reader, {1: b"{}"}, 2)
    build = index.build(SCOPE)
    server.client.indices.delete(index=build.reader.index)
    with pytest.raises(GoneError):
        build.add([make(1)])
    assert indexes(server, elasticsearch_prefix) == []


def test_an_index_lost_behind_our_back_is_empty_and_starts_anew(index: ElasticsearchIndex, server: Server) -> None:
    fill(index, change=7)
    server.client.indices.delete(index=index._scopes[SCOPE].reader().index)
    assert index.search(Plan(SCOPE)).total.value == 0
    assert index.generation(SCOPE).change == 0
    fill(index, change=8)
    assert found(index) == {1, 2, 3, 4, 5, 6}


def test_an_index_that_is_not_the_one_written_has_seen_nothing(index: ElasticsearchIndex) -> None:
    fill(index, change=7)
    scope = index._scopes[SCOPE]
    # As after a snapshot is restored: the same name, the same documents, another uuid.
    scope.remember(replace(scope.reader(), uuid="another"), 7)
    assert (index.generation(SCOPE).change, index.generation(SCOPE).documents) == (0, 6)
    fill(index, change=7)
    assert index.generation(SCOPE).change == 7


def test_an_index_of_another_version_says_to_reindex_and_a_build_heals_it(
    index: ElasticsearchIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(index)
    monkeypatch.setattr(plans, "analysis", lambda: "of another time")
    for ask in (lambda: index.search(Plan(SCOPE)), lambda: fill(index), lambda: index.generation(SCOPE)):
        with pytest.raises(ConfigError, match=r"another version.*discovery reindex"):
            ask()
    assert ["another version" in sentence for sentence in index.check()] == [True]
    index.build(SCOPE).publish(1)
    assert index.generation(SCOPE).documents == 0
    assert list(index.check()) == []


def test_builds_left_by_a_kill_are_swept_by_the_next_and_strangers_stay(
    index: ElasticsearchIndex, server: Server, elasticsearch_prefix: str
) -> None:
    fill(index)
    index.build(SCOPE)
    stranger = f"{elasticsearch_prefix}-{SCOPE}-g17"
    server.client.indices.create(index=stranger)
    other = ElasticsearchIndex(Access((index._server.name,)), prefix=elasticsearch_prefix)
    build = other.build(SCOPE)
    assert len(indexes(server, elasticsearch_prefix)) == 3
    assert stranger in indexes(server, elasticsearch_prefix)
    assert build.publish(2).documents == 0
    other.close()


def test_of_old_generations_one_is_kept(index: ElasticsearchIndex, server: Server, elasticsearch_prefix: str) -> None:
    names = [index.build(SCOPE).publish(change).name for change in range(1, 5)]
    kept = [f"{elasticsearch_prefix}-{SCOPE}-{name}" for name in names[-2:]]
    assert indexes(server, elasticsearch_prefix) == kept
    states = server.client.search(index=f"{elasticsearch_prefix}-state", size=1000)["hits"]["hits"]
    assert not {f"{elasticsearch_prefix}-{SCOPE}-{name}" for name in names[:2]} & {hit["_id"] for hit in states}


def test_counts_are_exact_over_shards_and_segments(elasticsearch: str, elasticsearch_prefix: str) -> None:
    chance = random.Random(5)
    index = ElasticsearchIndex(Access((elasticsearch,)), prefix=elasticsearch_prefix, shards=3)
    expected: Counter[str] = Counter()
    for part in range(5):
        documents = []
        for key in range(part * 400, part * 400 + 400):
            values = tuple({f"v{int(chance.paretovariate(0.5)) % 900}" for _ in range(4)})
            expected.update(values)
            documents.append(Document(key, keywords={"keyword": values}))
        index.write(SCOPE, documents, (), part)
    ranked = sorted(expected.items(), key=lambda item: (-item[1], item[0]))[:30]
    ticked = (Selection("keyword", (ranked[3][0], "never")),)
    for selections in ((), ticked):
        plan = Plan(SCOPE, facets=(FacetRequest("keyword", 30),), selections=selections)
        facet = index.search(plan).facets[0]
        counted = [(bucket.value, bucket.count) for bucket in facet.buckets if bucket.value != "never"]
        assert counted == ranked
        assert facet.other == sum(expected.values()) - sum(count for _, count in ranked)
        assert facet.exact
    # The trap: without `shard_size` the server counts what each shard has most of.
    name = index._scopes[SCOPE].reader().index
    terms = {"facet": {"terms": {"field": "keyword", "size": 30, "shard_size": 30}}}
    approximate = index._server.client.search(index=name, size=0, aggregations=terms)["aggregations"]["facet"]
    assert approximate["doc_count_error_upper_bound"] > 0
    assert [(bucket["key"], bucket["doc_count"]) for bucket in approximate["buckets"]] != ranked
    index.close()


def test_every_order_walks_over_shards(elasticsearch: str, elasticsearch_prefix: str) -> None:
    index = ElasticsearchIndex(Access((elasticsearch,)), prefix=elasticsearch_prefix, shards=3)
    fill(index)
    for sort, expected in OrderContract.ORDERS:
        assert walked(index, sort, 2) == expected
    index.close()


def test_filters_may_be_deeper_than_the_server_reads(index: ElasticsearchIndex, server: Server) -> None:
    fill(index)
    node: Any = Comparison("=", "keyword", "ocean")
    plain: Any = {"term": {"keyword": "ocean"}}
    for depth in range(60):
        both, either = And((node, Not(IsNull("keyword")))), Or((node, IsNull("keyword")))
        node = both if depth % 2 else either
        plain = {"bool": {"filter": [plain]}}
    with pytest.raises(BadRequestError) as refused:
        server.client.search(index=index._scopes[SCOPE].reader().index, query=plain)
    assert "nested depth of the query exceeds" in json.dumps(refused.value.body)
    oracle = OracleIndex()
    fill(oracle)
    assert found(index, filter=node) == found(oracle, filter=node) == {1, 3}


@pytest.mark.parametrize("pattern", ["%a" + "_" * 14 + "%", "x" * 200 + "%", "%\u0301%" + "a" * 200])
def test_patterns_that_the_server_refuses_are_matched_all_the_same(
    index: ElasticsearchIndex, pattern: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = [
        make(1, keywords={"keyword": ("xa" + "b" * 30,)}),
        make(2, keywords={"keyword": ("xa", "\u0301" + "a" * 1_500)}),
        make(3, keywords={"keyword": ("x" * 201,)}),
        make(4),
    ]
    oracle = OracleIndex()
    for each in (index, oracle):
        fill(each, documents)
    fields: list[str] = []
    values = Search.values

    def seen(search: Search, name: str, *more: Any) -> list[str]:
        fields.append(name)
        return values(search, name, *more)

    monkeypatch.setattr(Search, "values", seen)
    asked = Like("keyword", pattern, casei=True, accenti=True)
    assert found(index, filter=asked) == found(oracle, filter=asked) != set()
    assert set(fields) == {"keyword"}


def test_a_walk_through_values_reads_all_pages(index: ElasticsearchIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_module, "_WALK", 3)
    fill(index, [make(key, keywords={"keyword": (f"v{key}", "w")}) for key in range(10)])
    assert found(index, filter=Like("keyword", "%v" + "_" * 14 + "%")) == set()
    assert found(index, filter=Not(Like("keyword", "%v" + "_" * 14))) == set(range(10))
    reader = index._scopes[SCOPE].reader()
    values = Search(index._server, reader, Plan(SCOPE)).values("keyword", "v", lambda value: value > "v3")
    assert values == [f"v{number}" for number in range(4, 10)]


@pytest.mark.parametrize("name", ["x", ".", "a..b", "*", "a*", "\0", " ", "a=b", "a\\b", "~", "%", "é", "_key", "x.y"])
def test_any_name_of_the_long_tail_can_be_asked_for(index: ElasticsearchIndex, name: str) -> None:
    documents = [make(1, tail=(f"{name}=1", "x=y")), make(2, tail=(f"{name}=2", f"{name}=*", "other=1")), make(3)]
    oracle = OracleIndex()
    for each in (index, oracle):
        fill(each, documents)
    asked = f"properties.{name}"
    for node in (
        Comparison("=", asked, "1"),
        Comparison("=", asked, "*"),
        Comparison("<>", asked, "1"),
        In(asked, ("1", "2")),
        IsNull(asked),
    ):
        assert found(index, filter=node) == found(oracle, filter=node), node


def test_text_that_is_not_unicode_is_refused(index: ElasticsearchIndex) -> None:
    fill(index)
    for asked in (
        {"filter": Comparison("=", "keyword", "\ud800")},
        {"filter": Between("title", "\ud800", "\udfff")},
        {"selections": (Selection("keyword", ("\ud800",)),)},
    ):
        with pytest.raises(BadQueryError, match="not Unicode"):
            index.search(Plan(SCOPE, **asked))
    assert found(index, filter=Like("keyword", "%\ud800%")) == set()
    assert found(index, filter=Comparison("=", "properties.\ud800", "x")) == set()


def test_a_full_disk_is_told_by_check(
    index: ElasticsearchIndex, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(index)
    name = index._scopes[SCOPE].reader().index
    monkeypatch.setattr(server_module, "_BACKOFF", (0.01,))
    # What the server does itself when its disk is nearly full.
    server.client.indices.put_settings(index=name, settings={"index.blocks.read_only_allow_delete": True})
    with pytest.raises(UnavailableError, match="read-only"):
        index.write(SCOPE, [make(9)], (), 2)
    assert ["read_only_allow_delete is set" in sentence for sentence in index.check()] == [True]
    assert found(index) == {1, 2, 3, 4, 5, 6}
    assert index.generation(SCOPE).change == 1


def test_another_process_reads_old_or_new_while_generations_are_swapped(
    index: ElasticsearchIndex, elasticsearch: str, elasticsearch_prefix: str
) -> None:
    """The reader shares nothing with the writer but the server, as another process would."""
    reader = ElasticsearchIndex(Access((elasticsearch,)), prefix=elasticsearch_prefix)
    fill(index, [make(key, keywords={"keyword": ("0",)}) for key in range(30)])
    done = threading.Event()

    def read() -> list[str]:
        wrong = []
        while not done.is_set():
            answer = reader.search(Plan(SCOPE, facets=(FacetRequest("keyword"),)))
            if answer.total.value != 30 or [bucket.count for bucket in answer.facets[0].buckets] != [30]:
                wrong.append(f"{answer.generation}: {answer.total} {answer.facets}")
        return wrong

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        try:
            for number in range(1, 9):
                build = index.build(SCOPE)
                build.add(make(key, keywords={"keyword": (str(number),)}) for key in range(30))
                build.publish(number)
            before = index.rollback(SCOPE).name
        finally:
            done.set()
        assert [each.result() for each in readers] == [[], []]
    time.sleep(LOOK_AGAIN * 1.2)
    assert reader.search(Plan(SCOPE)).generation == before
    reader.close()


WRITE_FOR_EVER = """
import sys
from discovery.index.elasticsearch import Access, ElasticsearchIndex
from discovery.testing.index_catalogue import SCOPE, make
index = ElasticsearchIndex(Access((sys.argv[1],)), prefix=sys.argv[2])
change = index.generation(SCOPE).change
while True:
    change += 1
    keys = [change * 7 % 50, change * 11 % 50]
    index.write(SCOPE, [make(key, f"change {change}", numbers={"size": change}) for key in keys], [change % 50], change)
    print(change, flush=True)
"""


def replayed(change: int) -> dict[int, int]:
    """What the writing process must have left behind: key to the change that wrote it."""
    state: dict[int, int] = {}
    for each in range(1, change + 1):
        state |= {each * 7 % 50: each, each * 11 % 50: each}
        state.pop(each % 50, None)
    return state


@pytest.mark.parametrize("kills", [2, pytest.param(30, marks=pytest.mark.long)])
def test_a_writer_killed_anywhere_loses_nothing_it_has_said(
    index: ElasticsearchIndex, elasticsearch: str, elasticsearch_prefix: str, kills: int
) -> None:
    chance = random.Random(kills)
    command = [sys.executable, "-c", WRITE_FOR_EVER, elasticsearch, elasticsearch_prefix]
    for _ in range(kills):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            said = [writer.stdout.readline()]
            time.sleep(chance.uniform(0, 0.3))
            writer.send_signal(signal.SIGKILL)
            said += writer.stdout.readlines()
        change = index.generation(SCOPE).change
        assert change >= int([line for line in said if line.endswith("\n")][-1])
        # The change remembered may be one behind what was written, and then the next writer writes it again.
        index._scopes[SCOPE].refresh(index._scopes[SCOPE].pointer(fresh=True).current)
        hits = index.search(Plan(SCOPE, sort=Sort("size"), size=100)).hits
        state = {hit.key: int(hit.value or 0) for hit in hits}
        assert state in (replayed(change), replayed(change + 1))
