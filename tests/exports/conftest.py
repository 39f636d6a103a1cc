"""A portal with records of many kinds, one of them with everything and some that mean harm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import orjson
import pytest

from discovery import selection
from discovery.documents.site import Site
from discovery.exports import writing
from discovery.exports.writing import Format
from discovery.index.tantivy import TantivyIndex
from discovery.indexer import follow
from discovery.model import stac
from discovery.model.extent import SKY, Extent
from discovery.model.record import Asset, Record, record_id
from discovery.model.source import Mapped, RawRecord, Source
from discovery.portal import Portal
from discovery.query.query import Query
from discovery.selection import Selection
from discovery.store.store import Store

MEAN = '=HYPERLINK("http://x.example/";"y") ]]> </TD> & \x01 \'quote\'\nline ü \U0001f6f0'
SENT = {
    "type": "Feature", "stac_version": "1.0.0", "stac_extensions": [], "id": "scene-1", "collection": "scenes",
    "geometry": {"type": "Point", "coordinates": [10.0, 50.0]}, "bbox": [10.0, 50.0, 10.0, 50.0],
    "properties": {"datetime": "2020-01-01T00:00:00Z", "n": 1.50}, "links": [],
    "assets": {"data": {"href": "https://a.example/1.tif", "roles": ["data"]}},
}  # fmt: skip
SCENES = record_id("s", "collections", "scenes")


Whole = Callable[..., bytes]


def records(full: Record) -> list[Record]:
    sky = Extent(SKY, {"type": "Circle", "center": [83.6, 22.0], "radius": 0.5}, None, 0, 86_400_000)
    secret = Asset("https://me:secret@a.example/x.fits", "k", media_type="image/fits", size=2**40)
    return [
        replace(full, source="s", id="", container="full", dataset=""),
        Record("s", "collections", "scenes", "dataset", "Scenes", license="CC-BY-4.0"),
        Record("s", "c", "mean", "dataset", MEAN, description=MEAN, provider="@SUM(1)", keywords=("-1+1", "+2")),
        Record(
            "s", "c", "sky", "observation", "On the sky", extent=sky, assets=(secret,), numbers={"exposure": 1.5e-7}
        ),
        Record("s", "c", "bare", "service", ""),
        *(Record("s", "many", f"n{number}", "document", f"Note {number}") for number in range(20)),
    ]


@pytest.fixture(scope="session")
def site() -> Site:
    return Site("Test portal", "https://portal.example")


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory, full: Record) -> Iterator[Portal]:
    home = tmp_path_factory.mktemp("exports")
    made = Portal(Store(f"sqlite:///{home / 'store.db'}"), TantivyIndex(home / "index"))
    made.store.ledger.add_source(Source("s", "stac-items", "file:s", "S"))
    mapped = [Mapped(each, RawRecord(each.container, each.source_id, b"{}")) for each in records(full)]
    body = orjson.dumps(SENT)
    item = Record(
        "s", "scenes", "scene-1", "observation", "Scene 1", dataset=SCENES, extent=Extent(bbox=(10, 50, 10, 50))
    )
    mapped.append(Mapped(item, RawRecord("scenes", "scene-1", body, "application/geo+json"), stac.splice(body, SENT)))
    made.store.ingest.page("s", 1, mapped)
    follow(made.store, made.index)
    yield made
    made.close()


@pytest.fixture
def whole(portal: Portal, site: Site) -> Whole:
    """Return `whole(form, selection)`: the bytes of a file."""

    def made(wanted: Format, picked: Selection | None = None) -> bytes:
        chosen = selection.choose(portal, picked or Selection.of_query(Query()))
        return b"".join(writing.export(portal, chosen, wanted, site).pieces)

    return made
