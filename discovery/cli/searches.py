"""The commands that find and show records."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from discovery import understanding, wiring
from discovery.cli.context import opened_portal, pair, settings_of
from discovery.cli.exporting import write
from discovery.cli.output import AsJson, console, print_json, print_table
from discovery.documents.site import Site
from discovery.model.instant import iso
from discovery.model.record import to_dict

if TYPE_CHECKING:
    from discovery.portal import Page
    from discovery.query.names import Named, Spotted

app = typer.Typer()
_INSTANTS = frozenset({"start", "end", "created", "updated", "metadata_updated", "harvested"})


@app.command()
def search(
    context: typer.Context,
    text: Annotated[str, typer.Argument(help="Words to look for; empty is everything.")] = "",
    words: Annotated[str | None, typer.Option(help="all: only records that have all words, spelt as they are.")] = None,
    facet: Annotated[list[str] | None, typer.Option(help="NAME=VALUE; repeatable.")] = None,
    range: Annotated[
        list[str] | None, typer.Option(help="NAME=A..B, A..<B without B itself, A.. or ..B; repeatable.")
    ] = None,
    filter: Annotated[str | None, typer.Option(help="A CQL2 text filter.")] = None,
    bbox: Annotated[str | None, typer.Option(help="west,south,east,north in degrees.")] = None,
    cone: Annotated[str | None, typer.Option(help="lon,lat,radius in degrees.")] = None,
    polygon: Annotated[
        str | None, typer.Option(help="lon,lat,lon,lat,... in degrees; several parted by semicolons; or GeoJSON.")
    ] = None,
    moc: Annotated[str | None, typer.Option(help="A MOC: 3/1-4 5/200, or as JSON.")] = None,
    near: Annotated[str | None, typer.Option(help="The name of a place or of a thing on the sky: Italy, M31.")] = None,
    frame: Annotated[
        str | None, typer.Option(help="earth, sky or a body; galactic and ecliptic are coordinates of the sky.")
    ] = None,
    relation: Annotated[
        str | None, typer.Option(help="How footprints lie to the region: intersects, within, contains or disjoint.")
    ] = None,
    cell: Annotated[str | None, typer.Option(help="FRAME/ORDER/NUMBER of a HEALPix cell, such as sky/3/145.")] = None,
    time: Annotated[str | None, typer.Option(help="A/B, with .. for an open end.")] = None,
    scope: Annotated[str | None, typer.Option(help="resources or observations.")] = None,
    sort: Annotated[
        str | None,
        typer.Option(help="Fields with commas, the first counting most, or overlap beside a region; - for falling."),
    ] = None,
    size: Annotated[int, typer.Option(help="Records on a page.")] = 20,
    after: Annotated[str | None, typer.Option(help="The `next` of the page before.")] = None,
    output: Annotated[
        Path | None, typer.Option(help="Write everything that matches to this file, - for here, and end.")
    ] = None,
    written: Annotated[
        str, typer.Option("--format", help="Of the file: csv, votable, geoparquet, stac or ndjson; else by its end.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Search the catalogue."""
    from discovery.query import form

    given = {
        "q": text or None,
        "words": words,
        "filter": filter,
        "bbox": bbox,
        "cone": cone,
        "polygon": polygon,
        "moc": moc,
        "near": near,
        "frame": frame,
        "relation": relation,
        "cell": cell,
        "time": time,
        "scope": scope,
        "sort": sort,
        "size": str(size),
        "after": after,
    }
    pairs = [(name, value) for name, value in given.items() if value is not None]
    pairs += [(f"facet.{name}", value) for name, value in (pair(each, "facet") for each in facet or [])]
    pairs += [(f"range.{name}", value) for name, value in (pair(each, "range") for each in range or [])]
    with opened_portal(context) as portal:
        if output is not None:
            found = settings_of(context)
            address = found.url or f"http://{found.host}:{found.port}"
            write(portal, form.parse(pairs, resolver=portal.resolve), output, written, Site(found.title, address))
            return
        page = portal.search(form.parse(pairs, resolver=portal.resolve), elsewhere=True)
        places = portal.places(page.query) if not after else ()
    if as_json:
        print_json(_json(page, places))
    else:
        _show(page, places)


def _json(page: Page, places: Sequence[Spotted]) -> dict[str, Any]:
    """Return a page as JSON values."""
    return {
        "total": {"value": page.total.value, "exact": page.total.exact},
        "records": [{**to_dict(each.record), "score": each.score} for each in page.records],
        "next": page.next or None,
        "places": [{**each.named.to_dict(), "q": each.rest} for each in places],
        "understood": understanding.to_dict(page.understood) if page.understood else None,
    }


def _show(page: Page, places: Sequence[Spotted]) -> None:
    """Print a page as a table, with what was understood above it and what could be asked next below."""
    said = page.understood
    if said and said.corrected:
        console.print(f"showing results for: {said.corrected} (--words all for what was typed)", markup=False)
    cells = [(each.record.id, each.record.kind, each.record.title) for each in page.records]
    print_table(("id", "kind", "title"), cells, empty="nothing matches; try fewer words or remove a facet")
    if said and said.suggestion:
        console.print(f"did you mean: {said.suggestion}", markup=False)
    for sentence in understanding.sentences(said) if said else ():
        console.print(sentence, markup=False)
    # Not broken into lines, so that the cursor can be copied.
    more = f"; --after {page.next} for more" if page.next else ""
    console.print(f"{page.total.value} match{more}", markup=False, soft_wrap=True)
    if page.elsewhere and page.elsewhere.value:
        other = "observations" if page.query.scope == "resources" else "resources"
        console.print(f"{page.elsewhere.value} {other} match too: --scope {other}", markup=False)
    for each in places:
        near = shlex.join([*([each.rest] if each.rest else []), "--near", each.named.name, *_frame(each.named)])
        console.print(f"search {each.named.place}: {near}", markup=False, soft_wrap=True)


def _frame(named: Named) -> tuple[str, ...]:
    """Return the option that tells a name from others of other frames, where there are any."""
    return ("--frame", named.frame) if named.ambiguous else ()


@app.command()
def get(
    context: typer.Context, id: Annotated[str, typer.Argument(help="The id of the record.")], as_json: AsJson = False
) -> None:
    """Show one record."""
    with closing(wiring.open_store(settings_of(context))) as store:
        record = to_dict(store.catalogue.get(id).record)
        if others := store.elsewhere.of([record["id"]]).get(record["id"]):
            record["also_at"] = [each.to_dict() for each in others]
    if as_json:
        print_json(record)
    else:
        print_table(
            ("field", "value"), [(name, _lines(name, value)) for name, value in record.items() if value], empty=""
        )


def _lines(name: str, value: Any) -> str:
    """Return a value of a record for people: one line for each part of a list, `name: value` for each pair."""
    if isinstance(value, dict):
        return "\n".join(f"{key}: {_line(key, each)}" for key, each in value.items() if each not in (None, "", [], {}))
    if isinstance(value, list):
        return "\n".join(_line(name, each) for each in value)
    return _line(name, value)


def _line(name: str, value: Any) -> str:
    """Return a part on one line: of an asset or a link its address, of a contact its name, of an instant the date."""
    if name in _INSTANTS and isinstance(value, int):
        return iso(value)
    if isinstance(value, dict):
        if name == "also_at":
            return f"{value['source_title']}: {value['id']}, last seen {iso(value['seen'])[:10]}"
        return str(value.get("href") or value.get("name") or orjson.dumps(value).decode())
    return orjson.dumps(value).decode() if isinstance(value, list) else str(value)


@app.command()
def export(
    context: typer.Context,
    scope: Annotated[str | None, typer.Option(help="resources or observations; both without.")] = None,
) -> None:
    """Print every record as a line of JSON: id, source, container, source_id, dataset, kind, title, updated."""
    with closing(wiring.open_store(settings_of(context))) as store:
        for row in store.catalogue.export(scope):
            updated = row["updated"]
            line = {**row, "updated": iso(updated) if updated is not None else None}
            sys.stdout.buffer.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.flush()
