"""Counts over items and collections: exact, and what cannot be counted is refused with what can."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from discovery import wiring
from discovery.config import Settings
from discovery.errors import LimitError
from discovery.indexer import follow
from discovery.model.extent import Extent
from discovery.model.instant import DAY
from discovery.model.record import OBSERVATIONS, Record
from discovery.model.source import Mapped, RawRecord
from discovery.query.fields import FACETS, NUMBERS
from discovery.query.query import Query
from discovery.stac_api import aggregations, question
from discovery.stac_api.formats import rows
from discovery.stac_api.queryables import Values
from discovery.stac_api.question import Asked

pytestmark = pytest.mark.slow

S2 = "sentinel-s2-l2a-cogs"
OTHER = f"mirror.collections.{S2}"


@pytest.fixture(scope="module")
def items(client: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/stac/search", params={"limit": 1000}).json()["features"]
    assert len(found) == 203
    return found


def counted(client: httpx.Client, path: str = "/stac/aggregate", **asked: Any) -> dict[str, Any]:
    answer = client.get(path, params=asked)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["type"] == "AggregationCollection"
    return {each["name"]: each for each in body["aggregations"]}


def buckets(aggregation: dict[str, Any]) -> dict[str, int]:
    return {each["key"]: each["frequency"] for each in aggregation["buckets"]}


def refused(client: httpx.Client, path: str = "/stac/aggregate", **asked: Any) -> str:
    answer = client.get(path, params=asked)
    assert answer.status_code == 400, answer.text
    return str(answer.json()["description"])


def test_every_facet_and_number_may_be_counted_and_is_listed() -> None:
    names = {each["name"] for each in aggregations.definitions()}
    assert {"total_count", "datetime_min", "datetime_max", "datetime_frequency", "collection_frequency"} < names
    assert {f"{name}_frequency" for name in (*FACETS, *NUMBERS)} - names == {"dataset_frequency"}


def test_nothing_asked_for_is_nothing_counted(client: httpx.Client) -> None:
    assert counted(client) == {}


def test_counts_are_those_of_the_items(client: httpx.Client, items: list[dict[str, Any]]) -> None:
    found = counted(
        client, aggregations="total_count,datetime_min,datetime_max,collection_frequency,platform_frequency"
    )
    times = sorted(each["properties"].get("start_datetime") or each["properties"]["datetime"] for each in items
                   if each["properties"]["datetime"] or each["properties"].get("start_datetime"))  # fmt: skip
    assert found["total_count"]["value"] == len(items)
    assert found["datetime_min"]["value"][:19] == times[0][:19]
    assert found["datetime_max"]["value"][:19] == times[-1][:19]
    collections = Counter(each["collection"] for each in items if "collection" in each)
    assert buckets(found["collection_frequency"]) == collections
    # The orphan's collection is not here, so it is in no bucket.
    assert found["collection_frequency"]["overflow"] == 1
    assert sum(buckets(found["platform_frequency"]).values()) == 200


def test_numbers_are_counted_by_ranges_of_our_choice_or_of_the_callers(
    client: httpx.Client, items: list[dict[str, Any]]
) -> None:
    values = [each["properties"]["eo:cloud_cover"] for each in items if "eo:cloud_cover" in each["properties"]]
    found = counted(client, aggregations="cloud_cover_frequency", cloud_cover_frequency_edges="0,10,50")
    (first, second) = found["cloud_cover_frequency"]["buckets"]
    assert (first["from"], first["to"], second["to"]) == (0, 10, 50)
    assert first["frequency"] == sum(value < 10 for value in values)
    assert second["frequency"] == sum(10 <= value < 50 for value in values)
    assert found["cloud_cover_frequency"]["overflow"] == sum(value >= 50 for value in values)
    # STAC's own name for the field does as well, and a histogram misses nothing.
    by_stac = counted(client, aggregations="eo:cloud_cover_frequency")["eo:cloud_cover_frequency"]
    assert sum(each["frequency"] for each in by_stac["buckets"]) == len(values)
    assert by_stac["discovery:missing"] == len(items) - len(values)


@pytest.mark.parametrize(("interval", "length"), [("year", 4), ("month", 7), ("day", 10)])
def test_times_are_counted_by_the_interval_asked_for(
    client: httpx.Client, items: list[dict[str, Any]], interval: str, length: int
) -> None:
    found = counted(client, aggregations="datetime_frequency", collections=S2, datetime_frequency_interval=interval)[
        "datetime_frequency"
    ]
    expected = Counter(each["properties"]["datetime"][:length] for each in items if each.get("collection") == S2)
    assert found["data_type"] == f"interval_{interval}"
    assert {key[:length]: count for key, count in buckets(found).items() if count} == expected


def test_cells_hold_every_item_that_has_a_place(client: httpx.Client) -> None:
    for order in (0, 4):
        found = counted(client, aggregations="healpix_frequency", healpix_frequency_order=order)["healpix_frequency"]
        assert sum(buckets(found).values()) == 200
        assert found["overflow"] == 3
        assert all(key.startswith(f"earth/{order}/") for key in buckets(found))
    sky = counted(client, aggregations="healpix_frequency", healpix_frequency_frame="sky")["healpix_frequency"]
    assert sum(buckets(sky).values()) == 1


def test_counts_follow_what_narrows_them_and_the_collection_of_the_address(client: httpx.Client) -> None:
    asked = {"aggregations": "total_count", "filter": "eo:cloud_cover < 10"}
    whole = counted(client, **asked)["total_count"]["value"]
    one = counted(client, f"/stac/collections/{S2}/aggregate", **asked)["total_count"]["value"]
    listed = client.get(f"/stac/collections/{S2}/items", params={"filter": "eo:cloud_cover < 10"}).json()
    assert whole == 2 * one == 2 * listed["numberMatched"]
    assert counted(client, aggregations="total_count", query='{"eo:cloud_cover":{"lt":10}}')["total_count"][
        "value"
    ] == whole  # fmt: skip


@pytest.mark.parametrize("path", ["/stac/aggregate", f"/stac/collections/{S2}/aggregate"])
def test_a_body_is_counted_as_a_query_string_is(client: httpx.Client, path: str) -> None:
    names = ["total_count", "datetime_frequency", "healpix_frequency", "cloud_cover_frequency"]
    body = {"aggregations": names, "healpix_frequency_order": 2, "datetime_frequency_interval": "month",
            "cloud_cover_frequency_edges": [0, 10.5, 100], "bbox": [-180, -90, 180, 90]}  # fmt: skip
    posted = client.post(path, json=body).json()["aggregations"]
    got = counted(client, path, aggregations=",".join(names), healpix_frequency_order=2, bbox="-180,-90,180,90",
                  datetime_frequency_interval="month", cloud_cover_frequency_edges="0,10.5,100")  # fmt: skip
    assert posted == list(got.values())
    assert [each["name"] for each in posted] == names


def test_on_request_a_field_is_counted_without_what_is_asked_of_it(client: httpx.Client) -> None:
    asked = {"aggregations": "total_count,collection_frequency", "collections": S2}
    alone = counted(client, **asked)
    assert buckets(alone["collection_frequency"]) == {S2: 100}
    apart = counted(client, **asked, disjunctive="true")
    assert apart["total_count"]["value"] == 100
    assert buckets(apart["collection_frequency"]) == {S2: 100, OTHER: 100, "ivo://vo.test/plates": 2}
    (ticked,) = [each for each in apart["collection_frequency"]["buckets"] if each.get("discovery:selected")]
    assert ticked["key"] == S2
    cloud = {"aggregations": "cloud_cover_frequency", "cloud_cover_frequency_edges": "0,10,101"}
    few = counted(client, **cloud, filter="eo:cloud_cover < 10")["cloud_cover_frequency"]
    all_of = counted(client, **cloud, filter="eo:cloud_cover < 10", disjunctive="true")["cloud_cover_frequency"]
    assert [each["frequency"] > 0 for each in few["buckets"]] == [True, False]
    assert [each["frequency"] > 0 for each in all_of["buckets"]] == [True, True]
    # The collection of the address is never left aside.
    here = counted(client, f"/stac/collections/{S2}/aggregate", aggregations="collection_frequency", disjunctive="true")
    assert buckets(here["collection_frequency"]) == {S2: 100}


def test_collections_are_counted_by_any_facet(client: httpx.Client) -> None:
    found = counted(client, "/stac/collections-aggregate", aggregations="total_count,source_frequency,kind_frequency")
    assert found["total_count"]["value"] == 3
    assert buckets(found["source_frequency"]) == {"earth": 1, "mirror": 1, "vo": 1}
    # The datalab is no collection.
    assert buckets(found["kind_frequency"]) == {"dataset": 3}
    worded = client.post("/stac/collections-aggregate", json={"aggregations": ["total_count"], "q": ["plates"]})
    assert worded.json()["aggregations"][0]["value"] == 1
    ticked = counted(client, "/stac/collections-aggregate", aggregations="source_frequency",
                     filter="source = 'vo'", disjunctive="true")  # fmt: skip
    assert buckets(ticked["source_frequency"]) == {"earth": 1, "mirror": 1, "vo": 1}


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"aggregations": "plattform_frequency"}, "platform_frequency"),
        ({"aggregations": "centroid_geohash_grid_frequency"}, "unknown aggregation"),
        ({"aggregations": "title_frequency"}, "unknown aggregation"),
        ({"aggregations": "cloud_cover_frequency,eo:cloud_cover_frequency"}, "twice"),
        ({"aggregations": "datetime_frequency", "datetime_frequency_interval": "weak"}, "interval"),
        ({"aggregations": "total_count", "platform_frequency_size": "3"}, "platform_frequency_size"),
        ({"aggregations": "platform_frequency", "platform_frequency_size": "0"}, "whole number"),
        ({"aggregations": "platform_frequency", "platform_frequency_size": "1001"}, "(limit facet-size)"),
        ({"aggregations": "cloud_cover_frequency", "cloud_cover_frequency_size": "201"}, "(limit range-bins)"),
        ({"aggregations": "cloud_cover_frequency", "cloud_cover_frequency_edges": "5,5"}, "above the one before"),
        ({"aggregations": "cloud_cover_frequency", "cloud_cover_frequency_edges": "a,5"}, "not a number"),
        ({"aggregations": "healpix_frequency", "healpix_frequency_order": "13"}, "0 to 12"),
        ({"aggregations": "healpix_frequency", "healpix_frequency_frame": "venusian"}, "frame"),
        ({"aggregations": "total_count", "bbox": "0,10,1,5"}, "north of"),
        ({"aggregations": "total_count", "bbox": "0,0,1,1", "intersects": '{"type":"Point","coordinates":[0,0]}'},
         "together"),
        ({"aggregations": "total_count", "disjunctive": "perhaps"}, "disjunctive"),
    ],
)  # fmt: skip
def test_what_cannot_be_counted_is_refused_with_its_reason(
    client: httpx.Client, asked: dict[str, str], says: str
) -> None:
    assert says in refused(client, **asked)


@pytest.mark.parametrize("path", ["/stac/aggregate", "/stac/collections-aggregate"])
@pytest.mark.parametrize("beside", [{"fields": []}, {"sortby": "a"}, {"token": "nonsense"}, {"limit": 5}])
def test_what_means_nothing_to_counts_is_passed_over(client: httpx.Client, path: str, beside: dict[str, Any]) -> None:
    answer = client.post(path, json={"aggregations": ["total_count"], **beside})
    assert (answer.status_code, answer.json()["aggregations"][0]["value"] > 0) == (200, True)


def test_counts_of_no_collection_are_not_found(client: httpx.Client) -> None:
    for path in ("aggregate", "aggregations"):
        assert client.get(f"/stac/collections/nope/{path}").status_code == 404


def test_more_aggregations_than_there_are_names_for_are_refused() -> None:
    with pytest.raises(LimitError) as caught:
        aggregations.counting([f"{number}_frequency" for number in range(51)], {})
    assert caught.value.limit == "stac-aggregations"


def test_the_lists_are_linked_and_what_they_list_can_be_asked_for(client: httpx.Client) -> None:
    landing = client.get("/stac/").json()
    assert "https://api.stacspec.org/v0.3.0/aggregation" in landing["conformsTo"]
    assert "discovery:conformance/collection-aggregation" in landing["conformsTo"]
    for document in (landing, client.get(f"/stac/collections/{S2}").json()):
        hrefs = {each["rel"]: each["href"] for each in document["links"]}
        listed = [each["name"] for each in client.get(hrefs["aggregations"]).json()["aggregations"]]
        assert list(counted(client, hrefs["aggregate"], aggregations=",".join(listed))) == listed


def test_both_engines_count_and_list_the_same(tmp_path: Path, engine: Mapping[str, str]) -> None:
    door = wiring.open_portal(Settings(tmp_path, **engine))  # type: ignore[arg-type]
    plates = Record("s", "tables", "plates", "dataset", "Plates")
    shots = [
        Record(
            "s", "plates", f"p{n}", "observation", f"Plate {n}", dataset=plates.id, numbers={"cloud_cover": n},
            properties={"platform": ("a" if n % 3 else "b",)},
            extent=Extent("earth", {"type": "Point", "coordinates": [10.0 * n, 5.0]}, None, n * DAY, n * DAY),
        )
        for n in range(12)
    ]  # fmt: skip
    mapped = [Mapped(each, RawRecord(each.container, each.source_id, b"{}")) for each in (plates, *shots)]
    door.store.ingest.page("s", 1, mapped)
    follow(door.store, door.index)
    names = ["total_count", "datetime_min", "datetime_max", "datetime_frequency", "collection_frequency",
             "platform_frequency", "cloud_cover_frequency", "healpix_frequency"]  # fmt: skip
    what = aggregations.counting(names, {"cloud_cover_frequency_edges": "0,6,11", "healpix_frequency_order": "0",
                                         "datetime_frequency_interval": "day", "disjunctive": "true"})  # fmt: skip
    query = question.items(door, Asked(filter="platform = 'b'", q=["plate", "nothing"]))
    found = {each["name"]: each for each in aggregations.answered(door, query, what)}
    assert found["total_count"]["value"] == 4
    assert (found["datetime_min"]["value"], found["datetime_max"]["value"]) == (
        "1970-01-01T00:00:00Z",
        "1970-01-10T00:00:00Z",
    )
    assert [each["frequency"] for each in found["datetime_frequency"]["buckets"]] == [1, 0, 0, 1, 0, 0, 1, 0, 0, 1]
    assert buckets(found["collection_frequency"]) == {"plates": 4}
    assert buckets(found["platform_frequency"]) == {"a": 8, "b": 4}
    assert [each["frequency"] for each in found["cloud_cover_frequency"]["buckets"]] == [2, 2]
    assert sum(buckets(found["healpix_frequency"]).values()) == 4
    known = Values(door).of(OBSERVATIONS)
    assert (known["platform"]["enum"], known["eo:cloud_cover"]["maximum"]) == (["a", "b"], 11)
    everything = rows(door, Query(scope=OBSERVATIONS), None)
    assert (len(everything.keys), everything.matched, everything.next) == (12, 12, "")
    door.close()


@pytest.mark.parametrize("path", ["/stac/aggregate", f"/stac/collections/{S2}/aggregate", "/stac/search"])
@pytest.mark.parametrize("body", ["[]", '"x"', "5", "null", "a=1"])
def test_a_body_that_is_no_object_is_refused(client: httpx.Client, path: str, body: str) -> None:
    for form in ("application/json", "application/geo+json; charset=utf-8", ""):
        assert client.post(path, content=body, headers={"Content-Type": form} if form else {}).status_code == 400


@pytest.mark.parametrize("path", ["/stac/aggregate", "/stac/search", "/stac/collections"])
@pytest.mark.parametrize("form", ["text/plain", "application/x-www-form-urlencoded", "application/xml; q=1", "json"])
def test_a_body_that_is_said_to_be_no_json_is_not_read(client: httpx.Client, path: str, form: str) -> None:
    answer = client.post(path, content="{}", headers={"Content-Type": form})
    assert (answer.status_code, answer.headers["accept-post"]) == (415, "application/json")
    assert "send application/json" in answer.json()["description"]
