"""Every record of the demo as every document, read by others."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import bibtexparser
import pytest
import rdflib
import rispy
from rdflib.compare import isomorphic

from discovery import wiring
from discovery.config import Settings
from discovery.demo.load import load
from discovery.documents import citation, dcat, rdf, schema_org
from discovery.documents.site import Site
from discovery.model.record import SCOPES

pytestmark = pytest.mark.slow


@pytest.mark.timeout(600)
def test_every_record_of_the_demo_is_valid_in_every_form(
    tmp_path: Path,
    site: Site,
    graphs: Callable[..., Any],
    read_schema_org: Callable[[Mapping[str, Any]], rdflib.Graph],
    valid: Callable[[rdflib.Graph, str], None],
) -> None:
    settings = Settings(tmp_path)
    portal = wiring.open_portal(settings)
    load(portal, settings, quiet=True)
    found = [each for scope in SCOPES for each in portal.store.history.standing(scope, 0, 100_000)]
    portal.close()
    assert len(found) > 2_500
    keys = set()
    dcat_graph, schema_graph = rdflib.Graph(), rdflib.Graph()
    for number, each in enumerate(found):
        record = each.record
        cited = citation.cite(record, site)
        (entry,) = bibtexparser.parse_string(citation.bibtex(cited)).entries
        keys.add(entry.key)
        assert rispy.loads(citation.ris(cited))[0]["title"] == cited.title
        assert json.loads(citation.csl(cited))[0]["title"] == cited.title
        nodes = dcat.record(dcat.Entry(record, each.when), site)
        if record.kind == "observation" and number % 20:
            continue  # They are alike, and the reader takes its time.
        dcat_graph.parse(data="".join(rdf.ntriples(nodes, record.id)), format="nt")
        schema_graph += read_schema_org(schema_org.document(record, site))
        if number % 5 == 0:
            lines, *others = graphs(nodes, record.id)
            assert all(isomorphic(lines, each) for each in others), record.id
    assert len(keys) == len(found)
    valid(dcat_graph, "dcat")
    valid(schema_graph, "schema")
