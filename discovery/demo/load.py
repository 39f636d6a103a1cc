"""Loading the demo: its data pack goes through the same harvesters and commands that a user has."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from rich.console import Console

from discovery import making, wiring
from discovery.config import Settings
from discovery.demo import embedded, pack
from discovery.demo.replay import ReplayServer
from discovery.indexer import learn, settle
from discovery.making import files
from discovery.model.checks import PORTAL
from discovery.model.creation import DATALAB, PUBLISHED, VOLUME
from discovery.model.source import COMPLETE, Report, Source
from discovery.people import CONSOLE
from discovery.portal import Portal
from harvesters import sources
from harvesters.progress import progress
from harvesters.run import harvest

MADE: Final = {VOLUME: "examples/volumes.toml", DATALAB: "examples/datalabs.toml"}
"""What the demo has as if it was made here, by the kind of it."""


def load(portal: Portal, settings: Settings, *, quiet: bool = False) -> list[Report]:
    """Harvest every source of the demo that has not been harvested whole yet, and return when all can be found.

    Args:
        portal: An open portal over an empty home or one that the demo has been loaded into before.
        settings: The home, where the pack is unpacked to.
        quiet: Print nothing.

    Returns:
        One report a source; those of an earlier start when nothing was left to do.
    """
    console = Console(quiet=quiet, highlight=False)
    began = time.monotonic()
    where = pack.pack_dir()
    unpacked = pack.unpack(where, settings.home / "demo")
    with ReplayServer(where) as server:
        wanted = sources.read(pack.sources(where, unpacked, server.url))
        reports = [_once(portal, settings, source, quiet=quiet) for source in wanted]
    publish(portal, where)
    settle(portal.store, portal.index, wiring.index_lock(settings))
    learn(portal.store, portal.meanings)
    embedded.add(portal, settings.home)
    _tell(console, portal, reports, time.monotonic() - began)
    return reports


def publish(portal: Portal, where: Path) -> None:
    """Publish the volumes and datalabs of a data pack, unless there are some already.

    What is there is from an earlier start, and whoever has changed or withdrawn one since meant it.
    """
    for kind, file in MADE.items():
        if not portal.store.creations.in_state(kind, PUBLISHED):
            documents = files.read_toml((where / file).read_text(encoding="utf-8"), making.kind(kind))
            portal.making.apply(CONSOLE, kind, documents)


def _once(portal: Portal, settings: Settings, source: Source, *, quiet: bool) -> Report:
    ledger = portal.store.ledger
    done = [run for run in ledger.runs(source.id) if run.status == COMPLETE]
    # The replay server has another port at each start; that alone is no reason to harvest again.
    if done and source.id in {each.id for each in ledger.sources()}:
        return done[0].report
    ledger.add_source(source, replace=True)
    lock = wiring.harvest_lock(settings, source.id)
    with wiring.client(settings, source) as client:
        return harvest(portal.store, source, client=client, progress=None if quiet else progress(), lock=lock)


def _tell(console: Console, portal: Portal, reports: list[Report], seconds: float) -> None:
    counts = portal.store.catalogue.counts()
    for source in (*(report.source for report in reports), PORTAL):
        kinds = counts.get(source, {})
        held = ", ".join(f"{number} {kind}{'s' if number != 1 else ''}" for kind, number in sorted(kinds.items()))
        console.print(f"  {source:26} {held or 'nothing'}", markup=False)
    total = sum(sum(kinds.values()) for kinds in counts.values())
    console.print(f"{total} records ready after {seconds:.1f} s.", markup=False)
