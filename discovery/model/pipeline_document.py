"""What developers write about a pipeline, as a document and as the record that it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from discovery.model import checks, cwl
from discovery.model.checks import DATALABS, PIPELINES, PORTAL
from discovery.model.document import CHOICE, FLAG, LIST, RECOMMENDED, REQUIRED, TEXT, Field, Problem, read
from discovery.model.record import Asset, Contact, Link, Record, record_id
from discovery.model.volume_document import DOMAINS

CWL_TYPE: Final = "application/cwl+yaml"


def datalab_reference(text: str) -> str:
    """Return the id of a datalab's record, which may be named by the short name of one that was made here."""
    if ":" in text or (len(text) == 16 and "-" not in text):
        return checks.reference(text)
    return record_id(PORTAL, DATALABS, checks.slug(text))


def _cwl(text: str) -> str:
    cwl.parse(text)
    return text


FIELDS: Final = (
    Field("slug", "Short name", "For addresses: a to z, 0 to 9 and dashes. It stays as it is.", REQUIRED, most=64,
          check=checks.slug, also=("id",)),
    Field("name", "Name", "What people call it.", REQUIRED, also=("title",)),
    Field("description", "Description", "What it makes of what; Markdown.", REQUIRED, shape=TEXT, most=20_000,
          also=("abstract",)),
    Field("creator", "Creator", "Who made it: people or organisations.", REQUIRED, shape=LIST, most=200,
          also=("creators", "author", "authors")),
    Field("version", "Version", "Of the pipeline.", REQUIRED, most=64),
    Field("cwl", "Workflow in CWL", "The document itself, of version 1.0, 1.1 or 1.2. It is read, never run, and "
          "nothing that it names is fetched.", RECOMMENDED, shape=TEXT, most=100_000, check=_cwl),
    Field("cwl_url", "Address of the workflow", "Where the CWL document is published; it is linked and not fetched.",
          RECOMMENDED, most=2000, check=checks.web),
    Field("datasets", "Datasets", "That it works on: an id, the address of a page here, or SOURCE:CONTAINER:ID.",
          RECOMMENDED, shape=LIST, most=500, many=200, check=checks.reference),
    Field("datalabs", "Datalabs", "That it runs in: short names of datalabs made here, or ids of their records.",
          RECOMMENDED, shape=LIST, most=500, check=datalab_reference),
    Field("notebooks", "Notebooks", "Addresses of notebooks that show it.", RECOMMENDED, shape=LIST, most=2000,
          check=checks.web),
    Field("domain", "Domain", "What it is about.", RECOMMENDED, shape=CHOICE, choices=DOMAINS),
    Field("license", "Licence", "Of the pipeline: an expression of SPDX.", RECOMMENDED, most=200, check=checks.license),
    Field("missions", "Missions", "Whose data it works on.", shape=LIST, check=checks.mission, also=("mission",)),
    Field("keywords", "Keywords", "Words that it is found by.", shape=LIST, most=100, also=("tags",)),
    Field("provider", "Provider", "Which organisation offers it."),
    Field("source", "Source code", "Address of its repository.", most=2000, check=checks.web,
          also=("codeRepository",)),
    Field("documentation", "Documentation", "Address of its documentation.", most=2000, check=checks.web),
    Field("doi", "DOI", "Of what to cite for it.", most=200, check=checks.doi),
    Field("example", "Example", "Whether this is an example.", shape=FLAG),
)  # fmt: skip
"""What a document of a pipeline may say."""
_RELS: Final = {"documentation": "help", "source": "source", "cwl_url": "application"}
_TITLES: Final = {"documentation": "Documentation", "source": "Source code", "cwl_url": "Workflow (CWL)"}


def check(given: object, *, complete: bool = True) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    """Return what a document says under our names, and everything that is wrong with it."""
    values, problems = read(FIELDS, given, complete=complete)
    more = []
    if complete and not problems and not any(name in values for name in ("cwl", "cwl_url", "notebooks", "source")):
        more.append(Problem("cwl", "is missing, and so are cwl_url, notebooks and source: nobody could run it"))
    return values, (*problems, *more)


def to_record(document: Mapping[str, Any], *, updated: int | None = None) -> Record:
    """Return the record of a document that `check` has returned and found nothing wrong with."""
    slug = document["slug"]
    flow = cwl.parse(document["cwl"]) if "cwl" in document else None
    properties: dict[str, str | tuple[str, ...]] = {
        "slug": slug,
        "version": document["version"],
        "datasets": tuple(document.get("datasets", ())),
        "datalabs": tuple(document.get("datalabs", ())),
        "example": "true" if document.get("example") else "",
    }
    if flow is not None:
        properties |= {
            "workflow": f"CWL {flow.version} {flow.kind}",
            "inputs": tuple(_port(each) for each in flow.inputs),
            "outputs": tuple(_port(each) for each in flow.outputs),
            "steps": tuple(f"{each.id}: {each.label or each.run}".rstrip(": ") for each in flow.steps),
        }
    links = [Link(document[name], rel, _TITLES[name]) for name, rel in _RELS.items() if name in document]
    notebooks = document.get("notebooks", ())
    return Record(
        PORTAL,
        PIPELINES,
        slug,
        "pipeline",
        document["name"],
        description=document["description"],
        domain=document.get("domain", ""),
        missions=tuple(document.get("missions", ())),
        keywords=tuple(document.get("keywords", ())),
        provider=document.get("provider", ""),
        license=document.get("license", ""),
        assets=tuple(
            Asset(each, f"notebook-{n}", media_type="application/x-ipynb+json") for n, each in enumerate(notebooks, 1)
        ),
        links=tuple(links),
        contacts=tuple(Contact(each, roles=("creator",)) for each in document["creator"]),
        doi=document.get("doi", ""),
        properties={name: value for name, value in properties.items() if value},
        metadata_updated=updated,
    )


def _port(port: cwl.Port) -> str:
    return f"{port.id}: {port.type}{f', {port.label}' if port.label else ''}"[:500]
