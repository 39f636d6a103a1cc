"""The linear algebra of a build is told what the processor can do, and never more than that."""

from __future__ import annotations

from pathlib import Path

import pytest

from discovery.embeddings import blas


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ("fpu avx avx2 fma avx512f avx512cd avx512bw avx512dq avx512vl", {"OPENBLAS_CORETYPE": "SkylakeX"}),
        ("fpu avx avx2 fma avx512f", {"OPENBLAS_CORETYPE": "Haswell"}),
        ("fpu avx avx2", {}),
        ("fpu sse2", {}),
        ("", {}),
    ],
)
def test_a_processor_is_called_what_it_can_do(tmp_path: Path, flags: str, told: dict[str, str]) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(f"processor\t: 0\nflags\t\t: {flags}\n\nprocessor\t: 1\nflags\t\t: {flags}\n")
    assert blas.hints(path) == told


def test_a_machine_that_does_not_say_is_left_alone(tmp_path: Path) -> None:
    assert blas.hints(tmp_path / "none") == {}
    (tmp_path / "arm").write_text("processor\t: 0\nFeatures\t: fp asimd\n")
    assert blas.hints(tmp_path / "arm") == {}
