"""The import contract that keeps one outside package in its one room (DESIGN 3)."""

from __future__ import annotations

import grimp
from importlinter import ContractCheck
from importlinter.contracts.protected import ProtectedContract


class FenceContract(ProtectedContract):
    """A protected contract for a package that perhaps nobody imports yet.

    import-linter refuses to protect a name that is absent from the graph, so a fence could only be
    put up after the first import; here a name that nobody imports is simply kept.
    """

    def check(self, graph: grimp.ImportGraph, verbose: bool) -> ContractCheck:
        """Return whether only the allowed modules import the protected packages."""
        for expression in self.protected_modules:  # type: ignore[attr-defined]  # a field descriptor
            if expression.expression not in graph.modules:
                graph.add_module(expression.expression, is_squashed=True)
        return super().check(graph, verbose)
