"""Three hundred documents that mean harm, by what they would exhaust; all of them are made here from numbers."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from discovery.index.base import Index
from discovery.portal import Portal
from discovery_graphql import router

JSON = {"content-type": "application/json"}
DEEP = "query($f:RecordFilter){search(filter:$f){nodes{id}}}"
DIGITS = "9" * 4_000
CODES = ("bad_query", "limit")


def asked(query: str, variables: Any = None, **more: Any) -> bytes:
    """Return the body of a question."""
    return orjson.dumps({"query": query, **({} if variables is None else {"variables": variables}), **more})


def doubling(on: str, levels: int, inner: str, times: int = 2) -> str:
    steps = " ".join(f"fragment f{n} on {on} {{ {f'...f{n + 1} ' * times}}}" for n in range(levels))
    return f"{steps} fragment f{levels} on {on} {{ {inner} }}"


def nested(levels: int, before: str, after: str) -> bytes:
    """Written as text, because no writer of JSON goes so deep."""
    return f'{{"query":"{DEEP}","variables":{{"f":{before * levels}{{}}{after * levels}}}}}'.encode()


def depth() -> Iterator[bytes]:
    for n in (11, 12, 20, 50, 100, 190, 300, 1_000, 5_000, 30_000):
        yield asked("{a" * n + "}" * n)
        yield asked("{search{nodes{" + "...on Dataset{" * (n + 240) + "id" + "}" * (n + 240) + "}}}")
        yield asked("{search(region:{bbox:" + "[" * n + "]" * n + "}){nodes{id}}}")
        yield asked("{search(filter:" + "{not:" * (n + 30) + "{}" + "}" * (n + 30) + "){nodes{id}}}")
    yield asked("{search{nodes{" + "...on Observation{dataset{observations{nodes{" * 4 + "id" + "}" * 16 + "}}}")


def aliases() -> Iterator[bytes]:
    for n in (16, 17, 40, 100, 240):
        yield asked("{" + " ".join(f"a{i}:__typename" for i in range(n)) + "}")
        yield asked("{" + " ".join(f"a{i}:search{{totalCount{{value}}}}" for i in range(n)) + "}")
        yield asked("{search{" + " ".join(f"a{i}:facets{{other}}" for i in range(n)) + "}}")
        yield asked('{record(id:"x"){' + " ".join(f"a{i}:id" for i in range(n)) + "}}")
        yield asked("{...a ...a} fragment a on Query{" + " ".join(f"a{i}:__typename" for i in range(n // 2)) + "}")


def fragments() -> Iterator[bytes]:
    for n in (6, 8, 12, 20, 30, 50, 70, 90):
        yield asked("{search(first:100){...f0}} " + doubling("SearchConnection", n, "nodes{id}"))
        yield asked("{search(first:100){nodes{...f0}}} " + doubling("Record", n, "assets(first:9){href}"))
        yield asked("{...f0} " + doubling("Query", n, "search(first:100){nodes{id}}"))
        yield asked("{...f0} " + doubling("Query", n // 2, "search(first:100){nodes{id}}", times=4))
    for n in (1, 2, 3, 7, 19, 60, 120):
        ring = " ".join(f"fragment f{i} on Query{{...f{(i + 1) % n}}}" for i in range(n))
        yield asked("{...f0} " + ring)
        yield asked("{__typename} " + ring)
        through = " ".join(f"fragment f{i} on Observation{{dataset{{...f{(i + 1) % n}}}}}" for i in range(n))
        yield asked("{search{nodes{...f0}}} " + through)
    yield asked("{...none}")
    yield asked("{__typename} " + " ".join(f"fragment f{i} on Query{{__typename}}" for i in range(120)))
    yield asked("{...a} fragment a on Query{__typename} fragment a on Query{__typename}")
    yield asked("{...a} fragment a on String{length}")


def bodies() -> Iterator[bytes]:
    for filler in (b" ", b"{", b"[", b"a ", b'"', b"\x00", b"\xff", b"\xf0\x9f\x98\x80", b"{a", b"#\n", b"..."):
        yield filler * ((2 << 20) // len(filler))
        yield b'{"query":"' + filler * ((2 << 20) // len(filler)) + b'"}'
    yield asked("{__typename}" + " " * (2 << 20))
    yield asked("#" + "x" * (2 << 20) + "\n{__typename}")
    yield asked("{__typename}", {"x": "y" * (2 << 20)})
    yield asked("{__typename}", {f"x{n}": n for n in range(150_000)})


def introspection() -> Iterator[bytes]:
    for n in (3, 4, 5, 20, 40, 60):
        yield asked("{__schema{types{" + "fields{type{" * n + "name" + "}}" * n + "}}}")
        yield asked('{__type(name:"Query"){' + "fields{args{type{" * n + "name" + "}}}" * n + "}}")
        yield asked("{__schema{types{" + "possibleTypes{interfaces{" * n + "name" + "}}" * n + "}}}")
        yield asked("{" + " ".join(f"a{i}:__schema{{types{{name}}}}" for i in range(n + 24)) + "}")
        # Schema after schema without an alias: the price of each is counted.
        yield asked("{" + "__schema{types{name}} " * (n + 24) + "}")


def batches() -> Iterator[bytes]:
    one = {"query": "{search{totalCount{value}}}"}
    for n in (0, 1, 2, 10, 100, 1_000):
        yield orjson.dumps([one] * n)
    yield orjson.dumps([[one]])
    yield orjson.dumps([None])
    yield orjson.dumps({"0": one})


def directives() -> Iterator[bytes]:
    for n in (2, 20, 150, 249):
        yield asked("{__typename" + " @include(if:true)" * n + "}")
        yield asked("{__typename" + " @skip(if:false)" * n + "}")
        yield asked("{__typename" + " @unknown" * n + "}")
        yield asked("query" + " @include(if:true)" * n + "{__typename}")
        yield asked("{...a" + " @include(if:true)" * n + "} fragment a on Query{__typename}")
        yield asked("{__typename @include(if:" + "[" * n + "]" * n + ")}")


def variables() -> Iterator[bytes]:
    for n in (35, 41, 100, 400, 10_000):
        yield nested(n, '{"not":', "}")
        yield nested(n, '{"and":[', "]}")
    for n in (501, 5_000, 30_000):
        yield asked(DEEP, {"f": {"or": [{}] * n}})
        yield asked(DEEP, {"f": {"or": [[{}]] * n}})
        yield asked("{__typename}", {f"x{i}": {} for i in range(min(n, 6_000))})
    for n in (101, 1_000, 10_000):
        ids = [str(i) for i in range(n)]
        yield asked("query($i:[ID!]!){records(ids:$i){id}}", {"i": ids})
        yield asked("query($v:[FacetSelection!]){search(facets:$v){pageInfo{endCursor}}}",
                    {"v": [{"name": "THEME", "values": ids}]})  # fmt: skip
    yield asked("query(" + " ".join(f"$a{i}:Int" for i in range(240)) + "){__typename}")
    yield asked("query(" + " ".join(f"$a{i}:Int=1" for i in range(190)) + "){__typename}")
    yield asked("query($n:Int!){search(first:$n){nodes{id}}}", {"n": 2**31})
    yield asked("query($n:Int!){search(first:$n){nodes{id}}}", {"n": 2**63})
    yield asked("query($n:Int!){search(first:$n){nodes{id}}}", {"n": -1})
    yield asked("query($n:Int!){search(first:$n){nodes{id}}}", {"n": "1"})
    yield asked("query($n:Int!){search(first:$n){nodes{id}}}", {"n": None})
    yield asked("query($n:Int!){search(first:$n){nodes{id}}}", {"n": [[[1]]]})
    yield asked("query($n:Int!){search(first:$n){nodes{id}}}", {"n": 1e308})
    yield b'{"query":"query($n:Float!){__typename}","variables":{"n":NaN}}'
    yield b'{"query":"query($n:Float!){__typename}","variables":{"n":1e999}}'
    yield b'{"query":"{__typename}","variables":[]}'
    yield b'{"query":"{__typename}","variables":"{}"}'
    yield asked("query($n:None!){__typename}", {"n": 1})
    yield asked("query($n:Dataset!){__typename}", {"n": 1})


def characters() -> Iterator[bytes]:
    for code in (0x00, 0x01, 0x07, 0x08, 0x0B, 0x1B, 0x7F, 0x85, 0xA0, 0x200B, 0x2028, 0x202E, 0xFFFE, 0x1F600):
        yield asked("{__typename " + chr(code) + "}")
        yield asked("{__type" + chr(code) + "name}")
    for escape in (r"\uD800", r"\uDFFF", r"\u{110000}", r"\u{D800}", r"\uDC00\uD800", r"\x00", r"\u00"):
        yield asked('{search(text:"' + escape + '"){nodes{id}}}')
    yield b'{"query":"{__typename}\\ud800"}'
    yield b'{"query":"\xff\xfe"}'
    yield b'\xef\xbb\xbf{"query":"{__typename}"}'
    yield '{"query":"{__typename}"}'.encode("utf-16")
    yield asked('{search(text:"' + "\u0300" * 30_000 + '"){nodes{id}}}')
    yield asked('{search(text:"' + "a " * 30_000 + '"){nodes{id}}}')


def costs() -> Iterator[bytes]:
    for first, inner in ((100, 50), (100, 100), (50, 2_000), (100, 2**30), (2**31 - 1, 1), (10**9, 10**9)):
        yield asked(f"{{search(first:{first}){{nodes{{assets(first:{inner}){{href}}}}}}}}")
        yield asked(f"{{search(first:{first}){{edges{{node{{links(first:{inner}){{href}}}}}}}}}}")
        yield asked("query($n:Int!,$m:Int!){search(first:$n){nodes{volumes(first:$m){id}}}}", {"n": first, "m": inner})
        yield asked(
            f"{{search(first:{first}){{nodes{{...on Dataset{{observations(first:{inner}){{nodes{{id}}}}}}}}}}}}"
        )
    yield asked("{search(first:" + DIGITS + "){nodes{id}}}")
    yield asked("{search(first:-" + DIGITS + "){nodes{id}}}")
    yield asked("{search{heatMap(frame:SKY,most:" + DIGITS + "){cells}}}")
    yield asked("{" + "search(first:100){nodes{assets(first:100){href}}} " * 9 + "}")


def sentences() -> Iterator[bytes]:
    whole = 'query A($n: Int = 3) { search(text: "ice", first: $n) { nodes { id } facets(names: [THEME]) { other } } }'
    for cut in range(7, len(whole), 6):
        yield asked(whole[:cut])
    yield asked('{search(text:"' + "x" * 50_000)
    yield asked('{search(text:"""' + "\n" * 50_000)
    yield asked("{" + "search(first:1,first:2){nodes{id}}" + "}")
    yield asked("{search(" + ",".join(f"x{i}:1" for i in range(240)) + "){nodes{id}}}")
    yield asked(" ".join(f"query Q{i}{{__typename}}" for i in range(260)), operationName="Q1")
    yield asked("type A{b:Int}")
    yield asked("schema{query:Query} {__typename}")
    yield asked("{" + " ".join(f"x{i}" for i in range(900)) + "}")


FAMILIES = (
    *(depth, aliases, fragments, bodies, introspection, batches, directives, variables, characters, costs, sentences),
)
DOCUMENTS = {f"{each.__name__}-{number}": body for each in FAMILIES for number, body in enumerate(each())}
MOST_CPU = 0.1
MOST_MEMORY = 100 << 20
REFUSED = {200, 400, 413}


class Watched:
    """Stands where the engine would, and notes whatever is taken from it."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self.taken: list[str] = []

    def __getattr__(self, name: str) -> Any:
        self.taken.append(name)
        return getattr(self.index, name)


@pytest.fixture(scope="module")
def guarded(portal: Portal) -> Iterator[tuple[TestClient, Watched]]:
    watched = Watched(portal.index)
    app = FastAPI()
    app.include_router(router(Portal(portal.store, watched)))
    with TestClient(app) as client:
        yield client, watched


def _timed(client: TestClient, body: bytes) -> tuple[Any, float]:
    began = time.process_time()
    response = client.post("/graphql", content=body, headers=JSON)
    return response, time.process_time() - began


def test_there_are_three_hundred_of_every_sort() -> None:
    assert len(DOCUMENTS) >= 300
    assert len(set(DOCUMENTS.values())) >= 300
    assert len(FAMILIES) == 11


@pytest.mark.parametrize("body", DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_a_hostile_document_is_refused_before_it_costs_anything(
    guarded: tuple[TestClient, Watched], body: bytes
) -> None:
    client, watched = guarded
    watched.taken.clear()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    response, took = _timed(client, body)
    for _ in range(2):
        if took >= MOST_CPU:  # the tests share their cores, and a collection of garbage is nobody's fault
            took = min(took, _timed(client, body)[1])
    assert response.status_code in REFUSED, response.text[:300]
    answer = response.json()
    assert {each["extensions"]["code"] for each in answer["errors"]} <= set(CODES), response.text[:300]
    assert not answer.get("data")
    assert len(response.content) < 200_000
    # This says it whatever else the cores are doing: no engine was ever asked.
    assert watched.taken == []
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    assert grown < MOST_MEMORY
    assert took < MOST_CPU
