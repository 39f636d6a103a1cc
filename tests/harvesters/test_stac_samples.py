"""Every sample of real STAC that we have, and every oddity of a version: a record, or named with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from discovery.demo.pack import extract
from discovery.errors import SourceUnavailableError
from discovery.http import Client, Policy
from discovery.model.record import Record
from discovery.model.source import COMPLETE, Mapped, Source
from discovery.store.store import Store
from harvesters.mapping import map_one
from harvesters.registry import harvester
from harvesters.run import harvest

ROOT = Path(__file__).parents[2]
Make = Callable[..., dict[str, Any]]
Serve = Callable[..., str]

OSC = {"bad-interval": 1, "link-without-scheme": 1, "no-time": 28, "other-collection": 1, "secret-in-link": 23}
# What each file becomes: its records and the warnings on them. All 2,224 documents of the Open Science Catalog are
# walked; 1,341 are Catalogs, which lead to the others.
SAMPLES: dict[str, tuple[int, dict[str, int]]] = {
    "open-science-catalog/catalog.json": (883, OSC),
    "earth-search/collection.json": (1, {}),
    "earth-search/sentinel-s2-l2a-cogs_0_100.json": (100, {}),
    "planetary-computer/collections.ndjson": (3, {}),
    "planetary-computer/data/landsat-c2-l2/collection.json": (1, {}),
    "planetary-computer/data/naip/collection.json": (1, {}),
    "planetary-computer/data/naip/items.ndjson": (1000, {}),
    "planetary-computer/data/sentinel-2-l2a/collection.json": (1, {}),
    # It has a JSON Schema in place of a list of words.
    "stac-spec/catalog.json": (9, {"other-collection": 1, "wrong-type": 2}),
    "stac-spec/collection-only/collection-with-schemas.json": (1, {"wrong-type": 2}),
    "stac-spec/collection-only/collection.json": (1, {}),
    "stac-spec/collection.json": (1, {}),
    "stac-spec/collectionless-item.json": (1, {}),
    "stac-spec/core-item.json": (1, {}),
    "stac-spec/extended-item.json": (1, {}),
    "stac-spec/extensions-collection/collection.json": (1, {}),
    "stac-spec/extensions-collection/proj-example/proj-example.json": (1, {}),
    "stac-spec/simple-item.json": (1, {}),
    "stac-geoparquet/naip-rustac.parquet": (3, {}),
    "stac-geoparquet/sentinel-2-stac-geoparquet.parquet": (2, {}),
}
# What is no STAC at all, and why.
OTHERS = {"planetary-computer/data/fixture-summary.json": "no FeatureCollection, list or single element"}


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with all of them: the archives of the demo, which are whole, and what else the fixtures have."""
    folder = tmp_path_factory.mktemp("samples")
    for archive in sorted((ROOT / "fixtures" / "demo").glob("*/*.tar.gz")):
        extract(archive, folder / archive.parent.name)
    (folder / "stac-spec").symlink_to(ROOT / "fixtures" / "sources" / "stac-items" / "stac-spec")
    (folder / "stac-geoparquet").symlink_to(ROOT / "fixtures" / "sources" / "stac-geoparquet")
    return folder


def kind(path: str) -> str:
    """Return the kind of source that reads a sample."""
    if path.endswith(".parquet"):
        return "stac-geoparquet"
    return "stac-static" if path.endswith("catalog.json") else "stac-items"


@pytest.mark.slow
@pytest.mark.parametrize("path", SAMPLES)
def test_every_element_of_a_sample_becomes_a_record(samples: Path, client: Client, path: str) -> None:
    worker = harvester(Source("s", kind(path), f"file:{path}"), client, samples)
    pages = list(worker.pages(None))
    assert [each.issue for page in pages for each in page.rejected] == []
    found = [map_one(worker, raw) for page in pages for raw in page.raws]
    assert [each for each in found if not isinstance(each, Mapped)] == []
    warned = Counter(issue.code for each in found if isinstance(each, Mapped) for issue in each.record.issues)
    assert (len(found), dict(warned)) == SAMPLES[path]


@pytest.mark.parametrize("path", OTHERS)
def test_what_is_no_stac_says_so(samples: Path, client: Client, path: str) -> None:
    worker = harvester(Source("s", "stac-items", f"file:{path}"), client, samples)
    with pytest.raises(SourceUnavailableError, match=OTHERS[path]):
        list(worker.pages(None))


def test_no_sample_is_forgotten(samples: Path) -> None:
    files = {path.relative_to(samples).as_posix() for path in samples.rglob("*") if path.is_file()}
    # rglob goes into no link.
    for name in ("stac-spec", "stac-geoparquet"):
        files |= {f"{name}/{path.relative_to(samples / name).as_posix()}" for path in (samples / name).rglob("*")}
    documents = {each for each in files if each.endswith((".json", ".ndjson", ".parquet"))}
    inside = {each for each in documents if each.startswith("open-science-catalog/")}
    assert len(inside) == 2224
    assert documents - inside | {"open-science-catalog/catalog.json"} == SAMPLES.keys() | OTHERS.keys()


def without(item: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: each for name, each in item.items() if name not in names}


def oddities(make: Make) -> dict[str, tuple[dict[str, Any], str]]:
    """Return Items as versions and services of all times have them, and the warnings that they end with."""
    times = {"start_datetime": "2020-01-01T00:00:00Z", "end_datetime": "2020-02-01T00:00:00Z"}
    flat = {"type": "Polygon", "coordinates": [[[0, 0, 5], [1, 0, 5], [1, 1, 5], [0, 0, 5]]]}
    return {
        "1.0.0": (make("x"), ""),
        "1.1.0": (make("x", stac_version="1.1.0"), ""),
        "1.1.0-beta.1": (make("x", stac_version="1.1.0-beta.1"), ""),
        "1.0.0-rc.1": (make("x", stac_version="1.0.0-rc.1"), ""),
        "1.0.0-beta.2": (make("x", stac_version="1.0.0-beta.2"), ""),
        "0.9.0": (make("x", stac_version="0.9.0"), "unknown-version"),
        "a version as a number": (make("x", stac_version=1.0), "unknown-version"),
        "no version": (without(make("x"), "stac_version"), "unknown-version"),
        "no collection": (without(make("x"), "collection"), ""),
        "no assets": (without(make("x"), "assets"), ""),
        "no links": (without(make("x"), "links"), ""),
        "no box": (without(make("x"), "bbox"), ""),
        "no geometry": (make("x", geometry=None), ""),
        "an interval": (make("x", properties={"datetime": None, **times}), ""),
        "an instant and an interval": (make("x", properties=times), ""),
        "half an interval": (make("x", properties={"datetime": None, "start_datetime": "2020-01-01T00:00:00Z"}), ""),
        "a day": (make("x", properties={"datetime": "2020-01-01"}), ""),
        "a time without a zone": (make("x", properties={"datetime": "2020-01-01T00:00:00"}), ""),
        "a time of another zone": (make("x", properties={"datetime": "2020-01-01T02:00:00+02:00"}), ""),
        "nanoseconds": (make("x", properties={"datetime": "2020-01-01T00:00:00.123456789Z"}), ""),
        "small letters": (make("x", properties={"datetime": "2020-01-01t00:00:00z"}), ""),
        "a box of texts": (make("x", bbox=["1", "2", "3", "4"]), "bad-bbox"),
        "a box with heights": (make("x", bbox=[1, 2, 0, 3, 4, 9]), ""),
        "heights in the geometry": (make("x", geometry=flat), ""),
        "from 0 to 360": (make("x", bbox=[190, 0, 200, 1], geometry={"type": "Point", "coordinates": [195, 0]}), ""),
        "assets as a list": (make("x", assets=[{"href": "https://b.org/x"}]), "wrong-type"),
        "an asset with title null": (make("x", assets={"a": {"href": "https://b.org/x", "title": None}}), ""),
        "links as an object": (make("x", links={"self": "x"}), "wrong-type"),
        "extensions by short names": (make("x", stac_extensions=["eo", "view"]), ""),
        "bands of 1.1": (make("x", stac_version="1.1.0", properties={"bands": [{"name": "B1"}]}), ""),
        "providers below properties": (make("x", properties={"providers": [{"name": "A"}]}), ""),
        "a keyword that is null": (make("x", properties={"keywords": ["a", None]}), ""),
        "an instrument that is no list": (make("x", properties={"instruments": "msi"}), ""),
    }


def test_readable_items_are_taken_however_odd(make_item: Make, mapping: Callable[..., Record]) -> None:
    found = {}
    for name, (item, _) in oddities(make_item).items():
        record = mapping(item)
        found[name] = " ".join(issue.code for issue in record.issues)
        # Whatever it warns of, it can be found, and served as it was sent.
        assert record.kind == "observation"
    assert found == {name: codes for name, (_, codes) in oddities(make_item).items()}


class _Two:
    """Two hosts: one has the collections, the other the Items."""

    def __init__(self, make: Make, served: Serve) -> None:
        self.make = make
        self.items = served(self.second)
        self.url = served(self.first)

    def first(self, path: str, headers: Mapping[str, str]) -> tuple[int, bytes, Mapping[str, str]]:
        if path == "/":
            return 200, orjson.dumps({"stac_version": "1.0.0", "links": [{"rel": "data", "href": "/collections"}]}), {}
        links = [{"rel": "items", "href": f"{self.items}there?token=1"}]
        collections = [
            {"type": "Collection", "id": "c", "links": links},
            {"type": "Collection", "id": "d", "links": []},
        ]
        if path == "/collections":
            return 200, orjson.dumps({"collections": collections, "links": []}), {}
        return 200, orjson.dumps({"type": "FeatureCollection", "features": [self.make("d1", collection="d")]}), {}

    def second(self, path: str, headers: Mapping[str, str]) -> tuple[int, bytes, Mapping[str, str]]:
        page = {"type": "FeatureCollection", "features": [self.make("c1")]}
        return (200, orjson.dumps(page), {}) if path == "/there?token=1&limit=500" else (404, b"", {})


@pytest.mark.parametrize("allowed", [True, False])
def test_items_elsewhere_are_read_where_their_host_is_allowed(
    make_item: Make, served: Serve, store: Store, allowed: bool
) -> None:
    two = _Two(make_item, served)
    hosts = [each.split("/")[2] for each in (two.url, two.items)]
    policy = Policy(attempts=1, backoff=0.01).with_hosts(*hosts[: 1 + allowed])
    with Client(policy) as client:
        report = harvest(store, Source("s", "stac-api", two.url), client=client)
    names = {row["source_id"] for row in store.catalogue.export()}
    assert (report.status, names) == (COMPLETE, {"c", "d", "d1"} | ({"c1"} if allowed else set()))
    held = [(each.issue.code, each.raw.position) for each in store.ledger.quarantined("s")]
    assert held == ([] if allowed else [("no-items", "items of c")])
