"""The commands about launches and about where there is something to launch at."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from discovery.cli.context import opened_portal
from discovery.cli.output import AsJson, console, print_json, print_table, say, shown_time
from discovery.errors import UnavailableError

app = typer.Typer(no_args_is_help=True, help="What people have running.")
zones = typer.Typer(no_args_is_help=True, help="Where there is something to launch at.")


@app.command("list")
def list_launches(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print everybody's launches, newest first, as they were last seen."""
    with opened_portal(context) as portal:
        found = portal.store.launches.all(is_open=not everything, limit=200)
    if as_json:
        rows = [
            {
                "id": each.id,
                "person": each.person,
                "status": each.status,
                "zone": each.zone,
                "target": each.target,
                "title": each.asked.title,
                "created": each.created,
                "ended": each.ended,
            }
            for each in found
        ]
        print_json({"launches": rows})
        return
    print_table(
        ("launch", "status", "where", "person", "since", "what"),
        [(e.id, e.status, f"{e.zone}/{e.target}", e.person, shown_time(e.created), e.asked.title[:60]) for e in found],
        empty="nothing was launched yet" if everything else "nothing is running",
    )


@app.command("stop")
def stop_launch(
    context: typer.Context,
    id: Annotated[str, typer.Argument(help="The launch, as `launch list` prints it.")],
    as_json: AsJson = False,
) -> None:
    """Stop somebody's launch."""
    with opened_portal(context) as portal:
        ended = portal.launching.end(id)
    said = f": {ended.message}" if ended.message else ""
    say(as_json, {"id": ended.id, "status": ended.status, "message": ended.message}, f"{ended.id} {ended.status}{said}")


@zones.command("check")
def check_zones(
    file: Annotated[Path, typer.Argument(help="A file of zones.")],
    as_json: AsJson = False,
) -> None:
    """Say whether a file of zones is right, and whether what it names answers."""
    from discovery.launch.targets import made
    from discovery.launch.zones import load

    rows = []
    for zone in load(file).zones:
        for place in zone.places:
            with closing(made(place)) as target:
                health = target.health()
            rows.append(
                {"zone": zone.name, "target": place.name, "kind": place.kind, "ok": health.ok, "says": health.message}
            )
    if as_json:
        print_json({"targets": rows})
    else:
        for row in rows:
            said = "well" if row["ok"] else row["says"]
            console.print(f"{row['zone']}/{row['target']}  {row['kind']}  {said}", markup=False, soft_wrap=True)
    if not all(row["ok"] for row in rows):
        raise UnavailableError("not everything that the file names can be used just now")
