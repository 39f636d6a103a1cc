"""The commands about elements that could not become records."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated, Any

import typer

from discovery import wiring
from discovery.cli.context import opened_portal, settings_of, settle
from discovery.cli.output import AsJson, console, print_json, print_table, say
from discovery.model.source import Quarantined

app = typer.Typer(no_args_is_help=True, help="Elements that could not become records.")


@app.command("list")
def quarantine_list(
    context: typer.Context,
    source: Annotated[str | None, typer.Argument(help="Only of this source.")] = None,
    size: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 1000,
    after: Annotated[int, typer.Option(min=0, help="The number of the last one of the list before.")] = 0,
    as_json: AsJson = False,
) -> None:
    """List what is in quarantine, with the reasons, oldest first."""
    with closing(wiring.open_store(settings_of(context))) as store:
        found = store.ledger.quarantined(source, size, after=after)
        if source is not None and not found:
            store.ledger.source(source)
        reasons = store.ledger.quarantine_reasons(source)
    if as_json:
        print_json([_quarantine_row(each) for each in found])
        return
    cells = [
        (each.id, each.source, each.raw.source_id or each.raw.position, each.issue.code, each.issue.message)
        for each in found
    ]
    of = f" of {source}" if source is not None else ""
    empty = "nothing more is in quarantine" if reasons else f"nothing{of} is in quarantine"
    print_table(("number", "source", "element", "code", "reason"), cells, empty=empty)
    if len(found) == size:
        held = ", ".join(f"{count} {code}" for code, count in reasons)
        console.print(f"in quarantine{of} are {held}; next: --after {found[-1].id}", markup=False, soft_wrap=True)


@app.command("show")
def quarantine_show(
    context: typer.Context,
    number: Annotated[int, typer.Argument(help="The number of the element.")],
    as_json: AsJson = False,
) -> None:
    """Show one element as it was sent, with the reason."""
    with closing(wiring.open_store(settings_of(context))) as store:
        entry = store.ledger.quarantine_entry(number)
    body = entry.raw.body.decode("utf-8", "backslashreplace")
    if as_json:
        print_json({**_quarantine_row(entry), "body": body})
    else:
        print_table(("", ""), [*_quarantine_row(entry).items(), ("body", body[:4000])], empty="")


@app.command("retry")
def quarantine_retry(
    context: typer.Context,
    source: Annotated[str | None, typer.Argument(help="Only of this source.")] = None,
    as_json: AsJson = False,
) -> None:
    """Map what is in quarantine again; what maps now becomes records."""
    from harvesters.again import release

    with opened_portal(context) as portal:
        with wiring.client(settings_of(context)) as client:
            done = release(portal.store, source, client=client)
        settle(context, portal)
    row = {"released": done.released, "left": done.left}
    say(as_json, row, f"{done.released} became records, {done.left} stay")


def _quarantine_row(each: Quarantined) -> dict[str, Any]:
    return {"number": each.id, **each.to_dict()}
