"""Requests made out of the API's own description: no 5xx, and no answer that it does not allow, whoever asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from discovery.index.tantivy import TantivyIndex
from discovery.indexer import follow
from discovery.portal import Portal
from discovery.stac_api import attach
from discovery.store.store import Store

CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]
TOKEN = "t" * 40
TOTAL = 1_000
OPERATIONS = [
    *(("GET", path) for path in (
        "/", "/conformance", "/collections", "/search", "/queryables", "/sortables", "/aggregate", "/aggregations",
        "/collections-queryables", "/collections-sortables", "/collections-aggregate", "/collections-aggregations",
        "/children",
    )),
    *(("GET", f"/catalogs/{{source}}{path}{children}") for children in ("", "/children") for path in (
        "", "/parts/{low}-{high}", "/browse", "/browse/{when}",
    )),
    ("GET", "/catalogs/{source}/items/{record}"),
    *(("GET", f"/collections/{{collection_id}}{path}") for path in (
        "", "/items", "/items/{item_id}", "/queryables", "/sortables", "/aggregate", "/aggregations",
        "/children", "/browse", "/browse/children", "/browse/{when}", "/browse/{when}/children",
    )),
    *(("POST", path) for path in (
        "/search", "/collections", "/aggregate", "/collections-aggregate", "/collections/{collection_id}/aggregate",
        "/collections/{collection_id}/items",
    )),
    *((method, f"/collections/{{collection_id}}{path}")
      for method in ("PUT", "PATCH", "DELETE") for path in ("", "/items/{item_id}")),
]  # fmt: skip
FIXED = {"/", "/conformance", "/sortables", "/aggregations", "/queryables"}
"""What takes no parameters answers the same each time."""
SHARE = TOTAL // (len(OPERATIONS) - len(FIXED)) + 1
"""Cases of each of the others."""


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


def conforms(app: FastAPI, method: str, path: str, cases: int) -> None:
    operation = schemathesis.openapi.from_asgi("/stac/api", app)[path][method]

    @settings(max_examples=cases, deadline=None, derandomize=True, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        answer = case.call(headers={"Authorization": f"Bearer {TOKEN}"}, allow_redirects=False)
        case.validate_response(answer, checks=CHECKS)
        if answer.status_code >= 400:
            assert set(answer.json()) == {"code", "description"}, answer.text

    ask()


def test_every_operation_is_asked(writable: FastAPI) -> None:
    described = TestClient(writable).get("/stac/api").json()["paths"]
    assert {(method.upper(), path) for path, each in described.items() for method in each} == set(OPERATIONS)


@pytest.mark.slow
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_answers_are_what_the_description_says(writable: FastAPI, method: str, path: str) -> None:
    conforms(writable, method, path, 2 if path in FIXED else SHARE)


@pytest.mark.long
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_ten_thousand_answers_are_what_the_description_says(writable: FastAPI, method: str, path: str) -> None:
    conforms(writable, method, path, 2 if path in FIXED else 10 * SHARE)
