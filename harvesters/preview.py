"""How an element becomes a record: each field with its value and the parts of the document that it came from.

No mapping is asked to tell: a part is taken out of the document, which is mapped again, and the fields that are then
others came from it. So it is true of every kind of source, and cannot be forgotten in a new one.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from discovery.errors import RecordError
from discovery.http import Client
from discovery.model.instant import iso
from discovery.model.record import Issue, Record, to_dict
from discovery.model.source import Mapped, Quarantined, RawRecord, Source
from discovery.store.store import Store
from harvesters import registry
from harvesters.base import Harvester
from harvesters.mapping import map_one
from harvesters.parts import Part, document

MAX_FIRST: Final = 100
"""Elements of a source that are looked at in one preview."""
_TRIALS: Final = 3000
"""How often one document is mapped; what is left then is told of the larger part around it."""
_APART: Final = 3
"""Parts that are named one by one; where a field came from more of them, the part around them is named."""
_INSTANTS: Final = frozenset({"created", "updated", "metadata_updated", "extent.start", "extent.end"})
_SPLIT: Final = ("extent", "numbers", "properties")
_UNTOLD: Final = frozenset({"id", "source", "issues"})
NEEDED: Final = "*"
"""The field of a part without which there would be no record at all."""

_Found = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Row:
    """One field of the record."""

    field: str
    paths: tuple[str, ...]
    """The parts that it came from; `--set NAME` for a setting of the source; empty where the kind of source says it."""
    value: Any
    issue: str = ""
    """What is odd about one of the parts."""


@dataclass(frozen=True, slots=True)
class Preview:
    """One element with the record that it makes."""

    source: str
    container: str
    source_id: str
    position: str
    id: str
    """The record's; empty where there is none."""
    rows: tuple[Row, ...] = ()
    unused: tuple[str, ...] = ()
    """Parts that nothing came from."""
    reason: Issue | None = None
    """Why there is no record."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "source": self.source,
            "container": self.container,
            "source_id": self.source_id,
            "position": self.position,
            "record": self.id,
            "fields": [
                {"field": each.field, "from": list(each.paths), "value": each.value, "issue": each.issue}
                for each in self.rows
            ],
            "unused": list(self.unused),
            "reason": None
            if self.reason is None
            else {"code": self.reason.code, "message": self.reason.message, "path": self.reason.path},
        }


def preview_record(store: Store, id: str, *, client: Client, folder: Path = Path()) -> Preview:
    """Return how a stored record was made of what its source sent, by the mapping of this version.

    Raises:
        NotFoundError: There is no such record, or its source is gone.
    """
    stored = store.catalogue.get(id)
    return _preview(store.ledger.source(stored.record.source), store.catalogue.raw(id), client, folder)


def preview_source(source: Source, first: int, *, client: Client, folder: Path = Path()) -> Iterator[Preview]:
    """Yield how the first elements of a source would become records; nothing is stored.

    Raises:
        SourceUnavailableError: It does not answer.
    """
    left = min(first, MAX_FIRST)
    worker = registry.harvester(source, client, folder)
    with closing(_pages(worker)) as pages:
        for rejected, raw in pages:
            if left <= 0:
                return
            left -= 1
            if rejected is not None:
                yield _refused(source, rejected)
            else:
                yield _preview(source, raw, client, folder)


def _pages(worker: Harvester) -> Generator[tuple[Quarantined | None, RawRecord], None, None]:
    for page in worker.pages(None):
        yield from ((None, raw) for raw in page.raws)
        yield from ((each, each.raw) for each in page.rejected)


def _refused(source: Source, each: Quarantined) -> Preview:
    raw = each.raw
    return Preview(source.id, raw.container, raw.source_id, raw.position, "", reason=each.issue)


def _preview(source: Source, raw: RawRecord, client: Client, folder: Path) -> Preview:
    worker = registry.harvester(source, client, folder)
    outcome = map_one(worker, raw)
    if isinstance(outcome, Quarantined):
        return _refused(source, outcome)
    trials = _Trials(worker, raw, outcome.record)
    found = _merged(trials.found, _of_settings(source, raw, outcome.record, client, folder))
    rows = _rows(outcome.record, found)
    record = outcome.record
    return Preview(source.id, record.container, record.source_id, raw.position, record.id, rows, tuple(trials.unused))


def _of_settings(source: Source, raw: RawRecord, record: Record, client: Client, folder: Path) -> _Found:
    """Return the fields that would be others without one of the source's settings."""
    out: _Found = {}
    before = _flat(record)
    for name in source.settings:
        less = replace(source, settings={key: value for key, value in source.settings.items() if key != name})
        for changed in _changed(before, map_one(registry.harvester(less, client, folder), raw)):
            out.setdefault(changed, []).append(f"--set {name}")
    return out


@dataclass(slots=True)
class _Trials:
    """The mapping of one document without each of its parts."""

    worker: Harvester
    raw: RawRecord
    record: Record
    found: _Found = field(default_factory=dict)
    unused: list[str] = field(default_factory=list)
    left: int = _TRIALS

    def __post_init__(self) -> None:
        try:
            whole = document(self.raw.body, self.raw.media_type)
        except RecordError:
            return  # It maps, so it is of a form that only its harvester knows.
        before = _flat(self.record)
        for part in whole.parts:
            self.found = _merged(self.found, self._of(part, before, whole.write))

    def _of(self, part: Part, before: Mapping[str, Any], write: Any) -> _Found:
        """Return the fields that came from a part, each with the smallest parts that say enough."""
        self.left -= 1
        with part.out():
            changed = _changed(before, map_one(self.worker, replace(self.raw, body=write(), document=None)))
        if not changed:
            # The protocol has cut the identity out already, so no mapping misses it; it came from where it stands.
            named = _naming(part, self.record.source_id)
            if named and "source_id" not in self.found:
                return {"source_id": [named]}
            self.unused.append(part.path)
            return {}
        below: _Found = {}
        parts = part.parts() if self.left > 0 else []
        for each in parts:
            below = _merged(below, self._of(each, before, write))
        out = {name: paths for name, paths in below.items() if name not in changed}
        for name in changed:
            paths = below.get(name, [])
            all_of_it = len(paths) > 1 and (part.several or len(paths) == len(parts))
            out[name] = paths if paths and len(paths) <= _APART and not all_of_it else [part.path]
        return out


def _naming(part: Part, name: str) -> str:
    """Return where in a part a name stands as a whole value; empty where it does not."""
    left, count = [part], 0
    while left and count < _TRIALS:
        each, count = left.pop(), count + 1
        if each.text == name:
            return each.path
        left += reversed(each.parts())
    return ""


def _changed(before: Mapping[str, Any], outcome: Mapped | Quarantined) -> list[str]:
    """Return the fields that an outcome has otherwise."""
    if isinstance(outcome, Quarantined):
        return [NEEDED]
    after = _flat(outcome.record)
    if before["kind"] != after["kind"]:
        return ["kind"]  # It would be read by other rules altogether, which says nothing of the fields.
    return [name for name, value in before.items() if _lost(value, after.get(name))]


def _lost(before: Any, after: Any) -> bool:
    """Say whether a value is another, or has less in it; what a part keeps out of a list did not come from it."""
    if isinstance(before, list) and isinstance(after, list):
        return any(each not in after for each in before)
    return bool(before != after)


def _flat(record: Record) -> dict[str, Any]:
    """Return the fields of a record with their values, those of its extent, numbers and properties one by one."""
    out: dict[str, Any] = {}
    for name, value in to_dict(record).items():
        if name in _SPLIT and isinstance(value, Mapping):
            out |= {f"{name}.{inner}": each for inner, each in value.items()}
        elif name not in _UNTOLD:
            out[name] = value
    return out


def _rows(record: Record, found: _Found) -> tuple[Row, ...]:
    told: set[int] = set()
    rows = []
    for name, value in _flat(record).items():
        paths = tuple(found.get(name, ()))
        issues = {n: each for n, each in enumerate(record.issues) if any(_about(each.path, path) for path in paths)}
        told |= issues.keys()
        shown = iso(value) if name in _INSTANTS and isinstance(value, int) else value
        rows.append(Row(name, paths, shown, "; ".join(_said(each) for each in issues.values())))
    rows += [
        Row("", (each.path,) if each.path else (), None, _said(each))
        for n, each in enumerate(record.issues)
        if n not in told
    ]
    if NEEDED in found:
        rows.append(Row(NEEDED, tuple(found[NEEDED]), None, "without it there would be no record"))
    return tuple(rows)


def _about(one: str, other: str) -> bool:
    """Say whether an issue's path is of a part, or of one around or within it; some begin below `properties`."""
    return bool(one) and (one == other or _within(one, other) or _within(other, one) or other.endswith(f".{one}"))


def _within(inner: str, outer: str) -> bool:
    return inner.startswith(outer) and inner[len(outer) : len(outer) + 1] in (".", "[", "/")


def _said(issue: Issue) -> str:
    return f"{issue.code}: {issue.message}"


def _merged(one: _Found, other: _Found) -> _Found:
    out = {name: list(paths) for name, paths in one.items()}
    for name, paths in other.items():
        out.setdefault(name, []).extend(path for path in paths if path not in out.get(name, ()))
    return out
