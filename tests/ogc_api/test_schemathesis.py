"""Requests made out of the API's own description: no 5xx, and no answer that the description does not allow."""

from __future__ import annotations

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from discovery.ogc_api.openapi import document

OPERATIONS = sorted(document("T", "1", "http://127.0.0.1/ogc")["paths"])
CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]
TOTAL = 1_000


def share(path: str) -> int:
    """Return how many of the cases are of one path; half of them are searches."""
    return TOTAL // 2 if path.endswith("/items") else TOTAL // 2 // (len(OPERATIONS) - 1) + 1


def conforms(app: FastAPI, path: str, cases: int) -> None:
    schema = schemathesis.openapi.from_asgi("/ogc/api", app)
    operation = schema[path]["GET"]

    @settings(max_examples=cases, deadline=None, derandomize=True, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(case=operation.as_strategy())
    def ask(case: schemathesis.Case) -> None:
        case.validate_response(case.call(allow_redirects=False), checks=CHECKS)

    ask()


@pytest.mark.slow
@pytest.mark.parametrize("path", OPERATIONS)
def test_answers_are_what_the_description_says(app: FastAPI, path: str) -> None:
    conforms(app, path, share(path))


@pytest.mark.long
@pytest.mark.parametrize("path", OPERATIONS)
def test_ten_thousand_answers_are_what_the_description_says(app: FastAPI, path: str) -> None:
    conforms(app, path, 10 * share(path))
