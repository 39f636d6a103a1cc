"""The commands about sources: what is harvested."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer

from discovery import wiring
from discovery.cli.context import opened_portal, pair, settings_of, settle
from discovery.cli.output import AsJson, print_json, print_table, say
from discovery.errors import ConfigError
from discovery.model.source import Source

app = typer.Typer(no_args_is_help=True, help="The endpoints that are harvested.")


@app.command("add")
def source_add(
    context: typer.Context,
    id: Annotated[str, typer.Argument(help="A short name for it.")],
    kind: Annotated[str, typer.Option(help="The protocol: stac-static, stac-items, records-file, tap.")],
    url: Annotated[str, typer.Option(help="Where it is: file:, http: or https:.")],
    title: Annotated[str, typer.Option(help="The name that people see.")] = "",
    set: Annotated[list[str] | None, typer.Option("--set", help="A setting, k=v; repeatable.")] = None,
    as_json: AsJson = False,
) -> None:
    """Add a source."""
    from harvesters.sources import checked

    settings = dict(pair(each, "set") for each in set or [])
    source = checked(Source(id, kind, url, title or id, settings))
    with closing(wiring.open_store(settings_of(context))) as store:
        store.ledger.add_source(source)
    say(as_json, {"added": _source_row(source)}, f"added {source.id}; next: discovery harvest {source.id}")


@app.command("list")
def source_list(context: typer.Context, as_json: AsJson = False) -> None:
    """List the sources with what is held of each."""
    with closing(wiring.open_store(settings_of(context))) as store:
        counts = store.catalogue.counts()
        rows = [
            {**_source_row(each), "records": sum(counts.get(each.id, {}).values())} for each in store.ledger.sources()
        ]
    if as_json:
        print_json(rows)
    else:
        cells = [(row["id"], row["kind"], row["records"], row["title"], row["url"]) for row in rows]
        print_table(
            ("id", "kind", "records", "title", "url"), cells, empty="no sources yet; see discovery source add --help"
        )


@app.command("remove")
def source_remove(
    context: typer.Context, id: Annotated[str, typer.Argument(help="The source.")], as_json: AsJson = False
) -> None:
    """Remove a source and every record that came from it."""
    with opened_portal(context) as portal:
        portal.store.ledger.source(id)
        deleted = portal.store.ingest.remove(id)
        portal.store.ledger.remove_source(id)
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
    wanted = files.read(text)
    with closing(wiring.open_store(settings_of(context))) as store:
        known = {each.id: each for each in store.ledger.sources()}
        rows = [{"id": each.id, "change": _difference(known.get(each.id), each)} for each in wanted]
        for each in wanted:
            if not dry_run and known.get(each.id) != each:
                store.ledger.add_source(each, replace=True)
    if as_json:
        print_json(rows)
    else:
        print_table(("id", "change"), [(row["id"], row["change"]) for row in rows], empty="the file names no source")


def _difference(old: Source | None, new: Source) -> str:
    if old is None:
        return "added"
    names = [
        name for name in ("kind", "url", "title", "settings", "enabled") if getattr(old, name) != getattr(new, name)
    ]
    return f"changed: {', '.join(names)}" if names else "as it was"


def _source_row(source: Source) -> dict[str, Any]:
    return {
        "id": source.id,
        "kind": source.kind,
        "url": source.url,
        "title": source.title,
        "settings": dict(source.settings),
        "enabled": source.enabled,
    }
