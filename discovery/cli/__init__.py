"""The command line: `discovery [--home DIR] COMMAND`, every command with `--json` for one JSON document."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from discovery import __version__, config, log
from discovery.cli import (
    datalabs,
    duplicates,
    embeddings,
    harvests,
    inspecting,
    issues,
    jobs,
    launches,
    links,
    locating,
    opening,
    operators,
    people,
    pipelines,
    previews,
    quarantine,
    runs,
    searches,
    services,
    serving,
    sources,
    terms,
    upkeep,
    volumes,
)
from discovery.cli.output import INCOMPLETE, WRONG_USE, complaints
from discovery.errors import BadQueryError, ConfigError, DiscoveryError, NotFoundError

app = typer.Typer(
    name="discovery",
    help="Find scientific data across missions, and open it where it lives.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
sources.app.add_typer(services.app)
for group in (harvests, issues, previews, searches, links, opening, locating, inspecting, upkeep, serving):
    app.add_typer(group.app)
app.add_typer(sources.app, name="source")
app.add_typer(runs.app, name="runs")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(jobs.app, name="jobs")
app.add_typer(duplicates.app, name="duplicates")
app.add_typer(terms.app, name="terms")
app.add_typer(launches.app, name="launch")
app.add_typer(launches.zones, name="zones")
app.add_typer(embeddings.app, name="embeddings")
app.add_typer(embeddings.finding)
app.add_typer(operators.app, name="operator")
app.add_typer(people.app, name="person")
app.add_typer(people.tokens, name="token")
app.add_typer(volumes.app, name="volume")
app.add_typer(datalabs.app, name="datalab")
app.add_typer(pipelines.app, name="pipeline")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def settings(
    context: typer.Context,
    home: Annotated[Path | None, typer.Option(help="Where the catalogue lives.")] = None,
    store: Annotated[str | None, typer.Option(help="Where records are kept, instead of the setting.")] = None,
    index: Annotated[str | None, typer.Option(help="The search engine, instead of the setting.")] = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Find scientific data across missions, and open it where it lives."""
    found = config.load(home).with_overrides(store=store, index=index)
    log.configure(found)
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
