"""What the HTTP client may do, how long it waits and how much it takes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields, replace

import httpx

from discovery.errors import ConfigError
from discovery.http.redaction import redact

_PRINTABLE = re.compile(r"[ -~]+")
_HOST_ENTRY = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?")
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Policy:
    """The limits of one `Client`; every time is in seconds and every size in bytes.

    The default allows no private address at all: `allowing(url)` adds the host that the operator named.
    """

    contact: str = "contact not set"
    """Where the operator of a harvested source can reach ours: the address of a page or a mail."""
    product: str = "Discovery/0.1"
    connect: float = 10.0
    """The longest wait for a connection."""
    read: float = 60.0
    """The longest silence."""
    total: float = 60.0
    """The longest that one answer may take from sending the request to its last byte; our own pauses do not count."""
    max_bytes: int = 64 * _MIB
    """The most bytes of one answer, counted after decompression."""
    max_ratio: int = 100
    """How many times larger an answer may become by decompression."""
    ratio_floor: int = _MIB
    """Below this size the ratio is not looked at: a short page of blanks is not a bomb."""
    min_rate: float = 1024.0
    """Bytes a second on the wire that a body must reach once `grace` is over."""
    grace: float = 10.0
    """How long a body may be slow."""
    redirects: int = 5
    """How many redirects one answer may take."""
    attempts: int = 5
    """How often the same thing is asked before a source is said not to answer."""
    backoff: float = 0.5
    """The wait before the second attempt; it doubles with each."""
    backoff_cap: float = 300.0
    """The longest wait before a retry; a source that asks for more is left alone until the next run."""
    per_host: int = 2
    """Requests to one host at the same time."""
    slot_wait: float = 600.0
    """How long a request queues behind our own others to the same host."""
    ports: frozenset[int] = frozenset({80, 443})
    """The ports that a host may have that nobody named."""
    allow_hosts: frozenset[str] = field(default_factory=frozenset)
    """`host` or `host:port`, as the operator named them; `[...]` around an IPv6 address. They may be private."""
    ca_file: str | None = None
    """Certificates to trust instead of the public ones, for a source inside an institute."""

    def __post_init__(self) -> None:
        for name in ("contact", "product"):
            if not _PRINTABLE.fullmatch(value := getattr(self, name)):
                raise ConfigError(f"{name} {value!r} does not fit in a header; allowed: one line of ASCII")
        if re.search(r"[()\\]", self.contact):
            raise ConfigError(
                f"contact {self.contact!r} has a bracket or backslash; allowed: an address of a page or a mail"
            )
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, (int, float)) and not 0 <= value < float("inf"):
                raise ConfigError(f"{item.name} is {value!r}; allowed: a finite number that is not negative")
        for name in ("connect", "read", "total", "max_bytes", "max_ratio", "attempts", "per_host"):
            if not getattr(self, name):
                raise ConfigError(f"{name} is 0; allowed: more than 0")
        for entry in self.allow_hosts:
            if not _HOST_ENTRY.fullmatch(entry):
                raise ConfigError(
                    f"allow_hosts has {entry!r}; allowed: host or host:port in lower case, [::1]:80 for IPv6"
                )

    @property
    def user_agent(self) -> str:
        """The header that says who copies and whom to ask, in the form that IVOA recommends."""
        return f"{self.product} (+{self.contact}) (IVOA-copy)"

    def allows(self, host: str, port: int) -> bool:
        """Say whether the operator named this host, so that it may be private and on any port."""
        name = f"[{host}]" if ":" in host else host
        return name in self.allow_hosts or f"{name}:{port}" in self.allow_hosts

    def allowing(self, url: str) -> Policy:
        """Return the same policy with the host of a URL that the operator named, on that port alone.

        A host on port 80 or 443 is allowed on both, because many lead from one to the other.
        """
        try:
            parsed = httpx.URL(url)
        except (httpx.InvalidURL, ValueError) as error:
            raise ConfigError(f"{redact(url)} is not a URL") from error
        if parsed.scheme not in ("http", "https") or not parsed.raw_host or parsed.userinfo:
            raise ConfigError(
                f"{redact(url)} is not a source; allowed: http or https, with a host, without a user name"
            )
        port = parsed.port or (443 if parsed.scheme == "https" else 80)
        name = parsed.raw_host.decode("ascii", "replace").lower()
        name = f"[{name}]" if ":" in name else name
        return self.with_hosts(*(f"{name}:{each}" for each in ((80, 443) if port in (80, 443) else (port,))))

    def with_hosts(self, *hosts: str) -> Policy:
        """Return the same policy with more hosts that the operator named."""
        return replace(self, allow_hosts=self.allow_hosts | {host.lower() for host in hosts})
