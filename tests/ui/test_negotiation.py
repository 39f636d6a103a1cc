"""What `Accept` and `f` choose."""

from __future__ import annotations

import pytest
from fastapi import Request

from discovery.errors import NotAcceptableError, UnknownFieldError
from ui import negotiation
from ui.negotiation import RECORD, choose, preferred


def request(accept: str = "", query: str = "") -> Request:
    headers = [(b"accept", accept.encode("latin-1"))] if accept else []
    return Request({"type": "http", "headers": headers, "query_string": query.encode(), "method": "GET", "path": "/"})


@pytest.mark.parametrize(
    ("accept", "name"),
    [
        ("", "html"),
        ("*/*", "html"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", "html"),
        ("application/json", "json"),
        ("application/ld+json", "jsonld"),
        ('application/ld+json;profile="https://schema.org/"', "schema"),
        ("application/vnd.schemaorg.ld+json", "schema"),
        ("text/turtle, */*;q=0.1", "ttl"),
        ("text/turtle, */*", "ttl"),
        ("application/trig, application/x-turtle;q=0.9, text/html;q=0.1", "ttl"),
        ("application/rdf+xml, text/turtle;q=0.9, */*;q=0.1", "rdf"),
        ("*/*;q=0.1, text/turtle", "ttl"),
        ("text/turtle;q=0.5, application/n-triples;q=0.7", "nt"),
        ("text/html;q=0, */*;q=0.5", "json"),
        ("text/*", "html"),
        ("text/*;q=0.4, text/html;q=0.3", "ttl"),
        ("TEXT/X-BibTeX", "bib"),
        ("application/x-research-info-systems", "ris"),
        ("application/vnd.citationstyles.csl+json", "csl"),
        ("text/x-bibliography; style=apa", "txt"),
        ("application/linkset+json", "linkset"),
        ("nonsense", "html"),
        ("text/turtle;q=nan", "ttl"),
        ("text/turtle;q=-1, text/html;q=1e9", "html"),
        ("," * 100_000, "html"),
    ],
)
def test_the_weights_decide_then_what_was_named_then_our_order(accept: str, name: str) -> None:
    assert choose(request(accept), RECORD).name == name


@pytest.mark.parametrize("accept", ["image/png", "text/html;q=0", "*/*;q=0", "application/trig"])
def test_what_accepts_nothing_of_ours_is_told_what_there_is(accept: str) -> None:
    assert preferred(accept, RECORD) is None
    with pytest.raises(NotAcceptableError, match=r"text/turtle \(f=ttl\)") as found:
        choose(request(accept), RECORD)
    assert found.value.status == 406
    assert found.value.headers == {"Vary": "Accept"}
    assert found.value.formats["jsonld"] == "application/ld+json"


def test_the_parameter_wins_and_an_unknown_one_names_the_near() -> None:
    assert choose(request("text/html", "f=ttl"), RECORD).name == "ttl"
    with pytest.raises(UnknownFieldError, match="did you mean json"):
        choose(request("text/html", "f=jsom"), RECORD)


def test_an_error_is_a_page_for_people_alone() -> None:
    assert negotiation.wants_page(request())
    assert negotiation.wants_page(request("text/html,*/*;q=0.8"))
    assert not negotiation.wants_page(request("application/json"))
    assert not negotiation.wants_page(request("text/turtle"))
    assert not negotiation.wants_page(request("text/html", "f=bib"))
    assert negotiation.wants_page(request("text/turtle", "f=html"))


def test_every_form_has_a_name_and_an_ending_of_its_own() -> None:
    assert len({each.name for each in RECORD}) == len(RECORD)
    assert len({type_ for each in RECORD for type_ in each.types}) == sum(len(each.types) for each in RECORD)
    assert (negotiation.CSL.ending, negotiation.BIBTEX.ending) == ("json", "bib")
