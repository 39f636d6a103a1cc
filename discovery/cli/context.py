"""What every command is given: the settings, and the portal they open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import typer

from discovery import wiring
from discovery.config import Settings
from discovery.errors import BadQueryError

if TYPE_CHECKING:
    from discovery.portal import Portal


@contextmanager
def opened_portal(context: typer.Context) -> Iterator[Portal]:
    """Hold the portal of the settings open while the block runs."""
    found = settings_of(context)
    with wiring.home_lock(found).share(), closing(wiring.open_portal(found)) as portal:
        yield portal


def settings_of(context: typer.Context) -> Settings:
    """Return the settings that the command line, the environment and the home gave."""
    found: Settings = context.obj
    return found


def settle(context: typer.Context, portal: Portal) -> None:
    """Return when everything in the store can be found: what several sources have once, and below its parent."""
    from discovery.indexer import learn
    from discovery.indexer import settle as wait

    portal.store.duplicates.find()
    portal.store.parents.repair()
    wait(portal.store, portal.index, wiring.index_lock(settings_of(context)))
    learn(portal.store, portal.meanings)


def pair(text: str, option: str) -> tuple[str, str]:
    """Return the two sides of `k=v`, as options take it."""
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise BadQueryError(f"--{option} {text!r} is not of the form k=v", parameter=option)
    return name, value
