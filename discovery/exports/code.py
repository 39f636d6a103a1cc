"""A question or a selection as code: GraphQL, JSON and STAC by curl, plain Python, astropy, pystac-client, pyvo.

Whatever came from a caller stands in the code as JSON within a quoted word of the shell, or as an ASCII literal of
Python that was made from JSON, or as a number: nothing of it can end its quotes.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode

import orjson

from discovery.documents import addresses
from discovery.errors import BadQueryError, NotFoundError
from discovery.model import instant
from discovery.model.extent import SKY
from discovery.model.record import OBSERVATIONS
from discovery.portal import Portal
from discovery.query import cql2, fields, form, order, query, time
from discovery.query.facets import RangeSelection
from discovery.query.fields import TAIL_PREFIX, Type
from discovery.query.query import And, Between, Comparison, Filter, In, IsNull, Like, Not, Or, Query, Region, Time
from discovery.selection import Selection

DOCUMENT: Final = (
    "query ($text: String, $words: Words = ALL, $filter: RecordFilter, $facets: [FacetSelection!], "
    "$region: RegionInput, $time: TimeInput, $ranges: [RangeInput!], $cell: CellInput, "
    "$scope: Scope = RESOURCES, $sort: SortInput, $first: Int = 20) {\n"
    "  search(text: $text, words: $words, filter: $filter, facets: $facets, region: $region, time: $time, "
    "ranges: $ranges, cell: $cell, scope: $scope, sort: $sort, first: $first) {\n"
    "    totalCount { value }\n    nodes { id title page }\n    pageInfo { endCursor }\n  }\n}"
)
_MJD: Final = 40_587
"""The Modified Julian Date of 1970."""
_COMPARED: Final = {"=": "eq", ">=": "gte", "<=": "lte"}


@dataclass(frozen=True, slots=True)
class Snippet:
    """A question or a selection as code for another way in."""

    tool: str
    """`graphql`, `json`, `stac`, `pystac`, `pyvo`; of a selection also `python`, `astropy` and `csv`."""
    language: str
    """`shell` or `python`."""
    code: str
    """To be run as it stands."""
    note: str = ""
    """What it asks differently; empty where it asks the same."""


def enum_name(value: str) -> str:
    """Return the GraphQL name of a value: capitals, and underscores for hyphens."""
    return value.upper().replace("-", "_")


def of_selection(portal: Portal, picked: Selection, url: str) -> list[Snippet]:
    """Return a selection as code for each way in that has a word for it.

    Args:
        portal: What knows the archives that records come from.
        picked: The selection.
        url: Where this portal is, without a slash at its end.
    """
    files = [
        _snippet("python", "python", _python(f"{url}{picked.address(f='ndjson')}")),
        _snippet("astropy", "python", _astropy(f"{url}{picked.address(f='votable')}")),
        _snippet("csv", "shell", f"curl -s -o selection.csv {shlex.quote(url + picked.address(f='csv'))}"),
    ]
    if picked.query is not None:
        note = "one page at a time"
        paged = [replace(each, note=each.note or note) for each in snippets(portal, picked.query, url)]
        return [*files, *paged]
    body = {"query": _RECORDS, "variables": {"ids": list(picked.ids)}}
    return [*files, _snippet("graphql", "shell", _posted(f"{url}/graphql", body))]


FSSPEC: Final = (
    "import json\n\n"
    "import fsspec\n\n"
    'with open("manifest.json") as given:\n'
    "    manifest = json.load(given)\n"
    'for file in manifest["files"]:\n'
    '    for address in file["addresses"][:1]:\n'
    '        options = {"anon": True} if address.startswith("s3:") else {}\n'
    '        with fsspec.open(address, "rb", **options) as data:\n'
    '            print(file["name"], len(data.read(2880)))\n'
)
"""Opens each file of a selection's manifest where it is on the web; s3 needs the package s3fs too."""
_RECORDS: Final = "query ($ids: [ID!]!) { records(ids: $ids) { id title page } }"


def _python(address: str) -> str:
    return (
        "import json\n"
        "from urllib.request import urlopen\n\n"
        f"with urlopen({address!a}) as answer:\n"
        "    records = [json.loads(line) for line in answer]\n"
        "for each in records:\n"
        '    print(each["id"], each["title"])\n'
    )


def _astropy(address: str) -> str:
    return f'from astropy.table import Table\n\ntable = Table.read({address!a}, format="votable")\nprint(table)\n'


def snippets(portal: Portal, asked: Query, url: str) -> list[Snippet]:
    """Return the question for each way in that can ask it.

    Args:
        portal: What knows the archives that records come from.
        asked: The question.
        url: Where this portal is, without a slash at its end.
    """
    plain = replace(asked, after="", facets=(), numbers=(), histogram=None, heat=None)
    made: list[Snippet | None] = []
    for make in (_graphql, _json, _stac, _pystac):
        try:
            made.append(make(plain, url))
        except (BadQueryError, _UnsaidError):
            # Not every way in has a word for everything.
            continue
    made.append(_pyvo(portal, plain))
    return [each for each in made if each is not None]


class _UnsaidError(Exception):
    """A question has a part that a language has no word for."""


def _snippet(tool: str, language: str, code: str, note: str = "") -> Snippet:
    return Snippet(tool, language, code, note)


def _posted(url: str, body: Mapping[str, Any]) -> str:
    said = orjson.dumps(body).decode()
    return f"curl -s {shlex.quote(url)} -H 'content-type: application/json' --data-binary {shlex.quote(said)}"


def _graphql(asked: Query, url: str) -> Snippet:
    body = {"query": DOCUMENT, "variables": to_variables(asked)}
    return _snippet("graphql", "shell", _posted(f"{url}/graphql", body))


def _json(asked: Query, url: str) -> Snippet:
    if asked.ids is not None or asked.phrases:
        raise _UnsaidError
    address = f"{url}/search?{urlencode([*form.pairs(asked), ('f', 'json')], errors='replace')}"
    return _snippet("json", "shell", f"curl -s {shlex.quote(address)}")


def to_variables(asked: Query) -> dict[str, Any]:
    """Return the variables with which `DOCUMENT` asks a question.

    Raises:
        BadQueryError: It has a part that the inputs of the schema cannot say.
    """
    out: dict[str, Any] = {"scope": asked.scope.upper(), "first": asked.size}
    if asked.text:
        out |= {"text": asked.text, "words": enum_name(form.SOME if asked.lenient else form.ALL)}
    if asked.filter is not None:
        out["filter"] = to_input(asked.filter)
    if asked.selections:
        out["facets"] = [{"name": enum_name(each.name), "values": list(each.values)} for each in asked.selections]
    if asked.region:
        frame, relation = enum_name(asked.region.frame), enum_name(asked.region.relation)
        out["region"] = {"geometry": asked.region.geometry, "frame": frame, "relation": relation}
    if asked.time:
        ends = {"start": asked.time.start, "end": asked.time.end}
        out["time"] = {name: instant.iso(value) for name, value in ends.items() if value is not None}
    if asked.ranges:
        out["ranges"] = [
            {"name": enum_name(each.name), "low": each.low, "high": each.high, "below": each.below}
            for each in asked.ranges
        ]
    if asked.place:
        place = asked.place
        out["cell"] = {"frame": enum_name(place.frame), "order": place.order, "cell": place.cell}
    if asked.sort:
        first, *then = ({"by": enum_name(each.name), "descending": each.descending} for each in asked.sort.all)
        out["sort"] = {**first, "then": then} if then else first
    return out


def to_input(node: Filter) -> dict[str, Any]:
    """Return a filter as the schema's `RecordFilter` takes it; `to_filter` reads it as the same.

    Raises:
        BadQueryError: The schema has no input for a part of it.
    """
    if isinstance(node, And | Or):
        return {"and" if isinstance(node, And) else "or": [to_input(each) for each in node.args]}
    if isinstance(node, Not):
        return {"not": to_input(node.arg)}
    if isinstance(node, Region | Time):
        raise BadQueryError("a region or a time within a filter has no input")
    name, condition = node.name, _condition(node)
    if name.startswith(TAIL_PREFIX):
        return {"property": [{"name": name.removeprefix(TAIL_PREFIX), **condition}]}
    return {_camel(name): condition}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(each.capitalize() for each in others)


def _condition(node: Comparison | Between | In | Like | IsNull) -> dict[str, Any]:
    known = fields.FIELDS.get(node.name)
    value: Callable[[Any], Any] = (
        instant.iso if known is not None and known.type is Type.INSTANT else lambda given: given
    )
    if isinstance(node, IsNull):
        return {"isNull": True}
    if isinstance(node, In):
        return {"in": [value(each) for each in node.values]}
    if isinstance(node, Between):
        return {"gte": value(node.low), "lte": value(node.high)}
    if isinstance(node, Like) and not (node.casei or node.accenti):
        return {"like": node.pattern}
    if isinstance(node, Comparison) and node.op in _COMPARED:
        return {_COMPARED[node.op]: value(node.value)}
    raise BadQueryError(f"this condition on {node.name} has no input")


def _as_stac(asked: Query) -> tuple[dict[str, Any], str]:
    """Return the parameters of a STAC search, and what they ask differently."""
    if asked.place is not None or asked.ids is not None or asked.phrases:
        raise _UnsaidError
    parts: list[Filter | None] = [asked.filter]
    parts += [In(each.name, each.values) for each in asked.selections]
    parts += [Or(tuple(map(_ranged, each))) for each in _by_field(asked.ranges)]
    parts.append(asked.region)
    narrowed = query.conjunction(parts)
    out: dict[str, Any] = {"limit": max(asked.size, 1)}
    if narrowed is not None:
        out |= {"filter": cql2.to_json(narrowed), "filter-lang": "cql2-json"}
    if asked.time:
        out["datetime"] = time.to_text(asked.time)
    if asked.sort:
        out["sortby"] = [
            {"field": each.name, "direction": "desc" if each.descending else "asc"} for each in asked.sort.all
        ]
    notes = []
    if asked.text:
        out["q"] = [asked.text]
        notes.append("the words of `q` stand side by side in STAC" if len(asked.text.split()) > 1 else "")
    notes.append("" if asked.scope == OBSERVATIONS else "only what is a STAC collection is found")
    return out, "; ".join(filter(None, notes))


def _by_field(ranges: tuple[RangeSelection, ...]) -> Iterator[list[RangeSelection]]:
    for name in dict.fromkeys(each.name for each in ranges):
        yield [each for each in ranges if each.name == name]


def _ranged(each: RangeSelection) -> Filter:
    ends: list[Filter] = []
    if each.low is not None:
        ends.append(Comparison(">=", each.name, each.low))
    if each.high is not None:
        ends.append(Comparison("<" if each.below else "<=", each.name, each.high))
    return And(tuple(ends))


def _stac(asked: Query, url: str) -> Snippet:
    body, note = _as_stac(asked)
    if asked.scope == OBSERVATIONS:
        return _snippet("stac", "shell", _posted(f"{url}/stac/search", body), note)
    pairs = [("limit", str(body["limit"]))]
    pairs += [(name, body[name]) for name in ("datetime",) if name in body]
    pairs += [("q", ",".join(body["q"]))] if "q" in body else []
    if "filter" in body:
        pairs += [("filter-lang", "cql2-json"), ("filter", orjson.dumps(body["filter"]).decode())]
    if asked.sort:
        pairs.append(("sortby", ",".join(order.written(asked.sort, rising="+"))))
    address = f"{url}/stac/collections?{urlencode(pairs, errors='replace')}"
    return _snippet("stac", "shell", f"curl -s {shlex.quote(address)}", note)


def _pystac(asked: Query, url: str) -> Snippet:
    body, note = _as_stac(asked)
    items = asked.scope == OBSERVATIONS
    given = {name.replace("-", "_"): value for name, value in body.items() if name != "limit"}
    given["max_items" if items else "max_collections"] = body["limit"]
    # Through JSON, so that what is written are texts, numbers and their like, and in ASCII, so that nothing hides.
    arguments = "".join(f"    {name}={orjson.loads(orjson.dumps(value))!a},\n" for name, value in given.items())
    method, found = ("search", "items") if items else ("collection_search", "collections")
    code = (
        "from pystac_client import Client\n\n"
        f"client = Client.open({f'{url}/stac'!a})\n"
        f"found = client.{method}(\n{arguments})\n"
        f"for each in found.{found}():\n    print(each.id)\n"
    )
    return _snippet("pystac", "python", code, note)


def _pyvo(portal: Portal, asked: Query) -> Snippet | None:
    """Return the place and time of the question for the archive that most of the matches come from."""
    where = list(_adql(asked))
    if asked.scope != OBSERVATIONS or not where:
        return None
    counted = replace(asked, size=0, sort=None, facets=(query.FacetRequest("source", 20),))
    (facet,) = portal.keys(counted, total=False).facets
    for bucket in facet.buckets:
        try:
            source = portal.store.ledger.source(bucket.value)
        except NotFoundError:
            # It was taken away, and its records are still here.
            continue
        if source.kind == "tap" and addresses.web(source.url) and addresses.redacted(source.url) == source.url:
            adql = f"SELECT TOP {max(asked.size, 1)} * FROM ivoa.ObsCore WHERE {' AND '.join(where)}"  # noqa: S608 - numbers alone
            code = f"import pyvo\n\nfound = pyvo.dal.TAPService({source.url!a}).search({adql!a})\nprint(found)\n"
            return _snippet("pyvo", "python", code, "asks the archive itself, by place and time alone")
    return None


def _adql(asked: Query) -> Iterator[str]:
    """Return the conditions on place and time; every value in them is a number."""
    region = asked.region
    if region is not None and region.frame == SKY and region.relation == "intersects":
        shape: Mapping[str, Any] = region.geometry
        if shape.get("type") == "Circle":
            lon, lat = shape["center"]
            around = f"CIRCLE('ICRS', {float(lon)!r}, {float(lat)!r}, {float(shape['radius'])!r})"
            yield f"1 = CONTAINS(POINT('ICRS', s_ra, s_dec), {around})"
        elif shape.get("type") == "Polygon" and len(shape["coordinates"]) == 1:
            corners = ", ".join(f"{float(lon)!r}, {float(lat)!r}" for lon, lat in shape["coordinates"][0][:-1])
            yield f"1 = CONTAINS(POINT('ICRS', s_ra, s_dec), POLYGON('ICRS', {corners}))"
    if asked.time and asked.time.start is not None:
        yield f"t_max >= {asked.time.start / instant.DAY + _MJD}"
    if asked.time and asked.time.end is not None:
        yield f"t_min <= {asked.time.end / instant.DAY + _MJD}"
