"""The commands about sources: what is harvested."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from discovery import wiring
from discovery.cli.context import opened_portal, pair, settings_of, settle
from discovery.cli.output import AsJson, console, print_json, print_table, say
from discovery.errors import BadQueryError, ConfigError
from discovery.model.instant import iso
from discovery.model.source import Source

if TYPE_CHECKING:
    from harvesters.standing import Standing

app = typer.Typer(no_args_is_help=True, help="The endpoints that are harvested.")


@app.command("add")
def source_add(
    context: typer.Context,
    id: Annotated[str, typer.Argument(help="A short name for it.")] = "",
    kind: Annotated[str, typer.Option(help="The protocol; see docs/reference/sources.md.")] = "",
    url: Annotated[str, typer.Option(help="Where it is: file:, http: or https:.")] = "",
    title: Annotated[str, typer.Option(help="The name that people see.")] = "",
    known: Annotated[str, typer.Option(help="One of `discovery source known`, instead of kind and url.")] = "",
    set: Annotated[list[str] | None, typer.Option("--set", help="A setting, k=v; repeatable.")] = None,
    as_json: AsJson = False,
) -> None:
    """Add a source."""
    from harvesters import sources as files

    settings = dict(pair(each, "set") for each in set or [])
    if known:
        if kind or url:
            raise BadQueryError("--known brings its own kind and url", parameter="known")
        found = files.known_source(known)
        source = replace(found, id=id or found.id, title=title or found.title, settings={**found.settings, **settings})
    elif id and kind and url:
        source = Source(id, kind, url, title or id, settings)
    else:
        raise BadQueryError("a source needs an id, --kind and --url, or --known", parameter="kind")
    source = files.checked(source)
    with closing(wiring.open_store(settings_of(context))) as store:
        store.ledger.add_source(source)
    onward = "harvest" if source.enabled else "source enable"
    say(as_json, {"added": _source_row(source)}, f"added {source.id}; next: discovery {onward} {source.id}")


@app.command("list")
def source_list(context: typer.Context, as_json: AsJson = False) -> None:
    """List the sources: what is here of each and what is there, how the last run ended, when the next one is due."""
    from harvesters.standing import standings

    with closing(wiring.open_store(settings_of(context))) as store:
        orphans = store.parents.orphans()
        rows = [{**_standing(each), "orphans": orphans.get(each.source.id, 0)} for each in standings(store)]
    if as_json:
        print_json(rows)
        return
    columns = ("id", "kind", "records", "there", "last run", "ended", "next run", "url")
    cells = [
        (
            row["id"],
            row["kind"],
            row["records"],
            "not said" if row["stated"] is None else row["stated"],
            _minute(row["last_run"]),
            row["last_status"],
            _next_shown(row),
            row["url"],
        )
        for row in rows
    ]
    print_table(columns, cells, empty="no sources yet; see discovery source add --help")
    for row in rows:
        if row["orphans"]:
            console.print(f"{row['orphans']} records of {row['id']} name a parent that is not here", markup=False)


def _standing(standing: Standing) -> dict[str, Any]:
    last, coming = standing.last, standing.next
    return {
        **_source_row(standing.source),
        "records": standing.records,
        "stated": standing.stated,
        "last_run": iso(last.started) if last is not None else None,
        "last_status": last.status if last is not None else "",
        "next_run": iso(coming.at) if coming is not None else None,
        "failures": coming.failures if coming is not None else 0,
    }


def _next_shown(row: Mapping[str, Any]) -> str:
    if not row["enabled"]:
        return "not enabled"
    shown = _minute(row["next_run"])
    failures = row["failures"]
    return f"{shown}, after {failures} failure{'' if failures == 1 else 's'}" if failures else shown


def _minute(moment: str | None) -> str:
    return (moment or "")[:16].replace("T", " ")


@app.command("enable")
def source_enable(
    context: typer.Context, id: Annotated[str, typer.Argument(help="The source.")], as_json: AsJson = False
) -> None:
    """Let a source be harvested, on its schedule if it has one."""
    _enable(context, id, True, as_json)


@app.command("disable")
def source_disable(
    context: typer.Context, id: Annotated[str, typer.Argument(help="The source.")], as_json: AsJson = False
) -> None:
    """Leave a source alone; its records stay."""
    _enable(context, id, False, as_json)


def _enable(context: typer.Context, id: str, enabled: bool, as_json: bool) -> None:
    with closing(wiring.open_store(settings_of(context))) as store:
        source = store.ledger.enable(id, enabled)
    onward = f"{id} is enabled; next: discovery harvest {id}" if enabled else f"{id} is not harvested any more"
    say(as_json, _source_row(source), onward)


@app.command("known")
def source_known(
    as_toml: Annotated[bool, typer.Option("--toml", help="Print them as a file for `source apply`.")] = False,
    as_json: AsJson = False,
) -> None:
    """List public sources of the field that can be added, with where their addresses were read."""
    from harvesters import sources as files

    found = files.known()
    if as_toml:
        sys.stdout.write(files.write([each.source for each in found]))
        return
    rows = [
        {**_source_row(each.source), "verified": each.verified, "read_in": each.read_in, "note": each.note}
        for each in found
    ]
    if as_json:
        print_json(rows)
        return
    cells = [
        (row["id"], row["kind"], row["verified"] or "never", row["title"], row["url"], row["note"]) for row in rows
    ]
    print_table(("id", "kind", "harvested by us", "title", "url", "note"), cells, empty="")


@app.command("export")
def source_export(
    context: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(help="Only these sources.")] = None,
) -> None:
    """Print the sources as the file that `source apply` reads."""
    from harvesters import sources as files

    with closing(wiring.open_store(settings_of(context))) as store:
        chosen = [store.ledger.source(id) for id in ids] if ids else store.ledger.sources()
    sys.stdout.write(files.write(chosen))


@app.command("remove")
def source_remove(
    context: typer.Context, id: Annotated[str, typer.Argument(help="The source.")], as_json: AsJson = False
) -> None:
    """Remove a source and every record that came from it."""
    with opened_portal(context) as portal:
        source = portal.store.ledger.source(id)
        # What a harvest brings while its source is removed would stay for ever.
        with wiring.harvest_lock(settings_of(context), id).hold():
            deleted = portal.store.ingest.remove(id)
            portal.store.ledger.remove_source(id)
            wiring.kept(settings_of(context), source).forget()
        settle(context, portal)
    say(as_json, {"removed": id, "deleted": deleted}, f"removed {id} with what came from it: {deleted} records")


@app.command("apply")
def source_apply(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A TOML file with [[source]] tables.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the difference and change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make the store's sources those of a file, showing what differs; sources not in the file stay."""
    from harvesters import sources as files

    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{file} is no text in UTF-8, as TOML has to be: {error.reason} at byte {error.start}"
        ) from error
    wanted = files.read(text)
    with closing(wiring.open_store(settings_of(context))) as store:
        known = {each.id: each for each in store.ledger.sources()}
        rows = [_change(known.get(each.id), each) for each in wanted]
        for each in wanted:
            if not dry_run and known.get(each.id) != each:
                store.ledger.add_source(each, replace=True)
        beside = sorted(known.keys() - {each.id for each in wanted})
    if as_json:
        print_json(rows)
        return
    cells = [
        (
            row["id"],
            row["change"] if n == 0 else "",
            each.get("name", ""),
            each.get("before", ""),
            each.get("after", ""),
        )
        for row in rows
        for n, each in enumerate(row["differences"] or [{}])
    ]
    print_table(("id", "change", "what", "before", "after"), cells, empty="the file names no source")
    if beside:
        console.print(f"not in the file, and left as they are: {', '.join(beside)}", markup=False)


def _change(old: Source | None, new: Source) -> dict[str, Any]:
    from harvesters.sources import differences

    found = differences(old, new)
    names = dict.fromkeys(each.name.partition(".")[0] for each in found)
    change = "added" if old is None else f"changed: {', '.join(names)}" if found else "as it was"
    rows = [] if old is None else [{"name": each.name, "before": each.before, "after": each.after} for each in found]
    return {"id": new.id, "change": change, "differences": rows}


def _source_row(source: Source) -> dict[str, Any]:
    return {
        "id": source.id,
        "kind": source.kind,
        "url": source.url,
        "title": source.title,
        "settings": dict(source.settings),
        "enabled": source.enabled,
    }
