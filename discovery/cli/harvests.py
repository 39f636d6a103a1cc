"""The command that harvests."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from discovery import wiring
from discovery.cli.context import opened_portal, settings_of, settle
from discovery.cli.output import INCOMPLETE, AsJson, console, print_json
from discovery.errors import ConfigError
from discovery.model.source import COMPLETE, HELD, Report

if TYPE_CHECKING:
    from harvesters.parting import Cluster

app = typer.Typer()


@app.command()
def harvest(
    context: typer.Context,
    id: Annotated[str, typer.Argument(help="The source.")],
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after so many elements.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and map, store nothing.")] = False,
    approve: Annotated[bool, typer.Option("--approve", help="Delete what has vanished, however much.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Read everything, not only what has changed.")] = False,
    dask: Annotated[
        str, typer.Option(help="Walk the parts of a large source on the Dask cluster at this address.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Harvest a source, and return when what it brought can be found."""
    from harvesters.progress import progress
    from harvesters.run import harvest as run

    with opened_portal(context) as portal:
        source = portal.store.ledger.source(id)
        if not source.enabled:
            raise ConfigError(f"source {id!r} is not enabled; see discovery source enable {id}")
        bar = None if as_json else progress()
        with ExitStack() as stack:
            cluster = stack.enter_context(_cluster(dask, settings_of(context).store_url)) if dask else None
            client = stack.enter_context(wiring.client(settings_of(context), source))
            report = run(
                portal.store,
                source,
                client=client,
                limit=limit,
                dry_run=dry_run,
                approve=approve,
                full=full,
                progress=bar,
                lock=wiring.harvest_lock(settings_of(context), source.id),
                cluster=cluster,
            )
        # What the run did is said first: it is kept whether or not the engine can be reached now.
        if as_json:
            print_json(report.to_dict())
        else:
            _print_report(report, dry_run)
        settle(context, portal)
    if report.status != COMPLETE:
        raise typer.Exit(INCOMPLETE)


def _cluster(address: str, store: str) -> AbstractContextManager[Cluster]:
    from harvesters import cluster

    return cluster.dask(address, store)


def _print_report(report: Report, dry_run: bool) -> None:
    counts = report.counts
    console.print(
        f"{report.source}: {report.status}. {counts.seen} seen, {counts.added} added, {counts.updated} updated, "
        f"{counts.unchanged} unchanged, {counts.deleted} deleted, {counts.quarantined} in quarantine, "
        f"{counts.warnings} warnings; {report.seconds:.1f} s",
        markup=False,
    )
    if report.message:
        console.print(report.message, markup=False)
    if report.status == HELD:
        console.print(f"next: discovery runs approve {report.run}, if it is right that so much has gone", markup=False)
    if counts.warnings and not dry_run:
        console.print(f"next: discovery warnings {report.source}", markup=False)
    if counts.quarantined and dry_run:
        console.print(f"next: discovery preview {report.source}, to see the reasons of the first ones", markup=False)
    elif counts.quarantined:
        console.print(f"next: discovery quarantine list {report.source}", markup=False)
