from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdflib import RDF, Graph, Literal, URIRef
from rdflib.compare import isomorphic

from discovery.documents import rdf, words
from discovery.documents.rdf import Iri, node, says

NAME = "https://x.example/a"


def test_the_four_forms_are_one_graph(graphs: Callable[..., Any]) -> None:
    inner = says(node("foaf:Agent foaf:Person"), "foaf:name", 'A "b"\n\\c', "日本")
    named = says(node("dcat:Distribution", f"{NAME}#d"), "dcat:accessURL", Iri("s3://b/k"))
    about = says(node("dcat:Dataset", NAME), "dct:creator", inner, inner)
    about = says(about, "dcat:distribution", named)
    about = says(about, "dcat:byteSize", rdf.Literal("5", "xsd:nonNegativeInteger"), None, "")
    lines, turtle, tree, xml = graphs([about, says(node("foaf:Document"), "dct:title", "nameless")])
    assert len(lines) == 17
    assert isomorphic(lines, turtle)
    assert isomorphic(lines, tree)
    assert isomorphic(lines, xml)


def test_nothing_is_said_of_none_and_the_empty_text() -> None:
    about = node("dcat:Dataset", NAME)
    assert says(about, "dct:title", None, "") is about


def test_nameless_things_of_one_stream_are_told_apart() -> None:
    about = says(node("dcat:Dataset", NAME), "dct:creator", says(node("foaf:Agent"), "foaf:name", "A"))
    stream = "".join([*rdf.ntriples([about], "one"), *rdf.ntriples([about], "two")])
    graph = Graph().parse(data=stream, format="nt")
    assert len(set(graph.objects(URIRef(NAME), URIRef(rdf.full("dct:creator"))))) == 2


@pytest.mark.slow
@settings(max_examples=25)
@given(st.text())
def test_any_text_comes_back_from_each_form(text: str) -> None:
    clean = words.text(text)
    about = says(node("dcat:Dataset", NAME), "dct:title", clean)
    title = URIRef(rdf.full("dct:title"))
    for write, form in ((rdf.ntriples, "nt"), (rdf.turtle, "turtle"), (rdf.rdfxml, "xml")):
        data = "".join(write([about]))
        graph = Graph().parse(data=data.encode(), format=form)
        assert graph.value(URIRef(NAME), RDF.type) == URIRef(rdf.full("dcat:Dataset"))
        assert graph.value(URIRef(NAME), title) == (Literal(clean) if clean else None)


def test_xml_keeps_what_xml_would_read_otherwise(graphs: Callable[..., Any]) -> None:
    hard = "a\r\nb\tc <&> \"d\" ]]> 'e'"
    about = says(node("dcat:Dataset", "https://x.example/a?b=1&c='2'"), "dct:title", hard, "", " led ")
    for graph in graphs([about]):
        assert {str(each) for each in graph.objects(None, URIRef(rdf.full("dct:title")))} == {hard, " led "}
        assert {str(each) for each in graph.subjects()} == {"https://x.example/a?b=1&c='2'"}


def test_a_document_brings_its_context_with_it() -> None:
    assert b'"dcat": "http://www.w3.org/ns/dcat#"' in rdf.jsonld([])
