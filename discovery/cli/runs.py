"""The commands about what harvests have done."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated, Any

import typer

from discovery import wiring
from discovery.cli.context import settings_of
from discovery.cli.output import AsJson, print_json, print_table, shown_time
from discovery.model.instant import iso
from discovery.model.source import Run

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
        print_json([_run_row(each) for each in found])
        return
    cells = [
        (
            each.id,
            each.source,
            each.status,
            shown_time(each.started),
            each.report.counts.seen,
            each.report.counts.quarantined,
        )
        for each in found
    ]
    print_table(("run", "source", "status", "started", "seen", "quarantined"), cells, empty="no runs yet")


@app.command("show")
def runs_show(
    context: typer.Context, run: Annotated[int, typer.Argument(help="The number of the run.")], as_json: AsJson = False
) -> None:
    """Show one run whole."""
    with closing(wiring.open_store(settings_of(context))) as store:
        row = _run_row(store.ledger.run(run))
    if as_json:
        print_json(row)
    else:
        print_table(("", ""), [(name, value) for name, value in row.items() if value != ""], empty="")


def _run_row(run: Run) -> dict[str, Any]:
    times = {"started": iso(run.started), "finished": iso(run.finished) if run.finished else None}
    return {**run.report.to_dict(), **times}
