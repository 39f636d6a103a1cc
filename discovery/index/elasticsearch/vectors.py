"""Vectors of spaces in Elasticsearch: one index for each, `dense_vector` with a graph over quantised vectors.

A row's number is its `_id`, so that what is written twice is there once. The same number is the only other field:
which rows may be found is said by numbers alone (`discovery.embeddings.held`), so an answer never depends on how a
server would understand places and times. Elasticsearch looks at nothing that the filter leaves out.

```
discovery-vectors-major-tom-g1795275923123        the rows of a space; the number is when it was begun
discovery-vectors-major-tom-g1795275923123-docs   the alias by which it is written: a write never makes an index
```
"""

from __future__ import annotations

import base64
import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import orjson

from discovery.errors import ConfigError, ConflictError, GoneError, UnavailableError
from discovery.index.elasticsearch.mapping import OURS
from discovery.index.elasticsearch.scope import docs_alias
from discovery.index.elasticsearch.server import Access, Action, Server

BBQ: Final = "bbq_hnsw"
INT8: Final = "int8_hnsw"
KINDS: Final = (BBQ, INT8)
"""How vectors are quantised in the graph: to one bit a dimension, or to eight."""
ROW: Final = "row"
VECTOR: Final = "vector"

_FEWEST: Final = {BBQ: 64, INT8: 1}
"""Dimensions that each kind needs."""
_MOST: Final = 4_096
_BEST: Final = 384
"""Dimensions from which on one bit each is enough, as Elasticsearch has it, too."""
_NAMED: Final = 2_100_000
"""Row numbers that a filter may name; the server's own limit is for people who write filters by hand."""
_SIMILARITY: Final = {"cosine": "dot_product", "l2": "l2_norm"}
"""Vectors for the cosine have length one already."""
_WRITERS: Final = 2
"""Requests at once: the server makes a graph with one thread for each."""
_BACKOFF: Final = (2.0, 5.0, 10.0, 20.0, 40.0)
"""Seconds before rows are sent again that a server did not take."""
_OVERSAMPLE: Final = 10
"""Times as many rows as wanted are compared again by the server at most; its own limit."""
_MOST_KEPT: Final = 10_000
_AT_ONCE: Final = 64
"""Questions in one request, of as many bytes as this at most; Elasticsearch takes 100 MB."""
_MOST_SENT: Final = 32_000_000
_PATH: Final = (
    "responses.status,responses.error,responses.timed_out,responses.hits.hits.fields,responses.hits.hits._score"
)

Numbers = npt.NDArray[Any]


class Among(Protocol):
    """The rows that may be found, as `discovery.embeddings.held` says them."""

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """The first row and the one after the last; all rows that may be found are in one of them."""
        ...

    @property
    def only(self) -> Numbers | None:
        """Of those, only these; None is all."""
        ...

    @property
    def without(self) -> Numbers | None:
        """Of those, none of these."""
        ...


class Look(Protocol):
    """What is looked for, as `discovery.embeddings.held` says it."""

    @property
    def size(self) -> int:
        """Rows for each query."""
        ...

    @property
    def effort(self) -> int:
        """Rows that are kept in view."""
        ...

    @property
    def again(self) -> int:
        """Rows that the server compares again with the vectors themselves; 0 is none."""
        ...

    @property
    def among(self) -> Among | None:
        """Which rows may be found; None is all."""
        ...


class ElasticsearchVectors:
    """Holds rows of spaces on a server and finds the near ones; safe to use from many threads.

    Args:
        access: Where the server is and how it knows us.
        prefix: The beginning of the names of our indexes.
        shards: Of each index; None leaves it to the index template of the server, else one.
    """

    name = "elasticsearch"

    def __init__(self, access: Access, *, prefix: str = "discovery", shards: int | None = None) -> None:
        self._server = Server(access)
        self._prefix = prefix
        self._shards = shards

    def kind(self, dimensions: int, wanted: str = "") -> str:
        """Return how vectors of that size are held: as is wanted, or as is best.

        Raises:
            ConfigError: They cannot be held, or not so.
        """
        if wanted and wanted not in KINDS:
            raise ConfigError(f"kind {wanted[:40]!r} is not one of {', '.join(KINDS)}")
        if dimensions > _MOST:
            raise ConfigError(f"Elasticsearch holds vectors of at most {_MOST:,} numbers; these have {dimensions:,}")
        found = wanted or (BBQ if dimensions >= _BEST else INT8)
        if dimensions < _FEWEST[found]:
            raise ConfigError(f"{found} needs vectors of at least {_FEWEST[found]} numbers; use {INT8}")
        return found

    def fresh(self, space: str) -> str:
        """Return a name for an index that there is not yet."""
        return f"{self._prefix}-vectors-{space}-g{time.time_ns() // 1_000_000}"

    def make(self, index: str, kind: str, dimensions: int, metric: str) -> bool:
        """Make an index where there is none, and return whether there was none."""
        with self._server.guarded("looking for an index"):
            if self._server.client.indices.exists(index=index):
                return False
        settings: dict[str, Any] = {
            # Seen when we say so: a part of a file is never found.
            "refresh_interval": "-1",
            "auto_expand_replicas": "0-1",
            "max_terms_count": _NAMED,
        }
        if self._shards is not None:
            settings["number_of_shards"] = self._shards
        properties: dict[str, Any] = {
            ROW: {"type": "long"},
            VECTOR: {
                "type": "dense_vector",
                "dims": dimensions,
                "similarity": _SIMILARITY[metric],
                "index_options": {"type": kind, "m": 16, "ef_construction": 100},
            },
        }
        mappings = {"dynamic": "strict", "_meta": {OURS: {"vectors": kind}}, "properties": properties}
        with contextlib.suppress(ConflictError), self._server.guarded("making an index"):
            self._server.labour.indices.create(
                index=index, aliases={docs_alias(index): {}}, mappings=mappings, settings=settings
            )
        return True

    def write(self, index: str, rows: Numbers, vectors: Numbers) -> None:
        """Have rows held, in the place of those of the same numbers; they are safe when this returns."""
        self._labour(index, [(int(row), each) for row, each in zip(rows, vectors, strict=True)])

    def delete(self, index: str, rows: Numbers) -> None:
        """Have rows not held any more."""
        self._labour(index, [(int(row), None) for row in rows])

    def _labour(self, index: str, pairs: Sequence[tuple[int, Numbers | None]]) -> None:
        share = -(-len(pairs) // _WRITERS)
        parts = [pairs[at : at + share] for at in range(0, len(pairs), max(1, share))]

        def send(part: Sequence[tuple[int, Numbers | None]]) -> None:
            for pause in (*_BACKOFF, None):
                try:
                    self._server.bulk(docs_alias(index), _actions(part))
                    return
                except UnavailableError:
                    # Who makes graphs with every core may not even read for a while; what is sent twice is there once.
                    if pause is None:
                        raise
                    time.sleep(pause)

        with ThreadPoolExecutor(_WRITERS) as pool, _gone(index):
            for done in [pool.submit(send, part) for part in parts]:
                done.result()

    def count(self, index: str, start: int, end: int) -> int:
        """Let all that was written be found, and return how many rows are held from `start` to before `end`."""
        with _gone(index), self._server.guarded("counting"):
            self._server.labour.indices.refresh(index=index)
            found = self._server.labour.count(index=index, query=_span(start, end))
        return int(found["count"])

    def nearest(self, index: str, queries: Numbers, metric: str, look: Look) -> list[tuple[Numbers, Numbers]]:
        """Return for each query the rows that seem nearest, in any order, and how near they are.

        Args:
            index: That is asked.
            queries: Vectors, ready to be compared.
            metric: `cosine` or `l2`.
            look: How many rows, which, and how thoroughly.

        Raises:
            UnavailableError: The server does not answer, or does not hold the rows any more.
        """
        narrowed = orjson.dumps(_filter(look.among)) if look.among is not None else b""
        # Each question carries the filter: a long one is sent with few at a time.
        at_once = max(1, min(_AT_ONCE, _MOST_SENT // max(1, len(narrowed))))
        out = []
        for at in range(0, len(queries), at_once):
            out += self._asked(index, [_body(each, look, narrowed) for each in queries[at : at + at_once]], metric)
        return out

    def _asked(self, index: str, bodies: Sequence[bytes], metric: str) -> list[tuple[Numbers, Numbers]]:
        lines: Any = [line for body in bodies for line in (b'{"allow_partial_search_results":false}', body)]
        with _gone(index), self._server.guarded("looking for near vectors"):
            found: Any = self._server.client.msearch(index=index, searches=lines, filter_path=_PATH).body
        answers = found.get("responses", [])
        if len(answers) != len(bodies):
            raise UnavailableError(f"{self._server.name} answered {len(answers)} of {len(bodies)} questions")
        return [self._read(index, each, metric) for each in answers]

    def _read(self, index: str, answer: Mapping[str, Any], metric: str) -> tuple[Numbers, Numbers]:
        if "error" in answer:
            with _gone(index):
                raise self._server.refusal("looking for near vectors", int(answer.get("status", 500)), answer)
        if answer.get("timed_out"):
            raise UnavailableError(f"{self._server.name} gave up while looking for near vectors")
        hits = answer.get("hits", {}).get("hits", ())
        rows = np.array([hit["fields"][ROW][0] for hit in hits], dtype=np.int64)
        told = np.array([hit["_score"] for hit in hits], dtype=np.float64)
        # What Elasticsearch makes of both, undone: (1 + cosine) / 2, and 1 / (1 + distance^2).
        near = 2 * told - 1 if metric == "cosine" else -np.sqrt(np.maximum(1 / np.maximum(told, 1e-30) - 1, 0))
        return rows, near.astype(np.float32)

    def remove(self, index: str) -> None:
        """Let go of an index; of one that is not there, nothing happens."""
        with self._server.guarded("removing an index"):
            self._server.labour.options(ignore_status=404).indices.delete(index=index)

    def close(self) -> None:
        """Let go of the connections."""
        self._server.close()


@contextlib.contextmanager
def _gone(index: str) -> Iterator[None]:
    """Tell what to do about an index that is not there any more."""
    try:
        yield
    except GoneError as error:
        told = f"{index} is not there any more: have it held again with `discovery embeddings engine`"
        raise UnavailableError(told, retry_after=None) from error


def _actions(part: Sequence[tuple[int, Numbers | None]]) -> Iterator[Action]:
    for row, vector in part:
        yield Action(row, 1, None if vector is None else _document(row, vector))


def _document(row: int, vector: Numbers) -> bytes:
    # As text of its bytes, the most significant first: half as long as decimals, and read in a tenth of the time.
    packed = base64.b64encode(np.ascontiguousarray(vector, dtype=">f4").tobytes())
    return b'{"row":%d,"vector":"%b"}' % (row, packed)


def _body(query: Numbers, look: Look, narrowed: bytes) -> bytes:
    """Return one question; the filter, which may be long, is written once for all of them."""
    size, again = look.size, 0.0
    if look.again:
        again = min(float(_OVERSAMPLE), max(1.0, look.again / size))
        size = min(_MOST_KEPT, max(size, -(-look.again // _OVERSAMPLE)))
        again = min(again, _MOST_KEPT / size)
    asked: dict[str, Any] = {
        "field": VECTOR,
        "query_vector": query.tolist(),
        "k": size,
        "num_candidates": min(_MOST_KEPT, max(look.effort, size)),
        "rescore_vector": {"oversample": again},
    }
    knn = orjson.dumps(asked)
    if narrowed:
        knn = b'%b,"filter":%b}' % (knn[:-1], narrowed)
    rest = b'"_source":false,"stored_fields":"_none_","docvalue_fields":["row"],"track_total_hits":false'
    return b'{"knn":%b,"size":%d,%b}' % (knn, size, rest)


def _filter(among: Among) -> dict[str, Any]:
    """Return the filter of rows that may be found."""
    spans = [_span(start, end) for start, end in among.spans]
    inside: dict[str, Any] = spans[0] if len(spans) == 1 else {"bool": {"should": spans}}
    if not spans:
        inside = {"match_none": {}}
    if among.only is not None:
        # The spans are those of what is held: nothing outside of them is named.
        return {"terms": {ROW: among.only.tolist()}}
    if among.without is not None:
        return {"bool": {"filter": [inside], "must_not": [{"terms": {ROW: among.without.tolist()}}]}}
    return inside


def _span(start: int, end: int) -> dict[str, Any]:
    return {"range": {ROW: {"gte": start, "lt": end}}}
