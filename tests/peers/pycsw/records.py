"""Metadata in ISO 19139 of data that do not exist, as many as are wanted; the same number is the same record."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

_FIRST = datetime(2005, 1, 1, tzinfo=UTC)
_WORDS = ("Sea ice", "Soil moisture", "Land cover", "Snow depth", "Ocean colour", "Wind", "Ozone", "Rainfall")
_PLACES = ("Arctic", "Iberia", "Sahel", "Amazon", "Baltic", "Alps", "Tasman Sea", "Fiji")
_SCOPES = ("dataset", "dataset", "dataset", "series", "service")
_TOPICS = ("climatologyMeteorologyAtmosphere", "environment", "oceans", "geoscientificInformation")


def modified(number: int) -> datetime:
    """Return when the metadata of a record last changed; later records are younger, a few each day."""
    return _FIRST + timedelta(hours=5 * number)


def identifier(number: int) -> str:
    """Return the identifier of a record; in the order of numbers they are in no order."""
    return f"{(number * 2_654_435_761) % (1 << 32):08x}-peer-{number:06d}"


def iso(number: int, *, title: str = "") -> str:
    """Return one record."""
    chance = random.Random(number)
    word, place = chance.choice(_WORDS), chance.choice(_PLACES)
    west, south = chance.uniform(-179, 160), chance.uniform(-89, 80)
    east, north = west + chance.uniform(0.5, 19), south + chance.uniform(0.5, 9)
    begin = _FIRST + timedelta(days=chance.randrange(0, 4000))
    end = begin + timedelta(days=chance.randrange(1, 900))
    scope = chance.choice(_SCOPES)
    name = title or f"{word} of the {place} {number}"
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<gmd:MD_Metadata xmlns:gmd="http://www.isotc211.org/2005/gmd" xmlns:gco="http://www.isotc211.org/2005/gco" \
xmlns:gml="http://www.opengis.net/gml" xmlns:xlink="http://www.w3.org/1999/xlink">
  <gmd:fileIdentifier><gco:CharacterString>{identifier(number)}</gco:CharacterString></gmd:fileIdentifier>
  <gmd:language><gmd:LanguageCode codeList="http://www.loc.gov/standards/iso639-2/" codeListValue="eng"/></gmd:language>
  <gmd:hierarchyLevel><gmd:MD_ScopeCode codeList="#MD_ScopeCode" codeListValue="{scope}">{scope}</gmd:MD_ScopeCode>\
</gmd:hierarchyLevel>
  <gmd:contact><gmd:CI_ResponsibleParty>
    <gmd:organisationName><gco:CharacterString>Institute {number % 7}</gco:CharacterString></gmd:organisationName>
    <gmd:contactInfo><gmd:CI_Contact><gmd:address><gmd:CI_Address><gmd:electronicMailAddress>
      <gco:CharacterString>someone{number}@example.org</gco:CharacterString>
    </gmd:electronicMailAddress></gmd:CI_Address></gmd:address></gmd:CI_Contact></gmd:contactInfo>
    <gmd:role><gmd:CI_RoleCode codeList="#CI_RoleCode" codeListValue="pointOfContact"/></gmd:role>
  </gmd:CI_ResponsibleParty></gmd:contact>
  <gmd:dateStamp><gco:DateTime>{modified(number):%Y-%m-%dT%H:%M:%SZ}</gco:DateTime></gmd:dateStamp>
  <gmd:identificationInfo><gmd:MD_DataIdentification>
    <gmd:citation><gmd:CI_Citation>
      <gmd:title><gco:CharacterString>{name}</gco:CharacterString></gmd:title>
      <gmd:date><gmd:CI_Date><gmd:date><gco:Date>{end:%Y-%m-%d}</gco:Date></gmd:date>
        <gmd:dateType><gmd:CI_DateTypeCode codeList="#CI_DateTypeCode" codeListValue="publication"/></gmd:dateType>
      </gmd:CI_Date></gmd:date>
      <gmd:identifier><gmd:MD_Identifier><gmd:code>
        <gco:CharacterString>10.5072/peer.{number}</gco:CharacterString>
      </gmd:code></gmd:MD_Identifier></gmd:identifier>
    </gmd:CI_Citation></gmd:citation>
    <gmd:abstract><gco:CharacterString>{name}: {" ".join(chance.choices(_WORDS, k=60))}.</gco:CharacterString>\
</gmd:abstract>
    <gmd:descriptiveKeywords><gmd:MD_Keywords>
      <gmd:keyword><gco:CharacterString>{word}</gco:CharacterString></gmd:keyword>
      <gmd:keyword><gco:CharacterString>{place}</gco:CharacterString></gmd:keyword>
      <gmd:type><gmd:MD_KeywordTypeCode codeList="#MD_KeywordTypeCode" codeListValue="theme"/></gmd:type>
      <gmd:thesaurusName><gmd:CI_Citation>
        <gmd:title><gco:CharacterString>Words of the peer</gco:CharacterString></gmd:title>
      </gmd:CI_Citation></gmd:thesaurusName>
    </gmd:MD_Keywords></gmd:descriptiveKeywords>
    <gmd:resourceConstraints><gmd:MD_LegalConstraints>
      <gmd:useLimitation><gco:CharacterString>CC-BY-4.0</gco:CharacterString></gmd:useLimitation>
    </gmd:MD_LegalConstraints></gmd:resourceConstraints>
    <gmd:topicCategory><gmd:MD_TopicCategoryCode>{chance.choice(_TOPICS)}</gmd:MD_TopicCategoryCode></gmd:topicCategory>
    <gmd:extent><gmd:EX_Extent>
      <gmd:geographicElement><gmd:EX_GeographicBoundingBox>
        <gmd:westBoundLongitude><gco:Decimal>{west:.3f}</gco:Decimal></gmd:westBoundLongitude>
        <gmd:eastBoundLongitude><gco:Decimal>{east:.3f}</gco:Decimal></gmd:eastBoundLongitude>
        <gmd:southBoundLatitude><gco:Decimal>{south:.3f}</gco:Decimal></gmd:southBoundLatitude>
        <gmd:northBoundLatitude><gco:Decimal>{north:.3f}</gco:Decimal></gmd:northBoundLatitude>
      </gmd:EX_GeographicBoundingBox></gmd:geographicElement>
      <gmd:temporalElement><gmd:EX_TemporalExtent><gmd:extent>
        <gml:TimePeriod gml:id="t{number}"><gml:beginPosition>{begin:%Y-%m-%d}</gml:beginPosition>\
<gml:endPosition>{end:%Y-%m-%d}</gml:endPosition></gml:TimePeriod>
      </gmd:extent></gmd:EX_TemporalExtent></gmd:temporalElement>
    </gmd:EX_Extent></gmd:extent>
  </gmd:MD_DataIdentification></gmd:identificationInfo>
  <gmd:distributionInfo><gmd:MD_Distribution><gmd:transferOptions><gmd:MD_DigitalTransferOptions>
    <gmd:onLine><gmd:CI_OnlineResource>
      <gmd:linkage><gmd:URL>https://example.org/data/{number}.nc</gmd:URL></gmd:linkage>
      <gmd:protocol><gco:CharacterString>WWW:DOWNLOAD-1.0-http--download</gco:CharacterString></gmd:protocol>
      <gmd:name><gco:CharacterString>NetCDF file</gco:CharacterString></gmd:name>
    </gmd:CI_OnlineResource></gmd:onLine>
    <gmd:onLine><gmd:CI_OnlineResource>
      <gmd:linkage><gmd:URL>https://example.org/wms?service=WMS&amp;layers=l{number}</gmd:URL></gmd:linkage>
      <gmd:protocol><gco:CharacterString>OGC:WMS</gco:CharacterString></gmd:protocol>
      <gmd:name><gco:CharacterString>Map of {word}</gco:CharacterString></gmd:name>
    </gmd:CI_OnlineResource></gmd:onLine>
  </gmd:MD_DigitalTransferOptions></gmd:transferOptions></gmd:MD_Distribution></gmd:distributionInfo>
</gmd:MD_Metadata>
"""
