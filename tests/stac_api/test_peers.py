from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pystac_client
import pytest
from fastapi import FastAPI

from discovery.index.tantivy import TantivyIndex
from discovery.portal import Portal
from discovery.stac_api import attach
from discovery.store.store import Store

ROOT = Path(__file__).parents[2]
VENV = ROOT / ".cache" / "peers" / "stac-api-validator"
S2 = "sentinel-s2-l2a-cogs"
AROUND = '{"type":"Polygon","coordinates":[[[170,-80],[180,-80],[180,-60],[170,-60],[170,-80]]]}'


@pytest.mark.slow
def test_pystac_client_walks_the_whole_catalogue(client: httpx.Client) -> None:
    catalogue = pystac_client.Client.open(f"{client.base_url}/stac/")
    assert {each.id for each in catalogue.get_collections()} >= {S2, f"mirror.collections.{S2}"}
    for method in ("GET", "POST"):
        search = catalogue.search(method=method, collections=[S2], limit=30, max_items=None)
        assert search.matched() == 100
        assert len({each.id for each in search.items()}) == 100
    assert len(list(catalogue.get_collection(S2).get_items())) == 100
    # What it does not find among the conformance classes it warns of, and warnings are errors here.
    order = ["-properties.eo:cloud_cover", "+properties.datetime"]
    times = [each.datetime for each in catalogue.search(collections=[S2], sortby=order, max_items=20).items()]
    assert len(times) == 20
    asked: dict[str, Any] = {"filter": "eo:cloud_cover < 50", "filter_lang": "cql2-text", "fields": ["id"]}
    assert catalogue.search(method="GET", collections=[S2], **asked).matched() == 24
    assert catalogue.collection_search(q="plates").matched() == 1


RUSTAC = """
import asyncio, json, os, sys, rustac
async def found(**asked):
    return [each["id"] for each in await rustac.search(sys.argv[1], **asked)]
async def all():
    here = dict(collections=[sys.argv[2]], limit=10, max_items=1000)
    return [await found(**here, **more) for more in (
        {}, {"sortby": "-datetime"}, {"filter": "eo:cloud_cover < 50"}, {"query": {"eo:cloud_cover": {"lt": 50}}})]
print(json.dumps(asyncio.run(all())), flush=True)
# Its threads outlive the interpreter, which may crash while it ends.
os._exit(0)
"""


@pytest.mark.peer
def test_rustac_pages_through_a_search(client: httpx.Client, peer: Callable[[bool, str], None]) -> None:
    readers = ROOT / ".cache" / "peers" / "parquet-readers"
    peer((readers / ".installed").is_file(), "rustac is not here; tests/peers/parquet_readers.sh brings it")
    command = [str(readers / "bin" / "python"), "-c", RUSTAC, f"{client.base_url}/stac/", S2]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    every, sorted_, filtered, asked = json.loads(done.stdout)
    assert len(every) == len(set(every)) == 100
    assert set(sorted_) == set(every)
    assert 10 < len(filtered) == len(set(filtered)) < 100
    assert asked == filtered


@pytest.mark.peer
def test_stac_api_validator_finds_no_error(client: httpx.Client, peer: Callable[[bool, str], None]) -> None:
    peer((VENV / ".installed").is_file(), "stac-api-validator is not here; tests/peers/stac_validator.sh builds it")
    classes = (
        *("core", "browseable", "children", "collections", "features", "item-search", "filter"),
        *(f"{where}#{what}" for where in ("item-search", "features") for what in ("sort", "fields", "query")),
    )
    clouds = [each["properties"]["eo:cloud_cover"] for each in
              client.get("/stac/search", params={"collections": S2, "limit": 20}).json()["features"]]  # fmt: skip
    numbers = {"comparison-field": "eo:cloud_cover", "eq-value": clouds[0], "neq-value": clouds[0]}
    numbers |= {f"{name}-value": sorted(clouds)[10] for name in ("lt", "lte", "gt", "gte")}
    texts = {"substring-field": "platform", "starts-with-value": "sentinel", "ends-with-value": "b",
             "contains-value": "nel-2", "in-field": "instruments", "in-values": "msi,other"}  # fmt: skip
    command = [VENV / "bin" / "python", ROOT / "tests" / "peers" / "offline.py", ROOT / "fixtures" / "schemas",
               VENV / "bin" / "stac-api-validator", "--root-url", f"{client.base_url}/stac/",
               *(word for name in classes for word in ("--conformance", name)), "--collection", S2,
               "--geometry", AROUND, "--fields-nested-property", "properties.eo:cloud_cover",
               *(word for name, value in (numbers | texts).items() for word in (f"--query-{name}", str(value))),
               "--validate-pagination"]  # fmt: skip
    found = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=100, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "errors: none" in (found.stdout + found.stderr).lower()


@pytest.mark.peer
def test_stac_api_validator_writes_an_item_and_finds_what_it_wrote(
    tmp_path: Path, serving: Callable[..., AbstractContextManager[httpx.Client]], peer: Callable[[bool, str], None]
) -> None:
    peer((VENV / ".installed").is_file(), "stac-api-validator is not here; tests/peers/stac_validator.sh builds it")
    token = "t" * 40
    portal = Portal(Store(f"sqlite:///{tmp_path / 'store.db'}"), TantivyIndex(tmp_path / "index"), operator_token=token)
    app = FastAPI()
    attach(app, portal, title="Test")
    shown = {"Authorization": f"Bearer {token}"}
    extent = {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [["2015-01-01T00:00:00Z", None]]}}
    collection = {"type": "Collection", "stac_version": "1.1.0", "id": "c", "description": "d", "license": "CC0-1.0"}
    # It begins by deleting an item of this name, and counts it as an error where there is none.
    item = {"type": "Feature", "stac_version": "1.1.0", "id": "S2A_47XNF_20230423_0_L2A", "geometry": None,
            "properties": {"datetime": "2020-01-01T00:00:00Z"}, "assets": {}}  # fmt: skip
    with serving(app) as client:
        made = client.post("/stac/collections", json={**collection, "extent": extent}, headers=shown)
        assert made.status_code == 201, made.text
        assert client.post("/stac/collections/c/items", json=item, headers=shown).status_code == 201
        command = [VENV / "bin" / "python", ROOT / "tests" / "peers" / "offline.py", ROOT / "fixtures" / "schemas",
                   VENV / "bin" / "stac-api-validator", "--root-url", f"{client.base_url}/stac/",
                   "--conformance", "core", "--conformance", "transaction", "--collection", "c",
                   "--transaction-collection", "c", "--auth-bearer-token", token]  # fmt: skip
        found = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=100, check=False)
    portal.close()
    told = found.stdout + found.stderr
    faults = [each for each in told.splitlines() if each.startswith("- ")]
    # What was deleted is a 410 here, which says more than the 404 that it looks for.
    assert len(faults) == 1, told
    assert "unexpected status code 410 instead of 404" in faults[0]
