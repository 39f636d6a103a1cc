"""What an operator has said of a source, put into records that do not say it better."""

from __future__ import annotations

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
        missions = record.missions
        if self.mission and not any(terms.mission(path) for path in missions):
            term = terms.mission(self.mission)
            missions = (term.value if term else self.mission,)
        implied = next((found for path in missions if (found := terms.domain_of(path))), "")
        return replace(
            record,
            missions=missions,
            domain=record.domain or self.domain or implied or self.fallback_domain,
            provider=record.provider or self.provider,
            properties={**record.properties, **dict(self.marks)} if self.marks else record.properties,
        )
