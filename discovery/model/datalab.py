"""A datalab: an environment that can be launched to work on data, read from its record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from discovery.model.record import Record

NOTEBOOK_INTERFACES: Final = frozenset({"lab", "notebook", "ide"})
"""Interfaces in which any notebook runs."""
_LAUNCH_RELS: Final = ("launch", "application", "service")
_OWN_PREFIX: Final = "datalab-"


@dataclass(frozen=True, slots=True)
class Datalab:
    """An environment: how one works in it, and for which data it was made."""

    id: str
    """Of its record."""
    title: str
    interface: str = ""
    """`lab`, `notebook`, `ide`, `desktop`, `web`, or whatever else its record says."""
    domain: str = ""
    missions: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    """Media types that it opens, where its record says so."""
    names: frozenset[str] = frozenset()
    """Short names that it is known by, in lower case, such as `x-topcat`."""
    url: str = ""
    """Where it is started; empty where the record does not say."""

    @classmethod
    def from_record(cls, record: Record) -> Datalab:
        """Return what a record of the kind `datalab` says of the environment."""
        said = record.properties.get("interface") or record.properties.get("discovery:interface") or ""
        names = {record.source_id, record.source_id.removeprefix(_OWN_PREFIX), *record.keywords}
        ways = sorted(
            (each for each in record.links if each.rel in _LAUNCH_RELS and _is_web(each.href)),
            key=lambda link: _LAUNCH_RELS.index(link.rel),
        )
        return cls(
            id=record.id,
            title=record.title,
            interface=(said if isinstance(said, str) else "".join(said[:1])).strip().lower(),
            domain=record.domain,
            missions=record.missions,
            formats=record.formats,
            names=frozenset(each.strip().lower() for each in names if each.strip()),
            url=ways[0].href if ways else "",
        )

    @property
    def runs_notebooks(self) -> bool:
        """Whether a notebook can be opened in it."""
        return self.interface in NOTEBOOK_INTERFACES


def _is_web(href: str) -> bool:
    try:
        parts = urlsplit(href)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
