"""The commands that find what may become a source: services that a registry knows, and tables that have a map."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from discovery import wiring
from discovery.cli.context import settings_of
from discovery.cli.output import AsJson, console, print_json, print_table
from discovery.config import Settings
from discovery.model.source import Source

if TYPE_CHECKING:
    from harvesters.regtap import Found

app = typer.Typer()


@app.command("maps")
def source_maps(as_json: AsJson = False) -> None:
    """List the maps of archives' own tables, which TAP sources take by `--set map=NAME`."""
    from harvesters.table_map import shipped

    rows = [
        {
            "name": each.name,
            "table": each.table,
            "service": each.service,
            "verified": each.verified,
            "about": each.about,
            "read_in": each.read_in,
        }
        for each in shipped().values()
    ]
    if as_json:
        print_json(rows)
        return
    cells = [(row["name"], row["table"], "yes" if row["verified"] else "no", row["about"]) for row in rows]
    print_table(("name", "table", "verified", "about"), cells, empty="")


@app.command("discover")
def source_discover(
    context: typer.Context,
    registry: Annotated[str, typer.Option(help="The TAP service of a registry (RegTAP); GAVO's without.")] = "",
    words: Annotated[list[str] | None, typer.Option(help="A word that must be said of it; repeatable.")] = None,
    standard: Annotated[list[str] | None, typer.Option(help="obscore or epntap; both without.")] = None,
    add: Annotated[bool, typer.Option("--add", help="Add what is found as sources that are not enabled.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask a registry of the Virtual Observatory which services have ObsCore or EPN-TAP tables."""
    from harvesters import regtap

    found, url = settings_of(context), registry or regtap.DEFAULT
    # The operator has named the registry, so it may be anywhere; what it names is not asked here.
    with wiring.client(found, Source("registry", "tap", url)) as client:
        answer = regtap.discover(client, url, standard or regtap.STANDARDS, words or ())
    ids = _added(found, answer.found) if add else [""] * len(answer.found)
    rows = [{**each.to_dict(), "added": id or None} for each, id in zip(answer.found, ids, strict=True)]
    if as_json:
        print_json({"found": rows, "notes": list(answer.notes)})
        return
    cells = [(row["added"], row["standard"], row["table"], row["title"], row["url"]) for row in rows]
    columns = ("added", "standard", "table", "title", "url")
    shown = (columns, cells) if add else (columns[1:], [each[1:] for each in cells])
    print_table(*shown, empty="the registry knows no such table")
    for note in answer.notes:
        console.print(note, markup=False)


def _added(settings: Settings, found: tuple[Found, ...]) -> list[str]:
    """Add what is not yet a source, and return the id of each; empty for what there already was."""
    from harvesters.sources import checked

    ids: list[str] = []
    with closing(wiring.open_store(settings)) as store:
        known = store.ledger.sources()
        taken = {each.id for each in known}
        there = {_place(each) for each in known}
        for each in found:
            source = checked(each.source(taken))
            fresh = _place(source) not in there
            if fresh:
                store.ledger.add_source(source)
                taken.add(source.id)
                there.add(_place(source))
            ids.append(source.id if fresh else "")
    return ids


def _place(source: Source) -> tuple[Any, ...]:
    return source.kind, source.url.rstrip("/"), source.settings.get("table", "ivoa.ObsCore").lower()
