"""Elasticsearch alone, with a mapping as one would write it for these records, asked what the portal is asked."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from elasticsearch import Elasticsearch, OrjsonSerializer
from elasticsearch.helpers import bulk, parallel_bulk

from discovery.model import terms
from discovery.model.record import Record
from discovery.query.query import Comparison, Query

INDEX = "bare"
_KEYWORDS = (
    "kind",
    "domain",
    "mission",
    "instrument",
    "keyword",
    "level",
    "product_type",
    "format",
    "id",
    "dataset",
    "frame",
)


class Engine:
    """One index of one shard, open for questions whose shape is known beforehand."""

    def __init__(self, url: str) -> None:
        self.client = Elasticsearch(url, request_timeout=120, serializer=OrjsonSerializer())

    def fill(self, records: Iterator[Record]) -> int:
        """Make the index of records and return how many they are."""
        # The generator's words are their own stems, and the server that is put together for tests has no stemmer.
        text = {"type": "text"}
        properties: dict[str, Any] = {name: {"type": "keyword"} for name in _KEYWORDS}
        properties |= {"title": text, "description": text, "start": {"type": "date"}}
        properties |= {"time": {"type": "date_range", "format": "epoch_millis"}}
        properties |= {name: {"type": "float"} for name in ("west", "south", "east", "north")}
        self.client.indices.create(
            index=INDEX,
            mappings={"dynamic": False, "properties": properties},
            settings={"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "-1"},
        )
        rows = ({"_index": INDEX, "_id": each.id, "_source": _row(each)} for each in records)
        count = sum(1 for _ in parallel_bulk(self.client, rows, thread_count=2, queue_size=2, chunk_size=2000))
        self.client.indices.refresh(index=INDEX)
        self.client.indices.flush(index=INDEX)
        return count

    def change(self, record: Record) -> None:
        """Replace one record; visible when this returns."""
        bulk(self.client, [{"_index": INDEX, "_id": record.id, "_source": _row(record)}], refresh="true")

    def ask(self, question: Query) -> int:
        """Return how many match, with facets and a page, in one request of several searches.

        One search for the page and all facets in which nothing is ticked, one for each of the others: that was measured
        to be quicker than one search with a filter for each facet.
        """
        ticked = {each.name for each in question.selections}
        free = [each.name for each in question.facets if each.name not in ticked]
        lines: list[Any] = [{"index": INDEX, "request_cache": False}]
        lines.append(self._search(question) | {"size": question.size, "track_total_hits": True, "aggs": _facets(free)})
        for name in (each.name for each in question.facets if each.name in ticked):
            lines.append({"index": INDEX, "request_cache": False})
            lines.append(self._search(question, name) | {"size": 0, "aggs": _facets([name])})
        answers = self.client.msearch(searches=lines)["responses"]
        return int(answers[0]["hits"]["total"]["value"])

    def histogram(self, question: Query) -> int:
        """Return how many months have matches."""
        by = {"months": {"date_histogram": {"field": "start", "calendar_interval": "month"}}}
        found = self.client.search(index=INDEX, size=0, aggs=by, request_cache=False, **self._search(question))
        return len(found["aggregations"]["months"]["buckets"])

    def get(self, id: str) -> dict[str, Any]:
        """Return one record."""
        found: dict[str, Any] = self.client.get(index=INDEX, id=id)["_source"]
        return found

    def page(self, after: list[Any] | None, question: Query) -> list[Any] | None:
        """Return where a page of 100 in falling order of time ends; None behind the last one."""
        order = [{"start": "desc"}, {"id": "asc"}]
        found = self.client.search(index=INDEX, size=100, sort=order, search_after=after, track_total_hits=False,
                                   **self._search(question))  # fmt: skip
        hits = found["hits"]["hits"]
        return hits[-1]["sort"] if hits else None

    def at(self, i: int) -> list[Any]:
        """Return a place somewhere in the order of time."""
        return [random.Random(f"depth {i}").randrange(631_152_000_000, 1_767_225_600_000), ""]

    def _search(self, question: Query, skip: str = "") -> dict[str, Any]:
        quiet: list[Any] = [
            {"terms": {each.name: list(each.values)}} for each in question.selections if each.name != skip
        ]
        if isinstance(question.filter, Comparison):
            quiet.append({"term": {question.filter.name: question.filter.value}})
        if question.time is not None:
            span = {"gte": question.time.start, "lte": question.time.end, "relation": "intersects"}
            quiet.append({"range": {"time": span}})
        if question.region is not None:
            ring = dict(question.region.geometry)["coordinates"][0]
            west, south, east, north = ring[0][0], ring[0][1], ring[2][0], ring[2][1]
            sides = {"west": {"lte": east}, "east": {"gte": west}, "south": {"lte": north}, "north": {"gte": south}}
            quiet += [{"range": {name: test}} for name, test in sides.items()]
            quiet.append({"term": {"frame": question.region.frame}})
        words: list[Any] = []
        if question.text:
            fields = ["title^3", "description"]
            words.append({"multi_match": {"query": question.text, "fields": fields, "type": "cross_fields",
                                          "operator": "and"}})  # fmt: skip
        return {"query": {"bool": {"must": words, "filter": quiet}} if words or quiet else {"match_all": {}}}


def _facets(names: list[str]) -> dict[str, Any]:
    return {name: {"terms": {"field": name, "size": 12, "shard_size": 10_000}} for name in names}


def _row(record: Record) -> dict[str, Any]:
    extent = record.extent
    west, south, east, north = extent.bbox or (0, 0, 0, 0)
    return {
        "id": record.id,
        "kind": record.kind,
        "title": record.title,
        "description": record.description,
        "domain": record.domain,
        "mission": [step for path in record.missions for step in terms.ancestors(path)],
        "instrument": list(record.instruments),
        "keyword": list(record.keywords),
        "level": record.level,
        "product_type": record.product_type,
        "format": list(record.formats),
        "dataset": record.dataset,
        "frame": extent.frame,
        "start": extent.start,
        "time": {"gte": extent.start, "lte": extent.end},
        "west": west, "south": south, "east": east, "north": north,
    }  # fmt: skip
