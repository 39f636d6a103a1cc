"""The commands about pipelines: workflows that make new data of data."""

from __future__ import annotations

from discovery.cli import made
from discovery.cli.output import AsJson, print_json
from discovery.errors import BadQueryError

app = made.group("pipeline", "Workflows that make new data of data.")


@app.command("check")
def pipeline_check(file: made.File, as_json: AsJson = False) -> None:
    """Say what a CWL document takes, gives and does; nothing of it is run, and nothing that it names is fetched.

    With the extra `cwl` it is held to the standard's own schema, else to its structure alone.
    """
    from dataclasses import asdict

    from discovery.making import workflows
    from discovery.model import cwl

    text = made.text_of(file)
    try:
        flow = cwl.parse(text)
    except ValueError as error:
        raise BadQueryError(f"{file.name} {error}") from error
    if found := workflows.problems(text):
        raise BadQueryError(f"{file.name} {'; '.join(found)}")
    if as_json:
        print_json({**asdict(flow), "checked_by": workflows.checked_by()})
        return
    made.tell(
        [
            ("CWL", f"{flow.version} {flow.kind}{f', {flow.label}' if flow.label else ''}"),
            *((f"input {each.id}", each.type) for each in flow.inputs),
            *((f"output {each.id}", each.type) for each in flow.outputs),
            *((f"step {each.id}", each.label or each.run or "a tool of its own") for each in flow.steps),
            ("checked by", workflows.checked_by()),
        ]
    )
