"""Harvests of every kind of OGC source are killed at random points, and end with exactly what the source has."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from discovery.store.store import Store

Served = Callable[..., str]
Answer = tuple[int, bytes, Mapping[str, str]]

pytestmark = pytest.mark.slow

HARVEST = """
import os, sys
from discovery.http import Client, Policy
from discovery.model import terms
from discovery.model.source import Source
from discovery.store.store import Store
from harvesters import folder, stac_static
from harvesters.run import harvest

url, kind, address, settings = sys.argv[1:5]
source = Source("s", kind, address, settings=dict(each.split("=") for each in settings.split(",") if each))
policy = Policy(attempts=1).with_hosts("127.0.0.1")
folder.PAGE = stac_static.PAGE = 5
for find in (terms.mission, terms.instrument, terms.theme, terms.license):
    find("read the vocabulary once and not in each child")
while sys.stdin.readline():
    child = os.fork()
    if child == 0:
        report = harvest(Store(url), source, client=Client(policy))
        os._exit(0 if report.status == "complete" else 1)
    print(child, flush=True)
    # It is waited for only when told so: until then its number cannot become that of another process.
    sys.stdin.readline()
    print(os.waitpid(child, 0)[1], flush=True)
"""


@contextmanager
def walking(*arguments: str) -> Iterator[Callable[[float | None], int]]:
    """Give a function that harvests in a process of its own, kills it after a while, and says how it ended."""
    command = [sys.executable, "-c", HARVEST, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        given, told = parent.stdin, parent.stdout
        assert given is not None
        assert told is not None

        def walk(delay: float | None) -> int:
            print("go", file=given, flush=True)
            child = int(told.readline())
            if delay is not None:
                time.sleep(delay)
                os.kill(child, signal.SIGKILL)
            print("wait", file=given, flush=True)
            return int(told.readline())

        yield walk
        given.close()


class Published:
    """One set of records as each kind of source gives them."""

    def __init__(self) -> None:
        self.titles: dict[str, str] = {}

    def publish(self, version: int) -> None:
        """Change every title, take a few records away and bring others."""
        self.titles = {f"r{n}": f"{n}, version {version}" for n in range(version % 3, 30 + version % 3)}

    def record(self, name: str) -> dict[str, Any]:
        properties = {"type": "dataset", "title": self.titles[name]}
        return {"type": "Feature", "id": name, "geometry": None, "properties": properties, "links": []}

    def __call__(self, path: str, headers: Mapping[str, str]) -> Answer:
        url = urlsplit(path)
        at = int(parse_qs(url.query).get("at", ["0"])[0])
        names = list(self.titles)
        page, more = names[at : at + 5], at + 5 < len(names)
        if url.path == "/landing":
            return json({"links": [{"rel": "data", "href": "/collections"}]})
        if url.path == "/collections":
            return json({"collections": [{"id": "c", "itemType": "record", "links": []}]})
        if url.path == "/collections/c/items":
            links = [{"rel": "next", "href": f"/collections/c/items?at={at + 5}"}] if more else []
            return json({"features": list(map(self.record, page)), "links": links, "numberMatched": len(names)})
        if url.path == "/osdd":
            template = 'rel="collection" type="application/geo+json" indexOffset="0" template="/series?at={startIndex}"'
            space = 'xmlns="http://a9.com/-/spec/opensearch/1.1/"'
            return 200, f"<OpenSearchDescription {space}><Url {template}/></OpenSearchDescription>".encode(), {}
        if url.path == "/series":
            return json({"features": list(map(self.record, page)), "totalResults": len(names)})
        if url.path == "/waf/":
            return 200, b"<html>" + b"".join(b'<a href="%s">x</a>' % name.encode() for name in names), {}
        if url.path == "/static/":
            return json({"type": "Catalog", "links": [{"rel": "item", "href": name} for name in names]})
        name = url.path.rpartition("/")[2]
        return json(self.record(name)) if name in self.titles else (404, b"", {})


def json(value: Any) -> Answer:
    return 200, orjson.dumps(value), {"Content-Type": "application/json"}


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("kind", "path", "settings"),
    [
        ("ogc-records", "landing", "page=5"),
        ("opensearch", "osdd", "page=5"),
        ("folder", "waf/", ""),
        ("records-static", "static/", ""),
    ],
)
def test_kills_lose_nothing_double_nothing_and_leave_nothing_stale(
    kind: str, path: str, settings: str, store: Store, served: Served
) -> None:
    published = Published()
    url = served(published)
    chance, version, kills = random.Random(7), 0, 0
    published.publish(0)
    with walking(store.database.url, kind, f"{url}{path}", settings) as walk:
        # The first walk waits for the imports, too; the second one says how long a whole one takes.
        assert walk(None) == 0
        published.publish(1)
        started = time.monotonic()
        assert walk(None) == 0
        duration = time.monotonic() - started
        while kills < 10:
            if walk(chance.random() * duration) == signal.SIGKILL:
                kills += 1
            else:
                version += 1
                published.publish(version)
        for _ in range(3):
            # What is left of the walk, and two whole ones: deletion takes two steps.
            assert walk(None) == 0
    rows = list(store.catalogue.export())
    assert {str(row["source_id"]): str(row["title"]) for row in rows} == published.titles
    assert len(rows) == len(published.titles)
    assert store.check() == []
    assert store.ingest.checkpoint("s") is None
