"""YAML of strangers, read as texts, lists and tables alone: no types of its own, no references, no end of nesting."""

from __future__ import annotations

from typing import Any, Final

import yaml

MAX_BYTES: Final = 128 * 1024
MAX_DEPTH: Final = 40
MAX_NODES: Final = 20_000
_LOADER: Final = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def load(text: str) -> Any:
    """Return what a YAML document says; every value is a text, so that a version 1.10 stays one.

    Raises:
        ValueError: It is no YAML, is too large, or refers from one place to another, by which a few lines can mean
            gigabytes.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise ValueError(f"has more than {MAX_BYTES:,} bytes")
    try:
        _look(text)
        return yaml.load(text, Loader=_LOADER)  # noqa: S506 - a base loader makes texts, lists and tables alone
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark is not None else ""
        said = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
        raise ValueError(f"is no YAML{where}: {said}") from error
    except (TypeError, UnicodeError) as error:
        # A table as the name of another one has no place in a dictionary.
        raise ValueError(f"is no YAML that can be read: {error}") from error


def _look(text: str) -> None:
    """Look at a document without building anything of it."""
    depth = documents = 0
    for nodes, event in enumerate(yaml.parse(text, Loader=_LOADER)):
        documents += isinstance(event, yaml.DocumentStartEvent)
        if isinstance(event, yaml.AliasEvent):
            raise ValueError("refers to another place with *, which is not read here")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH or nodes > MAX_NODES:
            raise ValueError(f"has more than {MAX_DEPTH} levels or {MAX_NODES:,} values")
    if documents > 1:
        raise ValueError(f"holds {documents} documents, where one is read")
