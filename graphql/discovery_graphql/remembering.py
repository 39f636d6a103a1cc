"""Documents that were found right are not parsed and validated again: clients ask the same ones over and over."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

from graphql import DocumentNode
from strawberry.extensions import SchemaExtension

MAX_DOCUMENTS: Final = 128
"""Documents that are remembered, the latest ones."""
MAX_CHARACTERS: Final = 64 * 1024
"""Characters of all of them: a parsed document takes up to 250 bytes for each of its characters."""


class Remembered:
    """Documents that are right, by their text; what comes too much is forgotten, the longest unasked first."""

    def __init__(self, documents: int = MAX_DOCUMENTS, characters: int = MAX_CHARACTERS) -> None:
        self._most = documents
        self._room = characters
        self._taken = 0
        self._documents: OrderedDict[str, DocumentNode] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._documents)

    def get(self, text: str) -> DocumentNode | None:
        """Return a document that is remembered."""
        with self._lock:
            found = self._documents.get(text)
            if found is not None:
                self._documents.move_to_end(text)
            return found

    def put(self, text: str, document: DocumentNode) -> None:
        """Remember a document; one that would take the room of many is let go."""
        if len(text) > self._room // 8:
            return
        with self._lock:
            if text not in self._documents:
                self._taken += len(text)
            self._documents[text] = document
            while len(self._documents) > self._most or self._taken > self._room:
                self._taken -= len(self._documents.popitem(last=False)[0])


class Remembering(SchemaExtension):
    """Skips the parsing and validation of what is remembered, and remembers what was found right."""

    def __init__(self, remembered: Remembered) -> None:
        super().__init__()
        self._remembered = remembered
        self._known = False

    def on_parse(self) -> Iterator[None]:
        """Give the document where it is remembered."""
        context = self.execution_context
        found = self._remembered.get(context.query or "")
        if found is not None:
            context.graphql_document = found
            self._known = True
        yield

    def on_validate(self) -> Iterator[None]:
        """Say that the document is right where it is remembered; limits hang on its variables, and stay."""
        context = self.execution_context
        if self._known and context.pre_execution_errors is None:
            context.pre_execution_errors = []
        yield
        if not self._known and not context.pre_execution_errors and context.query and context.graphql_document:
            self._remembered.put(context.query, context.graphql_document)
