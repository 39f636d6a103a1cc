"""Notebooks on one's own machine: never over somebody's work, whole or not at all, and a JupyterLab that answers."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from discovery.errors import ConfigError
from discovery.launch import lab
from discovery.launch.notebook import Notebook

MADE = Notebook("ice-abc.ipynb", b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}\n')


def test_a_notebook_is_written_once_and_then_kept(tmp_path: Path) -> None:
    path, new = lab.save(MADE, tmp_path / "a" / "b")
    assert (path, new) == (tmp_path / "a" / "b" / "ice-abc.ipynb", True)
    path.write_bytes(b"my work")
    assert lab.save(MADE, path.parent) == (path, False)
    assert path.read_bytes() == b"my work"


def test_a_new_one_stands_beside_those_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "ice-abc.ipynb").write_bytes(b"my work")
    assert lab.save(MADE, tmp_path, fresh=True) == (tmp_path / "ice-abc-2.ipynb", True)
    assert lab.save(MADE, tmp_path, fresh=True) == (tmp_path / "ice-abc-2.ipynb", False)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["ice-abc-2.ipynb", "ice-abc.ipynb"]


def test_a_file_that_was_named_is_replaced_in_one_step(tmp_path: Path) -> None:
    file = tmp_path / "x.ipynb"
    file.write_bytes(b"old")
    lab.write(MADE, file)
    assert file.read_bytes() == MADE.content
    assert [each.name for each in tmp_path.iterdir()] == ["x.ipynb"]
    assert file.stat().st_mode & 0o777 == 0o644


def test_a_place_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"cannot be written to .*file/x"):
        lab.save(MADE, tmp_path / "file" / "x")
    with pytest.raises(ConfigError, match="cannot be written to"):
        lab.write(MADE, tmp_path / "nowhere" / "x.ipynb")
    (tmp_path / "folder.ipynb").mkdir()
    with pytest.raises(ConfigError, match="cannot be written to"):
        lab.write(MADE, tmp_path / "folder.ipynb")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "folder.ipynb"]


def test_what_is_not_installed_is_named_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lab.missing() == ""
    monkeypatch.setitem(sys.modules, "jupyterlab", None)
    with pytest.raises(ConfigError, match=r"jupyterlab cannot be found: install discovery-portal\[launch\], or write"):
        lab.start(tmp_path / "x.ipynb")


def ask(port: int, path: str, token: str) -> tuple[int, str]:
    """Ask as soon as it listens, which it says a little before it does."""
    for _ in range(600):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request("GET", path, headers={"Authorization": f"token {token}"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read()).get("name", "")
        except ConnectionRefusedError:
            time.sleep(0.1)
        finally:
            connection.close()
    raise AssertionError(f"nothing listens on {port}")


@pytest.mark.long
@pytest.mark.timeout(600)
def test_jupyterlab_serves_the_notebook_on_loopback(tmp_path: Path) -> None:
    path, _ = lab.save(MADE, tmp_path / "notebooks")
    code = (
        "import sys; from pathlib import Path; from discovery.launch import lab; "
        "lab.start(Path(sys.argv[1]), browser=False)"
    )
    places = {name: str(tmp_path / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")}
    running = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stderr=subprocess.PIPE, text=True, env=os.environ | places
    )
    try:
        assert running.stderr is not None
        said = next(
            found for line in running.stderr if (found := re.search(r"http://127\.0\.0\.1:(\d+)/lab/tree/(\S+)", line))
        )
        name, _, token = said[2].partition("?token=")
        assert name == "ice-abc.ipynb"
        port = int(said[1])
        assert ask(port, f"/api/contents/{name}", token) == (200, "ice-abc.ipynb")
        assert ask(port, f"/api/contents/{name}", "wrong")[0] == 403
    finally:
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=60)
    assert running.returncode is not None
