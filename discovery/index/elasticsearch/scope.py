"""One scope of the index on the server: which generation answers, what it has seen, and generations being built.

```
discovery-resources-g1795275923123        one generation; its name is the time it was begun and never given twice
discovery-resources-g1795275923123-docs   alias by which it is written: a write never makes an index
discovery-resources                       alias of the generation that answers
discovery-resources-previous              alias of the one before
discovery-state                           {"change": 812, "index": uuid} for each generation
```
Aliases move in one step. The change is remembered after what it speaks of is written and only counts for the index of
that uuid: one restored from a snapshot is another index, has seen nothing for sure, and follows from the beginning.
"""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from discovery.errors import ConflictError, GoneError, NotFoundError, StaleIndexError
from discovery.index import plans
from discovery.index.base import Document, Generation
from discovery.index.elasticsearch import mapping
from discovery.index.elasticsearch.server import Action, Server
from discovery.index.generations import REINDEX

LOOK_AGAIN: Final = 0.5
"""Seconds for which a reader trusts what it saw of the aliases."""
_SEEN: Final = ("aliases", "mappings._meta", "settings.index.uuid", "settings.index.number_of_shards")


@dataclass(frozen=True, slots=True)
class Reader:
    """One generation as it is asked: an empty one has no index."""

    name: str = ""
    index: str = ""
    uuid: str = ""
    fingerprint: str = ""
    shards: int = 1
    ours: bool = False


@dataclass(frozen=True, slots=True)
class Pointer:
    """Which generation answers, and which one did before."""

    current: Reader = Reader()
    previous: Reader = Reader()


def docs_alias(index: str) -> str:
    """Return the alias by which an index is written."""
    return f"{index}-docs"


class Scope:
    """One scope's generations; searching is for many threads, writing for one process at a time."""

    def __init__(self, name: str, server: Server, prefix: str, shards: int | None) -> None:
        self.name = name
        self.server = server
        self.alias = f"{prefix}-{name}"
        self.alias_before = f"{self.alias}-previous"
        self.states = f"{prefix}-state"
        self.shards = shards
        self.lock = threading.RLock()
        self.building: set[str] = set()
        self.looked = float("-inf")
        self.pointed = Pointer()

    # ---- reading

    def reader(self, name: str = "") -> Reader:
        """Return the generation asked for, as the aliases were a moment ago.

        Raises:
            StaleIndexError: It was made by a version that indexes otherwise.
            GoneError: It is not here any more.
        """
        pointer = self.pointer()
        found = next((each for each in (pointer.current, pointer.previous) if name in {"", each.name}), None)
        if found is None:
            replaced = pointer.current.name or "none"
            raise GoneError(f"generation {name[:40]} of {self.name} was replaced by {replaced}")
        self.fit(found)
        return found

    def fit(self, reader: Reader) -> None:
        """Refuse a generation of another shape."""
        if reader.index and reader.fingerprint != mapping.fingerprint():
            raise StaleIndexError(f"index {reader.index} was made by another version; {REINDEX}")

    def pointer(self, *, fresh: bool = False) -> Pointer:
        """Return which generations there are, asked again after a moment."""
        now = time.monotonic()
        if fresh or now - self.looked >= LOOK_AGAIN:
            seen = self.readers(f"{self.alias},{self.alias_before}")
            self.pointed = Pointer(seen.get(self.alias, Reader()), seen.get(self.alias_before, Reader()))
            self.looked = now
        return self.pointed

    def replaced(self, reader: Reader) -> bool:
        """Tell whether a generation is not one of ours any more, by looking at the aliases now."""
        pointer = self.pointer(fresh=True)
        return reader.index not in {pointer.current.index, pointer.previous.index}

    def forget(self) -> None:
        """Look at the aliases again before the next question."""
        self.looked = float("-inf")

    def readers(self, names: str) -> dict[str, Reader]:
        """Return indexes by their aliases and their own names."""
        path = ",".join(f"*.{each}" for each in _SEEN)
        with self.server.guarded("looking at aliases"):
            found: Any = self.server.client.indices.get(index=names, ignore_unavailable=True, filter_path=path).body
        readers: dict[str, Reader] = {}
        for index, about in found.items():
            reader = self._reader(index, about)
            readers |= dict.fromkeys((index, *about.get("aliases", {})), reader)
        return readers

    def _reader(self, index: str, about: Mapping[str, Any]) -> Reader:
        name = index.removeprefix(f"{self.alias}-")
        settings = about.get("settings", {}).get("index", {})
        own = about.get("mappings", {}).get("_meta", {}).get(mapping.OURS)
        shape = str(own.get("fingerprint", "")) if isinstance(own, Mapping) else ""
        shards = int(settings.get("number_of_shards", 1))
        return Reader(name, index, str(settings.get("uuid", "")), shape, shards, own is not None)

    def generation(self) -> Generation:
        """Return the generation that answers now, what it has seen and how many documents it has."""
        reader = self.pointer(fresh=True).current
        if not reader.index:
            return Generation("", 0, 0)
        self.fit(reader)
        with self.server.guarded("counting"):
            documents = int(self.server.client.count(index=reader.index)["count"])
        return Generation(reader.name, self.change(reader), documents)

    def change(self, reader: Reader) -> int:
        """Return the last change that a generation has seen; 0 where nobody wrote one for this very index."""
        with self.server.guarded("reading the state"):
            client = self.server.client.options(ignore_status=404)
            found: Any = client.get(index=self.states, id=reader.index, filter_path="_source").body
        state = found.get("_source", {})
        return int(state["change"]) if state.get("index") == reader.uuid else 0

    # ---- writing

    def write(self, documents: Iterable[Document], deleted: Iterable[int], change: int) -> None:
        """Replace and delete documents of the generation that answers, and remember the change."""
        rows: dict[int, bytes | None] = {document.key: mapping.source(document) for document in documents}
        rows |= {key: None for key in deleted if 0 <= key <= plans.MAX_KEY}
        with self.lock:
            current = self.pointer(fresh=True).current
            if not current.index:
                current = self.first()
            self.fit(current)
            self.put(current, rows, change)
            self.remember(current, change)

    def first(self) -> Reader:
        """Make an empty generation that answers at once."""
        made = self.create(self.alias)
        self.forget()
        return made

    def put(self, reader: Reader, rows: Mapping[int, bytes | None], version: int) -> None:
        """Write documents and deletions, and let them be seen."""
        if rows:
            self.server.bulk(docs_alias(reader.index), (Action(key, version, row) for key, row in rows.items()))
            self.refresh(reader)

    def refresh(self, reader: Reader) -> None:
        """Let everything be seen that was written."""
        with self.server.guarded("refreshing"):
            self.server.labour.indices.refresh(index=reader.index)

    def remember(self, reader: Reader, change: int) -> None:
        """Write down the change, after what it speaks of."""
        with self.server.guarded("writing the state"):
            state = {"change": change, "index": reader.uuid}
            self.server.labour.index(index=self.states, id=reader.index, document=state)

    # ---- generations

    def create(self, *aliases: str) -> Reader:
        """Make an index for a new generation, after removing those that a crash has left behind.

        Args:
            aliases: What it is called from the beginning, besides the name by which it is written.
        """
        self.sweep()
        self.create_states()
        stamp = time.time_ns() // 1_000_000
        while True:
            index = f"{self.alias}-g{stamp}"
            try:
                with self.server.guarded("making an index"):
                    self.server.labour.indices.create(
                        index=index,
                        aliases={name: {} for name in (docs_alias(index), *aliases)},
                        mappings=mapping.mappings(),
                        settings=mapping.settings(self.shards),
                    )
            except ConflictError:
                stamp += 1
            else:
                return self.readers(index)[index]

    def create_states(self) -> None:
        """Make the index of states where there is none."""
        properties = {"change": {"type": "long"}, "index": {"type": "keyword"}}
        with contextlib.suppress(ConflictError), self.server.guarded("making an index"):
            if not self.server.client.indices.exists(index=self.states):
                self.server.labour.indices.create(
                    index=self.states,
                    mappings={"dynamic": "strict", "properties": properties},
                    settings={"number_of_shards": 1, "auto_expand_replicas": "0-1"},
                )

    def sweep(self) -> None:
        """Remove generations that nobody uses; only indexes that say they are ours are touched."""
        pointer = self.pointer(fresh=True)
        used = {pointer.current.index, pointer.previous.index, *self.building}
        wanted = re.compile(re.escape(self.alias) + r"-g[0-9]+")
        for index, reader in self.readers(f"{self.alias}-g*").items():
            if index == reader.index and index not in used and reader.ours and wanted.fullmatch(index):
                self.remove(index)

    def remove(self, index: str) -> None:
        """Remove an index and what was remembered of it."""
        with self.server.guarded("removing an index"):
            client = self.server.labour.options(ignore_status=404)
            client.indices.delete(index=index)
            client.delete(index=self.states, id=index)

    def publish(self, new: Reader) -> None:
        """Let a finished generation answer; the one before is kept, older ones are removed."""
        with self.lock:
            pointer = self.pointer(fresh=True)
            actions = [_add(new.index, self.alias)]
            if pointer.current.index:
                actions += [_remove(pointer.current.index, self.alias), _add(pointer.current.index, self.alias_before)]
            if pointer.previous.index:
                actions.append(_remove(pointer.previous.index, self.alias_before))
            self.swap(actions)
            if pointer.previous.index:
                self.remove(pointer.previous.index)

    def rollback(self) -> Generation:
        """Let the generation before answer again, and remove the one that did."""
        with self.lock:
            pointer = self.pointer(fresh=True)
            if not pointer.previous.index:
                raise NotFoundError(f"no generation before {pointer.current.name or 'the first'} was kept")
            before = pointer.previous.index
            self.swap(
                [
                    _remove(pointer.current.index, self.alias),
                    _remove(before, self.alias_before),
                    _add(before, self.alias),
                ]
            )
            self.remove(pointer.current.index)
            return self.generation()

    def swap(self, actions: list[Mapping[str, Any]]) -> None:
        """Move aliases, all of them in one step."""
        with self.server.guarded("moving aliases"):
            self.server.labour.indices.update_aliases(actions=actions)
        self.forget()

    def check(self) -> list[str]:
        """Return what is wrong with the generation that answers."""
        reader = self.pointer(fresh=True).current
        if not reader.index:
            return []
        self.fit(reader)
        with self.server.guarded("looking after its health"):
            health = self.server.client.cluster.health(index=reader.index, filter_path="status")["status"]
            blocks: Any = self.server.client.indices.get_settings(
                index=reader.index, name="index.blocks.*", flat_settings=True
            ).body
        wrong = [f"{reader.index}: parts of it have no copy that answers (status red)"] if health == "red" else []
        set_on = blocks.get(reader.index, {}).get("settings", {})
        wrong += [f"{reader.index}: {name} is set; is the disk full?" for name, on in set_on.items() if on == "true"]
        return wrong


class ElasticsearchBuild:
    """A generation being made beside the one that answers."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        with scope.lock:
            self.reader = scope.create()
            scope.building.add(self.reader.index)
        self.open = True

    def add(self, documents: Iterable[Document]) -> None:
        """Put documents in; keys are new to this generation."""
        self._check_open()
        # Older than any change: what follows the build is always newer.
        rows = ((document.key, mapping.source(document)) for document in documents)
        actions = (Action(key, 0, row) for key, row in rows)
        self.scope.server.bulk(docs_alias(self.reader.index), actions)

    def publish(self, change: int) -> Generation:
        """Make this the generation that answers, in one step; the one before is kept for `rollback`."""
        self._check_open()
        self.scope.refresh(self.reader)
        self.scope.remember(self.reader, change)
        self.scope.publish(self.reader)
        self.open = False
        self.scope.building.discard(self.reader.index)
        return self.scope.generation()

    def discard(self) -> None:
        """Throw the unfinished generation away."""
        if self.open:
            self.open = False
            self.scope.building.discard(self.reader.index)
            self.scope.remove(self.reader.index)

    def _check_open(self) -> None:
        if not self.open:
            raise ConflictError(f"generation {self.reader.name} is already published or discarded")


def _add(index: str, alias: str) -> Mapping[str, Any]:
    return {"add": {"index": index, "alias": alias}}


def _remove(index: str, alias: str) -> Mapping[str, Any]:
    return {"remove": {"index": index, "alias": alias, "must_exist": True}}
