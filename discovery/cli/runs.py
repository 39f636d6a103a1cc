"""The commands about what harvests have done."""

from __future__ import annotations

import getpass
from contextlib import closing
from typing import Annotated

import typer

from discovery import wiring
from discovery.cli.context import opened_portal, settings_of, settle
from discovery.cli.output import AsJson, console, print_json, print_table, say, shown_time
from discovery.model.source import HELD, Run
from discovery.store.ingest import now

app = typer.Typer(no_args_is_help=True, help="What harvests have done.")


@app.command("list")
def runs_list(
    context: typer.Context,
    source: Annotated[str | None, typer.Argument(help="Only of this source.")] = None,
    size: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, the newest.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List runs, newest first; what one says that did not come to its end stands below."""
    with closing(wiring.open_store(settings_of(context))) as store:
        found = store.ledger.runs(source, size)
        if source is not None and not found:
            # A name that is not known has no runs either, which is no answer; one that was removed still has.
            store.ledger.source(source)
    if as_json:
        print_json([each.to_dict() for each in found])
        return
    cells = [
        (
            each.id,
            each.source,
            each.status,
            each.report.mode,
            shown_time(each.started),
            each.report.counts.seen,
            each.report.missing,
            each.report.counts.quarantined,
        )
        for each in found
    ]
    columns = ("run", "source", "status", "mode", "started", "seen", "missing", "quarantined")
    print_table(columns, cells, empty="no runs yet; see discovery harvest --help")
    newest: dict[str, Run] = {}
    for each in found:
        newest.setdefault(each.source, each)
    for each in newest.values():
        if trouble := each.trouble(now()):
            said = f"run {each.id}, {each.source}: {trouble}"
            onward = f"; next: discovery runs show {each.id}" if each.status == HELD else ""
            console.print(said + onward, markup=False, soft_wrap=True)


@app.command("show")
def runs_show(
    context: typer.Context, run: Annotated[int, typer.Argument(help="The number of the run.")], as_json: AsJson = False
) -> None:
    """Show one run whole."""
    with closing(wiring.open_store(settings_of(context))) as store:
        row = store.ledger.run(run).to_dict()
    if as_json:
        print_json(row)
    else:
        print_table(("", ""), [(name, value) for name, value in row.items() if value not in ("", None)], empty="")
        if row["status"] == HELD:
            console.print(f"next: discovery runs approve {run}, if it is right that so much has gone", markup=False)


@app.command("approve")
def runs_approve(
    context: typer.Context,
    run: Annotated[int, typer.Argument(help="The number of a held run.")],
    as_json: AsJson = False,
) -> None:
    """Delete what a held run found missing, if nothing has come from the source since."""
    from harvesters.approval import approve

    with opened_portal(context) as portal:
        lock = wiring.harvest_lock(settings_of(context), portal.store.ledger.run(run).source)
        report = approve(portal.store, run, by=getpass.getuser(), lock=lock)
        settle(context, portal)
    say(as_json, report.to_dict(), f"run {run} of {report.source}: {report.message}")
