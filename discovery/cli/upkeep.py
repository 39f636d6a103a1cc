"""The commands that keep a catalogue in order."""

from __future__ import annotations

from typing import Annotated

import typer

from discovery import wiring
from discovery.cli.context import opened_portal, settings_of, settle
from discovery.cli.output import INCOMPLETE, AsJson, console, print_json, say

app = typer.Typer()


@app.command()
def remap(
    context: typer.Context,
    source: Annotated[str | None, typer.Argument(help="Only this source.")] = None,
    as_json: AsJson = False,
) -> None:
    """Map every stored element again with this version's mapping, without harvesting."""
    from harvesters.progress import progress
    from harvesters.run import remap as again

    with opened_portal(context) as portal:
        with wiring.client(settings_of(context)) as client:
            counts = again(portal.store, source, client=client, progress=None if as_json else progress())
        settle(context, portal)
    row = {"seen": counts.seen, "updated": counts.updated, "unchanged": counts.unchanged}
    say(as_json, row, f"{counts.seen} mapped again, {counts.updated} changed")


@app.command()
def reindex(context: typer.Context, as_json: AsJson = False) -> None:
    """Build the search index again from the store, and put it in place in one step."""
    from discovery.indexer import rebuild

    with opened_portal(context) as portal, wiring.index_lock(settings_of(context)).hold(wait=30.0):
        made = rebuild(portal.store, portal.index)
    rows = {scope: {"generation": each.name, "documents": each.documents} for scope, each in made.items()}
    say(as_json, rows, "; ".join(f"{scope}: {each.documents} in {each.name}" for scope, each in made.items()))


@app.command()
def check(context: typer.Context, as_json: AsJson = False) -> None:
    """Say whether store and index are whole and agree."""
    from discovery.indexer import differences

    with opened_portal(context) as portal:
        wrong = [*portal.store.check(), *portal.index.check(), *differences(portal.store, portal.index)]
    if as_json:
        print_json({"ok": not wrong, "problems": wrong})
    else:
        for each in wrong or ["store and index are whole and agree"]:
            console.print(each, markup=False)
    if wrong:
        raise typer.Exit(INCOMPLETE)
