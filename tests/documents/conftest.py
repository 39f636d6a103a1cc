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

from discovery.documents.rdf import Node, jsonld, ntriples, rdfxml, turtle
from discovery.model import instant
from discovery.model.extent import SKY, Extent
from discovery.model.record import KINDS, Asset, Contact, Link, Record

SHAPES = Path(__file__).parent / "shapes"
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


@pytest.fixture(params=ATTACKS, ids=lambda attack: str(ATTACKS.index(attack)))
def hostile(request: pytest.FixtureRequest) -> Record:
    """Return a record that has one of the attacks in every field that holds text."""
    return attacked(request.param)


@pytest.fixture(scope="session")
def samples(full: Record) -> list[Record]:
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
    out = [full]
    for kind in KINDS:
        out.append(Record("bare", kind, "1", kind, ""))
        out.append(Record("full", kind, "1", kind, f"A {kind}", **_said(full)))
    ages = (extents[0], extents[1])
    out += [
        Record("ages" if each in ages else "places", "", str(n), "observation", "Here", extent=each)
        for n, each in enumerate(extents)
    ]
    return out + [attacked(attack, kind) for attack in ATTACKS for kind in ("dataset", "service", "pipeline")]


def _said(record: Record) -> dict[str, Any]:
    names = ("description", "links", "assets", "contacts", "license", "provider", "missions", "doi", "extent")
    return {name: getattr(record, name) for name in names}


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


Graphs = Callable[..., tuple[rdflib.Graph, ...]]


@pytest.fixture
def graphs() -> Graphs:
    """Return a reader of our N-Triples, Turtle, JSON-LD and RDF/XML of the same nodes."""
    return _graphs


def _graphs(nodes: Sequence[Node], name: str = "") -> tuple[rdflib.Graph, ...]:
    return (
        rdflib.Graph().parse(data="".join(ntriples(nodes, name)).encode(), format="nt"),
        rdflib.Graph().parse(data="".join(turtle(nodes)).encode(), format="turtle"),
        read_jsonld(jsonld(nodes)),
        rdflib.Graph().parse(data="".join(rdfxml(nodes)).encode(), format="xml"),
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
