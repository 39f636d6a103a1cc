"""The commands about things that several sources have."""

from __future__ import annotations

import getpass
from contextlib import closing
from typing import Annotated, Any

import typer

from discovery import wiring
from discovery.cli.context import opened_portal, settings_of, settle
from discovery.cli.output import AsJson, console, print_json, print_table, say, shown_time
from discovery.model.instant import iso
from discovery.store.duplicates import Found
from discovery.store.elsewhere import Group, Place

app = typer.Typer(no_args_is_help=True, help="Things that several sources have.")


@app.command("find")
def duplicates_find(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be found, change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Find what several sources have among the records that have changed; every harvest ends with it."""
    with opened_portal(context) as portal:
        found = portal.store.duplicates.find(dry_run=dry_run)
        if not dry_run:
            settle(context, portal)
    row = _found_row(found, dry_run)
    if as_json:
        print_json(row)
        return
    would = "would be " if dry_run else ""
    console.print(
        f"{found.looked} changes looked at in {found.seconds:.1f} s: {found.merged} records {would}merged, "
        f"{found.parted} {would}parted",
        markup=False,
    )
    if found.examples:
        print_table(("record", "speaks for it"), found.examples, empty="")


@app.command("list")
def duplicates_list(
    context: typer.Context,
    size: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many things.")] = 100,
    after: Annotated[str, typer.Option(help="The id of the last one of the list before.")] = "",
    as_json: AsJson = False,
) -> None:
    """List the things that several sources have, with the record that speaks for the others."""
    with closing(wiring.open_store(settings_of(context))) as store:
        found = store.elsewhere.groups(size, after)
    if as_json:
        print_json([_group_row(each) for each in found])
        return
    cells = [
        (place.id, place.source, place.title[:60], place.why or "speaks", shown_time(place.seen)[:10])
        for each in found
        for place in (each.master, *each.others)
    ]
    columns = ("id", "source", "title", "same by", "last seen")
    print_table(columns, cells, empty="no thing is at several sources, as far as we know")
    if len(found) == size:
        console.print(f"next: --after {found[-1].master.id}", markup=False, soft_wrap=True)


@app.command("split")
def duplicates_split(
    context: typer.Context,
    id: Annotated[str, typer.Argument(help="The record.")],
    other: Annotated[str, typer.Argument(help="The one that it is not; without, none of its group.")] = "",
    undo: Annotated[bool, typer.Option("--undo", help="Take back what was said before.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say that a record is not the same as others; it is remembered, whatever their keys are."""
    with opened_portal(context) as portal:
        made = portal.store.duplicates
        count = made.join(id, other) if undo else made.split(id, other, by=getpass.getuser())
        settle(context, portal)
    said = "taken back" if undo else "remembered as different"
    say(as_json, {"id": id, "undone" if undo else "split": count}, f"{count} pairs {said}")


def _found_row(found: Found, dry_run: bool) -> dict[str, Any]:
    return {
        "looked": found.looked,
        "merged": found.merged,
        "parted": found.parted,
        "seconds": round(found.seconds, 3),
        "dry_run": dry_run,
        "examples": [{"id": id, "into": into} for id, into in found.examples],
    }


def _group_row(group: Group) -> dict[str, Any]:
    return {**_place_row(group.master), "also_at": [_place_row(each) for each in group.others]}


def _place_row(place: Place) -> dict[str, Any]:
    return {**place.to_dict(), "seen": iso(place.seen)}
