"""The commands that start the portal."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated
from urllib.parse import urlencode

import typer

from discovery import wiring
from discovery.cli.context import opened_portal, settings_of
from discovery.cli.output import AsJson, console, print_json
from discovery.config import Settings
from discovery.errors import UnavailableError

app = typer.Typer()


@app.command()
def serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on; 0 takes a free one.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that answer requests.")] = None,
    steward: Annotated[bool, typer.Option(help="Index and harvest, too; else run `discovery steward`.")] = True,
) -> None:
    """Start the portal, until SIGTERM or Ctrl-C."""
    _serve(settings_of(context).with_overrides(host=host, port=port, workers=workers), steward=steward)


@app.command()
def steward(context: typer.Context) -> None:
    """Keep the index level with the store, harvest on schedule and do what was asked for, until SIGTERM or Ctrl-C."""
    from discovery.server import keep

    keep(settings_of(context))


def _serve(found: Settings, *, steward: bool = True) -> None:
    from discovery import server

    def ready(url: str) -> None:
        console.print(f"Discovery is at {url} (Ctrl-C ends it)", markup=False, soft_wrap=True)
        # Only for whoever sits there: what goes to a file is read by others, too.
        if console.is_terminal and not found.oidc_issuer:
            console.print(f"Sign in once by {sign_in_link(found, url)}", markup=False, soft_wrap=True)

    server.serve(found, ready=ready, steward=steward)


def sign_in_link(settings: Settings, url: str) -> str:
    """Return a link that lets the person at this machine in once, within ten minutes."""
    from discovery.people import People

    with closing(wiring.open_store(settings)) as store:
        code = People(store, settings.operator_token).invite()
    return f"{url.rstrip('/')}/signin?{urlencode({'code': code})}"


@app.command()
def demo(
    context: typer.Context,
    port: Annotated[
        int | None, typer.Option(help="The port to listen on; else that of the settings, or a free one if it is taken.")
    ] = None,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Load the catalogue and end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Load real records of a dozen missions through the harvesters, and start the portal on them."""
    from discovery.demo.load import load

    found = settings_of(context)
    with opened_portal(context) as portal:
        reports = load(portal, found, quiet=as_json)
    if as_json:
        print_json([each.to_dict() for each in reports])
    if no_serve:
        return
    here = found.with_overrides(host="127.0.0.1", port=port)
    try:
        _serve(here)
    except UnavailableError as error:
        if port is not None:
            raise
        reason = str(error).partition(";")[0]
        console.print(f"{reason}; a free one is used", markup=False, soft_wrap=True)
        _serve(here.with_overrides(port=0))
