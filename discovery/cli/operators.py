"""The commands about who may look after the portal."""

from __future__ import annotations

import secrets
from typing import Annotated
from urllib.parse import urlencode

import typer

from discovery.cli.context import opened_portal, settings_of
from discovery.cli.output import AsJson, say
from discovery.people import LINK_LASTS

app = typer.Typer(no_args_is_help=True, help="Who may look after the portal from a browser or a program.")


@app.command("link")
def operator_link(
    context: typer.Context,
    port: Annotated[
        int | None, typer.Option(help="The port that the portal listens on, instead of the setting.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print a link that lets the person at this machine in once, as an admin, within ten minutes."""
    found = settings_of(context).with_overrides(port=port)
    with opened_portal(context) as portal:
        code = portal.people.invite()
    site = found.url.rstrip("/") or f"http://{f'[{found.host}]' if ':' in found.host else found.host}:{found.port}"
    url = f"{site}/signin?{urlencode({'code': code})}"
    say(as_json, {"url": url, "minutes": LINK_LASTS // 60_000}, url)


@app.command("token")
def operator_token(as_json: AsJson = False) -> None:
    """Print a new token for programs of operators; it counts once it is the setting operator_token."""
    token = secrets.token_hex(32)
    say(as_json, {"token": token}, f"DISCOVERY_OPERATOR_TOKEN={token}")
