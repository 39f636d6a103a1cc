"""Requests made out of the API's own description: no 5xx, and each refusal says why, whoever asks for whatever."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings

from discovery.index.tantivy import TantivyIndex
from discovery.indexer import follow
from discovery.portal import Portal
from discovery.stac_api import attach
from discovery.store.store import Store

TOKEN = "t" * 40
TOTAL = 1_000
OPERATIONS = [
    *(("GET", f"/stac{path}") for path in (
        "/", "/conformance", "/collections", "/search", "/queryables", "/sortables", "/aggregate", "/aggregations",
        "/collections-queryables", "/collections-sortables", "/collections-aggregate", "/collections-aggregations",
    )),
    *(("GET", f"/stac/collections/{{collection_id}}{path}") for path in (
        "", "/items", "/items/{item_id}", "/queryables", "/sortables", "/aggregate", "/aggregations",
    )),
    *(("POST", f"/stac{path}") for path in (
        "/search", "/collections", "/aggregate", "/collections-aggregate", "/collections/{collection_id}/aggregate",
        "/collections/{collection_id}/items",
    )),
    *((method, f"/stac/collections/{{collection_id}}{path}")
      for method in ("PUT", "PATCH", "DELETE") for path in ("", "/items/{item_id}")),
]  # fmt: skip
FIXED = {"/stac/", "/stac/conformance", "/stac/sortables", "/stac/aggregations", "/stac/queryables"}
"""What takes no parameters answers the same each time."""


@pytest.fixture(scope="module")
def writable(tmp_path_factory: pytest.TempPathFactory, loading: Callable[[Store, Path], None]) -> Iterator[FastAPI]:
    """Return an application over a portal of its own, which may be written to."""
    folder = tmp_path_factory.mktemp("stac")
    store, index = Store(f"sqlite:///{folder / 'store.db'}"), TantivyIndex(folder / "index")
    loading(store, folder)
    follow(store, index)
    portal = Portal(store, index, operator_token=TOKEN)
    app = FastAPI(title="Test")
    attach(app, portal, title="Test portal")
    yield app
    portal.close()


def refuses_with_a_reason(app: FastAPI, method: str, path: str, cases: int) -> None:
    operation = schemathesis.openapi.from_asgi("/stac/api", app)[path][method]

    @settings(max_examples=cases, deadline=None, derandomize=True, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(case=operation.as_strategy())
    def ask(case: schemathesis.Case) -> None:
        answer = case.call(headers={"Authorization": f"Bearer {TOKEN}"}, allow_redirects=False)
        assert answer.status_code < 500, answer.text
        if answer.status_code >= 400:
            told = answer.json()
            assert set(told) == {"code", "description"} or told == {"detail": "Not Found"}, told

    ask()


def test_every_operation_is_asked(writable: FastAPI) -> None:
    described = writable.openapi()["paths"]
    every = {(method.upper(), path) for path, each in described.items() for method in each}
    assert {each for each in every if each[1].startswith("/stac")} == set(OPERATIONS)


@pytest.mark.slow
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_whatever_is_asked_is_answered_or_refused_with_a_reason(writable: FastAPI, method: str, path: str) -> None:
    refuses_with_a_reason(writable, method, path, 2 if path in FIXED else TOTAL // len(OPERATIONS))


@pytest.mark.long
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_ten_thousand_are_answered_or_refused_with_a_reason(writable: FastAPI, method: str, path: str) -> None:
    refuses_with_a_reason(writable, method, path, 2 if path in FIXED else 10 * TOTAL // len(OPERATIONS))
