"""Workflows before they are handed in: held to the standard's own schema where the extra `cwl` is installed."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from typing import Any, Final

import orjson

from discovery.confinement import SLOW, Confined, Ended, Limits
from discovery.errors import UnavailableError
from discovery.model import pipeline_document
from discovery.model.document import Problem

LIMIT: Final = 20.0
"""Seconds that a document may take, with what it takes to start; it has half of them to be read."""
LIMITS: Final = Limits(memory=3 << 29, answer=1 << 20, seconds=LIMIT, cpu=LIMIT / 2)
"""What a document may take."""
INSTALLED: Final = importlib.util.find_spec("cwl_utils") is not None
SCHEMA: Final = "the standard's schema"
STRUCTURE: Final = "its structure alone; `pip install discovery-portal[cwl]` brings the standard's schema"


def checked_by() -> str:
    """Return what a workflow is held to here."""
    return SCHEMA if INSTALLED else STRUCTURE


def problems(text: str, *, limit: float = LIMIT) -> list[str]:
    """Return what the standard's schema finds wrong with a document that `cwl.parse` has read.

    It says nothing where the extra `cwl` is not installed. Nothing that the document names is fetched.

    Args:
        text: The document.
        limit: Seconds to wait.
    """
    if not INSTALLED:
        return []
    try:
        with Confined("discovery.making.cwl_schema:work", replace(LIMITS, seconds=limit), _failed) as reader:
            reader.ask(text.encode())
            return [str(each) for each in orjson.loads(reader.hear())["problems"]]
    except UnavailableError as error:
        return [str(error)]


def _failed(ended: Ended) -> UnavailableError:
    slow = ended.why == SLOW and not ended.status
    why = "takes too long to be checked" if slow else "takes too much time or memory to be checked"
    return UnavailableError(why, retry_after=None)


def check(given: object, *, complete: bool = True) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    """Return what a document of a pipeline says under our names, and everything that is wrong with it.

    Its workflow is held to the schema when it is handed in, not with each draft.
    """
    values, found = pipeline_document.check(given, complete=complete)
    if complete and not found and "cwl" in values:
        found = tuple(Problem("cwl", each) for each in problems(values["cwl"]))
    return values, found
