"""What a harvester is: the code for one protocol, which knows nothing of the store, of retries or of deletion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from discovery.http import Client
from discovery.model.source import Mapped, Quarantined, RawRecord, Source

Position = Mapping[str, Any]
"""Where a walk goes on: JSON values that only the harvester which made them can read."""

Value = str | int | bool
"""What a setting may be, once it is read."""


@dataclass(frozen=True, slots=True)
class RawPage:
    """One step of a walk: some elements as they were sent, and where the walk goes on."""

    raws: tuple[RawRecord, ...]
    position: Position | None
    """Where the next page begins; None at the end of the partition."""
    matched: int | None = None
    """How many elements the source says it has in all; a walk that ends with fewer is not believed."""
    rejected: tuple[Quarantined, ...] = ()
    """What came but could not be cut out or read, with its place in the source."""
    clock: int | None = None
    """What time the source says it is, in UTC milliseconds, where it says so: its dates are of that clock."""
    gone: tuple[tuple[str, str], ...] = ()
    """Container and id of elements that the source itself says it has deleted, on a page of changes."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What a source says of itself before it is walked."""

    title: str = ""
    matched: int | None = None
    """How many elements it has, where it says so; for the progress bar, never for truth."""
    notes: tuple[str, ...] = ()
    """What an operator should know, such as the limit of rows in one answer."""


@dataclass(frozen=True, slots=True)
class SourceContext:
    """All that a harvester is given: its source, the way to the network, and its settings."""

    source: Source
    client: Client
    folder: Path = Path()
    """What a relative `file:` URL starts from."""
    settings: Mapping[str, Value] = field(default_factory=dict)
    """Every setting of the harvester's table, read and with its default."""

    def text(self, name: str) -> str:
        """Return a setting that is text."""
        return str(self.settings[name])

    def number(self, name: str) -> int:
        """Return a setting that is a whole number."""
        return int(self.settings[name])


def ids_of(pages: Iterable[RawPage]) -> Iterator[tuple[str, str]]:
    """Yield container and id of every element of a walk, where there is no cheaper way to them."""
    for page in pages:
        for raw in page.raws:
            yield raw.container, raw.source_id


class Harvester(Protocol):
    """One protocol over one source.

    Making one touches neither network nor disk, so that stored elements can be mapped again when the source is gone.
    """

    @property
    def bytes_read(self) -> int:
        """How many bytes of local files have been read; those of the network are counted by the client."""
        ...

    def probe(self) -> Probe:
        """Return what the source says of itself.

        Raises:
            SourceUnavailableError: It does not answer, or not as this protocol should.
        """
        ...

    def pages(self, position: Position | None) -> Iterator[RawPage]:
        """Yield the source's elements page by page, from the beginning or from where an earlier walk stood.

        The same position gives the same page again while the source does not change. What cannot be read goes into
        `RawPage.rejected` wherever the walk can go on behind it.

        Raises:
            SourceUnavailableError: The walk cannot go on now.
            RunError: The walk cannot go on at all: the source contradicts itself.
        """
        ...

    def ids(self) -> Iterator[tuple[str, str]]:
        """Yield container and id of every element, as cheaply as the protocol allows, to compare with the store."""
        ...

    def parse(self, raw: RawRecord) -> Any:
        """Return the document of one element.

        Raises:
            RecordError: The bytes are not what they should be.
        """
        ...

    def map(self, raw: RawRecord, document: Any) -> Mapped:
        """Return the record that a document describes; the same bytes always give the same record.

        Raises:
            RecordError: It cannot become a record; the code says why.
        """
        ...


@runtime_checkable
class SupportsChanges(Protocol):
    """A harvester that can also walk only what has changed; the loop asks whether the method is there.

    The loop decides when: after a complete walk, and until a full one is due again. Such a walk never deletes.
    """

    @property
    def cheap_ids(self) -> bool:
        """Whether `ids` costs so much less than a full walk that it is done instead, to find what has gone."""
        ...

    def changes(self, since: int, position: Position | None) -> Iterator[RawPage] | None:
        """Return, page by page, every element that is new or has changed since an instant; more does no harm.

        Positions are as those of `pages`, and only ever given back with the same `since`. The instant lies a day
        before the last walk began, so neither an inexact date nor a clock that is a little wrong loses anything.

        Args:
            since: UTC milliseconds; what changed at that very instant belongs to it.
            position: Where an earlier walk of this kind stood; None at its beginning.

        Returns:
            None where this very source cannot tell what has changed; it is then walked whole.

        Raises:
            SourceUnavailableError, RunError: As `pages`.
        """
        ...


@runtime_checkable
class SupportsPartitions(Protocol):
    """A harvester that can part a full walk into walks that know nothing of each other; they share it by threads."""

    def partitions(self) -> Sequence[str]:
        """Return names of parts that hold every element together, each best in one; none where parting is not worth it.

        A walk keeps to the names that it began with, also in later runs, so each must say all that `partition` needs.

        Raises:
            SourceUnavailableError, RunError: As `pages`.
        """
        ...

    def partition(self, name: str, position: Position | None) -> Iterator[RawPage]:
        """Yield the elements of one part, as `pages` does those of all; `RawPage.matched` is of the part."""
        ...
