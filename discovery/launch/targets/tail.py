"""The end of a hub's log: the lines that speak of one server, without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from discovery.http.redaction import HIDDEN, redact

READ: Final = 256 << 10
"""Bytes from the end that are looked at."""
LINES: Final = 15
MAX_LINE: Final = 300
_URL: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s\"'<>]+")
_NAMED: Final = re.compile(
    r"(?i)\b([\w-]*(?:token|secret|passw(?:or)?d|api[-_]?key|authorization|cookie|credential)[\w-]*)"
    r"(\s*[=:]\s*)(?:(?:token|bearer|basic)\s+)?[^\s,;&)\]}]+"
)
_BEARER: Final = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}")
_OPAQUE: Final = re.compile(r"\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{32,}\b")
_START: Final = re.compile(r"^\[[A-Z] \d{4}-\d\d-\d\d |^\d{4}-\d\d-\d\dT")
_CONTROL: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[\x00-\x1f\x7f-\x9f]")


def tail(log: Path, server: str, secrets: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the last lines of a hub's log about a server; none where there is no log or nothing about it.

    What belongs to other people stays out: a line counts that names the server, with the lines that go on from it.

    Args:
        log: The file.
        server: `USER/SERVER`, as the launch keeps it.
        secrets: Texts that must not be shown, whatever stands around them.
    """
    user, _, name = server.partition("/")
    try:
        with log.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - READ))
            text = file.read(READ).decode("utf-8", "replace")
    except OSError:
        return ()
    if not name:
        return ()
    kept: list[str] = []
    about = False
    for line in text.splitlines():
        if _START.match(line):
            about = f"{user}:{name}" in line or f"/{name}" in line
        if about and line.strip():
            kept.append(shown(line, secrets))
    return tuple(kept[-LINES:])


def shown(line: str, secrets: Iterable[str] = (), most: int = MAX_LINE) -> str:
    """Return a line of a log as it may be shown to the person whom it is about: without secrets, and not too long."""
    for each in secrets:
        if each:
            line = line.replace(each, HIDDEN)
    line = _CONTROL.sub(" ", line)
    line = _URL.sub(lambda found: redact(found[0]), line)
    line = _NAMED.sub(rf"\1\2{HIDDEN}", line)
    line = _BEARER.sub(rf"\1 {HIDDEN}", line)
    return _OPAQUE.sub(HIDDEN, line)[:most].rstrip()
