"""The commands about work that was left for the steward."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import orjson
import typer

from discovery import wiring
from discovery.cli.context import settings_of
from discovery.cli.output import AsJson, print_json, print_table, shown_time

app = typer.Typer(no_args_is_help=True, help="Work that was left for the steward.")


@app.command("list")
def jobs_list(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List what pages, programs and schedules have asked for, newest first."""
    with closing(wiring.open_store(settings_of(context))) as store:
        found = store.jobs.jobs(limit)
    if as_json:
        print_json([{"job": each.id, **each.to_dict()} for each in found])
        return
    cells = [
        (
            each.id,
            each.kind,
            orjson.dumps(dict(each.arguments)).decode(),
            each.status,
            shown_time(each.created),
            each.message,
        )
        for each in found
    ]
    print_table(("job", "kind", "arguments", "status", "asked", "message"), cells, empty="nothing was asked for yet")


@app.command("show")
def jobs_show(
    context: typer.Context, job: Annotated[int, typer.Argument(help="The number of the job.")], as_json: AsJson = False
) -> None:
    """Show one job with what came of it."""
    with closing(wiring.open_store(settings_of(context))) as store:
        row = {"job": job, **store.jobs.job(job).to_dict()}
    if as_json:
        print_json(row)
        return
    shown = {**row, **{name: orjson.dumps(row[name]).decode() for name in ("arguments", "result")}}
    print_table(("", ""), [(name, value) for name, value in shown.items() if value not in ("", None)], empty="")
