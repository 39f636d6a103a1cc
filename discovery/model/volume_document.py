"""What operators write about a volume, as a document and as the record that it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from discovery.model import checks, storage, terms
from discovery.model.checks import PORTAL, VOLUMES
from discovery.model.document import CHOICE, FLAG, LIST, MAP, RECOMMENDED, REQUIRED, SIZE, TEXT, Field, Problem, read
from discovery.model.record import Link, Record

DOMAINS: Final = {
    "earth-observation": "Earth observation",
    "space-science": "Space science",
    "navigation": "Navigation",
}
ACCESS: Final = {
    "open": "Everybody",
    "registered": "Whoever has signed in",
    "restricted": "Those whom the provider lets",
}
CAPABILITY: Final = "Data Volume"
FIELDS: Final = (
    Field("slug", "Short name", "For addresses and folders: a to z, 0 to 9 and dashes. It stays as it is.", REQUIRED,
          most=64, check=checks.slug, also=("id",)),
    Field("name", "Name", "What people call it, such as `HST - NICMOS`.", REQUIRED, also=("title",)),
    Field("provider", "Provider", "Who keeps the data.", REQUIRED),
    Field("mount", "Mount path", "The folder it appears in, such as `/media/data/{slug}`; {user} and {home} may stand "
          "in it.", REQUIRED, most=1000, check=checks.mount, also=("mount_path",)),
    Field("description", "Description", "What is in it; Markdown.", RECOMMENDED, shape=TEXT, most=20_000,
          also=("abstract",)),
    Field("domain", "Domain", "What it is about.", RECOMMENDED, shape=CHOICE, choices=DOMAINS),
    Field("missions", "Missions", "Paths such as `astronomy/hubble`, or names that are known here.", RECOMMENDED,
          shape=LIST, check=checks.mission, also=("mission",)),
    Field("instruments", "Instruments", "Those whose data it holds; leave it out for all.", RECOMMENDED, shape=LIST,
          also=("instrument",)),
    Field("size", "Size", "Bytes, or a text such as `1.5 TB`.", RECOMMENDED, shape=SIZE),
    Field("access", "Access", "Who may mount it.", RECOMMENDED, shape=CHOICE, choices=ACCESS, default="open"),
    Field("zones", "Datazones", "Names of the datazones where it is local.", RECOMMENDED, shape=LIST, most=64,
          check=checks.slug, also=("datazones",)),
    Field("holds", "Datasets in it", "Records of datasets: an id, the address of a page here, or SOURCE:CONTAINER:ID.",
          RECOMMENDED, shape=LIST, most=500, many=500, check=checks.reference),
    Field("mounts", "Mount paths by platform", "Where it is otherwise than above: names of platforms with their paths.",
          shape=MAP, most=1000, check=checks.mount),
    Field("https", "On the web", "Addresses under which the same files lie with the same paths.", shape=LIST,
          most=2000, many=8, check=checks.root),
    Field("s3", "In object stores", "`s3://BUCKET/PREFIX` with the same objects under the same paths.", shape=LIST,
          most=2000, many=8, check=checks.bucket_root),
    Field("endpoint", "S3 endpoint", "Address of the object store where that is not Amazon's.", most=500,
          check=checks.root),
    Field("region", "S3 region", "Name of its region.", most=40, check=checks.slug),
    Field("anonymous", "S3 without keys", "Whether the buckets are read without keys.", shape=FLAG),
    Field("read_only", "Read-only", "Whether nobody writes into it.", shape=FLAG, default=True),
    Field("license", "Licence", "Of the data: an expression of SPDX.", most=200, check=checks.license),
    Field("keywords", "Keywords", "Words that it is found by.", shape=LIST, most=100, also=("tags",)),
    Field("link", "More about it", "Address of a page.", most=2000, check=checks.web, also=("url",)),
    Field("technical", "Technical details", "Formats, layout of folders, how it is kept up to date; Markdown.",
          shape=TEXT, most=20_000, also=("technical_details",)),
    Field("example", "Example", "Whether this is an example that leads to nothing real.", shape=FLAG),
)  # fmt: skip
"""What a document of a volume may say."""
_SAME: Final = ("description", "domain", "provider", "license", "access")


def check(given: object, *, complete: bool = True) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    """Return what a document says under our names, and everything that is wrong with it."""
    values, problems = read(FIELDS, given, complete=complete)
    more = []
    if ("endpoint" in values or "anonymous" in values) and not values.get("s3"):
        more.append(Problem("s3", "is missing, and endpoint and anonymous are said of it"))
    return values, (*problems, *more)


def to_record(document: Mapping[str, Any], *, updated: int | None = None) -> Record:
    """Return the record of a document that `check` has returned and found nothing wrong with."""
    slug = document["slug"]
    template = document["mount"]
    properties: dict[str, str | tuple[str, ...]] = {
        "slug": slug,
        "capability": CAPABILITY,
        "mount": template,
        "mount_path": checks.expanded(template, slug=slug),
        "mounts": tuple(f"{name}={path}" for name, path in document.get("mounts", {}).items()),
        "read_only": "true" if document.get("read_only", True) else "false",
        "zones": tuple(document.get("zones", ())),
        "holds": tuple(document.get("holds", ())),
        "technical": document.get("technical", ""),
        "example": "true" if document.get("example") else "",
        storage.PROPERTY: _storage(document),
    }
    twins = [Link(each, "twin", "The same files") for each in (*document.get("https", ()), *document.get("s3", ()))]
    about = [Link(document["link"], "about", "More about it")] if "link" in document else []
    missions = tuple(document.get("missions", ()))
    return Record(
        PORTAL,
        VOLUMES,
        slug,
        "volume",
        document["name"],
        description=document.get("description", ""),
        domain=document.get("domain") or next(filter(None, map(terms.domain_of, missions)), ""),
        missions=missions,
        instruments=tuple(document.get("instruments", ())),
        keywords=tuple(document.get("keywords", ())),
        provider=document["provider"],
        license=document.get("license", ""),
        access=document.get("access", "open"),
        links=(*about, *twins),
        numbers={"size": float(document["size"])} if "size" in document else {},
        properties={name: value for name, value in properties.items() if value},
        metadata_updated=updated,
    )


def from_record(record: Record) -> dict[str, Any]:
    """Return the document that `to_record` made a record of."""
    said = record.properties
    out: dict[str, Any] = {
        "slug": said.get("slug", record.source_id),
        "name": record.title,
        "mount": said.get("mount") or said.get("mount_path"),
        **{name: getattr(record, name) for name in _SAME},
        **{name: list(getattr(record, name)) for name in ("missions", "instruments", "keywords")},
        "size": int(record.numbers["size"]) if "size" in record.numbers else None,
        "mounts": dict(each.split("=", 1) for each in said.get("mounts", ())),
        "read_only": said.get("read_only", "true") == "true",
        "zones": list(said.get("zones", ())),
        "holds": list(said.get("holds", ())),
        "technical": said.get("technical"),
        "example": said.get("example") == "true" or None,
        "link": next((each.href for each in record.links if each.rel == "about"), None),
    }
    twins = [each.href for each in record.links if each.rel == "twin"]
    out["https"] = [each for each in twins if not each.startswith("s3:")]
    out["s3"] = [each for each in twins if each.startswith("s3:")]
    for each in said.get(storage.PROPERTY, ()):
        told = orjson.loads(each)
        out |= {name: told[name] for name in ("endpoint", "region", "anonymous") if name in told}
    kept = {each.name: out.get(each.name) for each in FIELDS}
    return {name: value for name, value in kept.items() if value not in (None, "", [], {})}


def _storage(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what clients of the buckets have to be told, one JSON text a bucket."""
    told = {name: document[name] for name in ("endpoint", "region", "anonymous") if name in document}
    if not told:
        return ()
    buckets = dict.fromkeys(urlsplit(each).netloc for each in document.get("s3", ()))
    return tuple(
        orjson.dumps({"bucket": each, **told}, option=orjson.OPT_SORT_KEYS).decode()
        for each in list(buckets)[: storage.MAX_BUCKETS]
    )
