"""The command that opens records in a notebook."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from discovery.cli.context import opened_portal, settings_of
from discovery.cli.output import console, print_json
from discovery.documents.site import Site

app = typer.Typer()


@app.command("open")
def open_record(
    context: typer.Context,
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="The record, or several.")],
    file: Annotated[str, typer.Option(help="The key of the file of the first record to begin with.")] = "",
    volume: Annotated[str, typer.Option(help="The id of a volume to look into first.")] = "",
    folder: Annotated[Path | None, typer.Option(help="Where notebooks are; `notebooks` in the home without.")] = None,
    fresh: Annotated[bool, typer.Option("--new", help="Write another notebook where there is one.")] = False,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
    output: Annotated[Path | None, typer.Option(help="Write the notebook to this file and end.")] = None,
    to_print: Annotated[bool, typer.Option("--print", help="Print the notebook and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print where the files are, and end.")] = False,
) -> None:
    """Write a notebook that opens records where their files are, and start JupyterLab on it."""
    from discovery import notebooks
    from discovery.launch import lab
    from discovery.launch.notebook import Choice

    found = settings_of(context)
    with opened_portal(context) as portal:
        ways = [portal.opening(each) for each in dict.fromkeys(ids)]
        if as_json:
            told = [each.to_dict() for each in ways]
            print_json(told if len(told) > 1 else told[0])
            return
        site = Site(found.title, found.url or f"http://{found.host}:{found.port}")
        made = notebooks.for_records(portal, ways, site, choice=Choice(file, volume))
    if to_print:
        sys.stdout.buffer.write(made.content)
        sys.stdout.flush()
        return
    if output is not None:
        lab.write(made, output)
        console.print(f"wrote {output}", markup=False, soft_wrap=True)
        return
    path, new = lab.save(made, folder or found.home / "notebooks", fresh=fresh)
    kept = "" if new else " (it was there already; --new writes another)"
    console.print(f"{'wrote' if new else 'opening'} {path}{kept}", markup=False, soft_wrap=True)
    lab.start(path, browser=browser)
