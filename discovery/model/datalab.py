"""A datalab: an environment that can be launched to work on data, read from its record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from discovery.model.record import Record

NOTEBOOK_INTERFACES: Final = frozenset({"lab", "notebook", "ide"})
"""Interfaces in which any notebook runs."""
_SAME: Final = {"web": "url", "jupyterlab": "lab", "vnc": "desktop", "x": "desktop"}
"""What catalogues call the four interfaces that we know."""
_LAUNCH_RELS: Final = ("launch", "application", "service")
_OWN_PREFIX: Final = "datalab-"


@dataclass(frozen=True, slots=True)
class Datalab:
    """An environment: how one works in it, and for which data it was made."""

    id: str
    """Of its record."""
    title: str
    interface: str = ""
    """`lab`, `notebook`, `desktop`, `url`, or whatever else its record says."""
    domain: str = ""
    missions: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    """Media types that it opens, where its record says so."""
    names: frozenset[str] = frozenset()
    """Short names that it is known by, in lower case, such as `x-topcat`."""
    url: str = ""
    """Where it is started; empty where the record does not say."""
    slug: str = ""
    """The short name that it was published under; empty where its record has none."""
    image: str = ""
    """The whole name of its container image with the digest; empty where it has none."""
    version: str = ""
    license: str = ""
    tools: tuple[str, ...] = ()
    """What is installed in it, each with its version where that is known."""
    zones: tuple[str, ...] = ()
    """Names of the datazones that it runs in; none means any."""
    volumes: tuple[str, ...] = ()
    """Ids of the volumes that it works on."""
    datasets: tuple[str, ...] = ()
    """Ids of the datasets that it was made for."""

    @classmethod
    def from_record(cls, record: Record) -> Datalab:
        """Return what a record of the kind `datalab` says of the environment."""
        said = _one(record, "interface").strip().lower()
        slug = _one(record, "slug")
        names = {record.source_id, record.source_id.removeprefix(_OWN_PREFIX), slug, *record.keywords}
        ways = sorted(
            (each for each in record.links if each.rel in _LAUNCH_RELS and _is_web(each.href)),
            key=lambda link: _LAUNCH_RELS.index(link.rel),
        )
        return cls(
            id=record.id,
            title=record.title,
            interface=_SAME.get(said, said),
            domain=record.domain,
            missions=record.missions,
            formats=record.formats,
            names=frozenset(each.strip().lower() for each in names if each.strip()),
            url=ways[0].href if ways else "",
            slug=slug,
            image=_one(record, "image"),
            version=_one(record, "version"),
            license=record.license,
            tools=_all(record, "tools"),
            zones=_all(record, "zones"),
            volumes=_all(record, "volumes"),
            datasets=_all(record, "datasets"),
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


def _all(record: Record, name: str) -> tuple[str, ...]:
    """Return the texts of a property, under its own name or with the prefix that files write before it."""
    said = record.properties.get(name) or record.properties.get(f"discovery:{name}") or ()
    return (said,) if isinstance(said, str) else tuple(said)


def _one(record: Record, name: str) -> str:
    return next(iter(_all(record, name)), "")
