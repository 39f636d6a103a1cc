from __future__ import annotations

from collections.abc import Callable
from typing import Any

from discovery.model.record import KINDS
from discovery_graphql.kinds import TYPES

Ask = Callable[..., dict[str, Any]]


def test_every_kind_has_its_type() -> None:
    assert set(TYPES) == set(KINDS)


def test_an_observation_leads_to_its_dataset(data: Ask) -> None:
    nodes = data("""{ search(scope: OBSERVATIONS, first: 40) { nodes {
        parentId ... on Observation { extent { geometry } dataset { id observationCount } } } } }""")["search"]["nodes"]
    assert len(nodes) == 40
    assert all(each["dataset"] == {"id": each["parentId"], "observationCount": 20} for each in nodes)
    assert nodes[0]["extent"]["geometry"]["type"] == "Point"
