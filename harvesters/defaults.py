"""What an operator has said of a source, put into records that do not say it better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from discovery.model import terms
from discovery.model.record import Record
from harvesters.base import SourceContext

_MARKS = ("attribution", "example", "synthetic")


@dataclass(frozen=True, slots=True)
class Defaults:
    """The part of a source's settings that every harvester has."""

    source: str
    domain: str = ""
    provider: str = ""
    mission: str = ""
    marks: tuple[tuple[str, str], ...] = ()
    """Properties that every record of the source carries, such as whom to name when it is used."""
    fallback_domain: str = ""
    """The domain where neither the record, nor the source, nor the mission says one."""

    @classmethod
    def of(cls, context: SourceContext, fallback_domain: str = "") -> Defaults:
        """Return the defaults that a source's settings give."""
        marks = tuple((name, context.text(name)) for name in _MARKS if context.text(name))
        return cls(
            context.source.id,
            context.text("domain"),
            context.text("provider"),
            context.text("mission"),
            marks,
            fallback_domain,
        )

    def fill(self, record: Record) -> Record:
        """Return the record with what it lacks."""
        missions, domain = self.missions(record.missions), record.domain
        return replace(
            record,
            missions=missions,
            domain=domain or self.domain_of(missions),
            provider=record.provider or self.provider,
            properties=self.marked(record.properties),
        )

    def missions(self, given: tuple[str, ...]) -> tuple[str, ...]:
        """Return the missions of a record, with the source's where it names none that we know."""
        if not self.mission or any(terms.mission(path) for path in given):
            return given
        term = terms.mission(self.mission)
        return (term.value if term else self.mission,)

    def domain_of(self, missions: tuple[str, ...]) -> str:
        """Return the domain of a record of these missions that does not say its own."""
        implied = next((found for path in missions if (found := terms.domain_of(path))), "")
        return self.domain or implied or self.fallback_domain

    def marked(self, properties: Mapping[str, str | tuple[str, ...]]) -> Mapping[str, str | tuple[str, ...]]:
        """Return the properties of a record with what every record of the source carries."""
        return {**properties, **dict(self.marks)} if self.marks else properties
