"""Taking one page: its elements mapped, and stored together with where its part of the walk stands then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from discovery.model.source import Checkpoint, Counts, Mapped, Quarantined
from discovery.store.store import Store
from harvesters.base import Harvester, RawPage
from harvesters.mapping import map_one
from harvesters.walk import Part, Walk

_UNREADABLE: Final = frozenset({"parse", "fetch"})
# These have said what they are: a link into nothing, or an element that never was a record of ours.
_HARMLESS: Final = frozenset(
    {"missing-document", "refused", "missing-id", "bad-id", "bad-container", "not-an-object", "unknown-type"}
)


class StoppedError(Exception):
    """Somebody has asked the run to end."""


@dataclass(frozen=True, slots=True)
class Taker:
    """Takes the pages of one run over one source; threads may share it where they share the harvester.

    Args:
        store: Where the records go.
        harvester: What reads them.
        source: The source's id.
        run: The run that goes on.
        number: The walk that it brings further, by its first run.
        walk: What that walk reads.
        stopped: Looked at before each element.
        refused: Where nothing is to be written, how many elements are in quarantine by each reason; None to write.
    """

    store: Store
    harvester: Harvester
    source: str
    run: int
    number: int
    walk: Walk
    stopped: Callable[[], bool]
    refused: Counter[str] | None = None

    def take(self, part: Part, page: RawPage, room: int | None = None, gone: Sequence[str] = ()) -> tuple[Part, Counts]:
        """Take a page, and return where its part stands then and what the page did.

        Args:
            part: Where the part stood.
            page: Its next page.
            room: How many elements may be taken; a page that has more is cut there, the part stays where it stood, and
                whoever takes the page again goes on behind them.
            gone: The ids of records that are deleted with the page, because the source says so.

        Raises:
            StoppedError: The run is to end; nothing of the page is stored.
        """
        start = part.taken_of(page)
        end = len(page.raws) if room is None else min(start + room, len(page.raws))
        mapped: list[Mapped] = []
        rejected = list(page.rejected)
        for raw in page.raws[start:end]:
            if self.stopped():
                raise StoppedError
            outcome = map_one(self.harvester, raw)
            mapped.append(outcome) if isinstance(outcome, Mapped) else rejected.append(outcome)
        if end == len(page.raws):
            after = part.after(page, len(rejected), sum(map(_blocks_deletion, rejected)))
        else:
            # What the source itself has rejected comes again with the rest of the page.
            ours = rejected[len(page.rejected) :]
            after = part.within(page, end, len(ours), sum(map(_blocks_deletion, ours)))
        return after, self._stored(after, mapped, rejected, gone)

    def _stored(self, part: Part, mapped: list[Mapped], rejected: list[Quarantined], gone: Sequence[str]) -> Counts:
        if self.refused is not None:
            self.refused.update(each.issue.code for each in rejected)
            return _foreseen(self.store, mapped, rejected)
        state = part.to_json() if part.name else {**part.to_json(), **self.walk.to_json()}
        return self.store.ingest.page(
            self.source,
            self.run,
            mapped,
            rejected,
            checkpoint=Checkpoint(self.number, state),
            partition=part.name,
            gone=gone,
        )


def _blocks_deletion(each: Quarantined) -> bool:
    """Say whether an element may be a known record that could not be recognised, so that it only seems to be gone."""
    return not each.raw.source_id and each.stage in _UNREADABLE and each.issue.code not in _HARMLESS


def _foreseen(store: Store, mapped: list[Mapped], rejected: list[Quarantined]) -> Counts:
    """Return what storing a page would do."""
    latest = {each.record.id: each.record for each in mapped}
    return store.ingest.foresee(mapped) + Counts(
        seen=len(mapped) + len(rejected),
        quarantined=len(rejected),
        warnings=sum(len(each.issues) for each in latest.values()),
    )
