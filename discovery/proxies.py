"""What is said of a request by a proxy in front: believed of those that the operator has named, and of nobody else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from discovery.errors import ConfigError

Network = IPv4Network | IPv6Network
_NAME: Final = r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?"
_HOST: Final = re.compile(rf"(?:{_NAME}|\[[0-9A-Fa-f:.]{{2,45}}\])(?::[0-9]{{1,5}})?")
_SCHEMES: Final = {"http": ("http", "ws"), "https": ("https", "wss")}


class Proxies:
    """ASGI middleware: gives a request the address of whoever asks, and the host and scheme that they asked.

    Of a named proxy `X-Forwarded-For` is read from its end to the first address that is no named proxy,
    `X-Forwarded-Proto` and `X-Forwarded-Host` where they can be such. The public address of the portal, where it is
    set, is the host and the scheme of every request.

    Args:
        app: What answers.
        proxies: The networks of the proxies.
        url: The public address of the portal; empty is that which was asked for.

    Raises:
        ConfigError: The address is none.
    """

    def __init__(self, app: ASGIApp, proxies: Sequence[Network] = (), url: str = "") -> None:
        parts = urlsplit(url)
        if url and (parts.scheme not in ("http", "https") or not _HOST.fullmatch(parts.netloc)):
            raise ConfigError(f"url {url[:200]!r} is no http://HOST or https://HOST")
        self.app = app
        self._proxies = tuple(proxies)
        self._scheme = parts.scheme
        self._host = parts.netloc

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] in ("http", "websocket"):
            scope = dict(scope)
            self._believe(scope)
        await self.app(scope, receive, send)

    def _believe(self, scope: Scope) -> None:
        headers, client = Headers(scope=scope), scope.get("client")
        scheme, host = self._scheme, self._host
        if client and self._proxies and self._is_proxy(client[0]):
            scope["client"] = self._origin(headers, client)
            # A chain of proxies writes them one behind the other; the last one is of the proxy that we know.
            said = headers.get("X-Forwarded-Proto", "").rpartition(",")[2].strip().lower()
            scheme = scheme or (said if said in ("http", "https") else "")
            named = headers.get("X-Forwarded-Host", "").rpartition(",")[2].strip()
            host = host or (named if _HOST.fullmatch(named) else "")
        if scheme:
            scope["scheme"] = _SCHEMES[scheme][scope["type"] == "websocket"]
        if host:
            kept = [each for each in scope["headers"] if each[0] != b"host"]
            scope["headers"] = [(b"host", host.encode("ascii")), *kept]

    def _origin(self, headers: Headers, client: tuple[str, int]) -> tuple[str, int]:
        chain = ",".join(headers.getlist("X-Forwarded-For")).split(",")
        for each in reversed(chain):
            found = _address(each)
            if not found:
                break
            if not self._is_proxy(found):
                return found, 0
            client = (found, 0)
        return client

    def _is_proxy(self, address: str) -> bool:
        try:
            found = ip_address(address)
        except ValueError:
            return False
        return any(found in each for each in self._proxies)


def networks(text: str) -> tuple[Network, ...]:
    """Return the networks of the setting `proxies`, which are separated by commas.

    Raises:
        ConfigError: One of them is none, or is everybody.
    """
    found: list[Network] = []
    for each in filter(None, (part.strip() for part in text.split(","))):
        try:
            network = ip_network(each)
        except ValueError:
            raise ConfigError(
                f"proxies names {each[:80]!r}, which is no address like 10.0.0.1 or 10.0.0.0/24"
            ) from None
        if network.prefixlen == 0:
            raise ConfigError(f"proxies names {each!r}: then everybody could say to be anybody")
        found.append(network)
    return tuple(found)


def _address(text: str) -> str:
    """Return the address of an entry of `X-Forwarded-For`, which some write with a port; empty for none."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text))
    except ValueError:
        return ""
