"""The fields extension: which members of a document a request wants; without it nothing is read or written again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from discovery.errors import LimitError

MAX_FIELDS: Final = 1_000
"""The most members that a request may name."""
_DEEP: Final = 32
_ITEM: Final = (
    *("id", "type", "stac_version", "collection", "geometry", "bbox", "links", "assets"),
    *("properties.datetime", "properties.start_datetime", "properties.end_datetime"),
)
"""What is there where nothing is named, so that it is a valid Item."""
_COLLECTION: Final = ("id", "type", "stac_version", "title", "description", "license", "extent", "links")
_NAMES: Final = ("id", "type", "stac_version", "collection")
"""What is there beside the members that are named: a document without a name is of little use."""

Tree = dict[str, Any]
"""Members by name, with those wanted in them; an empty one is wanted as a whole."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The members that a request wants and those that it does not, as it names them.

    Members named alone are all there is, beside a document's names; those named as not wanted are taken from all there
    are. Where both are named, what is wanted is, though it lies in something that is not wanted.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    least: bool = False
    """Whether nothing beyond a valid document is wanted where nothing is named."""

    @classmethod
    def of(cls, include: Iterable[str] | None, exclude: Iterable[str] | None, *, least: bool = False) -> Chosen:
        """Return what two lists ask for; `least` is whether the first was given, though it may be empty.

        Raises:
            LimitError: They name more than 1,000 members.
        """
        found = cls(tuple(sorted(include or ())), tuple(sorted(exclude or ())), least)
        if (size := len(found.include) + len(found.exclude)) > MAX_FIELDS:
            raise LimitError("stac-fields", f"fields names {size}; at most {MAX_FIELDS} are read", parameter="fields")
        return found

    @classmethod
    def parse(cls, names: Iterable[str]) -> Chosen:
        """Return what the parameter of a query string asks for: names, those that are not wanted behind a minus."""
        given = [each.strip() for each in names if each.strip()]
        # A plus sign that nobody encoded reaches us as a blank.
        return cls.of(
            (each.lstrip("+ ") for each in given if not each.startswith("-")),
            (each[1:] for each in given if each.startswith("-")),
        )

    def items(self, bodies: Sequence[bytes]) -> list[bytes]:
        """Return items with no other members than those wanted."""
        return self._cut(bodies, _ITEM)

    def collections(self, bodies: Sequence[bytes]) -> list[bytes]:
        """Return collections with no other members than those wanted."""
        return self._cut(bodies, _COLLECTION)

    def _cut(self, bodies: Sequence[bytes], always: Sequence[str]) -> list[bytes]:
        out = []
        for body in bodies:
            document = orjson.loads(body)
            include = [_path(each, document) for each in self.include]
            exclude = [_path(each, document) for each in self.exclude]
            if include:
                always = _NAMES
            if include or self.least or not exclude:
                document = _within(document, _tree([*include, *(each.split(".") for each in always)]))
            kept = {tuple(each[:length]) for each in include for length in range(1, len(each) + 1)}
            out.append(orjson.dumps(_without(document, _tree(each for each in exclude if tuple(each) not in kept))))
        return out


def _path(name: str, document: Tree) -> list[str]:
    """Return where a member is; properties may be named without saying that they are some."""
    properties = document.get("properties")
    if name not in document and isinstance(properties, dict) and name in properties:
        return ["properties", name]
    if name.startswith("properties."):
        return name.split(".", 1)
    return name.split(".", _DEEP)


def _tree(paths: Iterable[list[str]]) -> Tree:
    root: Tree = {}
    # The shortest first: what is wanted as a whole is not narrowed by what is named in it.
    for path in sorted(paths, key=len):
        at = root
        for number, name in enumerate(path):
            if number < len(path) - 1:
                if name in at and not at[name]:
                    break
                at = at.setdefault(name, {})
            else:
                at[name] = {}
    return root


def _within(value: Any, wanted: Tree) -> Any:
    if not wanted or not isinstance(value, dict):
        return value
    return {name: _within(inner, wanted[name]) for name, inner in value.items() if name in wanted}


def _without(value: Any, unwanted: Tree) -> Any:
    if not isinstance(value, dict):
        return value
    kept = {name: inner for name, inner in value.items() if name not in unwanted or unwanted[name]}
    return {name: _without(inner, unwanted[name]) if name in unwanted else inner for name, inner in kept.items()}
