from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
import rdflib
from rdflib import Namespace, URIRef
from rdflib.compare import isomorphic

from discovery.documents import dcat, rdf
from discovery.documents.site import Site
from discovery.model.record import Record
from harvesters import dcat as harvester
from harvesters.defaults import Defaults

DCAT = Namespace("http://www.w3.org/ns/dcat#")
DCT = Namespace("http://purl.org/dc/terms/")
Valid = Callable[[rdflib.Graph, str], None]


def nodes(record: Record, site: Site) -> list[rdf.Node]:
    return dcat.record(dcat.Entry(record, 1_600_000_000_000), site)


@pytest.mark.slow
def test_every_record_is_one_valid_graph_in_each_form(
    samples: list[Record], site: Site, graphs: Callable[..., Any], valid: Valid
) -> None:
    everything = rdflib.Graph()
    for each in samples:
        lines, *others = graphs(nodes(each, site), each.id)
        assert all(isomorphic(lines, other) for other in others), each.id
        # rdflib, and so the validator, reads no years beyond four digits, which XML Schema has.
        everything += lines if each.source != "ages" else rdflib.Graph()
    valid(everything, "dcat")


def test_no_address_in_a_document_is_a_script_or_a_secret(
    hostile: Record, full: Record, site: Site, graphs: Callable[..., Any]
) -> None:
    for record in (hostile, full):
        graph = graphs(nodes(record, site))[0]
        names = [str(each) for triple in graph for each in triple if isinstance(each, URIRef)]
        assert not [each for each in names if not each.startswith(("https://", "http://", "s3://"))]
        whole = graph.serialize(format="nt")
        assert "secret" not in whole
        assert "abcdef" not in whole
        assert "@ice.example" not in whole


def test_what_is_harvested_from_our_own_document_is_the_same_dataset(full: Record, site: Site) -> None:
    document = orjson.loads(rdf.jsonld(nodes(full, site)))
    (found,) = list(harvester.nodes(document))
    name = harvester.identity(found)
    assert name == site.record(full.id)
    made = harvester.to_record(found, "datasets", name, Defaults("again"))
    for field in ("title", "description", "license", "doi", "created", "updated", "access", "kind"):
        assert getattr(made, field) == getattr(full, field), field
    assert made.provider == full.provider
    assert set(full.themes) <= set(made.themes)
    assert set(full.keywords) <= set(made.keywords)
    assert (made.extent.start, made.extent.end) == (full.extent.start, full.extent.end)
    assert [(each.href, each.media_type, each.size) for each in made.assets] == [
        ("https://ice.example/data.nc", "application/x-netcdf", 1_234_567_890),
        ("s3://bucket/data.zarr", "application/vnd+zarr", None),
        ("https://ice.example/b.tif", "image/tiff; application=geotiff", None),
    ]
    assert {each.name for each in made.contacts} == {"Frost, Ada", "Łukasz Öberg", "Ice Institute"}
    assert [each for each in made.issues if each.code.startswith("bad")] == []


def test_a_footprint_survives_the_way_out_and_in(samples: list[Record], site: Site) -> None:
    checked = 0
    for record in samples:
        geometry = record.extent.geometry
        if record.source not in ("places", "ages") or geometry is None or record.extent.frame != "earth":
            continue
        (found,) = list(harvester.nodes(orjson.loads(rdf.jsonld(nodes(record, site)))))
        made = harvester.to_record(found, "datasets", "x", Defaults("again"))
        if geometry["type"] in ("Polygon", "MultiPolygon"):
            assert made.extent.geometry is not None
            checked += 1
    assert checked == 2


def test_a_service_without_an_address_is_no_data_service(site: Site) -> None:
    assert nodes(Record("s", "", "x", "service", "S"), site)[0].types == ("dcat:Resource",)


def test_a_catalogue_lists_what_it_has(full: Record, site: Site, graphs: Callable[..., Any], valid: Valid) -> None:
    entries = [dcat.Entry(full, 0), dcat.Entry(Record("s", "", "x", "datalab", "L"), 0)]
    view = dcat.page("https://portal.example/catalogue.ttl?after=1", "https://portal.example/catalogue.ttl", "")
    about = dcat.listed(dcat.catalogue(site, 5), entries, site)
    graph = graphs([about, view, *(node for each in entries for node in dcat.record(each, site))])[1]
    valid(graph, "dcat")
    name = URIRef(site.catalogue)
    assert list(graph.objects(name, DCAT.dataset)) == [URIRef(site.record(full.id))]
    assert list(graph.objects(name, DCAT.resource)) == [URIRef(site.record(entries[1].record.id))]
    assert len(list(graph.objects(name, DCAT.record))) == 2
    hydra = Namespace("http://www.w3.org/ns/hydra/core#")
    assert list(graph.objects(None, hydra.next)) == []


def test_pictures_of_data_are_no_distributions(full: Record) -> None:
    assert [href for _, href in dcat.downloads(full)] == [
        "https://ice.example/data.nc",
        "s3://bucket/data.zarr",
        "https://ice.example/b.tif",
    ]


def test_a_record_without_a_description_gets_a_sentence(site: Site) -> None:
    record = Record("s", "", "x", "observation", "N1", instruments=("SIRAL",), provider="ESA")
    told = "An observation by SIRAL called N1, provided by ESA, as it stands in the catalogue of Portal & Co."
    assert dcat.described(record, site) == told
