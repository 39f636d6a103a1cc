"""A build in a process of its own: its errors are ours, and its end is none of ours."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from discovery.embeddings import apart
from discovery.embeddings.building import Wanted
from discovery.embeddings.space import Model, Quantization
from discovery.embeddings.spaces import Spaces
from discovery.errors import ConfigError, ConflictError, DiscoveryError, UnavailableError
from discovery.testing.vectors import clustered

pytestmark = pytest.mark.slow
CLAY = Path(__file__).resolve().parents[2] / "fixtures" / "embeddings" / "clay_v0_03WVN_20220610.parquet"


def test_a_space_is_made_and_told_of(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    wanted = Wanted((str(CLAY),), Model("clay", "0"), columns={"id": "index"})
    made = apart.add(tmp_path, "clay", wanted, lambda *each: told.append(each))
    assert made == Spaces(tmp_path).get("clay")
    assert made.model == Model("clay", "0")
    assert told[-1] == (CLAY.name, 417, 417)


def test_errors_are_the_same_as_here(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="is not there"):
        apart.add(tmp_path, "s", Wanted((str(tmp_path / "none.parquet"),)))
    with pytest.raises(ConfigError, match="no name of a space"):
        apart.add(tmp_path, "../s", Wanted((str(CLAY),)))
    apart.add(tmp_path, "clay", Wanted((str(CLAY),)))
    with pytest.raises(ConflictError, match="metric"):
        apart.add(tmp_path, "clay", Wanted((str(CLAY),), metric="l2", quantization=Quantization()))


def test_a_reader_that_is_ended_is_an_error_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "v.npy", clustered(100_000, 64))

    def killed(*_: object) -> None:
        for child in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
            for each in child.read_text().split():
                os.kill(int(each), signal.SIGABRT)

    with pytest.raises(ConfigError, match=r"ended by signal SIGABRT while .* was read"):
        apart.add(tmp_path / "spaces", "s", Wanted((str(tmp_path / "v.npy"),)), killed)
    assert Spaces(tmp_path / "spaces").names() == []


def spoilt(rng: np.random.Generator, whole: bytes) -> bytes:
    """Return a file with some of its bytes changed, most of them in the footer and in the heads of pages."""
    body = bytearray(whole)
    for _ in range(int(rng.integers(1, 30))):
        last = rng.random() < 0.5
        at = int(rng.integers(len(body) - 6000, len(body) - 8)) if last else int(rng.integers(len(body)))
        body[at] = int(rng.integers(256))
    return bytes(body)


@pytest.mark.parametrize("count", [6, pytest.param(400, marks=pytest.mark.long)])
def test_spoilt_files_are_read_or_named_and_end_nothing(
    tmp_path: Path, major_tom: Callable[..., Path], count: int
) -> None:
    rng = np.random.default_rng(5)
    wholes = [CLAY.read_bytes(), major_tom(clustered(600, 16)).read_bytes()]
    named = 0
    for number in range(count):
        path = tmp_path / f"{number}.parquet"
        path.write_bytes(spoilt(rng, wholes[number % 2]))
        try:
            made = apart.add(tmp_path / "spaces", f"s{number}", Wanted((str(path),)))
        except DiscoveryError as error:
            named += "ended" in str(error) or path.name in str(error)
        else:
            assert 0 <= made.live <= made.rows
    assert named > 0


def test_a_build_ends_with_whoever_asked_for_it(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", clustered(200_000, 64))

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        apart.add(tmp_path / "spaces", "s", Wanted((str(tmp_path / "v.npy"),)), interrupted)
    # Its lock is free at once: the process is gone.
    made = apart.add(tmp_path / "spaces", "s", Wanted((str(CLAY),)))
    assert made.live == 417
    assert subprocess.run(["pgrep", "-f", str(tmp_path)], check=False).returncode != 0
