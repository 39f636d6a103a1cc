"""The command that asks an archive what its DataLink documents list."""

from __future__ import annotations

from typing import Annotated

import typer

from discovery import wiring
from discovery.cli.context import opened_portal, settings_of
from discovery.cli.output import AsJson, console, print_json, print_table

app = typer.Typer()


@app.command()
def links(
    context: typer.Context,
    id: Annotated[str, typer.Argument(help="The record.")],
    as_json: AsJson = False,
) -> None:
    """Ask the archive now what the DataLink documents of a record list: data, previews, calibration, services."""
    from harvesters.datalink import Reader, addresses

    with opened_portal(context) as portal:
        record = portal.record(id).record
        sources = {each.id: each for each in portal.store.ledger.sources()}
    with wiring.client(settings_of(context), sources.get(record.source)) as client:
        reader = Reader(client)
        found = [reader.read(url) for url in addresses(record)]
    if as_json:
        print_json([each.to_dict() for each in found])
        return
    rows = [
        (
            link.meaning,
            link.description,
            link.media_type,
            link.size,
            link.url or link.error or f"service {link.service}",
        )
        for each in found
        for link in each.links
    ]
    empty = "no link is listed" if found else "the record has no DataLink document"
    print_table(("what", "description", "type", "bytes", "where"), rows, empty=empty)
    for note in dict.fromkeys(note for each in found for note in each.notes):
        console.print(note, markup=False)
