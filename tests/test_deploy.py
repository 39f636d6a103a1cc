"""What is written for other machines names only what there is, and systemd judges what is written for it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from typer.main import get_command

from discovery.cli import app
from discovery.config import TABLE

DEPLOY = Path(__file__).parents[1] / "deploy"
UNITS = sorted(path.name for path in DEPLOY.glob("discovery*"))


@pytest.fixture
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return loaded


FILES = sorted(str(path.relative_to(DEPLOY)) for path in DEPLOY.rglob("*") if path.is_file() and path.suffix != ".pyc")


@pytest.mark.parametrize("name", FILES)
def test_every_setting_that_is_named_is_one(name: str) -> None:
    named = set(re.findall(r"DISCOVERY_([A-Z_]+)", (DEPLOY / name).read_text()))
    assert named <= {each.name.upper() for each in TABLE} | {"HOME", "VOLUMES"}


def test_every_command_that_is_run_is_one(compose: dict[str, Any]) -> None:
    lines = [line for name in UNITS for line in (DEPLOY / name).read_text().splitlines()]
    commands = [line.split()[1:] for line in lines if line.startswith("ExecStart=")]
    commands += [each["command"] for each in compose["services"].values() if "command" in each]
    assert len(commands) == 4
    known = get_command(app)
    for name, *arguments in commands:
        with known.make_context("discovery", [name, *arguments], resilient_parsing=True) as context:
            command = known.get_command(context, name)  # type: ignore[attr-defined]
            assert command is not None, name
            command.make_context(name, list(arguments), context)


def test_no_port_is_open_to_the_network(compose: dict[str, Any]) -> None:
    ports = [port for each in compose["services"].values() for port in each.get("ports", [])]
    assert ports == ["127.0.0.1:8000:8000"]


@pytest.mark.peer
@pytest.mark.parametrize("name", UNITS)
def test_systemd_finds_no_fault(name: str, tmp_path: Path, peer: Callable[[bool, str], None]) -> None:
    analyze = shutil.which("systemd-analyze")
    peer(analyze is not None, "no systemd-analyze here")
    assert analyze is not None
    for other in UNITS:
        text = (DEPLOY / other).read_text().replace("/opt/discovery/bin/discovery", sys.executable)
        (tmp_path / other).write_text(text)
    done = subprocess.run([analyze, "verify", str(tmp_path / name)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
