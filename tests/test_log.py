from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from discovery import log
from discovery.config import Settings
from discovery.errors import ConfigError


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., list[str]]]:
    """Return what logs by some settings and gives the lines; the log of the tests is as before afterwards."""
    root = logging.getLogger()
    handlers, levels = root.handlers[:], {name: logging.getLogger(name).level for name in ("", *log._OURS, "httpcore")}

    def write(act: Callable[[], object], **settings: str) -> list[str]:
        stream = io.StringIO()
        monkeypatch.setattr("sys.stderr", stream)
        log.configure(Settings(tmp_path, **settings))  # type: ignore[arg-type]
        act()
        return stream.getvalue().splitlines()

    yield write
    root.handlers = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def test_secrets_in_addresses_are_hidden(written: Callable[..., list[str]]) -> None:
    def act() -> None:
        logging.getLogger("harvesters.run").warning("asked %s", "https://me:pass@a.example/x?token=abcdef&y=1")

    for form in log.FORMATS:
        (line,) = written(act, log_format=form)
        assert "a.example/x" in line
        assert "pass" not in line
        assert "abcdef" not in line


def test_a_line_for_programs_is_one_json_document() -> None:
    """Formatted and not logged: pytest's workers cannot pass on a captured log that is not Unicode."""
    token = log.request.set("r1")
    try:
        raise ValueError("broken\nin two")
    except ValueError:
        record = logging.LogRecord("discovery.x", logging.ERROR, "", 0, "it \ud800 %s", ("failed",), sys.exc_info())
        record.facts = {"path": "/\ud800"}
        line = log._JsonLines().format(record)
    log.request.reset(token)
    found = json.loads(line)
    assert (found["level"], found["logger"], found["request"]) == ("error", "discovery.x", "r1")
    assert found["path"] == "/\\ud800"
    assert found["message"] == "it \\ud800 failed"
    assert "broken\nin two" in found["exception"]
    assert found["time"].endswith("Z")


def test_libraries_are_quiet_when_our_own_parts_inform(written: Callable[..., list[str]]) -> None:
    def act() -> None:
        logging.getLogger("alembic").info("setup plugin")
        logging.getLogger("discovery.access").info("answered")

    (line,) = written(act, log="info")
    assert "answered" in line


@pytest.mark.parametrize(("name", "value"), [("log", "loud"), ("log_format", "xml")])
def test_what_cannot_be_is_said(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=value):
        log.configure(Settings(tmp_path, **{name: value}))  # type: ignore[arg-type]
