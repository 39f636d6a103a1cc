"""What the linear algebra that comes with faiss is told of this machine, which it may be too old to know.

An OpenBLAS that does not know a processor uses the instructions of 2004 on it, and rows are added at half the rate. The
variable is OpenBLAS' own, and is looked at when the library is loaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

VARIABLE: Final = "OPENBLAS_CORETYPE"
_KINDS: Final = (
    ("SkylakeX", frozenset({"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"})),
    ("Haswell", frozenset({"avx2", "fma"})),
)
"""Names of processors, newest first, with the instructions that their kernels use."""


def hints(cpuinfo: Path = Path("/proc/cpuinfo")) -> dict[str, str]:
    """Return what to add to the environment of a process that is about to load faiss; nothing where nothing is known.

    Args:
        cpuinfo: Where Linux says what the processors can do.
    """
    try:
        lines = cpuinfo.read_text(errors="replace").splitlines()
    except OSError:
        return {}
    flags = next((set(each.partition(":")[2].split()) for each in lines if each.startswith("flags")), set())
    return next(({VARIABLE: name} for name, needed in _KINDS if needed <= flags), {})
