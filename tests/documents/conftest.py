"""Records that say everything, records that say nothing and records that attack; and readers that are not ours."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import rdflib
from pyshacl import validate

from discovery.documents.rdf import Node, jsonld, ntriples, turtle
from discovery.documents.site import Site
from discovery.model import instant
from discovery.model.extent import SKY, Extent
from discovery.model.record import KINDS, Asset, Contact, Link, Record

SITE = Site("Portal & Co", "https://portal.example")
SHAPES = Path(__file__).parent / "shapes"
FULL = Record(
    source="ice",
    container="products",
    source_id="cryosat-ice",
    kind="dataset",
    title="Sea ice thickness from CryoSat",
    description="Thickness of **Arctic** sea ice.\n\nMonthly, on a grid of 5 km, with its uncertainty.",
    domain="earth-observation",
    missions=("earth-observation/cryosat-2",),
    instruments=("SIRAL",),
    themes=("cryosphere",),
    keywords=("ice", "arctic"),
    variables=("sea_ice_thickness",),
    provider="Ice Institute",
    license="CC-BY-4.0",
    dataset="aaaaaaaaaaaaaaaa",
    extent=Extent(
        bbox=(170.0, 60.0, -150.0, 89.0), start=instant.instant("2010-07-01"), end=instant.instant("2020-12-31")
    ),
    assets=(
        Asset("https://ice.example/data.nc", "data", "All years", "application/x-netcdf", ("data",), 1_234_567_890),
        Asset("s3://bucket/data.zarr", "zarr", "As Zarr", "application/vnd+zarr", ("data",)),
        Asset("https://ice.example/t.png", "thumb", "", "image/png", ("thumbnail",)),
        Asset("https://ada:secret@ice.example/b.tif", "b", "", "image/tiff; application=geotiff", ("data",)),
        Asset("https://ice.example/c.nc?X-Amz-Signature=abc", "c", "", "application/x-netcdf", ("data",)),
    ),
    links=(
        Link("https://ice.example/about", "about", "About the product"),
        Link("https://ice.example/guide", "describedby", "Guide"),
    ),
    contacts=(
        Contact("Frost, Ada", "Ice Institute", ("principalInvestigator",), "https://orcid.org/0000-0002-1825-0097"),
        Contact("Łukasz Öberg", "Ice Institute", ("author",), "mailto:lukasz@ice.example"),
        Contact("someone@ice.example", "", ("author",)),
        Contact("Ice Institute", "Ice Institute", ("publisher", "pointOfContact"), "https://ice.example/"),
    ),
    doi="10.5281/zenodo.1234567",
    external_ids=("ESA-ICE-1", "https://x.example/d?token=abcdef"),
    created=instant.instant("2021-01-02"),
    updated=instant.instant("2021-02-03"),
    numbers={"resolution": 5000.0},
    properties={"version": "2.1", "attribution": "Thanks to the Ice Institute"},
)
ATTACKS = (
    "</script><script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)> & {}",
    'a" . <urn:x> <urn:y> "b\\',
    "} , @evil{x, title={y}} \\input{/etc/passwd} % $x_1^2$ ~#",
    "line\r\nER  - \r\nTY  - JOUR\u2028 \u0000\u0007\x85",
    "half \ud800 of a pair \udfff and \ufffe",
    "\u202eesrever\u202c \u2067rtl\u2069 שלום مرحبا",
    "javascript:alert(1)",
    "<!-- <script> ]]> --> {{7*7}} ${7*7}",
    "日本語 Ångström ﬁ \U0001d518",
)


def attacked(attack: str, kind: str = "dataset") -> Record:
    """Return a record that has the attack in every field that holds text."""
    many = (attack, f"{attack} again")
    return Record(
        source="bad",
        container=kind,
        source_id=attack,
        kind=kind,
        title=attack,
        description=attack,
        domain=attack,
        missions=many,
        instruments=many,
        themes=many,
        keywords=many,
        variables=many,
        provider=attack,
        license=attack,
        formats=many,
        dataset=attack,
        extent=Extent(frame=attack, bbox=(1.0, 2.0, 3.0, 4.0), start=0),
        assets=(
            Asset(attack, attack, attack, attack, many, 5, many),
            Asset(f"https://x.example/{attack}", attack, attack, attack, ("data",)),
            Asset("https://x.example/fine.nc", attack, attack, attack, ("data",)),
        ),
        links=tuple(Link(attack, rel, attack) for rel in ("about", "license", "describedby", "service", "vcs")),
        contacts=tuple(Contact(attack, attack + "!", (role,), attack) for role in ("author", "publisher", "host")),
        doi=attack,
        external_ids=many,
        access=attack,
        properties={"version": attack, "attribution": many},
    )


@pytest.fixture
def full() -> Record:
    """Return a record that says everything."""
    return FULL


@pytest.fixture(params=ATTACKS, ids=lambda attack: str(ATTACKS.index(attack)))
def hostile(request: pytest.FixtureRequest) -> Record:
    """Return a record that has one of the attacks in every field that holds text."""
    return attacked(request.param)


@pytest.fixture(scope="session")
def samples() -> list[Record]:
    """Return records of every kind, full, bare and hostile, and places and times of every form."""
    ring = [[170.0, -10.0], [180.0, -10.0], [180.0, 10.0], [170.0, 10.0], [170.0, -10.0]]
    other = [[-180.0, -10.0], [-175.0, -10.0], [-175.0, 10.0], [-180.0, 10.0], [-180.0, -10.0]]
    far = instant.instant("+012000-01-01")
    extents = (
        Extent(geometry={"type": "Polygon", "coordinates": [ring]}, start=instant.instant("-004712-01-01")),
        Extent(geometry={"type": "MultiPolygon", "coordinates": [[ring], [other]]}, end=far),
        Extent(geometry={"type": "Point", "coordinates": [1.5, -2.5]}, start=0, end=0),
        Extent(geometry={"type": "Circle", "center": [179.5, 10.0], "radius": 1.0}),
        Extent(frame=SKY, bbox=(10.0, 20.0, 10.4, 20.4), start=0),
        Extent(frame="mars", geometry={"type": "Point", "coordinates": [1.0, 2.0]}),
        Extent(geometry={"type": "Moc", "moc": "3/1-4"}),
    )
    out = [FULL]
    for kind in KINDS:
        out.append(Record("bare", kind, "1", kind, ""))
        out.append(Record("full", kind, "1", kind, f"A {kind}", **_said(FULL)))
    ages = (extents[0], extents[1])
    out += [
        Record("ages" if each in ages else "places", "", str(n), "observation", "Here", extent=each)
        for n, each in enumerate(extents)
    ]
    return out + [attacked(attack, kind) for attack in ATTACKS for kind in ("dataset", "service", "pipeline")]


def _said(record: Record) -> dict[str, Any]:
    names = ("description", "links", "assets", "contacts", "license", "provider", "missions", "doi", "extent")
    return {name: getattr(record, name) for name in names}


@pytest.fixture
def site() -> Site:
    return SITE


@cache
def shapes(name: str) -> rdflib.Graph:
    return rdflib.Graph().parse(SHAPES / f"{name}.ttl", format="turtle")


@pytest.fixture
def valid() -> Callable[[rdflib.Graph, str], None]:
    """Return a check of a graph against one of our files of shapes."""

    def check(graph: rdflib.Graph, name: str) -> None:
        # SHACL takes a subclass for its class only where it is told so.
        subclass = rdflib.RDFS.subClassOf
        vcard = rdflib.Namespace("http://www.w3.org/2006/vcard/ns#")
        known = rdflib.Graph()
        for each in (vcard.Individual, vcard.Organization):
            known.add((each, subclass, vcard.Kind))
        fits, _, told = validate(graph, shacl_graph=shapes(name), ont_graph=known)
        assert fits, told

    return check


Graphs = Callable[..., tuple[rdflib.Graph, rdflib.Graph, rdflib.Graph]]


@pytest.fixture
def graphs() -> Graphs:
    """Return a reader of our N-Triples, Turtle and JSON-LD of the same nodes."""
    return _graphs


def _graphs(nodes: Sequence[Node], name: str = "") -> tuple[rdflib.Graph, rdflib.Graph, rdflib.Graph]:
    return (
        rdflib.Graph().parse(data="".join(ntriples(nodes, name)).encode(), format="nt"),
        rdflib.Graph().parse(data="".join(turtle(nodes)).encode(), format="turtle"),
        read_jsonld(jsonld(nodes)),
    )


def read_jsonld(data: bytes | str) -> rdflib.Graph:
    with warnings.catch_warnings():
        # rdflib's own reader of JSON-LD uses what rdflib is about to remove.
        warnings.simplefilter("ignore", DeprecationWarning)
        return rdflib.Graph().parse(data=data, format="json-ld")


@pytest.fixture
def read_schema_org() -> Callable[[Mapping[str, Any]], rdflib.Graph]:
    """Return a reader of schema.org documents that fetches nothing."""
    return _read_schema_org


def _read_schema_org(document: Mapping[str, Any]) -> rdflib.Graph:
    """Return a document's graph; the context at schema.org says, as far as the shapes ask, what one line can say."""
    assert document["@context"] == "https://schema.org/"
    return read_jsonld(json.dumps({**document, "@context": {"@vocab": "https://schema.org/"}}))
