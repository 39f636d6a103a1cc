"""Requests of a STAC API as queries of the portal."""

from __future__ import annotations

import math
from typing import Any

import pytest

from discovery.errors import BadQueryError, LimitError, UnknownFieldError
from discovery.model.record import OBSERVATIONS, RESOURCES
from discovery.portal import Portal
from discovery.query.query import And, Comparison, In, IsNull, Like, Not, Or, Query, Sort, Time
from discovery.stac_api.question import MAX_NAMES, MAX_PAGE, Asked, collections, items

S2 = "sentinel-s2-l2a-cogs"
PLATE = "ivo://vo.test/plates?1/a b"


def dataset(portal: Portal) -> str:
    return portal.store.catalogue.find("earth", "collections", S2).record.id


def plate(portal: Portal) -> str:
    return portal.store.catalogue.find("vo", "plates", PLATE).record.id


def refused(portal: Portal, **asked: Any) -> BadQueryError:
    with pytest.raises(BadQueryError) as caught:
        items(portal, Asked(**asked))
    return caught.value


def test_nothing_asked_is_ten_observations(portal: Portal) -> None:
    assert items(portal, Asked()) == Query(scope=OBSERVATIONS, size=10)


def test_collections_are_datasets_and_projects_among_the_resources(portal: Portal) -> None:
    query = collections(portal, Asked(limit=3))
    assert (query.scope, query.size, query.filter) == (RESOURCES, 3, In("kind", ("dataset", "project")))


@pytest.mark.parametrize(("limit", "size"), [(None, 10), (1, 1), (MAX_PAGE, MAX_PAGE), (10_000, MAX_PAGE)])
def test_a_limit_beyond_the_largest_page_is_cut_to_it(portal: Portal, limit: int | None, size: int) -> None:
    assert items(portal, Asked(limit=limit)).size == size


def test_collections_are_asked_for_by_the_ids_of_their_records(portal: Portal) -> None:
    assert items(portal, Asked(collections=[S2, S2, "nope"])).filter == In("dataset", (dataset(portal),))
    # A datalab has a STAC id, and is no collection.
    assert items(portal, Asked(collections=["lab"])).filter == Or(())


def test_ids_are_those_of_live_items_of_any_collection(portal: Portal) -> None:
    assert items(portal, Asked(ids=[PLATE, "nope", "a\0b", "\ud800"])).ids == (plate(portal),)
    assert items(portal, Asked(ids=["nope"])).ids == ()
    assert items(portal, Asked(ids=[])).ids is None


@pytest.mark.parametrize("name", ["ids", "collections"])
def test_more_names_than_anybody_means_are_refused(portal: Portal, name: str) -> None:
    refusal = refused(portal, **{name: [str(number) for number in range(MAX_NAMES + 1)]})
    assert (refusal.parameter, str(MAX_NAMES) in str(refusal)) == (name, True)


def test_a_time_is_whole_and_may_be_open(portal: Portal) -> None:
    assert items(portal, Asked(datetime="2020-01-01T00:00:00Z/..")).time == Time(1_577_836_800_000, None)
    assert refused(portal, datetime="yesterday").parameter == "datetime"


def test_a_shape_means_the_same_as_text_and_as_an_object(portal: Portal) -> None:
    shape = {"type": "Point", "coordinates": [1.0, 2.0]}
    query = items(portal, Asked(intersects=shape))
    assert query.region is not None
    assert query.region.geometry == shape
    assert items(portal, Asked(intersects='{"type": "Point", "coordinates": [1.0, 2.0]}')) == query


@pytest.mark.parametrize(
    ("asked", "parameter"),
    [
        ({"bbox": [0, 0, 1, 1], "intersects": {"type": "Point", "coordinates": [0, 0]}}, "bbox"),
        ({"bbox": []}, "bbox"),
        ({"bbox": [0, 0, 9, 1, 1, 5]}, "bbox"),
        ({"bbox": [0, -91, 1, 1]}, "bbox"),
        ({"bbox": [0, 0, 361, 1]}, "bbox"),
        ({"intersects": "{"}, "intersects"),
        ({"intersects": "[1]"}, "intersects"),
        ({"sortby": ["start", "end", "title", "created", "updated"]}, "sortby"),
        ({"sortby": ["start", "licence"]}, "sortby"),
        ({"query": "{"}, "query"),
        ({"filter": "id = 'a'", "filter_crs": "EPSG:3857"}, "filter-crs"),
        ({"filter": f"collection LIKE '{'%a' * 20}'"}, "filter"),
    ],
)
def test_what_cannot_be_asked_names_its_parameter(portal: Portal, asked: dict[str, Any], parameter: str) -> None:
    assert refused(portal, **asked).parameter == parameter


def test_a_shape_that_crosses_itself_without_end_is_refused(portal: Portal) -> None:
    star = [[40 * math.cos(49 * turn / 99 * math.tau), 40 * math.sin(49 * turn / 99 * math.tau)] for turn in range(99)]
    error = refused(portal, intersects={"type": "Polygon", "coordinates": [[*star, star[0]]]})
    assert isinstance(error, LimitError)
    assert error.limit == "region-crossings"


@pytest.mark.parametrize(
    ("names", "sort"),
    [
        (["-properties.datetime"], Sort("start", descending=True)),
        (["+properties.eo:cloud_cover"], Sort("cloud_cover")),
        ([" datetime"], Sort("start")),
        (["datetime"], Sort("start")),
        (["-datetime", "+title"], Sort("start", descending=True, then=(Sort("title"),))),
        ([" "], None),
        (None, None),
    ],
)
def test_an_order_is_by_the_names_of_stac(portal: Portal, names: list[str] | None, sort: Sort | None) -> None:
    assert items(portal, Asked(sortby=names)).sort == sort


def test_an_unknown_order_lists_near_names(portal: Portal) -> None:
    with pytest.raises(UnknownFieldError, match="cloud_cover"):
        items(portal, Asked(sortby=["cloud_covr"]))


def test_a_word_is_looked_for_as_everywhere_and_terms_as_the_standard_says(portal: Portal) -> None:
    for given, text, phrases in (
        (["plate", " "], "plate", ()),
        (["10.5270/s2_"], "10.5270/s2_", ()),
        (["old plate"], "", ("old plate",)),
        (["one", "two", "one"], "", ("one", "two")),
        # Here these are no signs of the portal's own language.
        (["-plate"], "", ("-plate",)),
        (['"plate"'], "", ('"plate"',)),
    ):
        query = items(portal, Asked(q=given))
        assert (query.text, query.phrases) == (text, phrases)


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        (f"collection <= '{S2}'", 3),
        (f"collection < '{S2}'", 2),
        (f"collection >= '{S2}'", 1),
        (f"collection > '{S2}'", 0),
        ("collection BETWEEN 'j' AND 'n'", 1),
    ],
)
def test_collections_are_compared_by_the_order_of_their_ids(portal: Portal, filter: str, found: int) -> None:
    made = items(portal, Asked(filter=filter)).filter
    assert (len(made.values) if isinstance(made, In) else 0) == found


def test_between_is_read_as_drafts_of_the_standard_had_it_too(portal: Portal) -> None:
    name = {"property": "eo:cloud_cover"}
    draft = {"op": "not", "args": [{"op": "between", "args": [name, [0, 50]]}]}
    final = {"op": "not", "args": [{"op": "between", "args": [name, 0, 50]}]}
    assert items(portal, Asked(filter=draft)).filter == items(portal, Asked(filter=final)).filter


def test_both_languages_of_filters_are_read(portal: Portal) -> None:
    text = items(portal, Asked(filter="eo:cloud_cover < 10", filter_lang="cql2-text", filter_crs="http://x/CRS84"))
    json = '{"op":"<","args":[{"property":"eo:cloud_cover"},10]}'
    assert text.filter == Comparison("<", "cloud_cover", 10)
    assert items(portal, Asked(filter=json, filter_lang="cql2-json")).filter == text.filter
    assert items(portal, Asked(filter={"op": "<", "args": [{"property": "cloud_cover"}, 10]})).filter == text.filter


def test_names_of_stac_in_a_filter_become_those_of_the_portal(portal: Portal) -> None:
    here = dataset(portal)

    def read(text: str) -> Any:
        return items(portal, Asked(filter=text)).filter

    assert read(f"collection = '{S2}'") == read(f"dataset IN ('{S2}')") == In("dataset", (here,))
    assert read(f"collection <> '{S2}'") == And((Not(In("dataset", (here,))), Not(IsNull("dataset"))))
    assert read("collection IS NULL") == IsNull("dataset")
    assert read("collection = 'nope'") == Or(())
    assert read(f"id = '{PLATE}'") == In("id", (plate(portal),))
    assert read("id LIKE 'S2%'") == Like("source_id", "S2%")
    assert read(f"collection LIKE '{S2[:-1]}_'") == In("dataset", (here,))
    assert read(f"CASEI(collection) LIKE CASEI('{S2[:-1].upper()}_')") == In("dataset", (here,))
    assert read(f"collection LIKE '{S2[:5].upper()}%'") == read("collection LIKE 'a%'") == Or(())
    assert read("collection NOT LIKE 'a%'") == Not(Or(()))
    assert read(f"NOT (id = '{PLATE}' OR platform = 'x')") == Not(
        Or((In("id", (plate(portal),)), Comparison("=", "platform", "x")))
    )
