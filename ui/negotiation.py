"""Which form of a thing a request wants: by `f=`, else by `Accept` with its weights (RFC 9110, 12.5.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from fastapi import Request

from discovery.errors import NotAcceptableError, UnknownFieldError
from discovery.negotiation import Range, ranges, wish

PARAMETER: Final = "f"
VARY: Final = {"Vary": "Accept"}
_RANGE: Final = re.compile(r"[\w!#$&^.+*-]+/[\w!#$&^.+*-]+")


@dataclass(frozen=True, slots=True)
class Format:
    """One form of a thing."""

    name: str
    """What `f=` calls it."""
    media_type: str
    """What it is sent as."""
    label: str
    asked: tuple[str, ...] = ()
    """The types in `Accept` that mean it; none stands for the type that it is sent as."""
    profile: str = ""
    """The vocabulary that it keeps to, where its type leaves that open."""

    @property
    def ending(self) -> str:
        """What the name of a file of it ends with."""
        return "json" if self.media_type.endswith("+json") else self.name

    @property
    def types(self) -> tuple[str, ...]:
        """The types in `Accept` that mean it."""
        return self.asked or (self.media_type,)


HTML: Final = Format("html", "text/html", "Page", ("text/html", "application/xhtml+xml"))
JSON: Final = Format("json", "application/json", "JSON of this portal")
DCAT: Final = "http://data.europa.eu/r5r/"
SCHEMA_ORG: Final = "https://schema.org/"
# The names of types that DOI resolvers know are used here too.
SCHEMA: Final = Format(
    "schema", "application/ld+json", "schema.org (JSON-LD)", ("application/vnd.schemaorg.ld+json",), SCHEMA_ORG
)
JSONLD: Final = Format("jsonld", "application/ld+json", "DCAT-AP (JSON-LD)", profile=DCAT)
TURTLE: Final = Format("ttl", "text/turtle", "DCAT-AP (Turtle)", ("text/turtle", "application/x-turtle"), DCAT)
RDFXML: Final = Format("rdf", "application/rdf+xml", "DCAT-AP (RDF/XML)", profile=DCAT)
NTRIPLES: Final = Format("nt", "application/n-triples", "DCAT-AP (N-Triples)", profile=DCAT)
BIBTEX: Final = Format("bib", "application/x-bibtex", "BibTeX", ("application/x-bibtex", "text/x-bibtex"))
RIS: Final = Format("ris", "application/x-research-info-systems", "RIS")
CSL: Final = Format("csl", "application/vnd.citationstyles.csl+json", "CSL-JSON")
TEXT: Final = Format("txt", "text/x-bibliography", "Text")
LINKSET: Final = Format("linkset", "application/linkset+json", "Signposts")
METADATA: Final = (JSON, SCHEMA, JSONLD, TURTLE, RDFXML, NTRIPLES)
CITATIONS: Final = (BIBTEX, RIS, CSL, TEXT)
RECORD: Final = (HTML, *METADATA, *CITATIONS, LINKSET)
"""The forms of a record; of those that are wanted as much the first is sent."""


def choose(request: Request, formats: Sequence[Format]) -> Format:
    """Return the form that a request wants.

    Raises:
        UnknownFieldError: `f` names none of these.
        NotAcceptableError: `Accept` excludes all of these.
    """
    asked = request.query_params.get(PARAMETER, "")
    if asked:
        found = next((each for each in formats if each.name == asked), None)
        if found is None:
            raise UnknownFieldError(asked, [each.name for each in formats], what="format", parameter=PARAMETER)
        return found
    accept = ", ".join(request.headers.getlist("Accept"))
    chosen = preferred(accept, formats)
    if chosen is None:
        raise NotAcceptableError(accept, {each.name: each.types[0] for each in formats})
    return chosen


def preferred(accept: str, formats: Sequence[Format]) -> Format | None:
    """Return the form that a value of `Accept` prefers; None where it excludes all.

    Of equal weights the type that is named wins over a wildcard, then the first in our order.
    """
    found = _ranges(accept)
    if not found:
        return formats[0]
    best: tuple[float, int, int] = (0.0, 0, 0)
    chosen: Format | None = None
    named = {each.name for each in found}
    for place, each in enumerate(formats):
        first, *others = each.types
        # A wildcard means a form by the type that it is sent as; its other names count where they are said.
        weight, exact = max(wish(found, type_) for type_ in (first, *named.intersection(others)))
        if weight > 0 and (weight, exact, -place) > best:
            best, chosen = (weight, exact, -place), each
    return chosen


def _ranges(accept: str) -> list[Range]:
    found = [each for each in ranges(accept, unread=1.0) if _RANGE.fullmatch(each.name)]
    return [replace(each, name=SCHEMA.types[0]) if _of_schema_org(each) else each for each in found]


def _of_schema_org(each: Range) -> bool:
    """Say whether a range wants JSON-LD in the words of schema.org: it names its vocabulary by a parameter."""
    return each.name == JSONLD.media_type and "schema.org" in each.parameters.get("profile", "")


def wants_page(request: Request) -> bool:
    """Say whether an answer that is not what was asked for, such as an error, should be a page."""
    if asked := request.query_params.get(PARAMETER, ""):
        return asked == HTML.name
    return preferred(", ".join(request.headers.getlist("Accept")), (HTML, JSON)) is HTML
