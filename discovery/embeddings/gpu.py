"""Comparing every row on a GPU: vectors lie there as float16, and what may be nearest is compared again as it is.

By how much float16 can be wrong is known. Every row that could be among the nearest is handed back, and compared here
in float32, so the answer is that of the processor, only sooner. torch is imported when the first such question is
asked, where it is installed and there is a GPU; nothing else needs it.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

import numpy as np

from discovery.errors import ConfigError

if TYPE_CHECKING:
    from discovery.embeddings.segment import OpenSegment
    from discovery.embeddings.vectors import Flags, Rows, Vectors

AUTO: Final = "auto"
NONE: Final = "none"
MAX_LIKELY: Final = 65_536
"""Rows of a question that may be nearest; of more, the processor compares all."""
BLOCK: Final = 131_072
"""Rows that are sent at a time, and compared at a time."""
SCRATCH: Final = 1 << 30
"""Bytes of scores that are on the device at a time."""
_SHARE: Final = 0.7
"""Of the memory that is free on the device, how much vectors may take."""
_NODES: Final = ("/dev/nvidia0", "/dev/kfd", "/dev/dxg")
"""Where Linux has GPUs that torch knows: one look saves seconds of importing for nothing."""
_HALF: Final = 2.0**-11
_SINGLE: Final = 2.0**-24
_NOWHERE: Final = float("-inf")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Block:
    """Some rows on the device: vectors of length at most one, and what makes scores of them."""

    start: int
    vectors: Any
    halves: Any
    """Half of the squares of their lengths; None for the cosine, which needs none."""


@dataclass(frozen=True, slots=True)
class _Held:
    """All rows of a segment on the device."""

    blocks: tuple[_Block, ...]
    longest: float
    """The length of the longest vector, by which all were divided."""
    size: int
    """Bytes."""


class Scanner:
    """Finds what may be nearest on a device; safe to use from many threads, one at a time.

    Args:
        device: As torch names it: `cuda`, `cuda:1`, or `cpu`, which is for tests.
        memory: Bytes that vectors may take there; None is most of what is free.

    Raises:
        ConfigError: torch is not installed, or there is no such device.
    """

    def __init__(self, device: str = "cuda", memory: int | None = None) -> None:
        try:
            import torch
        except ImportError as error:
            raise ConfigError(f"device {device} needs torch; install discovery-portal[gpu]") from error
        self._torch: Any = torch
        try:
            self._device = torch.device(device)
            if self._device.type not in ("cuda", "cpu"):
                # How exactly others add up is not known, and the answer would not be that of the processor.
                raise ConfigError(f"device {device[:40]!r} is none of cuda, cuda:N and cpu")
            if memory is None:
                torch.empty(1, device=self._device)
                free = torch.cuda.mem_get_info(self._device)[0] if self._device.type == "cuda" else 1 << 32
                memory = int(free * _SHARE)
        except (RuntimeError, AssertionError, ValueError) as error:
            raise ConfigError(f"device {device[:40]!r} cannot be used: {str(error)[:200]}") from error
        if self._device.type == "cuda":
            # Sums in float16 would be wrong by more than is allowed for.
            torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
        self.name = str(self._device)
        self._memory = memory
        self._lock = threading.Lock()
        self._held: WeakKeyDictionary[OpenSegment, _Held] = WeakKeyDictionary()
        self._broken = False

    def likely(
        self, segment: OpenSegment, queries: Vectors, size: int, metric: str, mask: Flags | None
    ) -> list[Rows] | None:
        """Return for each query the rows of a segment that may be among the nearest; None where they are too many.

        Args:
            segment: That is looked through.
            queries: Vectors, ready to be compared.
            size: How many of the nearest are wanted.
            metric: `cosine` or `l2`.
            mask: Which rows may be found; None is all.
        """
        with self._lock:
            if self._broken:
                return None
            try:
                with self._torch.no_grad():
                    return self._likely(segment, queries, size, metric, mask)
            except self._torch.cuda.OutOfMemoryError:
                self._held.clear()
                self._torch.cuda.empty_cache()
                _log.warning("%s has no room for the vectors of %s", self.name, segment.said.address)
            except RuntimeError as error:
                self._broken = True
                _log.warning("%s failed and is not asked again: %s", self.name, str(error)[:200])
            return None

    def _likely(
        self, segment: OpenSegment, queries: Vectors, size: int, metric: str, mask: Flags | None
    ) -> list[Rows] | None:
        torch = self._torch
        held = self._resident(segment, queries.shape[1], metric)
        longest = held.longest if held is not None else self._longest(segment, metric)
        lengths = np.maximum(np.linalg.norm(queries.astype(np.float64), axis=1), 1e-30)
        wrong = 2 * _wrong(queries.shape[1]) * longest * np.maximum(lengths, longest if metric != "cosine" else 0.0)
        asked = torch.from_numpy((queries / lengths[:, None]).astype(np.float16)).to(self._device)
        scale = torch.from_numpy((lengths * longest).astype(np.float32)).to(self._device)
        slack = torch.from_numpy(wrong.astype(np.float32)).to(self._device)
        barred = None if mask is None else torch.from_numpy(~np.asarray(mask)).to(self._device)
        out: list[Rows] = []
        per = max(1, SCRATCH // (4 * max(1, segment.rows)))
        for at in range(0, len(queries), per):
            part = slice(at, at + per)
            near = torch.empty((len(asked[part]), segment.rows), dtype=torch.float32, device=self._device)
            for block in held.blocks if held is not None else self._sent(segment, metric, longest):
                here = self._product(asked[part], block.vectors) * scale[part, None]
                near[:, block.start : block.start + len(block.vectors)] = (
                    here if block.halves is None else here - block.halves
                )
            if barred is not None:
                near.masked_fill_(barred, _NOWHERE)
            least = near.topk(min(size, segment.rows), dim=1).values[:, -1]
            kept = (near >= (least - slack[part])[:, None]) & (near > _NOWHERE)
            if int(kept.sum(dim=1).max()) > MAX_LIKELY:
                return None
            out += [each.nonzero().flatten().cpu().numpy() for each in kept]
        return out

    def _product(self, queries: Any, vectors: Any) -> Any:
        if self._device.type == "cpu":
            # Processors multiply float16 slowly if at all: the same numbers as float32.
            return queries.float() @ vectors.float().T
        return (queries @ vectors.T).float()

    def _resident(self, segment: OpenSegment, dimensions: int, metric: str) -> _Held | None:
        """Return a segment as it lies on the device, brought there if there is room; None where there is not."""
        found = self._held.get(segment)
        if found is not None:
            return found
        size = segment.rows * (2 * dimensions + (0 if metric == "cosine" else 4))
        if size + sum(each.size for each in self._held.values()) > self._memory:
            return None
        longest = self._longest(segment, metric)
        made = _Held(tuple(self._sent(segment, metric, longest)), longest, size)
        self._held[segment] = made
        return made

    def _longest(self, segment: OpenSegment, metric: str) -> float:
        if metric == "cosine":
            return 1.0
        lengths = (np.linalg.norm(vectors, axis=1).max(initial=0.0) for _, vectors, _ in segment.batches(BLOCK))
        return max(1e-30, float(max(lengths, default=0.0)))

    def _sent(self, segment: OpenSegment, metric: str, longest: float) -> Iterator[_Block]:
        for start, vectors, _ in segment.batches(BLOCK):
            halves = None
            if metric != "cosine":
                squares = np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)
                halves = self._torch.from_numpy((squares / 2).astype(np.float32)).to(self._device)
            small = vectors.astype(np.float16) if longest == 1.0 else (vectors / np.float32(longest)).astype(np.float16)
            yield _Block(start, self._torch.from_numpy(small).to(self._device), halves)


def scanner(wanted: str) -> Scanner | None:
    """Return what compares rows on the device that somebody wants; None where the processor does.

    Args:
        wanted: `auto` for a GPU where torch is installed and there is one, `none`, or a device of torch's.

    Raises:
        ConfigError: A device that was named cannot be used.
    """
    if wanted in ("", NONE):
        return None
    if wanted != AUTO:
        return Scanner(wanted)
    if find_spec("torch") is None or not any(Path(each).exists() for each in _NODES):
        return None
    import torch

    return Scanner() if torch.cuda.is_available() else None


def _wrong(dimensions: int) -> float:
    """Return by how much the product of two vectors of length one can be wrong.

    Both are rounded to float16, so is the product, and sums are of float32; the smallest numbers of float16 are farther
    apart than others. Half as much again, for what lengths are more than one by rounding.
    """
    return 1.5 * (3 * _HALF + (dimensions + 2 * math.sqrt(dimensions)) * _SINGLE)
