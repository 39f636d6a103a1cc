"""The commands about volumes: data that platforms mount as folders."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from discovery.cli import made
from discovery.cli.output import AsJson

app = made.group("volume", "Data that platforms mount as folders.")


@app.command("add")
def volume_add(
    context: typer.Context,
    slug: Annotated[str, typer.Argument(help="A short name for addresses and folders.")],
    name: Annotated[str, typer.Option(help="What people call it.")],
    provider: Annotated[str, typer.Option(help="Who keeps the data.")],
    mount: Annotated[str, typer.Option(help="The folder it appears in.")] = "/media/data/{slug}",
    set: Annotated[list[str] | None, typer.Option("--set", help="Another field, k=v; again for a list.")] = None,
    as_json: AsJson = False,
) -> None:
    """Publish a volume, or change the one of that short name; the fields stand in docs/reference/made.md."""
    given: dict[str, Any] = {"slug": slug, "name": name, "provider": provider, "mount": mount}
    made.keep(context, "volume", given | made.settings(set or []), as_json)
