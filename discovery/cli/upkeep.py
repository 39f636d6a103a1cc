"""The commands that keep a catalogue in order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from discovery import wiring
from discovery.cli.context import opened_portal, settings_of, settle
from discovery.cli.output import INCOMPLETE, AsJson, console, print_json, say
from discovery.config import Settings
from discovery.errors import ConflictError
from discovery.model.record import SCOPES

app = typer.Typer()


@app.command()
def remap(
    context: typer.Context,
    source: Annotated[str | None, typer.Argument(help="Only this source.")] = None,
    as_json: AsJson = False,
) -> None:
    """Map every stored element again with this version's mapping, without harvesting."""
    from harvesters.again import remap as again
    from harvesters.progress import progress

    with opened_portal(context) as portal:
        with wiring.client(settings_of(context)) as client:
            counts = again(portal.store, source, client=client, progress=None if as_json else progress())
        settle(context, portal)
    row = {"seen": counts.seen, "updated": counts.updated, "unchanged": counts.unchanged}
    say(as_json, row, f"{counts.seen} mapped again, {counts.updated} changed")


@app.command()
def reindex(context: typer.Context, as_json: AsJson = False) -> None:
    """Build the search index again from the store, and put it in place in one step."""
    from discovery.indexer import learn, rebuild

    with opened_portal(context) as portal, wiring.index_lock(settings_of(context)).hold(wait=30.0):
        made = rebuild(portal.store, portal.index)
        learn(portal.store, portal.meanings, anew=True)
    rows = {scope: {"generation": each.name, "documents": each.documents} for scope, each in made.items()}
    say(as_json, rows, "; ".join(f"{scope}: {each.documents} in {each.name}" for scope, each in made.items()))


@app.command()
def check(context: typer.Context, as_json: AsJson = False) -> None:
    """Say whether store and index are whole and agree."""
    from discovery.indexer import differences

    with opened_portal(context) as portal:
        wrong = [*portal.store.check(), *portal.index.check(), *differences(portal.store, portal.index)]
        wrong += portal.meanings.check() if portal.meanings is not None else []
        orphans = portal.store.parents.orphans()
    if as_json:
        print_json({"ok": not wrong, "problems": wrong, "orphans": orphans})
    else:
        for source, count in orphans.items():
            console.print(
                f"{count} records of {source} name a parent that is not here, which is no fault", markup=False
            )
        for each in wrong or ["store and index are whole and agree"]:
            console.print(each, markup=False)
    if wrong:
        raise typer.Exit(INCOMPLETE)


@app.command()
def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The file to write.")],
    replace: Annotated[bool, typer.Option("--replace", help="Write over a file that is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Copy the store to a file, whoever serves or harvests meanwhile; the index is made again from it."""
    from discovery.store import backup as copies

    with closing(wiring.open_store(settings_of(context))) as store:
        size = copies.write(store.database, file, replace=replace)
    say(as_json, {"file": str(file), "bytes": size}, f"wrote {file}, {size / 1e6:.1f} MB")


@app.command()
def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="What `discovery backup` has written.")],
    replace: Annotated[bool, typer.Option("--replace", help="Restore over a catalogue that has records.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make the catalogue what a backup holds, and build the index again; nothing else may use the home meanwhile."""
    from discovery.indexer import learn, rebuild
    from discovery.store import backup as copies

    found = settings_of(context)
    with _alone(found), wiring.index_lock(found).hold(wait=30.0):
        with closing(wiring.open_store(found)) as store:
            records = sum(store.catalogue.live(scope) for scope in SCOPES)
            if records and not replace:
                raise ConflictError(f"{store.database.address} holds {records} records; say --replace to lose them")
            copies.restore(file, store.database)
        with closing(wiring.open_portal(found)) as portal:
            made = rebuild(portal.store, portal.index)
            learn(portal.store, portal.meanings, anew=True)
    rows = {scope: each.documents for scope, each in made.items()}
    say(as_json, {"file": str(file), **rows}, "restored " + ", ".join(f"{n} {scope}" for scope, n in rows.items()))


@contextmanager
def _alone(found: Settings) -> Iterator[None]:
    """Keep everybody else out of the home while the block runs."""
    with ExitStack() as stack:
        try:
            stack.enter_context(wiring.home_lock(found).hold())
        except ConflictError as error:
            raise ConflictError(f"the home {found.home} is in use; end what serves or harvests there first") from error
        yield
