"""Where records can be opened, and for each that cannot, the reason why and what can be done instead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from discovery.http.redaction import HIDDEN, has_credentials, is_signed
from discovery.launch.formats import PAGE, family, is_service
from discovery.launch.resolver import File, Resolver, goes_up
from discovery.launch.rules import MAX_VALUE
from discovery.model.record import Asset, Record
from discovery.model.volume import Volume

MAX_LOOKED_AT: Final = 200
"""Assets and links of a record that are looked at for a reason."""
_ASKED: Final = frozenset({"http", "https", "s3"})
_PATHS: Final = ("file_path", "datalabs_path", "s3_path", "S3Path", "cloud_access")
"""Properties in which archives write where a file is on their own machines."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a record has nothing that could be opened here."""

    code: str
    sentence: str
    """For people, without names of this record."""
    instead: str
    """What can be done instead."""

    def to_dict(self) -> dict[str, str]:
        """Return the reason as JSON values."""
        return {"code": self.code, "sentence": self.sentence, "instead": self.instead}


_ALL: Final = (
    Reason("project", "A project describes work; it has no files of its own.", "Open the datasets that name it."),
    Reason("datalab", "A datalab is a tool and holds no data.", "Start it, or open a record with it."),
    Reason("workflow", "A workflow is a recipe: it is run, and has no data of its own.", "Follow its links to code."),
    Reason("experiment", "An experiment says how something was made.", "Open the datasets that it names."),
    Reason("service", "A service answers questions and has no files.", "Ask it at its address, with a client for it."),
    Reason("document", "A document is read, not opened as data.", "Follow its links."),
    Reason("unmounted", "The volume names neither a folder nor an address.", "Ask its provider where it is mounted."),
    Reason("collection", "Its files are those of the records beneath it.", "Open one of those, or select several."),
    Reason("signed", "Its addresses were signed for a while, and such are not kept.", "Ask the archive for new ones."),
    Reason("secret", "Its addresses hold a password or a key, which is nobody else's.", "Sign in at the archive."),
    Reason("unsafe", "Its addresses lead out of their folder, or cannot be printed.", "Tell whoever runs the source."),
    Reason("broken", "Its addresses cannot be read, or begin nowhere.", "Tell whoever runs the source."),
    Reason("scheme", "Its addresses are of a kind that nothing here opens.", "Use the archive's own client."),
    Reason("service-only", "Its addresses are those of services, not of files.", "Ask the service for what you need."),
    Reason("preview-only", "It has pictures of the data and not the data.", "Look at its page for where those are."),
    Reason("metadata-only", "It has descriptions of the data and not the data.", "Follow its links to the archive."),
    Reason("archive-path", "It names a folder of its archive that no platform mounts.", "Write a rule for the folder."),
    Reason("registered", "Its archive gives the data to people who sign in, and names no file.", "Sign in there."),
    Reason("restricted", "Its archive does not give the data to everybody.", "Ask the archive for access."),
    Reason("page-only", "It names pages and no file.", "Follow its links: the data can be had from there."),
    Reason("no-assets", "Its source names neither a file nor a page.", "Ask its provider."),
)
REASONS: Final[Mapping[str, Reason]] = MappingProxyType({each.code: each for each in _ALL})
"""Every reason by its code, kinds of records first."""
_KINDS: Final = {
    "project": "project",
    "datalab": "datalab",
    "pipeline": "workflow",
    "experiment": "experiment",
    "service": "service",
    "document": "document",
    "volume": "unmounted",
}
_ASSET_ORDER: Final = (
    "signed",
    "secret",
    "unsafe",
    "scheme",
    "broken",
    "service-only",
    "preview-only",
    "metadata-only",
)
"""Reasons that assets give: the first that one of them gives is the record's."""
_NOTED: Final = {"signed-asset": "signed"}
"""Warnings of a harvest, and the reason that they are."""


@dataclass(frozen=True, slots=True)
class Located:
    """Where one record is, or why it is nowhere."""

    id: str
    files: tuple[File, ...] = ()
    """The main ones first, each with its places."""
    mount_path: str = ""
    """Where the record itself is mounted, if it is a volume."""
    twins: tuple[str, ...] = ()
    """The addresses of the record itself, if it is a volume."""
    reason: Reason | None = None
    """Why there is none; None where there is one."""

    @property
    def is_located(self) -> bool:
        """Whether there is at least one place to open."""
        return bool(self.files or self.mount_path or self.twins)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "id": self.id,
            "located": self.is_located,
            "mount_path": self.mount_path or None,
            "twins": list(self.twins),
            "files": [each.to_dict() for each in self.files],
            "reason": self.reason.to_dict() if self.reason else None,
        }


def locate(record: Record, resolver: Resolver, *, is_parent: bool = False) -> Located:
    """Return where a record is, or the reason why it is nowhere.

    Args:
        record: What is looked for.
        resolver: How places are made.
        is_parent: Whether other records name it as their dataset or project.
    """
    if files := resolver.files(record):
        return Located(record.id, files)
    if record.kind == "volume":
        volume = Volume.from_record(record)
        if volume.mount_path or volume.twins:
            return Located(record.id, (), volume.mount_path, volume.twins)
    return Located(record.id, reason=REASONS[_code(record, is_parent)])


def _code(record: Record, is_parent: bool) -> str:
    """Return the code of the surest reason."""
    if code := _KINDS.get(record.kind):
        return code
    if is_parent:
        return "collection"
    found = {_of_asset(each) for each in record.assets[:MAX_LOOKED_AT]}
    found |= {_NOTED.get(each.code, "") for each in record.issues}
    if code := next((each for each in _ASSET_ORDER if each in found), ""):
        return code
    if any(record.properties.get(name) for name in _PATHS):
        return "archive-path"
    if record.access in ("registered", "restricted"):
        return record.access
    if record.doi or any(_scheme(each.href) in _ASKED for each in record.links[:MAX_LOOKED_AT]):
        return "page-only"
    return "no-assets"


def _of_asset(asset: Asset) -> str:
    """Return why one asset is no place."""
    hrefs = [each for each in (asset.href, *asset.alternates) if each]
    if any(is_signed(each) for each in hrefs):
        return "signed"
    if any(has_credentials(each) or f"={HIDDEN}" in each for each in hrefs):
        return "secret"
    if any(len(each) > MAX_VALUE or not each.isprintable() or goes_up(each) for each in hrefs):
        return "unsafe"
    if is_service(asset.href, asset.media_type, asset.roles):
        return "service-only"
    kind = family(asset.media_type, asset.href)
    if kind.data:
        schemes = {_scheme(each) for each in hrefs} - {""}
        # One that could be asked for would be a place if it could be read.
        return "scheme" if schemes and not schemes & _ASKED else "broken"
    return "metadata-only" if kind.name == PAGE else "preview-only"


def _scheme(href: str) -> str:
    try:
        return urlsplit(href).scheme.lower()
    except ValueError:
        return ""


@dataclass(slots=True)
class Count:
    """How many records have a place, and how many a reason why not."""

    records: int = 0
    located: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, found: Located) -> None:
        """Count one record."""
        self.records += 1
        if found.is_located:
            self.located += 1
        elif found.reason:
            self.reasons[found.reason.code] += 1

    @property
    def explained(self) -> int:
        """Records without a place whose reason is known."""
        return self.reasons.total()

    @property
    def share(self) -> float:
        """The part of the records that have a place or a reason; 1 where there are none."""
        return round((self.located + self.explained) / self.records, 6) if self.records else 1.0

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as JSON values."""
        return {
            "records": self.records,
            "located": self.located,
            "explained": self.explained,
            "share": self.share,
        }


@dataclass(slots=True)
class Report:
    """The same over a catalogue, and for each of its sources."""

    total: Count = field(default_factory=Count)
    by_source: dict[str, Count] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return `records`, `located`, `explained`, `share` and `by_source`, where each source has its reasons too."""
        sources = sorted(self.by_source.items())
        return {
            **self.total.to_dict(),
            "by_source": {
                source: {**each.to_dict(), "reasons": dict(sorted(each.reasons.items()))} for source, each in sources
            },
        }


def report(
    pages: Iterable[Sequence[Record]], resolver: Resolver, parents: Callable[[Collection[str]], Collection[str]]
) -> Report:
    """Count where the records of a catalogue are, page by page, so that memory does not grow with their number.

    Args:
        pages: The records, some at a time.
        resolver: How places are made.
        parents: Says which of some ids are named by other records as their parent.
    """
    out = Report()
    for page in pages:
        asked = [each.id for each in page if each.kind == "dataset"]
        known = frozenset(parents(asked)) if asked else frozenset()
        for record in page:
            found = locate(record, resolver, is_parent=record.id in known)
            out.total.add(found)
            out.by_source.setdefault(record.source, Count()).add(found)
    return out
