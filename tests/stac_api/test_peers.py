from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import pystac_client
import pytest

ROOT = Path(__file__).parents[2]
VENV = ROOT / ".cache" / "peers" / "stac-api-validator"
S2 = "sentinel-s2-l2a-cogs"
AROUND = '{"type":"Polygon","coordinates":[[[170,-80],[180,-80],[180,-60],[170,-60],[170,-80]]]}'


def test_pystac_client_walks_the_whole_catalogue(client: httpx.Client) -> None:
    catalogue = pystac_client.Client.open(f"{client.base_url}/stac/")
    assert {each.id for each in catalogue.get_collections()} >= {S2, f"mirror.collections.{S2}"}
    for method in ("GET", "POST"):
        search = catalogue.search(method=method, collections=[S2], limit=30, max_items=None)
        assert search.matched() == 100
        assert len({each.id for each in search.items()}) == 100
    assert len(list(catalogue.get_collection(S2).get_items())) == 100


@pytest.mark.peer
def test_stac_api_validator_finds_no_error(client: httpx.Client, peer: Callable[[bool, str], None]) -> None:
    peer((VENV / ".installed").is_file(), "stac-api-validator is not here; tests/peers/stac_validator.sh builds it")
    classes = ("core", "collections", "features", "item-search")
    command = [VENV / "bin" / "python", ROOT / "tests" / "peers" / "offline.py", ROOT / "fixtures" / "schemas",
               VENV / "bin" / "stac-api-validator", "--root-url", f"{client.base_url}/stac/",
               *(word for name in classes for word in ("--conformance", name)), "--collection", S2,
               "--geometry", AROUND]  # fmt: skip
    found = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=100, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "errors: none" in (found.stdout + found.stderr).lower()
