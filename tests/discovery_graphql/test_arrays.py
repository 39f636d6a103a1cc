from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from discovery.arrays import facts
from discovery.index.tantivy import TantivyIndex
from discovery.model.record import Asset, Record
from discovery.portal import Portal
from discovery.store.store import Store
from discovery_graphql import arrays, router
from tests.arrays.given import cube, serving
from tests.arrays.test_facts import LOOK
from tests.discovery_graphql.conftest import fill

QUERY = """
query ($id: ID!, $asset: String = "") { record(id: $id) { arrays(asset: $asset) {
  asset state message address format consolidated size levels variablesLeft quicklookState quicklookMessage
  variables { path units dtype dims shape chunks low high coordinate drawable }
  quicklook { url variable units part width height colours alt }
} } }
"""


def test_a_look_is_shown_with_nulls_for_what_is_not_known() -> None:
    found = arrays.store(LOOK, "aaaabbbbccccdddd", "b 2")
    assert found.quicklook is not None
    assert found.quicklook.url == "/records/aaaabbbbccccdddd/arrays/quicklook?asset=b+2&variable=r60m%2Fb02"
    (one,) = found.variables
    assert (one.label, one.low, one.shape) == ("blue", None, [183, 183])
    none = arrays.store(facts.Look(facts.SLOW), "a", "x")
    assert (none.format, none.variables, none.quicklook, none.quicklook_state) == (None, [], None, facts.SLOW)


def test_sizes_beyond_every_number_are_as_large_as_one_can_be() -> None:
    assert LOOK.structure is not None
    huge = replace(LOOK, structure=replace(LOOK.structure, size=10**30))
    assert arrays.store(huge, "a", "x").size == 2**63 - 1


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, Record, Record]]:
    home = tmp_path_factory.mktemp("arrays")
    cube(home / "served" / "v3.zarr")
    with serving(home / "served") as served:
        given = Record(
            "cat",
            "c",
            "cube",
            "observation",
            "Ten days",
            assets=(
                Asset(f"{served.url}/v3.zarr", "cube", media_type="application/vnd+zarr"),
                Asset(f"{served.url}/none.zarr", "gone"),
            ),
        )
        plain = Record("cat", "c", "plain", "dataset", "Plain")
        portal = Portal(
            Store(f"sqlite:///{home / 'store.sqlite'}"), TantivyIndex(home / "index"), policy=lambda _: served.policy
        )
        fill(portal, (given, plain))
        app = FastAPI()
        app.include_router(router(portal))
        with TestClient(app) as opened:
            yield opened, given, plain
        portal.close()


@pytest.mark.slow
def test_a_record_tells_what_is_inside_its_zarr_data(client: tuple[TestClient, Record, Record]) -> None:
    opened, given, plain = client

    def asked(record: Record, **more: str) -> dict[str, object]:
        answer = opened.post("/graphql", json={"query": QUERY, "variables": {"id": record.id, **more}}).json()
        assert "errors" not in answer, answer
        found: dict[str, object] = answer["data"]["record"]["arrays"]
        return found

    found = asked(given)
    assert (found["asset"], found["state"], found["format"], found["consolidated"]) == ("cube", "read", 3, True)
    shown = {each["path"]: each for each in found["variables"]}  # type: ignore[attr-defined]
    assert shown["temperature"]["shape"] == [10, 240, 480]
    assert (shown["time"]["low"], shown["time"]["coordinate"]) == ("2020-01-01T00:00:00Z", True)
    assert found["quicklook"]["units"] == "K"  # type: ignore[index]
    gone = asked(given, asset="gone")
    assert (gone["state"], gone["variables"], gone["quicklook"]) == ("missing", [], None)
    assert asked(plain) is None


@pytest.mark.slow
def test_a_file_that_is_not_there_is_an_error(client: tuple[TestClient, Record, Record]) -> None:
    opened, given, _ = client
    answer = opened.post("/graphql", json={"query": QUERY, "variables": {"id": given.id, "asset": "other"}}).json()
    assert answer["errors"][0]["extensions"]["code"] == "not_found"


@pytest.mark.slow
def test_looking_into_the_records_of_a_whole_page_costs_too_much(client: tuple[TestClient, Record, Record]) -> None:
    opened, _, _ = client
    answer = opened.post("/graphql", json={"query": "{ search(first: 20) { nodes { arrays { state } } } }"}).json()
    assert answer["errors"][0]["extensions"]["limit"] == "graphql-cost"
