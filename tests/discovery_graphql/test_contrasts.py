"""What differs in a space of embeddings, by GraphQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from discovery.testing import tiles

pytestmark = pytest.mark.slow
Ask = Callable[..., Any]

CHANGES = """
query Changes($earlier: TimeInput, $later: TimeInput, $within: SimilarFilter, $by: ChangeBy!, $first: Int!) {
  embeddingChanges(space: "tiles", earlier: $earlier, later: $later, within: $within, by: $by, first: $first) {
    space compared changes { change earlier { ...row } later { ...row } }
  }
}
fragment row on EmbeddingRow {
  row id lon lat time product record { id __typename } places { kind address volume } nowhere launch open
}"""
OUTLIERS = """query Outliers($within: SimilarFilter, $of: OutlierOf!, $first: Int!) {
  embeddingOutliers(space: "tiles", within: $within, of: $of, first: $first) {
    space compared hits { away row record { id title } places { address } launch }
    facets(names: [PROVIDER, KIND]) { name buckets { value count } }
  }
}"""


def changes(ask: Ask, **more: Any) -> Any:
    return ask(CHANGES, **{"by": "PLACE", "first": 10, **more})


def outliers(ask: Ask, **more: Any) -> Any:
    return ask(OUTLIERS, **{"of": "ALL", "first": 5, **more})


def test_what_has_changed_most_comes_first_with_the_records_of_both_times(tiled: Ask) -> None:
    found = changes(tiled)["data"]["embeddingChanges"]
    assert found["compared"] == tiles.PLACES
    pairs = [(each["earlier"]["row"], each["later"]["row"]) for each in found["changes"]]
    assert pairs[:3] == [(each, each + tiles.PLACES) for each in tiles.CHANGED]
    first, second = (tiles.vectors()[row] for row in pairs[0])
    cosine = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
    assert found["changes"][0]["change"] == pytest.approx(1 - cosine, abs=1e-5)
    for side, row in zip(("earlier", "later"), pairs[0], strict=True):
        told, scene = found["changes"][0][side], tiles.scene(row)
        assert told["record"] == {"id": scene.id, "__typename": "Observation"}
        assert told["places"][0] == {
            "kind": "VOLUME", "address": f"{tiles.FOLDER}/{scene.source_id}.tif", "volume": tiles.VOLUME.id,
        }  # fmt: skip
        assert (told["launch"], told["nowhere"]) == (f"/launch?id={scene.id}", None)
    times = [found["changes"][0][side]["time"] for side in ("earlier", "later")]
    assert times == ["2020-01-01T00:00:00Z", "2020-12-31T00:00:00Z"]


def test_times_and_what_may_be_found_narrow_changes(tiled: Ask) -> None:
    box = {"region": {"bbox": [tiles.CHANGED[1] / 25 - 0.01, 0, 180, 80]}}
    found = changes(tiled, within=box)["data"]["embeddingChanges"]
    assert found["changes"][0]["earlier"]["row"] == tiles.CHANGED[1]
    assert found["compared"] == tiles.PLACES - tiles.CHANGED[1]
    late = changes(tiled, earlier={"start": "2020-06-01"})["data"]["embeddingChanges"]
    assert (late["changes"], late["compared"]) == ([], 0)
    by_name = changes(tiled, by="ID")["data"]["embeddingChanges"]
    assert by_name["compared"] == 0


def test_what_is_unlike_the_others_is_found_with_facets(tiled: Ask) -> None:
    found = outliers(tiled)["data"]["embeddingOutliers"]
    assert {each["row"] for each in found["hits"][:2]} == {tiles.ODD, tiles.ODD + tiles.PLACES}
    assert found["compared"] == 2 * tiles.PLACES
    assert found["hits"][0]["record"]["id"] == tiles.scene(found["hits"][0]["row"]).id
    assert found["hits"][0]["launch"]
    told = {each["name"]: {one["value"]: one["count"] for one in each["buckets"]} for each in found["facets"]}
    scenes = {tiles.scene(each["row"]).id for each in found["hits"]}
    assert told["KIND"] == {"observation": len(scenes)}
    assert sum(told["PROVIDER"].values()) == len(scenes)
    narrowed = outliers(tiled, within={"facets": [{"name": "PROVIDER", "values": ["Odd"]}]})["data"]
    rows = [each["row"] for each in narrowed["embeddingOutliers"]["hits"]]
    assert all(tiles.scene(each).provider == "Odd" for each in rows)


@pytest.mark.parametrize(
    ("ask", "given", "told"),
    [
        (changes, {"first": 0}, "first must be 1 to 100"),
        (changes, {"first": 101}, "first must be 1 to 100"),
        (changes, {"earlier": {}}, "open at both ends"),
        (changes, {"by": "ODD"}, "ODD"),
        (outliers, {"of": "LIST"}, "has no lists"),
        (outliers, {"within": {"region": {"bbox": [1]}}}, "needs 4 numbers"),
    ],
)
def test_what_cannot_be_asked_is_an_error_that_says_why(tiled: Ask, ask: Any, given: Any, told: str) -> None:
    assert told in ask(tiled, **given)["errors"][0]["message"]
