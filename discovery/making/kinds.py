"""The kinds of things that become records: what their documents may say, who writes them, and who decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

import orjson

from discovery.errors import DocumentError, UnknownFieldError
from discovery.making import workflows
from discovery.model import checks, datalab_document, pipeline_document, volume_document
from discovery.model.creation import DATALAB, PIPELINE, VOLUME
from discovery.model.document import Field, Problem
from discovery.model.person import Role
from discovery.model.record import Record, record_id
from discovery.model.source import Mapped, RawRecord

Checked = tuple[dict[str, Any], tuple[Problem, ...]]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of thing that people make."""

    name: str
    label: str
    """What pages call one of it."""
    container: str
    """The part of the source `portal` that its records are in."""
    fields: Sequence[Field]
    slug: str
    """The field that holds its short name."""
    writer: Role
    """Who may write one."""
    reviewed: bool
    """Whether somebody else decides before it is published."""
    check: Callable[..., Checked]
    record: Callable[..., Record]
    private: tuple[tuple[str, str], ...] = ()
    """What a document holds for reviewers alone, as table and name in it."""

    def read(self, given: object, *, complete: bool = True, what: str = "") -> dict[str, Any]:
        """Return what a document says under our names.

        Raises:
            DocumentError: Something is wrong with it.
        """
        values, problems = self.check(given, complete=complete)
        if problems:
            raise DocumentError([(each.path, each.message) for each in problems], what=what)
        return values

    def document_id(self, document: Mapping[str, Any]) -> str:
        """Return the id of the record that a document is published as."""
        return record_id(checks.PORTAL, self.container, document[self.slug])

    def mapped(
        self, document: Mapping[str, Any], *, updated: int | None, note: Mapping[str, str] | None = None
    ) -> Mapped:
        """Return the record of a document with what it was made of, as the store takes it.

        Args:
            document: One that is complete.
            updated: When that was, in UTC milliseconds; None where nobody knows.
            note: Properties that the record gets beside its own.
        """
        made = self.record(document, updated=updated)
        made = replace(made, properties={**made.properties, **(note or {})})
        raw = orjson.dumps(self.public(document), option=orjson.OPT_SORT_KEYS)
        return Mapped(made, RawRecord(self.container, made.source_id, raw, "application/json"))

    def public(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return a document without what only reviewers see."""
        out = dict(document)
        for table, name in self.private:
            if isinstance(out.get(table), Mapping):
                out[table] = {key: value for key, value in out[table].items() if key != name}
        return out


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        each.name: each
        for each in (
            Kind(
                DATALAB,
                "Datalab",
                checks.DATALABS,
                datalab_document.FIELDS,
                "alternate_name",
                Role.DEVELOPER,
                True,
                datalab_document.check,
                datalab_document.to_record,
                (("contact", "email"),),
            ),
            Kind(
                VOLUME,
                "Volume",
                checks.VOLUMES,
                volume_document.FIELDS,
                "slug",
                Role.OPERATOR,
                False,
                volume_document.check,
                volume_document.to_record,
            ),
            Kind(
                PIPELINE,
                "Pipeline",
                checks.PIPELINES,
                pipeline_document.FIELDS,
                "slug",
                Role.DEVELOPER,
                True,
                workflows.check,
                pipeline_document.to_record,
            ),
        )
    }
)
"""By name. A stored selection is no such thing: it becomes no record."""


def kind(name: str) -> Kind:
    """Return a kind by its name.

    Raises:
        UnknownFieldError: There is none; the near ones are in the message.
    """
    if name not in KINDS:
        raise UnknownFieldError(name, KINDS, what="kind", parameter="kind")
    return KINDS[name]
