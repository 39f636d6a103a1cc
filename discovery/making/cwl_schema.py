"""A CWL document held to the standard's own schema, by the extra `cwl`: a program of its own, for one document.

The library takes a second and a hundred megabytes to come up, and what it reads strangers wrote. So it comes up in a
process that ends with the document, and with nothing that could fetch what is named; `workflows` has its limits.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import Any, Final
from urllib.parse import urljoin

import orjson
from cwl_utils import parser
from schema_salad.exceptions import SchemaSaladException
from schema_salad.fetcher import Fetcher
from schema_salad.runtime import LoadingOptions
from schema_salad.utils import yaml_no_ts

from discovery.confinement import Questions, Say
from discovery.model import cwl, yaml_text

MAX_PROBLEMS: Final = 5
_MAX_WORDS: Final = 300
_HERE: Final = "file:///workflow.cwl"
_NAME: Final = re.compile(r"^the `([^`]{1,100})` field|^checking object `([^`]{1,200})`")
_ODD: Final = re.compile(r"^Expected an? <class .{1,100}|^Value is an? .{1,200}")


class Nothing(Fetcher):
    """Fetches nothing, whatever a document imports, includes or runs."""

    def __init__(self) -> None:
        self.schemes = []

    def fetch_text(self, url: str, content_types: list[str] | None = None) -> str:
        """Refuse."""
        raise SchemaSaladException(f"names {url[:200]} to be read into it, which is not fetched")

    def check_exists(self, url: str) -> bool:
        """Take it to be there."""
        return True

    def urljoin(self, base_url: str, url: str) -> str:
        """Put an address together without looking at it."""
        return urljoin(base_url, url)


def problems(text: str) -> list[str]:
    """Return what is wrong with a document, as sentences; none where it keeps to the schema of its version.

    Raises:
        ValueError: It is too large, too deep or no CWL at all.
    """
    version = cwl.parse(text).version
    document = yaml_no_ts().load(text)
    found: list[str] = []
    for process in _processes(document):
        found += _of_one(process, version)
    return list(dict.fromkeys(found))[:MAX_PROBLEMS]


def _processes(document: MutableMapping[str, Any]) -> list[MutableMapping[str, Any]]:
    """Return the processes of a document, each by itself: of a list the library says only that something is wrong."""
    if "$graph" not in document:
        return [document]
    for each in document["$graph"]:
        if "$namespaces" in document:
            each["$namespaces"] = document["$namespaces"]
    return list(document["$graph"])


def _of_one(process: Mapping[str, Any], version: str) -> list[str]:
    schema = importlib.import_module(f"{parser.__name__}.cwl_{version.replace('.', '_')}")
    options = LoadingOptions(fetcher=Nothing(), fileuri=_HERE, no_link_check=True)
    try:
        schema.load_document_by_yaml(process, _HERE, options)
    except SchemaSaladException as error:
        return list(_sentences(error))
    return []


def _sentences(error: SchemaSaladException, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Return what a tree of errors comes to, each with its line and the names that lead there."""
    if named := _NAME.search(error.message):
        path = (*path, re.split("[#/]", named[1] or named[2])[-1])
    if not error.children:
        yield _sentence(error.start, path, _ODD.sub("is of no kind that may stand there", error.message))
    elif error.children[0].message.startswith("tried "):
        # What each of the kinds is lacking is of no use to whoever meant one of them.
        yield _sentence(error.start, path, "is nothing that may stand there")
    else:
        for each in error.children:
            yield from _sentences(each, path)


def _sentence(place: tuple[int, int] | None, path: Sequence[str], words: str) -> str:
    said = " ".join(words.replace(f"{_HERE}#", "").split())[:_MAX_WORDS]
    at = " ".join(each for each in (f"line {place[0]}" if place else "", ".".join(path)) if each)
    return f"is not as CWL has it: {at}{': ' if at else ''}{said}"


def work(asked: Questions, say: Say) -> None:
    """Tell what is wrong with a document.

    Args:
        asked: One question, the document.
        say: Is given JSON.
    """
    text = next(asked)[: yaml_text.MAX_BYTES + 1].decode("utf-8", "replace")
    try:
        found = problems(text)
    except (ValueError, RecursionError) as error:
        found = [str(error)]
    except Exception as error:  # noqa: BLE001 - a document that the library stumbles over is not one that it accepts
        found = [f"cannot be read: {type(error).__name__} {str(error)[:_MAX_WORDS]}"]
    say(orjson.dumps({"problems": found}))
