"""What is written about the portal's work: one line an event, as text or JSON, with the request it belongs to."""

from __future__ import annotations

import logging
import re
import sys
import time
from contextvars import ContextVar
from typing import Any, Final

import orjson

from discovery.config import Settings
from discovery.errors import ConfigError
from discovery.http.redaction import redact

FORMATS: Final = ("text", "json")
_OURS: Final = ("discovery", "discovery_graphql", "harvesters", "ui")

request: Final[ContextVar[str]] = ContextVar("request", default="")
"""The id of the request that is being answered, empty elsewhere."""
_URL: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s\"'<>]+")


def configure(settings: Settings) -> None:
    """Send the log of this process to standard error as the settings say.

    Raises:
        ConfigError: There is no such level or format.
    """
    level = logging.getLevelNamesMapping().get(settings.log.upper())
    if level is None:
        raise ConfigError(f"log = {settings.log[:40]!r} is not one of debug, info, warning, error")
    if settings.log_format not in FORMATS:
        raise ConfigError(f"log_format = {settings.log_format[:40]!r} is not one of {', '.join(FORMATS)}")
    handler = _Stderr()
    handler.setFormatter(_JsonLines() if settings.log_format == "json" else _Lines())
    # What libraries say of themselves at INFO, nobody has asked.
    others = level if level <= logging.DEBUG else max(level, logging.WARNING)
    root = logging.getLogger()
    root.handlers = [*(each for each in root.handlers if not isinstance(each, _Stderr)), handler]
    root.setLevel(others)
    for name in _OURS:
        logging.getLogger(name).setLevel(level)
    # The transport's debug log would print signed addresses; ours tells the same without them.
    logging.getLogger("httpcore").setLevel(max(level, logging.WARNING))
    # It warns while it is imported that it has no title; ours is given to the application.
    logging.getLogger("stac_fastapi").setLevel(max(level, logging.ERROR))


class _Stderr(logging.Handler):
    """Writes to standard error as it is at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except (OSError, ValueError):
            pass  # Nobody reads it any more; that is no reason to stop.
        except Exception:  # noqa: BLE001  # as every handler of the standard library does
            self.handleError(record)


class _Lines(logging.Formatter):
    """A line of text for people."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        id = request.get()
        return _clean(super().format(record)) + (f" [{id}]" if id else "")


class _JsonLines(logging.Formatter):
    """A JSON object a line for programs."""

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {
            "time": f"{moment}.{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _clean(record.getMessage()),
        }
        if request.get():
            line["request"] = request.get()
        if record.exc_info:
            line["exception"] = _clean(self.formatException(record.exc_info))
        facts = getattr(record, "facts", {})
        # Paths of hostile requests may hold what is no Unicode.
        line |= {key: _clean(value) if isinstance(value, str) else value for key, value in facts.items()}
        return orjson.dumps(line, default=str).decode()


def _clean(text: str) -> str:
    """Return a text for a log: without secrets in addresses, and whatever it holds, one that can be written."""
    shown = _URL.sub(lambda match: redact(match[0]), text)
    return shown.encode("utf-8", "backslashreplace").decode()
