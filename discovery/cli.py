"""The command line: `discovery [--home DIR] COMMAND`, every command with `--json` for one JSON document."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import orjson
import typer
from rich.console import Console
from rich.table import Table

from discovery import __version__, config, wiring
from discovery.config import Settings
from discovery.errors import BadQueryError, ConfigError, DiscoveryError, NotFoundError, RecordError, UnavailableError
from discovery.model.instant import iso
from discovery.model.record import to_dict
from discovery.model.source import COMPLETE, Quarantined, Report, Run, Source

if TYPE_CHECKING:
    from discovery.portal import Portal

WRONG_USE: Final = 2
INCOMPLETE: Final = 3
"""The exit status of a harvest that is partial or held, and of anything that is unavailable now."""

app = typer.Typer(
    name="discovery",
    help="Find scientific data across missions, and open it where it lives.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
sources_app = typer.Typer(no_args_is_help=True, help="The endpoints that are harvested.")
runs_app = typer.Typer(no_args_is_help=True, help="What harvests have done.")
quarantine_app = typer.Typer(no_args_is_help=True, help="Elements that could not become records.")
app.add_typer(sources_app, name="source")
app.add_typer(runs_app, name="runs")
app.add_typer(quarantine_app, name="quarantine")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
console = Console(highlight=False)
complaints = Console(stderr=True, highlight=False)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def settings(
    context: typer.Context,
    home: Annotated[Path | None, typer.Option(help="Where the catalogue lives.")] = None,
    index: Annotated[str | None, typer.Option(help="The search engine, instead of the setting.")] = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Find scientific data across missions, and open it where it lives."""
    found = config.load(home).with_overrides(index=index)
    logging.basicConfig(level=found.log.upper(), format="%(levelname)s %(name)s: %(message)s")
    # The transport's debug log would print signed addresses; ours tells the same without them.
    logging.getLogger("httpcore").setLevel(logging.WARNING)
    context.obj = found


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and end the process with its status: 0 done, 2 wrong use, 3 not complete or not available."""
    try:
        app(args=arguments)
    except (BadQueryError, NotFoundError, ConfigError) as error:
        complaints.print(f"discovery: {error}", style="red", markup=False)
        sys.exit(WRONG_USE)
    except DiscoveryError as error:
        complaints.print(f"discovery: {error}", style="red", markup=False)
        sys.exit(INCOMPLETE)
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        sys.stderr.close()
        sys.exit(0)


@contextmanager
def _portal(context: typer.Context) -> Iterator[Portal]:
    with closing(wiring.open_portal(_settings(context))) as portal:
        yield portal


def _settings(context: typer.Context) -> Settings:
    found: Settings = context.obj
    return found


def _print_json(value: object) -> None:
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n")


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str) -> None:
    if not rows:
        console.print(empty)
        return
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(_cell(each) for each in row))
    console.print(table)


def _cell(value: object) -> str:
    from rich.markup import escape

    return escape("" if value is None else str(value))


def _time(moment: int | None) -> str:
    return "" if moment is None else iso(moment)[:19].replace("T", " ")


# Sources


@sources_app.command("add")
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

    settings = dict(_pair(each) for each in set or [])
    source = checked(Source(id, kind, url, title or id, settings))
    with closing(wiring.open_store(_settings(context))) as store:
        store.ledger.add_source(source)
    _said(as_json, {"added": _source_row(source)}, f"added {source.id}; next: discovery harvest {source.id}")


@sources_app.command("list")
def source_list(context: typer.Context, as_json: AsJson = False) -> None:
    """List the sources with what is held of each."""
    with closing(wiring.open_store(_settings(context))) as store:
        counts = store.catalogue.counts()
        rows = [
            {**_source_row(each), "records": sum(counts.get(each.id, {}).values())} for each in store.ledger.sources()
        ]
    if as_json:
        _print_json(rows)
    else:
        cells = [(row["id"], row["kind"], row["records"], row["title"], row["url"]) for row in rows]
        _table(
            ("id", "kind", "records", "title", "url"), cells, empty="no sources yet; see discovery source add --help"
        )


@sources_app.command("remove")
def source_remove(context: typer.Context, id: str, as_json: AsJson = False) -> None:
    """Remove a source and every record that came from it."""
    with _portal(context) as portal:
        portal.store.ledger.source(id)
        deleted = portal.store.ingest.remove(id)
        portal.store.ledger.remove_source(id)
        _settle(context, portal)
    _said(as_json, {"removed": id, "deleted": deleted}, f"removed {id} and its {deleted} records")


@sources_app.command("apply")
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
    with closing(wiring.open_store(_settings(context))) as store:
        known = {each.id: each for each in store.ledger.sources()}
        rows = [{"id": each.id, "change": _difference(known.get(each.id), each)} for each in wanted]
        for each in wanted:
            if not dry_run and known.get(each.id) != each:
                store.ledger.add_source(each, replace=True)
    if as_json:
        _print_json(rows)
    else:
        _table(("id", "change"), [(row["id"], row["change"]) for row in rows], empty="the file names no source")


def _difference(old: Source | None, new: Source) -> str:
    if old is None:
        return "added"
    names = [
        name for name in ("kind", "url", "title", "settings", "enabled") if getattr(old, name) != getattr(new, name)
    ]
    return f"changed: {', '.join(names)}" if names else "as it was"


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise BadQueryError(f"--set {text!r} is not of the form k=v", parameter="set")
    return name, value


def _source_row(source: Source) -> dict[str, Any]:
    return {
        "id": source.id,
        "kind": source.kind,
        "url": source.url,
        "title": source.title,
        "settings": dict(source.settings),
        "enabled": source.enabled,
    }


def _said(as_json: bool, value: Mapping[str, Any], sentence: str) -> None:
    if as_json:
        _print_json(value)
    else:
        console.print(sentence, markup=False)


# Harvest


@app.command()
def harvest(
    context: typer.Context,
    id: Annotated[str, typer.Argument(help="The source.")],
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after so many elements.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and map, store nothing.")] = False,
    approve: Annotated[bool, typer.Option("--approve", help="Delete what has vanished, however much.")] = False,
    as_json: AsJson = False,
) -> None:
    """Harvest a source, and return when what it brought can be found."""
    from harvesters.progress import progress
    from harvesters.run import harvest as run

    with _portal(context) as portal:
        source = portal.store.ledger.source(id)
        bar = None if as_json else progress()
        with wiring.client(_settings(context), source) as client:
            report = run(
                portal.store,
                source,
                client=client,
                limit=limit,
                dry_run=dry_run,
                approve=approve,
                progress=bar,
                lock=wiring.harvest_lock(_settings(context), source.id),
            )
        _settle(context, portal)
    if as_json:
        _print_json(report.to_dict())
    else:
        _print_report(report)
    if report.status != COMPLETE:
        raise typer.Exit(INCOMPLETE)


def _settle(context: typer.Context, portal: Portal) -> None:
    from discovery.indexer import settle

    settle(portal.store, portal.index, wiring.index_lock(_settings(context)))


def _print_report(report: Report) -> None:
    counts = report.counts
    console.print(
        f"{report.source}: {report.status}. {counts.seen} seen, {counts.added} added, {counts.updated} updated, "
        f"{counts.unchanged} unchanged, {counts.deleted} deleted, {counts.quarantined} in quarantine, "
        f"{counts.warnings} warnings; {report.seconds:.1f} s",
        markup=False,
    )
    if report.message:
        console.print(report.message, markup=False)
    if counts.quarantined:
        console.print(f"next: discovery quarantine list {report.source}", markup=False)


@runs_app.command("list")
def runs_list(
    context: typer.Context,
    source: Annotated[str | None, typer.Argument(help="Only of this source.")] = None,
    as_json: AsJson = False,
) -> None:
    """List runs, newest first."""
    with closing(wiring.open_store(_settings(context))) as store:
        found = store.ledger.runs(source)
    if as_json:
        _print_json([_run_row(each) for each in found])
        return
    cells = [
        (
            each.id,
            each.source,
            each.status,
            _time(each.started),
            each.report.counts.seen,
            each.report.counts.quarantined,
        )
        for each in found
    ]
    _table(("run", "source", "status", "started", "seen", "quarantined"), cells, empty="no runs yet")


@runs_app.command("show")
def runs_show(context: typer.Context, run: int, as_json: AsJson = False) -> None:
    """Show one run whole."""
    with closing(wiring.open_store(_settings(context))) as store:
        row = _run_row(store.ledger.run(run))
    if as_json:
        _print_json(row)
    else:
        _table(("", ""), [(name, value) for name, value in row.items() if value != ""], empty="")


def _run_row(run: Run) -> dict[str, Any]:
    times = {"started": iso(run.started), "finished": iso(run.finished) if run.finished else None}
    return {**run.report.to_dict(), **times}


# Quarantine


@quarantine_app.command("list")
def quarantine_list(
    context: typer.Context,
    source: Annotated[str | None, typer.Argument(help="Only of this source.")] = None,
    as_json: AsJson = False,
) -> None:
    """List what is in quarantine, with the reasons."""
    with closing(wiring.open_store(_settings(context))) as store:
        found = store.ledger.quarantined(source)
    if as_json:
        _print_json([_quarantine_row(each) for each in found])
        return
    cells = [
        (each.id, each.source, each.raw.source_id or each.raw.position, each.issue.code, each.issue.message)
        for each in found
    ]
    _table(("number", "source", "element", "code", "reason"), cells, empty="nothing is in quarantine")


@quarantine_app.command("show")
def quarantine_show(context: typer.Context, number: int, as_json: AsJson = False) -> None:
    """Show one element as it was sent, with the reason."""
    with closing(wiring.open_store(_settings(context))) as store:
        entry = store.ledger.quarantine_entry(number)
    body = entry.raw.body.decode("utf-8", "backslashreplace")
    if as_json:
        _print_json({**_quarantine_row(entry), "body": body})
    else:
        _table(("", ""), [*_quarantine_row(entry).items(), ("body", body[:4000])], empty="")


@quarantine_app.command("retry")
def quarantine_retry(
    context: typer.Context,
    source: Annotated[str | None, typer.Argument(help="Only of this source.")] = None,
    as_json: AsJson = False,
) -> None:
    """Map what is in quarantine again; what maps now becomes records."""
    from harvesters.run import retry

    with _portal(context) as portal:
        released = 0
        for entry in portal.store.ledger.quarantined(source):
            with wiring.client(_settings(context)) as client, suppress(RecordError):
                retry(portal.store, entry, client=client)
                released += 1
        left = len(portal.store.ledger.quarantined(source))
        _settle(context, portal)
    _said(as_json, {"released": released, "left": left}, f"{released} became records, {left} stay")


def _quarantine_row(each: Quarantined) -> dict[str, Any]:
    return {
        "number": each.id,
        "source": each.source,
        "container": each.raw.container,
        "source_id": each.raw.source_id,
        "position": each.raw.position,
        "stage": each.stage,
        "code": each.issue.code,
        "message": each.issue.message,
        "path": each.issue.path,
        "first_seen": iso(each.first_seen),
        "last_seen": iso(each.last_seen),
        "attempts": each.attempts,
    }


# Search


@app.command()
def search(
    context: typer.Context,
    text: Annotated[str, typer.Argument(help="Words to look for; empty is everything.")] = "",
    facet: Annotated[list[str] | None, typer.Option(help="NAME=VALUE; repeatable.")] = None,
    filter: Annotated[str | None, typer.Option(help="A CQL2 text filter.")] = None,
    bbox: Annotated[str | None, typer.Option(help="west,south,east,north in degrees.")] = None,
    cone: Annotated[str | None, typer.Option(help="lon,lat,radius in degrees.")] = None,
    polygon: Annotated[str | None, typer.Option(help="lon,lat,lon,lat,... in degrees.")] = None,
    frame: Annotated[str | None, typer.Option(help="earth, sky or a body.")] = None,
    time: Annotated[str | None, typer.Option(help="A/B, with .. for an open end.")] = None,
    scope: Annotated[str | None, typer.Option(help="resources or observations.")] = None,
    sort: Annotated[str | None, typer.Option(help="A field, with - in front for falling order.")] = None,
    size: Annotated[int, typer.Option(help="Records on a page.")] = 20,
    after: Annotated[str | None, typer.Option(help="The `next` of the page before.")] = None,
    as_json: AsJson = False,
) -> None:
    """Search the catalogue."""
    from discovery.query import form

    given = {
        "q": text or None,
        "filter": filter,
        "bbox": bbox,
        "cone": cone,
        "polygon": polygon,
        "frame": frame,
        "time": time,
        "scope": scope,
        "sort": sort,
        "size": str(size),
        "after": after,
    }
    pairs = [(name, value) for name, value in given.items() if value is not None]
    pairs += [(f"facet.{name}", value) for name, value in map(_pair, facet or [])]
    with _portal(context) as portal:
        page = portal.search(form.parse(pairs), elsewhere=True)
    if as_json:
        rows = [{**to_dict(each.record), "score": each.score} for each in page.records]
        total = {"value": page.total.value, "exact": page.total.exact}
        _print_json({"total": total, "records": rows, "next": page.next or None})
        return
    cells = [(each.record.id, each.record.kind, each.record.title) for each in page.records]
    _table(("id", "kind", "title"), cells, empty="nothing matches; try fewer words or remove a facet")
    more = f"; --after {page.next} for more" if page.next else ""
    console.print(f"{page.total.value} match{more}", markup=False)
    if page.elsewhere and page.elsewhere.value:
        other = "observations" if page.query.scope == "resources" else "resources"
        console.print(f"{page.elsewhere.value} {other} match too: --scope {other}", markup=False)


@app.command()
def get(context: typer.Context, id: str, as_json: AsJson = False) -> None:
    """Show one record."""
    with closing(wiring.open_store(_settings(context))) as store:
        record = to_dict(store.catalogue.get(id).record)
    if as_json:
        _print_json(record)
    else:
        cells = [
            (name, value if isinstance(value, str) else orjson.dumps(value).decode()) for name, value in record.items()
        ]
        _table(("field", "value"), cells, empty="")


@app.command()
def export(
    context: typer.Context,
    scope: Annotated[str | None, typer.Option(help="resources or observations; both without.")] = None,
) -> None:
    """Print every record as a line of JSON: id, source, container, source_id, dataset, kind, title, updated."""
    with closing(wiring.open_store(_settings(context))) as store:
        for row in store.catalogue.export(scope):
            updated = row["updated"]
            line = {**row, "updated": iso(updated) if updated is not None else None}
            sys.stdout.buffer.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.flush()


# Upkeep


@app.command()
def remap(
    context: typer.Context,
    source: Annotated[str | None, typer.Argument(help="Only this source.")] = None,
    as_json: AsJson = False,
) -> None:
    """Map every stored element again with this version's mapping, without harvesting."""
    from harvesters.progress import progress
    from harvesters.run import remap as again

    with _portal(context) as portal:
        with wiring.client(_settings(context)) as client:
            counts = again(portal.store, source, client=client, progress=None if as_json else progress())
        _settle(context, portal)
    row = {"seen": counts.seen, "updated": counts.updated, "unchanged": counts.unchanged}
    _said(as_json, row, f"{counts.seen} mapped again, {counts.updated} changed")


@app.command()
def reindex(context: typer.Context, as_json: AsJson = False) -> None:
    """Build the search index again from the store, and put it in place in one step."""
    from discovery.indexer import rebuild

    with _portal(context) as portal, wiring.index_lock(_settings(context)).hold(wait=30.0):
        made = rebuild(portal.store, portal.index)
    rows = {scope: {"generation": each.name, "documents": each.documents} for scope, each in made.items()}
    _said(as_json, rows, "; ".join(f"{scope}: {each.documents} in {each.name}" for scope, each in made.items()))


@app.command()
def check(context: typer.Context, as_json: AsJson = False) -> None:
    """Say whether store and index are whole and agree."""
    from discovery.indexer import differences

    with _portal(context) as portal:
        wrong = [*portal.store.check(), *portal.index.check(), *differences(portal.store, portal.index)]
    if as_json:
        _print_json({"ok": not wrong, "problems": wrong})
    else:
        for each in wrong or ["store and index are whole and agree"]:
            console.print(each, markup=False)
    if wrong:
        raise typer.Exit(INCOMPLETE)


# Serving


@app.command()
def serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on.")] = None,
) -> None:
    """Start the portal."""
    _serve(_settings(context).with_overrides(host=host, port=port))


def _serve(found: Settings, *, ready: Callable[[str], None] | None = None) -> None:
    import uvicorn

    from discovery.app import create_app

    address = f"http://{found.host}:{found.port}/"
    (ready or (lambda url: console.print(f"Discovery is at {url} (Ctrl-C ends it)", markup=False)))(address)
    configuration = uvicorn.Config(
        create_app(found),
        host=found.host,
        port=found.port,
        log_level=found.log,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(configuration)
    server.run()
    if not server.started:
        raise UnavailableError(f"port {found.port} of {found.host} cannot be had; choose another with --port")


@app.command()
def demo(
    context: typer.Context,
    port: Annotated[int, typer.Option(help="The port to listen on.")] = 8000,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Load the catalogue and end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Load real records of a dozen missions through the harvesters, and start the portal on them."""
    from discovery.demo.load import load

    found = _settings(context)
    with _portal(context) as portal:
        reports = load(portal, found, quiet=as_json)
    if as_json:
        _print_json([each.to_dict() for each in reports])
    if not no_serve:
        _serve(found.with_overrides(host="127.0.0.1", port=port))
