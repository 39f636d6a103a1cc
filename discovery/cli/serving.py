"""The commands that start the portal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from discovery.cli.context import opened_portal, settings_of
from discovery.cli.output import AsJson, console, print_json
from discovery.config import Settings
from discovery.errors import UnavailableError

app = typer.Typer()


@app.command()
def serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on.")] = None,
) -> None:
    """Start the portal."""
    _serve(settings_of(context).with_overrides(host=host, port=port))


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

    found = settings_of(context)
    with opened_portal(context) as portal:
        reports = load(portal, found, quiet=as_json)
    if as_json:
        print_json([each.to_dict() for each in reports])
    if not no_serve:
        _serve(found.with_overrides(host="127.0.0.1", port=port))
