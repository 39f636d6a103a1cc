"""What every test may rely on: no network beyond loopback, and peers that are either here or said to be missing."""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class NetworkError(AssertionError):
    """A test wanted to leave this machine."""


def _refuse_beyond_loopback(family: int, address: Any) -> None:
    if family not in {socket.AF_INET, socket.AF_INET6}:
        return
    host = str(address[0]).partition("%")[0]
    if host in {"", "localhost"}:
        return
    try:
        ip = ipaddress.ip_address(host)
    except ValueError as error:
        raise NetworkError(f"a test looked up {host!r}; tests stay on loopback") from error
    mapped = getattr(ip, "ipv4_mapped", None)
    if not (mapped or ip).is_loopback and not ip.is_unspecified:
        raise NetworkError(f"a test connected to {host}; tests stay on loopback")


@pytest.fixture(scope="session", autouse=True)
def loopback_only() -> Iterator[None]:
    """Refuse every connection and every look-up that would leave this machine."""
    real_socket = socket.socket
    connect, connect_ex, sendto = real_socket.connect, real_socket.connect_ex, real_socket.sendto
    getaddrinfo = socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        _refuse_beyond_loopback(self.family, address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        _refuse_beyond_loopback(self.family, address)
        return connect_ex(self, address)

    def guarded_sendto(self: socket.socket, data: Any, *rest: Any) -> int:
        _refuse_beyond_loopback(self.family, rest[-1])
        return sendto(self, data, *rest)

    def guarded_getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        _refuse_beyond_loopback(socket.AF_INET, (name or "localhost",))
        return getaddrinfo(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(real_socket, "connect", guarded_connect)
        patch.setattr(real_socket, "connect_ex", guarded_connect_ex)
        patch.setattr(real_socket, "sendto", guarded_sendto)
        patch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
        yield


@pytest.fixture(scope="session")
def peer() -> Callable[[bool, str], None]:
    """Return `peer(present, reason)`: a missing peer skips, or fails where DISCOVERY_REQUIRE_PEERS=1."""

    def require(present: bool, reason: str) -> None:
        if present:
            return
        if os.environ.get("DISCOVERY_REQUIRE_PEERS") == "1":
            pytest.fail(f"{reason} (DISCOVERY_REQUIRE_PEERS=1)", pytrace=False)
        pytest.skip(reason)

    return require


@pytest.fixture(scope="session")
def chromium(peer: Callable[[bool, str], None]) -> Path:
    """Return the path of a Chromium for Playwright; `apt-get install chromium` brings one on Debian."""
    found = next((path for path in map(shutil.which, BROWSERS) if path), None)
    peer(found is not None, f"no Chromium here; looked for {', '.join(BROWSERS)}")
    assert found is not None
    return Path(found)


@pytest.fixture(scope="session")
def axe_core(peer: Callable[[bool, str], None]) -> Path:
    """Return the path of axe-core's script, which `make assets` brings into node_modules."""
    path = Path(__file__).parents[1] / "node_modules" / "axe-core" / "axe.min.js"
    peer(path.is_file(), "axe-core is not here; `make assets` brings it and needs npm")
    return path
