"""The command that shows how a mapping came about."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
import typer

from discovery import wiring
from discovery.cli.context import opened_portal, settings_of
from discovery.cli.output import AsJson, console, print_json, print_table
from discovery.errors import NotFoundError
from discovery.model.source import Source

app = typer.Typer()

_MOST = 100
"""Characters of a value that a table shows."""


@app.command()
def preview(
    context: typer.Context,
    id: Annotated[str, typer.Argument(help="A record, or a source whose first elements are read.")],
    first: Annotated[int, typer.Option(min=1, max=100, help="How many elements of a source.")] = 3,
    as_json: AsJson = False,
) -> None:
    """Show each field of a record with the parts of the source's document that it came from; nothing is stored."""
    from harvesters.preview import preview_record, preview_source

    with opened_portal(context) as portal:
        source = _source(portal.store.ledger.sources(), id)
        with wiring.client(settings_of(context), source) as client:
            if source is not None:
                found = [each.to_dict() for each in preview_source(source, first, client=client)]
            else:
                found = [_of_record(lambda: preview_record(portal.store, id, client=client).to_dict(), id)]
    if as_json:
        print_json(found)
        return
    for each in found:
        _print(each)
    if not found:
        console.print("the source has no elements")


def _source(known: list[Source], id: str) -> Source | None:
    return next((each for each in known if each.id == id), None)


def _of_record(look: Any, id: str) -> dict[str, Any]:
    try:
        row: dict[str, Any] = look()
    except NotFoundError as error:
        raise NotFoundError(f"{id[:64]!r} is neither a source nor a record that is there: {error}") from error
    return row


def _print(found: dict[str, Any]) -> None:
    name = found["source_id"] or found["position"] or "an element without a name"
    console.print(f"{found['source']}: {name}", style="bold", markup=False)
    if found["reason"] is not None:
        reason = found["reason"]
        place = f" ({reason['path']})" if reason["path"] else ""
        console.print(f"no record. {reason['code']}: {reason['message']}{place}\n", markup=False)
        return
    cells = [(each["field"], "\n".join(each["from"]), _value(each["value"]), each["issue"]) for each in found["fields"]]
    print_table(("field", "from", "value", "issue"), cells, empty="")
    if found["unused"]:
        shown = ", ".join(found["unused"][:12])
        more = f" and {len(found['unused']) - 12} more" if len(found["unused"]) > 12 else ""
        console.print(f"nothing came from {shown}{more}\n", markup=False)


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else "" if value is None else orjson.dumps(value).decode()
    return text if len(text) <= _MOST else f"{text[: _MOST - 3]}..."
