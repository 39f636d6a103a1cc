"""The embedded engine: tantivy in a folder, one process writes and any number read.

What tantivy 0.27 does to the unwary, and where it is met (each has its test in tests/index/test_tantivy.py):
a writer killed at the wrong moment leaves files that stop every later commit (`folder.Scope.writer`); a `with` block
around a writer commits even when it fails (never used); facet counts are approximate unless `segment_size` says
otherwise (`search._terms`); query text can name any field (`parse_query` is never called); dates end in 2262 (integers
are used); deleting by an unsigned term finds nothing (`schema.KEY` is signed).
"""

from __future__ import annotations

from discovery.index.tantivy.engine import TantivyIndex

__all__ = ["TantivyIndex"]
