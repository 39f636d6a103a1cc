"""The commands about what harvests have done."""

from __future__ import annotations

import getpass
from contextlib import closing
from typing import Annotated

import typer

from discovery import wiring
from discovery.cli.context import opened_portal, settings_of, settle
from discovery.cli.output import AsJson, console, print_json, print_table, say, shown_time
from discovery.model.source import HELD

app = typer.Typer(no_args_is_help=True, help="What harvests have done.")


@app.command("list")
def runs_list(
    context: typer.Context,
    source: Annotated[str | None, typer.Argument(help="Only of this source.")] = None,
    as_json: AsJson = False,
) -> None:
    """List runs, newest first."""
    with closing(wiring.open_store(settings_of(context))) as store:
        found = store.ledger.runs(source)
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
    print_table(columns, cells, empty="no runs yet")


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
        print_table(("", ""), [(name, value) for name, value in row.items() if value != ""], empty="")
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
