from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest

from discovery.model.record import Record, record_id
from harvesters import dcat
from harvesters.defaults import Defaults

FIXTURES = Path(__file__).parents[2] / "fixtures" / "sources" / "dcat"
BEES = "https://data.exampleMS.gov/id/dataset/1T2p3o4B"


def mapped(document: Any) -> dict[str, Record]:
    found = [(dcat.identity(node), node) for node in dcat.nodes(document)]
    return {
        name: dcat.to_record(node, "datasets", name, Defaults("s"), base="https://h.org/d/") for name, node in found
    }


def sample(name: str) -> dict[str, Record]:
    return mapped(orjson.loads((FIXTURES / name).read_bytes()))


def dataset(**given: Any) -> Record:
    (found,) = mapped({"@type": "dcat:Dataset", "@id": "urn:x", **given}).values()
    return found


def test_a_nested_catalogue_without_prefixes() -> None:
    found = sample("dcat-us.json")
    assert list(found) == [f"http://dx.doi.org/10.7927/{each}" for each in ("H4PZ56R2", "H4K64G12", "H49P2ZKM")]
    widgets = found["http://dx.doi.org/10.7927/H4PZ56R2"]
    assert (widgets.kind, widgets.title) == ("dataset", "U.S. Widget Manufacturing Statistics")
    assert (widgets.doi, widgets.license, widgets.provider) == ("10.7927/h4pz56r2", "CC0-1.0", "Widget Services")
    assert widgets.keywords == ("widget", "manufacturing", "factory")
    assert widgets.formats == ("CSV", "ZIP", "JSON", "API")
    assert (widgets.extent.start, widgets.extent.end) == (1_251_806_400_000, 1_275_307_200_000)
    assert [(each.name, each.roles) for each in widgets.contacts] == [
        ("Widget Services", ("publisher",)),
        ("Jane Doe", ("pointOfContact",)),
    ]
    assert [(each.rel, each.href) for each in widgets.links] == [
        ("about", "http://agency.gov/widgets/data"),
        ("related", "http://agency.gov/docs/widgets-1.html"),
        ("related", "http://agency.gov/docs/widgets-2.html"),
    ]
    assert widgets.properties["accrualPeriodicity"] == "R/P1Y"
    assert widgets.issues == ()


def test_a_graph_whose_nodes_name_each_other_by_prefixes() -> None:
    found = sample("dcat-ap.jsonld")
    assert {name: each.kind for name, each in found.items()} == {
        BEES: "dataset",
        "https://data.exampleMS.gov/id/dataset/EAMS-APIplatform": "service",
    }
    bees = found[BEES]
    assert (bees.title, bees.provider) == ("The population of bees", "MS Environmental Agency")
    assert [each.href for each in bees.assets] == ["https://orgea.exampleMS.gov/files/1T2p3o4B.shp"]
    # The other distribution is named in the catalogue, and nowhere described.
    assert [each.code for each in bees.issues] == ["bad-asset"]
    service = found["https://data.exampleMS.gov/id/dataset/EAMS-APIplatform"]
    assert ("service", "https://orgea.exampleMS.gov/api/v2/") in [(each.rel, each.href) for each in service.links]
    assert ("related", BEES) in [(each.rel, each.href) for each in service.links]


def test_a_graph_with_its_context_elsewhere_and_texts_by_language() -> None:
    found = sample("dcat-ap-series.jsonld")
    member = found["example-ds:BeePopulation2022"]
    assert member.title == "Bee population 2022 in the region of Thessaloniki"
    assert member.dataset == record_id("s", "datasets", "example-ser:BeePopulation")
    assert found["example-ser:BeePopulation"].id == member.dataset


def test_what_a_dataset_refers_to_is_put_into_it_so_that_it_can_stand_alone() -> None:
    document = orjson.loads((FIXTURES / "dcat-ap.jsonld").read_bytes())
    alone = {dcat.identity(node): orjson.dumps(node) for node in dcat.nodes(document)}
    assert mapped(orjson.loads(alone[BEES])) == {BEES: sample("dcat-ap.jsonld")[BEES]}


def test_names_are_the_same_with_a_prefix_in_full_and_alone() -> None:
    one = dataset(**{"dct:title": "T", "dcat:keyword": ["k"], "dcterms:issued": {"@value": "2020"}})
    other = dataset(
        **{
            "http://purl.org/dc/terms/title": [{"@value": "T"}],
            "keyword": "k",
            "http://purl.org/dc/terms/issued": "2020",
        }
    )
    assert one == other
    assert (one.title, one.keywords, one.created) == ("T", ("k",), 1_577_836_800_000)


def test_english_comes_before_other_languages() -> None:
    titles = [{"@language": "de", "@value": "Eis"}, {"@language": "en", "@value": "Ice"}]
    assert dataset(title=titles).title == "Ice"
    assert dataset(title={"fr": "Glace", "en-GB": "Ice"}).title == "Ice"
    assert dataset(title=titles[:1]).title == "Eis"


@pytest.mark.parametrize(
    ("spatial", "box", "kind"),
    [
        ("5.0,40.0,10.0,50.0", (5.0, 40.0, 10.0, 50.0), None),
        ({"dcat:bbox": {"@type": "gsp:wktLiteral", "@value": "POLYGON((1 2,3 2,3 4,1 2))"}}, None, "Polygon"),
        ({"locn:geometry": ['{"type": "Point", "coordinates": [1, 2]}']}, None, "Point"),
        ({"type": "Point", "coordinates": [1, 2]}, None, "Point"),
        (["Greece", {"@id": "https://sws.geonames.org/1"}, "5,40,10,50"], (5.0, 40.0, 10.0, 50.0), None),
        ("United States", None, None),
    ],
)
def test_where_a_dataset_is(spatial: Any, box: Any, kind: str | None) -> None:
    found = dataset(spatial=spatial).extent
    assert found.bbox == box
    assert (found.geometry or {}).get("type") == kind


@pytest.mark.parametrize(
    "temporal",
    [
        {"dcat:startDate": "2020-01-01", "dcat:endDate": {"@value": "2020-12-31"}},
        {"startDate": {"@value": "2020-01-01", "@type": "xsd:date"}, "endDate": "2020-12-31"},
        "2020-01-01/2020-12-31",
        [{"@id": "_:b1"}, {"schema:startDate": "2020", "schema:endDate": "2020"}],
    ],
)
def test_when_a_dataset_is(temporal: Any) -> None:
    found = dataset(temporal=temporal).extent
    assert (found.start, found.end) == (1_577_836_800_000, 1_609_459_199_999)


@pytest.mark.parametrize(
    ("given", "access"),
    [
        ({"accessLevel": "public"}, "open"),
        ({"accessLevel": "restricted public"}, "registered"),
        ({"accessLevel": "non-public"}, "restricted"),
        (
            {"accessRights": {"@id": "http://publications.europa.eu/resource/authority/access-right/NON_PUBLIC"}},
            "restricted",
        ),
        ({}, "open"),
    ],
)
def test_who_may_have_it(given: dict[str, Any], access: str) -> None:
    assert dataset(**given).access == access


def test_distributions_are_assets() -> None:
    given = [
        {"accessURL": {"@id": "https://h.org/a"}, "mediaType": "https://www.iana.org/assignments/media-types/text/csv"},
        {"downloadURL": "b.zip", "format": {"@id": "http://publications.europa.eu/resource/authority/file-type/ZIP"}},
        {"downloadURL": "https://h.org/c", "byteSize": {"@value": "12"}, "mediaType": "image/tiff", "title": "C"},
    ]
    found = dataset(distribution=given)
    assert [(each.href, each.media_type, each.size) for each in found.assets] == [
        ("https://h.org/a", "text/csv", None),
        ("https://h.org/d/b.zip", "ZIP", None),
        ("https://h.org/c", "image/tiff", 12),
    ]
    assert found.formats == ("CSV", "ZIP", "GeoTIFF")


@pytest.mark.parametrize(
    "document",
    [{}, [], 5, "x", None, {"dataset": 5}, {"dataset": [{"name": "x"}]}, {"@graph": [5, None]}, {"@type": "Person"}],
)
def test_what_is_no_dcat_has_nothing(document: Any) -> None:
    assert not dcat.is_dcat(document)


@pytest.mark.parametrize(
    "given",
    [
        {"title": 5, "theme": {}, "distribution": 7, "spatial": [[]], "temporal": {}, "publisher": {"@id": "_:x"}},
        {"title": {"@value": {"@value": "x"}}, "keyword": [[["deep"]]], "distribution": [{"accessURL": {}}]},
        {"title": None, "license": [{}], "contactPoint": [None, {}], "identifier": {"@id": 5}, "spatial": {"bbox": 1}},
    ],
)
def test_odd_values_stop_nothing(given: dict[str, Any]) -> None:
    assert dataset(**given).id


def test_nodes_that_name_each_other_in_a_circle_and_deep_ones_end() -> None:
    circle = [{"@id": "a", "p": {"@id": "b"}}, {"@id": "b", "p": {"@id": "a"}}]
    found = list(dcat.nodes({"@graph": [*circle, {"@id": "d", "@type": "Dataset", "p": {"@id": "a"}}]}))
    assert len(orjson.dumps(found)) < 500
    deep: Any = "x"
    for _ in range(200):
        deep = {"p": deep}
    assert len(list(dcat.nodes({"@type": "Dataset", "@id": "d", "p": deep}))) == 1


@pytest.mark.slow
def test_a_few_nodes_that_name_each_other_many_times_are_not_blown_up() -> None:
    names = ["d", "a", "b", "c"]
    graph = [
        {"@id": name, "@type": "Dataset" if name == "d" else "Agent", "p": [{"@id": behind}] * 400}
        for name, behind in pairwise(names)
    ]
    long = {"@id": "long", "text": "x" * 1000}
    many = [{"@id": f"d{n}", "@type": "Dataset", "p": [{"@id": "long"}] * 400} for n in range(50)]
    (node, *_) = found = list(dcat.nodes({"@graph": [*graph, long, *many]}))
    assert len(found) == 51
    assert len(orjson.dumps(node)) < 5_000_000
    assert len(orjson.dumps(found)) < 25_000_000
