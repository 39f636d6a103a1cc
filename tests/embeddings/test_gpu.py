"""What a device finds is what the processor finds; without torch or a GPU nothing of it is noticed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from discovery.embeddings import gpu
from discovery.errors import ConfigError

ROOT = Path(__file__).parents[2]
HAS_TORCH = find_spec("torch") is not None
COMPARE = ROOT / "tests" / "peers" / "torch" / "compare.py"


def test_without_a_device_the_processor_compares() -> None:
    assert gpu.scanner("none") is None
    assert gpu.scanner("") is None


@pytest.mark.skipif(HAS_TORCH, reason="torch is installed beside us")
def test_a_device_that_was_named_needs_torch() -> None:
    assert gpu.scanner("auto") is None
    with pytest.raises(ConfigError, match=r"needs torch; install discovery-portal\[gpu\]"):
        gpu.scanner("cuda")


def test_torch_is_not_imported_where_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(gpu, "_NODES", (str(tmp_path / "none"),))
    monkeypatch.setattr(gpu, "find_spec", lambda _name: object())
    monkeypatch.setitem(sys.modules, "torch", None)
    assert gpu.scanner("auto") is None


def compared(python: str | Path, *arguments: str) -> dict[str, object]:
    """Return what the comparison says of a device; it imports nothing of ours that needs more than numpy."""
    command = [python, COMPARE, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    told: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.mark.peer
@pytest.mark.slow
def test_the_device_of_torch_that_every_machine_has_finds_what_we_find(peer: Callable[[bool, str], None]) -> None:
    python = Path("/usr/bin/python3")
    has = (
        python.exists()
        and subprocess.run([python, "-c", "import torch"], capture_output=True, check=False).returncode == 0
    )
    peer(has, "torch is not here; tests/peers/torch/prepare.sh brings it")
    told = compared(python, "cpu")
    assert told["wrong"] == []
    assert told["cases"] == 60


@pytest.mark.peer
@pytest.mark.slow
def test_a_gpu_finds_what_we_find() -> None:
    """Where there is one, in our own environment with the extra `gpu`."""
    if gpu.scanner("auto") is None:
        pytest.skip("no GPU here, or no torch beside us")
    told = compared(sys.executable, "cuda")
    assert told["wrong"] == []
