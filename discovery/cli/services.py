"""The commands that find what may become a source: the tables that there are maps for."""

from __future__ import annotations

import typer

from discovery.cli.output import AsJson, print_json, print_table

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
