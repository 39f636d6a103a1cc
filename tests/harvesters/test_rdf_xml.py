from __future__ import annotations

import pytest

from discovery.errors import RecordError
from discovery.model.record import Record
from harvesters import dcat, rdf_xml, xml
from harvesters.defaults import Defaults

HEAD = (
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dct="http://purl.org/dc/terms/" '
    'xmlns:dcat="http://www.w3.org/ns/dcat#" xmlns:foaf="http://xmlns.com/foaf/0.1/" xml:base="https://h.org/data/">'
)
CATALOGUE = """
<dcat:Catalog rdf:about="https://h.org/catalog">
  <dct:title>Catalogue</dct:title>
  <dcat:dataset>
    <dcat:Dataset rdf:about="https://h.org/d/1">
      <dct:title xml:lang="de">Eis</dct:title><dct:title xml:lang="en">Ice</dct:title>
      <dct:publisher rdf:resource="https://h.org/agency"/>
      <dcat:keyword>sea ice</dcat:keyword><dcat:keyword> arctic </dcat:keyword><dcat:keyword/>
      <dct:issued rdf:datatype="http://www.w3.org/2001/XMLSchema#date">2020-01-01</dct:issued>
      <dcat:contactPoint rdf:parseType="Resource"><foaf:name>Jane Doe</foaf:name></dcat:contactPoint>
      <dcat:distribution>
        <dcat:Distribution rdf:about="https://h.org/d/1/csv">
          <dcat:downloadURL rdf:resource="ice.csv"/><dcat:mediaType>text/csv</dcat:mediaType>
        </dcat:Distribution>
      </dcat:distribution>
      <dcat:distribution rdf:nodeID="b1"/>
    </dcat:Dataset>
  </dcat:dataset>
  <dcat:dataset rdf:resource="https://h.org/d/2"/>
</dcat:Catalog>
<rdf:Description rdf:nodeID="b1"><dcat:accessURL rdf:resource="https://h.org/api"/></rdf:Description>
<rdf:Description rdf:about="https://h.org/d/2" dct:title="Two">
  <rdf:type rdf:resource="http://www.w3.org/ns/dcat#Dataset"/>
</rdf:Description>
<foaf:Organization rdf:about="https://h.org/agency"><foaf:name>Agency</foaf:name></foaf:Organization>
"""


def mapped(inside: str) -> dict[str, Record]:
    root = xml.parse(f"{HEAD}{inside}</rdf:RDF>".encode())
    assert rdf_xml.is_rdf(root)
    found = {dcat.identity(node): node for node in dcat.nodes(rdf_xml.document(root))}
    return {name: dcat.to_record(node, "datasets", name, Defaults("s")) for name, node in found.items()}


def test_a_catalogue_in_xml_is_read_as_one_in_json() -> None:
    found = mapped(CATALOGUE)
    assert list(found) == ["https://h.org/d/2", "https://h.org/d/1"]
    ice = found["https://h.org/d/1"]
    assert (ice.title, ice.provider, ice.created) == ("Ice", "Agency", 1_577_836_800_000)
    assert ice.keywords == ("sea ice", "arctic")
    assert [each.name for each in ice.contacts] == ["Agency", "Jane Doe"]
    assert [(each.href, each.media_type) for each in ice.assets] == [
        ("https://h.org/data/ice.csv", "text/csv"),
        ("https://h.org/api", ""),
    ]
    assert found["https://h.org/d/2"].title == "Two"
    assert ice.issues == ()


def test_names_start_from_the_base() -> None:
    found = mapped('<dcat:Dataset rdf:about="x"/><dcat:Dataset rdf:ID="y"/><dcat:Dataset rdf:about="http://[z"/>')
    assert list(found) == ["https://h.org/data/x", "https://h.org/data/#y", "http://[z"]


def test_a_document_with_too_many_nodes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rdf_xml, "MAX_NODES", 10)
    with pytest.raises(RecordError, match="more than 10 nodes"):
        mapped("<dcat:Dataset/>" * 11)


def test_deep_and_odd_documents_end() -> None:
    deep = "<dcat:Dataset><dcat:p>" * 100 + "</dcat:p></dcat:Dataset>" * 100
    assert mapped(deep)
    assert mapped("<dcat:Dataset rdf:about=''><dcat:p rdf:parseType='Literal'><b>x</b></dcat:p></dcat:Dataset>")
    assert mapped("") == {}


def test_other_xml_is_no_rdf() -> None:
    assert not rdf_xml.is_rdf(xml.parse(b"<RDF/>"))
