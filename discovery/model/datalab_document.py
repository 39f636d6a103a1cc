"""What developers write about a datalab, as a document and as the record that it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from discovery.model import checks, terms
from discovery.model.checks import DATALABS, PORTAL
from discovery.model.document import (
    CHOICE,
    FLAG,
    LIST,
    RECOMMENDED,
    REQUIRED,
    TABLE,
    TABLES,
    TEXT,
    Field,
    Problem,
    read,
)
from discovery.model.record import Contact, Link, Record
from discovery.model.volume_document import DOMAINS

INTERFACES: Final = {
    "lab": "JupyterLab",
    "notebook": "Notebooks in another editor",
    "desktop": "A desktop in the browser",
    "url": "A page of its own",
}
CAPABILITIES: Final = {
    "Analysis Tool": "Analysis tool",
    "Visualization Tool": "Visualization tool",
    "Query Tool": "Query tool",
}
FIELDS: Final = (
    Field("name", "Name", "What people call it.", REQUIRED, also=("title",)),
    Field("alternate_name", "Short name", "For addresses, and what it is known by, such as `jl-euclid`. It stays as it "
          "is.", REQUIRED, most=64, check=checks.slug, also=("alternateName", "alternatename", "slug", "id")),
    Field("abstract", "Abstract", "What one can do in it; Markdown.", REQUIRED, shape=TEXT, most=20_000,
          also=("description",)),
    Field("contact", "Contact", "Whom reviewers and operators ask. The address is shown to nobody else.", REQUIRED,
          shape=TABLE, also=("contactPoint", "contact_point"), fields=(
              Field("email", "E-mail", "An address that is read.", REQUIRED, most=254, check=checks.mail),
              Field("name", "Name", "Of a person or a team."),
              Field("url", "Page", "Where anybody may ask; this one is shown.", most=2000, check=checks.web),
          )),
    Field("creator", "Creator", "Who made it: people or organisations.", REQUIRED, shape=LIST, most=200,
          also=("creators", "author", "authors")),
    Field("version", "Version", "Of what is in it, such as `1.4.0`.", REQUIRED, most=64,
          also=("softwareVersion",)),
    Field("image", "Container image", "Registry, name and digest: `registry.example/lab/euclid:1.4@sha256:…`.",
          RECOMMENDED, most=600, check=checks.pinned, also=("dockerImage",)),
    Field("interface", "Interface", "How one works in it.", RECOMMENDED, shape=CHOICE, choices=INTERFACES,
          default="lab", also=("type",)),
    Field("domain", "Domain", "What it is for; leave it out for all.", RECOMMENDED, shape=CHOICE, choices=DOMAINS),
    Field("missions", "Missions", "It is offered for data of these alone; leave it out for all.", RECOMMENDED,
          shape=LIST, check=checks.mission, also=("mission",)),
    Field("opens", "Opens", "Media types or names of formats that it opens, such as `application/fits` or `netcdf`.",
          RECOMMENDED, shape=LIST, most=120, also=("formats", "encodingFormat")),
    Field("license", "Licence", "Of the datalab: an expression of SPDX, such as `Apache-2.0`.", RECOMMENDED, most=200,
          check=checks.license),
    Field("tags", "Tags", "Words that it is found by.", RECOMMENDED, shape=LIST, most=100, also=("keywords",)),
    Field("tools", "Tools", "What is installed in it.", RECOMMENDED, shape=TABLES, many=200,
          also=("softwareRequirements",), fields=(
              Field("name", "Name", "Of the tool.", REQUIRED, most=100),
              Field("version", "Version", "Of the tool.", most=64),
              Field("url", "Page", "About the tool.", most=2000, check=checks.web),
          )),
    Field("volumes", "Volumes", "That it works on: short names of volumes made here, or ids of their records.",
          shape=LIST, most=500, check=checks.volume_reference),
    Field("datasets", "Datasets", "That it was made for: an id, the address of a page here, or SOURCE:CONTAINER:ID.",
          shape=LIST, most=500, many=200, check=checks.reference),
    Field("zones", "Datazones", "Names of those that it runs in; leave it out for any.", shape=LIST, most=64,
          check=checks.slug, also=("datazones",)),
    Field("url", "Address", "Where it is started, for one with a page of its own.", most=2000, check=checks.web),
    Field("documentation", "Documentation", "Address of its documentation.", most=2000, check=checks.web,
          also=("softwareHelp",)),
    Field("source", "Source code", "Address of the repository that it is built from.", most=2000, check=checks.web,
          also=("codeRepository",)),
    Field("notebooks", "Notebooks", "Addresses of notebooks to begin with.", shape=LIST, most=2000, many=50,
          check=checks.web),
    Field("provider", "Provider", "Which organisation offers it."),
    Field("capabilities", "Properties", "What it is, in the words of the facet.", shape=LIST, many=3,
          choices=CAPABILITIES),
    Field("doi", "DOI", "Of what to cite for it.", most=200, check=checks.doi, also=("citation",)),
    Field("example", "Example", "Whether this is an example that starts nothing.", shape=FLAG),
)  # fmt: skip
"""What a document of a datalab may say."""
_RELS: Final = {"documentation": "help", "source": "source", "url": "launch"}
_TITLES: Final = {"documentation": "Documentation", "source": "Source code", "url": "Start it"}
_NOTEBOOK: Final = "notebook"


def check(given: object, *, complete: bool = True) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    """Return what a document says under our names, and everything that is wrong with it."""
    values, problems = read(FIELDS, given, complete=complete)
    more = []
    if complete and values.get("interface") == "url" and "url" not in values:
        more.append(Problem("url", "is missing, and the interface is a page of its own"))
    return values, (*problems, *more)


def to_record(document: Mapping[str, Any], *, updated: int | None = None) -> Record:
    """Return the record of a document that `check` has returned and found nothing wrong with.

    The e-mail address of its contact stays out.
    """
    slug = document["alternate_name"]
    properties: dict[str, str | tuple[str, ...]] = {
        "slug": slug,
        "interface": document.get("interface", "lab"),
        "version": document["version"],
        "image": document.get("image", ""),
        "tools": tuple(_tool(each) for each in document.get("tools", ())),
        "zones": tuple(document.get("zones", ())),
        "volumes": tuple(document.get("volumes", ())),
        "datasets": tuple(document.get("datasets", ())),
        "capability": tuple(document.get("capabilities", ())),
        "example": "true" if document.get("example") else "",
    }
    links = [Link(document[name], rel, _TITLES[name]) for name, rel in _RELS.items() if name in document]
    links += [Link(each, _NOTEBOOK, media_type="application/x-ipynb+json") for each in document.get("notebooks", ())]
    missions = tuple(document.get("missions", ()))
    contact = document["contact"]
    shown = [Contact(each, roles=("creator",)) for each in document["creator"]]
    if "url" in contact:
        shown.append(Contact(contact.get("name", "Contact"), roles=("contact",), url=contact["url"]))
    return Record(
        PORTAL,
        DATALABS,
        slug,
        "datalab",
        document["name"],
        description=document["abstract"],
        domain=document.get("domain") or next(filter(None, map(terms.domain_of, missions)), ""),
        missions=missions,
        keywords=tuple(dict.fromkeys((*document.get("tags", ()), slug))),
        provider=document.get("provider", ""),
        license=document.get("license", ""),
        formats=tuple(document.get("opens", ())),
        links=tuple(links),
        contacts=tuple(shown),
        doi=document.get("doi", ""),
        properties={name: value for name, value in properties.items() if value},
        metadata_updated=updated,
    )


def from_record(record: Record) -> dict[str, Any]:
    """Return the document that `to_record` made a record of, without the e-mail address, which a record has not."""
    said = record.properties
    slug = said.get("slug", record.source_id)
    contact = next((each for each in record.contacts if "contact" in each.roles), None)
    by_rel = {each.rel: each.href for each in record.links}
    out: dict[str, Any] = {
        "name": record.title,
        "alternate_name": slug,
        "abstract": record.description,
        "contact": {"name": contact.name, "url": contact.url} if contact is not None else None,
        "creator": [each.name for each in record.contacts if "creator" in each.roles],
        "opens": list(record.formats),
        "tags": [each for each in record.keywords if each != slug],
        "missions": list(record.missions),
        "tools": [_untool(each) for each in said.get("tools", ())],
        "capabilities": list(said.get("capability", ())),
        "notebooks": [each.href for each in record.links if each.rel == _NOTEBOOK],
        "example": said.get("example") == "true" or None,
        **{name: getattr(record, name) for name in ("domain", "license", "provider", "doi")},
        **{name: said.get(name) for name in ("version", "image", "interface")},
        **{name: list(said.get(name, ())) for name in ("zones", "volumes", "datasets")},
        **{name: by_rel.get(rel) for name, rel in _RELS.items()},
    }
    kept = {each.name: out.get(each.name) for each in FIELDS}
    return {name: value for name, value in kept.items() if value not in (None, "", [], {})}


def _tool(tool: Mapping[str, str]) -> str:
    """Return a tool as one text: `NAME (VERSION) <URL>`."""
    version = f" ({tool['version']})" if "version" in tool else ""
    url = f" <{tool['url']}>" if "url" in tool else ""
    return f"{tool['name']}{version}{url}"


def _untool(text: str) -> dict[str, str]:
    rest, _, url = text.partition(" <") if text.endswith(">") else (text, "", "")
    name, _, version = rest.rpartition(" (") if rest.endswith(")") else (rest, "", "")
    tool = {"name": name, "version": version.removesuffix(")")} if name and version else {"name": rest}
    return tool | ({"url": url.removesuffix(">")} if url else {})
