"""The routes and models that stac-fastapi does not have, as the service describes them."""

from __future__ import annotations

from fastapi import FastAPI

from discovery.stac_api.extensions import AggregateBody, SearchBody


def test_every_way_to_count_is_described_with_its_parameters(app: FastAPI) -> None:
    paths = app.openapi()["paths"]
    for where in ("/stac", "/stac/collections/{collection_id}"):
        assert set(paths[f"{where}/aggregations"]) == {"get"}
        names = {each["name"] for each in paths[f"{where}/aggregate"]["get"]["parameters"]}
        assert {"aggregations", "disjunctive", "bbox", "datetime", "filter", "query", "q"} <= names
        assert "requestBody" in paths[f"{where}/aggregate"]["post"]
    of_collections = paths["/stac/collections-aggregate"]
    names = {each["name"] for each in of_collections["get"]["parameters"]}
    assert {"aggregations", "disjunctive", "bbox", "datetime", "filter", "query", "q"} <= names
    assert "ids" not in names


def test_operations_have_names_of_their_own(app: FastAPI) -> None:
    operations = [each for path in app.openapi()["paths"].values() for each in path.values()]
    names = [each["operationId"] for each in operations]
    assert len(names) == len(set(names))


def test_a_body_of_counts_takes_parameters_of_single_aggregations() -> None:
    body = AggregateBody.model_validate({"aggregations": ["total_count"], "healpix_frequency_order": 3})
    assert body.model_extra == {"healpix_frequency_order": 3}
    assert SearchBody.model_validate({"bbox": [0, 0, 1]}).bbox == [0, 0, 1]  # judged by the portal
