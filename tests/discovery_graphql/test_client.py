"""The client in docs/examples, over a real connection."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from discovery.portal import Portal
from discovery.query.query import Query
from discovery_graphql import router

Listening = Callable[[FastAPI], AbstractContextManager[str]]
FILE = Path(__file__).parents[2] / "docs" / "examples" / "graphql_client.py"


@pytest.fixture(scope="module")
def example() -> Any:
    spec = importlib.util.spec_from_file_location("graphql_client", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def url(portal: Portal, listening: Listening) -> Iterator[str]:
    """A portal that listens on a port of the system's choice."""
    app = FastAPI()
    app.include_router(router(portal))
    with listening(app) as place:
        yield f"http://{place}"


def test_the_example_finds_everything_page_by_page(example: Any, url: str, portal: Portal) -> None:
    hits = list(example.Client(url).search("thickness", page=50))
    assert len(hits) == len({each.id for each in hits}) == portal.search(Query(text="thickness")).total.value == 120
    assert {each.kind for each in hits} == {"DATASET"}
    assert sorted(each.observations for each in hits)[-2:] == [20, 20]


def test_the_example_says_why_it_was_refused(example: Any, url: str) -> None:
    with pytest.raises(example.RefusedError) as refused:
        example.Client(url).ask("{ search(first: 500) { nodes { id } } }")
    assert refused.value.codes == ("limit",)


def test_the_example_runs_as_it_stands(url: str) -> None:
    done = subprocess.run([sys.executable, FILE, url, "project"], capture_output=True, text=True, check=True)
    assert "Ice project" in done.stdout
    assert "PROJECT" in done.stdout
