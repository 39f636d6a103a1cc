"""The way to an Elasticsearch server: how long it is waited for, and what its refusals mean to us."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final
from urllib.parse import urlsplit

import urllib3
from elastic_transport import HttpHeaders, NodeConfig, SerializationError, TransportError
from elastic_transport import Urllib3HttpNode as HttpNode
from elastic_transport.client_utils import DEFAULT
from elasticsearch import ApiError, Elasticsearch, OrjsonSerializer, UnsupportedProductError

from discovery.errors import (
    BadQueryError,
    ConfigError,
    ConflictError,
    DiscoveryError,
    GoneError,
    LimitError,
    StaleIndexError,
    UnavailableError,
)
from discovery.index.generations import REINDEX

CONNECT: Final = 1.0
"""Seconds until a machine that says nothing counts as down."""
PATIENCE: Final = 15.0
"""Seconds for an answer to a question."""
LABOUR: Final = 120.0
"""Seconds for writing, and for making and swapping indexes."""
PROBE: Final = 1.5
"""Seconds for a word from a server that did not answer before."""
PAUSE: Final = 1.0
"""Seconds for which nobody asks a server that did not answer, so that not everybody waits for it."""
TOO_COMPLEX: Final = "filter-pattern"
"""The limit that a pattern exceeds whose automaton Elasticsearch refuses."""

_CONNECTIONS: Final = 64
_BULK_BYTES: Final = 8_000_000
_BULK_ITEMS: Final = 2_000
_BACKOFF: Final = (0.1, 0.5, 2.0, 5.0, 10.0)
"""Seconds before a write that the server had no room for is tried again."""
_BUSY: Final = frozenset({429, 502, 503, 504})
_MAPPING: Final = frozenset(
    {
        "strict_dynamic_mapping_exception",
        "mapper_parsing_exception",
        "document_parsing_exception",
    }
)
_LARGE: Final = frozenset({"too_many_clauses", "too_many_nested_clauses", "too_many_buckets_exception"})


@dataclass(frozen=True, slots=True)
class Access:
    """Where servers are and how they know us; several addresses are nodes of one cluster."""

    addresses: tuple[str, ...]
    key: str = ""
    """An API key as Kibana and `POST /_security/api_key` show it ("encoded")."""
    ca: str = ""
    """A file with the certificate authority of the servers; empty is the usual ones."""


class _Node(HttpNode):
    """A node that is given up quickly where nobody is there, and not while it works."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self.pool.timeout = urllib3.Timeout(connect=CONNECT, read=config.request_timeout)

    def perform_request(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: HttpHeaders | None = None,
        request_timeout: Any = DEFAULT,
    ) -> Any:
        """Send a request; its timeout is for the answer, and another one for the connection."""
        if isinstance(request_timeout, int | float):
            request_timeout = urllib3.Timeout(connect=min(CONNECT, request_timeout), read=request_timeout)
        return super().perform_request(method, target, body, headers, request_timeout)


@dataclass(frozen=True, slots=True)
class Action:
    """One item of a bulk request: a document to write, or a key to delete when there is none."""

    key: int
    version: int
    document: bytes | None = None

    def lines(self) -> list[Any]:
        """Return the lines of the request."""
        head = {"_id": str(self.key), "version": self.version, "version_type": "external_gte"}
        return [{"delete": head}] if self.document is None else [{"index": head}, self.document]


class Server:
    """A server, asked from many threads."""

    def __init__(self, access: Access) -> None:
        certificates: dict[str, Any] = {"ca_certs": access.ca} if access.ca else {}
        try:
            self.client = Elasticsearch(
                list(access.addresses),
                api_key=access.key or None,
                node_class=_Node,
                serializer=OrjsonSerializer(),
                connections_per_node=_CONNECTIONS,
                request_timeout=PATIENCE,
                # A connection that the server has closed in between is noticed by using it, so once more.
                max_retries=1,
                retry_on_status=(),
                **certificates,
            )
        except (ValueError, OSError) as error:
            raise ConfigError(f"index elasticsearch={shown(access.addresses)} cannot be used: {error}") from error
        self.name = shown(access.addresses)
        self._lock = threading.Lock()
        # As if it had failed long ago: the first question is a short one.
        self._failed: float | None = float("-inf")
        """When the server did not answer for the last time, None when it did since."""

    @property
    def labour(self) -> Elasticsearch:
        """The client for what may take its time."""
        return self.client.options(request_timeout=LABOUR)

    @contextlib.contextmanager
    def guarded(self, doing: str) -> Iterator[None]:
        """Turn what the client raises into an error of ours; a server that did not answer is left alone for a while.

        Raises:
            UnavailableError: It does not answer, or has no room.
            ConfigError: It refuses us.
            StaleIndexError: The index is not of the shape that we ask of.
            GoneError: The index is not there.
            ConflictError: What should be made is there.
            BadQueryError: The question is larger than it takes.
        """
        self._spare()
        try:
            yield
        except DiscoveryError:
            raise
        except UnsupportedProductError as error:
            raise ConfigError(f"{self.name} is no Elasticsearch: {error}") from error
        except ApiError as error:
            raise self.refusal(doing, error.meta.status, error.body) from error
        except SerializationError as error:
            raise UnavailableError(f"{self.name} answered what cannot be read while {doing}") from error
        except TransportError as error:
            with self._lock:
                self._failed = time.monotonic()
            message = f"{self.name} does not answer while {doing} ({_said(error)})"
            raise UnavailableError(message, retry_after=2.0) from error
        if self._failed is not None:
            with self._lock:
                self._failed = None

    def _spare(self) -> None:
        failed = self._failed
        if failed is None:
            return
        if time.monotonic() - failed < PAUSE:
            raise UnavailableError(f"{self.name} does not answer", retry_after=2.0)
        try:
            # It may hang instead of being down: a short question first, or everybody who asks waits for long.
            self.client.options(request_timeout=PROBE, max_retries=0).cluster.health(filter_path="status")
        except TransportError as error:
            with self._lock:
                self._failed = time.monotonic()
            raise UnavailableError(f"{self.name} does not answer ({_said(error)})", retry_after=2.0) from error
        except ApiError:
            return  # It answers; what it refuses is told when the question itself is asked.

    def refusal(self, doing: str, status: int, body: Any) -> DiscoveryError:
        """Return what a refusal means to us."""
        kinds, reason = _told(body)
        said = f"{self.name} refused while {doing}: {reason or f'status {status}'}"
        if status == 404 and "index_not_found_exception" in kinds:
            return GoneError(said)
        if "resource_already_exists_exception" in kinds:
            return ConflictError(said)
        if status in _BUSY or "cluster_block_exception" in kinds:
            return UnavailableError(said, retry_after=5.0)
        if status in {401, 403}:
            return ConfigError(f"{said}; see docs/elasticsearch.md for what the key must be allowed")
        if "too_complex_to_determinize" in reason or "TooComplexToDeterminize" in reason:
            return LimitError(TOO_COMPLEX, "a LIKE pattern is too complex", parameter="filter")
        if kinds & _LARGE:
            return BadQueryError(f"the question is larger than the index takes ({reason})")
        if kinds & _MAPPING:
            return StaleIndexError(f"{said}; {REINDEX}")
        return UnavailableError(f"{said}; see `discovery check`")

    def bulk(self, index: str, actions: Iterable[Action]) -> None:
        """Write and delete documents, each accounted for; what is there in a newer version stays.

        Args:
            index: An alias. Elasticsearch would make an index that is not there, with types that it guesses.
            actions: What to do; no key twice.
        """
        for part in _parts(actions):
            pending = part
            for pause in (*_BACKOFF, None):
                pending, reason = self._bulk(index, pending)
                if not pending:
                    break
                if pause is None:
                    raise UnavailableError(f"{self.name} has no room for {len(pending)} documents: {reason}")
                time.sleep(pause)

    def _bulk(self, index: str, actions: Sequence[Action]) -> tuple[list[Action], str]:
        """Send actions and return those that the server had no room for, and why."""
        lines = [line for action in actions for line in action.lines()]
        try:
            with self.guarded("writing"):
                path = "errors,items.*.status,items.*.error.type,items.*.error.reason,items.*._id"
                found = self.labour.bulk(index=index, operations=lines, require_alias=True, filter_path=path)
        except UnavailableError as error:
            if isinstance(error.__cause__, ApiError) and error.__cause__.meta.status == 429:
                return list(actions), str(error)
            raise
        items = [next(iter(item.values())) for item in found.get("items", ())]
        if [item["_id"] for item in items] != [str(action.key) for action in actions]:
            raise UnavailableError(f"{self.name} accounted for {len(items)} of {len(actions)} documents written")
        again: list[Action] = []
        why = ""
        for action, item in zip(actions, items, strict=True):
            status = int(item["status"])
            # 409: a newer version is there. 404: what should go is not there, unless the index itself is not.
            if status < 300 or status == 409 or (status == 404 and "error" not in item):
                continue
            if status not in _BUSY:
                raise self.refusal(f"writing document {action.key}", status, item)
            again.append(action)
            why = _told(item)[1]
        return again, why

    def close(self) -> None:
        """Let go of the connections."""
        self.client.close()


def _said(error: TransportError) -> str:
    return f"{type(error).__name__}: {str(error)[:200]}"


def shown(addresses: Iterable[str]) -> str:
    """Return addresses without what is secret in them."""
    parts = map(urlsplit, addresses)
    return ",".join(f"{part.scheme}://{part.netloc.rpartition('@')[2]}{part.path}" for part in parts)


def _parts(actions: Iterable[Action]) -> Iterator[list[Action]]:
    """Yield actions in parts of a size that a server takes at once."""
    part: list[Action] = []
    size = 0
    for action in actions:
        length = len(action.document or b"")
        if part and (size + length > _BULK_BYTES or len(part) >= _BULK_ITEMS):
            yield part
            part, size = [], 0
        part.append(action)
        size += length
    if part:
        yield part


def _told(body: Any) -> tuple[set[str], str]:
    """Return the kinds of errors that an answer names, outermost and root causes, and the first reason."""
    error = body.get("error") if isinstance(body, Mapping) else None
    if not isinstance(error, Mapping):
        return set(), str(error or body or "")[:300]
    kinds: set[str] = set()
    reasons: list[str] = []
    pending: list[Any] = [error]
    for each in islice(_each(pending), 50):
        kinds.add(str(each.get("type", "")))
        reasons.append(f"{each.get('type', '')}: {each.get('reason', '')}")
    return kinds, "; ".join(dict.fromkeys(reversed(reasons)))[:500]


def _each(pending: list[Any]) -> Iterator[Mapping[str, Any]]:
    while pending:
        each = pending.pop()
        if not isinstance(each, Mapping):
            continue
        yield each
        inner = [each.get("caused_by"), *(each.get("root_cause") or ())]
        pending += inner + [shard.get("reason") for shard in each.get("failed_shards") or ()]
