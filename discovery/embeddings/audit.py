"""How many of the truly nearest rows are found: measured, kept in the manifest, and told with every answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from discovery.embeddings.asking import BALANCED, EXACT, FAST, Allowed, Searcher
from discovery.embeddings.segment import OpenSegment
from discovery.embeddings.space import Recall, Space
from discovery.embeddings.vectors import Flags, Vectors
from discovery.errors import ConfigError
from discovery.query import packed

LEAST: Final = 0.95
"""Recall below which a build is refused."""
QUERIES: Final = 50
SIZE: Final = 10
_NEARLY: Final = 1e-6
"""Scores that differ by less are one: of near-duplicates any is right."""
_SEED: Final = 11


def audit(searcher: Searcher, queries: int = QUERIES) -> tuple[Recall, ...]:
    """Return how many of the nearest ten are found, without a filter and with such that leave 1 and 10 % of the rows.

    The queries are rows of the space itself, moved a little, so that none is its own nearest row. What is nearest is
    known from comparing every row.

    Raises:
        UnavailableError: A file of the space cannot be read.
    """
    if not searcher.space.live:
        return ()
    rng = np.random.default_rng(_SEED)
    asked = _queries(searcher, queries, rng)
    out = []
    for kind, allowed in _filters(searcher, rng):
        truth = searcher.search(asked, SIZE, mode=EXACT, allowed=allowed)
        if not truth.eligible:
            continue
        for mode in (FAST, BALANCED):
            found = searcher.search(asked, SIZE, mode=mode, allowed=allowed)
            hits = wanted = 0
            for right, got in zip(truth.found, found.found, strict=True):
                least = right.scores[-1] - _NEARLY
                hits += min(int((got.scores >= least).sum()), len(right.scores))
                wanted += len(right.scores)
            value = hits / wanted if wanted else 1.0
            out.append(Recall(kind, mode, SIZE, len(asked), round(value, 4), int(time.time() * 1000)))
    return tuple(out)


def measured(open_: Callable[[Path, Space], Searcher]) -> Callable[[Path, Space], Space]:
    """Return what a build asks before it publishes a space: the space with its recall.

    Raises:
        ConfigError: Balanced searches find fewer than 95 %; the build is refused.
    """

    def measure(folder: Path, space: Space) -> Space:
        searcher = open_(folder, space)
        try:
            found = audit(searcher)
        finally:
            for each in searcher.segments:
                each.close()
        return replace(space, recall=enough(found, f"{space.name} is not published"))

    return measure


def enough(found: tuple[Recall, ...], told: str) -> tuple[Recall, ...]:
    """Return what was measured, if it is enough.

    Raises:
        ConfigError: Balanced searches find fewer than 95 %.
    """
    poor = [f"{each.kind} {each.value:.3f}" for each in found if each.mode == BALANCED and each.value < LEAST]
    if poor:
        raise ConfigError(f"{told}: of the nearest rows too few are found ({', '.join(poor)})")
    return found


def _queries(searcher: Searcher, count: int, rng: np.random.Generator) -> Vectors:
    parts = []
    live = searcher.space.live
    for segment in searcher.segments:
        rows = np.flatnonzero(segment.usable)
        share = min(len(rows), max(1, round(count * len(rows) / live)))
        if share:
            parts.append(segment.vectors(np.sort(rng.choice(rows, share, replace=False))))
    vectors = np.concatenate(parts)[:count]
    spread = np.abs(vectors).mean(axis=1, keepdims=True) * np.float32(0.02)
    moved = vectors + spread * rng.standard_normal(vectors.shape, dtype=np.float32)
    if searcher.space.metric == "cosine":
        moved /= np.linalg.norm(moved, axis=1, keepdims=True)
    return np.ascontiguousarray(moved, dtype=np.float32)


def _filters(searcher: Searcher, rng: np.random.Generator) -> Iterator[tuple[str, Allowed | None]]:
    yield "none", None
    for share, name in ((0.01, "1%"), (0.1, "10%")):
        yield f"random-{name}", _some(int(rng.integers(1 << 30)), share)
    for share, name in ((0.01, "1%"), (0.1, "10%")):
        allowed = _near(searcher, share, rng)
        if allowed is not None:
            yield f"region-{name}", allowed


def _some(seed: int, share: float) -> Allowed:
    def allowed(segment: OpenSegment) -> Flags:
        rng = np.random.default_rng((seed, segment.said.start))
        chosen: Flags = rng.random(segment.rows) < share
        return chosen

    return allowed


def _near(searcher: Searcher, share: float, rng: np.random.Generator) -> Allowed | None:
    """Return the rows around one of them, by their places; None where rows have none."""
    lon = np.concatenate([np.asarray(each.columns["lon"]) for each in searcher.segments])
    lat = np.concatenate([np.asarray(each.columns["lat"]) for each in searcher.segments])
    placed = np.flatnonzero(np.isfinite(lon) & np.isfinite(lat))
    if len(placed) < SIZE:
        return None
    centre = int(rng.choice(placed))
    lonlat = np.stack([lon, lat], axis=1)
    middle = packed.vectors(lonlat[[centre]])[0]
    here = packed.vectors(lonlat[placed]) @ middle
    kept = max(SIZE, int(len(here) * share))
    least = float(np.partition(here, -kept)[-kept])

    def allowed(segment: OpenSegment) -> Flags:
        near = packed.vectors(np.stack([segment.columns["lon"], segment.columns["lat"]], axis=1)) @ middle
        # What has no place is compared as not a number, and is outside.
        chosen: Flags = near >= least
        return chosen

    return allowed
