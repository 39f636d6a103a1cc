"""The commands about pipelines: workflows that make new data of data."""

from __future__ import annotations

from discovery.cli import made
from discovery.cli.output import AsJson, print_json
from discovery.errors import BadQueryError

app = made.group("pipeline", "Workflows that make new data of data.")


@app.command("check")
def pipeline_check(file: made.File, as_json: AsJson = False) -> None:
    """Say what a CWL document takes, gives and does; nothing of it is run, and nothing that it names is fetched."""
    from dataclasses import asdict

    from discovery.model import cwl

    try:
        flow = cwl.parse(made.text_of(file))
    except ValueError as error:
        raise BadQueryError(f"{file.name} {error}") from error
    if as_json:
        print_json(asdict(flow))
        return
    made.tell(
        [
            ("CWL", f"{flow.version} {flow.kind}{f', {flow.label}' if flow.label else ''}"),
            *((f"input {each.id}", each.type) for each in flow.inputs),
            *((f"output {each.id}", each.type) for each in flow.outputs),
            *((f"step {each.id}", each.label or each.run or "a tool of its own") for each in flow.steps),
        ]
    )
