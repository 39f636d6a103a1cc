"""Which machines may be talked to: the form of a URL, the name in it, and the addresses behind the name."""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue

import httpx

from discovery.errors import SourceRefusedError
from discovery.http.policy import Policy
from discovery.http.redaction import redact

Resolver = Callable[[str, int], Sequence[str]]
"""Gives the addresses of a name, best first; raises OSError when there are none."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_DEFAULT_PORTS = {"http": 80, "https": 443}
_BAD_CHARACTER = re.compile(r"[\x00-\x1f\x7f\\]")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
# A last label of this form makes the C library read the whole name as an IPv4 address: 0x7f.1, 017700000001, 2130706433
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_MAX_URL = 32_768

# What Python calls global, or once did, and yet leads to a private IPv4 address or to nobody in particular.
_NEVER_PUBLIC = tuple(
    ipaddress.ip_network(net)
    for net in (
        "0.0.0.0/8",
        "100.64.0.0/10",  # shared by carriers
        "192.0.0.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "198.18.0.0/15",
        "240.0.0.0/4",
        "::/96",  # IPv4 written as IPv6
        "::ffff:0:0/96",
        "::ffff:0:0:0/96",
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",  # Teredo and other special uses
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fec0::/10",
    )
)
_PUBLIC_V6 = ipaddress.ip_network("2000::/3")


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that passed every check that needs no look-up."""

    url: httpx.URL
    host: str
    port: int
    allowed: bool

    @property
    def origin(self) -> tuple[str, str, int]:
        """What must stay the same for a credential to be sent again."""
        return self.url.scheme, self.host, self.port


def is_public(address: str | Address) -> bool:
    """Say whether an address belongs to the public internet, so that a stranger may lead us there."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if not ip.is_global or ip.is_multicast or any(ip in net for net in _NEVER_PUBLIC):
        return False
    return ip.version == 4 or ip in _PUBLIC_V6


def check(url: str | httpx.URL, policy: Policy) -> Target:
    """Return the URL in the one form that is both checked and connected to.

    Raises:
        SourceRefusedError: The form, scheme, name, port or literal address is not allowed; nothing was looked up yet.
    """
    text = str(url)
    if len(text) > _MAX_URL:
        raise _refused(text[:200], f"is longer than {_MAX_URL} characters")
    if text != text.strip() or _BAD_CHARACTER.search(text):
        raise _refused(text, "has a control character, a backslash or blanks around it")
    try:
        parsed = httpx.URL(text)
    except (httpx.InvalidURL, ValueError) as error:
        raise _refused(text, "is not a URL") from error
    if parsed.scheme not in _DEFAULT_PORTS:
        raise _refused(text, f"has the scheme {parsed.scheme[:20]!r}; allowed: http, https")
    if parsed.userinfo or b"@" in parsed.raw_host:
        raise _refused(text, "has a user name in it; only what is open to everybody is read")
    host = parsed.raw_host.decode("ascii", "replace").lower()
    port = parsed.port if parsed.port is not None else _DEFAULT_PORTS[parsed.scheme]
    _check_host(host, bracketed=parsed.netloc.startswith(b"["), text=text)
    allowed = policy.allows(host, port)
    if not 0 < port < 65536 or not (allowed or port in policy.ports):
        raise _refused(text, f"has the port {port}; allowed: {sorted(policy.ports)} and hosts in allow_hosts")
    if not allowed and (literal := _literal(host)) and not is_public(literal):
        raise _refused(text, "is not a public address and the host is not in allow_hosts")
    return Target(parsed.copy_with(fragment=None), host, port, allowed)


def checked_addresses(host: str, port: int, policy: Policy, resolver: Resolver, timeout: float) -> list[str]:
    """Return the addresses that may be connected to for a name, best first, none of them without a check.

    One address of several that is not allowed refuses all: an honest name does not mix public and private ones.

    Raises:
        SourceRefusedError: An address is not public and the host is not one that the operator named.
        OSError: The name has no address, or the look-up took longer than `timeout`.
    """
    literal = _literal(host)
    found = [str(literal)] if literal else list(_resolve(host, port, resolver, timeout))
    if not found:
        raise OSError(f"{host} has no address")
    for text in found:
        if not (_fits_a_named_host(text, literal is not None) if policy.allows(host, port) else is_public(text)):
            raise _refused(f"//{host}:{port}", f"leads to {text}, which is not a public address; see allow_hosts")
    return found


def system_resolver(host: str, port: int) -> list[str]:
    """Ask the operating system for the addresses of a name."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


def _check_host(host: str, *, bracketed: bool, text: str) -> None:
    if bracketed or ":" in host:
        try:
            ipaddress.IPv6Address(host)
        except ValueError as error:
            raise _refused(text, f"has the host {host[:80]!r}, which is not an IPv6 address") from error
        if "%" in host:
            raise _refused(text, "has a zone in its address")
        return
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        try:
            ipaddress.IPv4Address(host)
        except ValueError as error:
            raise _refused(text, f"has the host {host[:80]!r}; allowed: an address as four decimal numbers") from error
        return
    if not host or len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise _refused(text, f"has the host {host[:80]!r}, which is not a host name")


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _fits_a_named_host(address: str, literal: bool) -> bool:
    """A named host may be private, but a name never leads to the addresses where clouds keep their secrets."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None) or ip
    return literal or not (mapped.is_link_local or mapped.is_multicast or mapped.is_unspecified)


def _resolve(host: str, port: int, resolver: Resolver, timeout: float) -> Sequence[str]:
    """Look a name up in a thread of its own, because the C library offers no time limit."""
    answer: SimpleQueue[Sequence[str] | Exception] = SimpleQueue()

    def look_up() -> None:
        try:
            answer.put(resolver(host, port))
        except Exception as error:  # noqa: BLE001  # raised again in the thread that asked
            answer.put(error)

    threading.Thread(target=look_up, name=f"resolve-{host[:40]}", daemon=True).start()
    try:
        found = answer.get(timeout=max(timeout, 0.001))
    except Empty:
        raise OSError(f"looking up {host} took longer than {timeout:g} s") from None
    if isinstance(found, UnicodeError):
        raise OSError(f"{host} is not a name that can be looked up") from found
    if isinstance(found, Exception):
        raise found
    return found


def _refused(url: str, why: str) -> SourceRefusedError:
    return SourceRefusedError(f"{redact(url)} {why}", detail="address")
