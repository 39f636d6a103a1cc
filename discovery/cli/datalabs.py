"""The commands about datalabs: environments that can be launched to work on data."""

from __future__ import annotations

from typing import Annotated

import typer

from discovery.cli import made
from discovery.cli.output import AsJson

app = made.group("datalab", "Environments that can be launched to work on data.")


@app.command("import")
def datalab_import(context: typer.Context, file: made.File, as_json: AsJson = False) -> None:
    """Keep a `meta-data.yaml` (or the same as JSON) as a draft, or as a new version of what has its short name."""
    from discovery.making import files, kind

    made.draft(context, "datalab", files.read_one(made.text_of(file), kind("datalab")), as_json)


@app.command("hand-in")
def datalab_hand_in(context: typer.Context, id: made.Named, as_json: AsJson = False) -> None:
    """Ask for a decision on a draft, which must be complete."""
    made.take(context, "datalab", "hand_in", id, "", as_json)


@app.command("accept")
def datalab_accept(
    context: typer.Context,
    id: made.Named,
    reason: Annotated[str, typer.Option(help="What to say with it.")] = "",
    as_json: AsJson = False,
) -> None:
    """Publish what waits for a decision."""
    made.take(context, "datalab", "accept", id, reason, as_json)


@app.command("reject")
def datalab_reject(context: typer.Context, id: made.Named, reason: made.Reason, as_json: AsJson = False) -> None:
    """Give back what waits for a decision, with the reason."""
    made.take(context, "datalab", "reject", id, reason, as_json)
