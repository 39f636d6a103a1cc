"""How each source stands: its runs, what is held of it, and what of it became no record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from discovery.model.source import Run, Source
from discovery.store.store import Store
from harvesters.schedule import Next, agenda


@dataclass(frozen=True, slots=True)
class Standing:
    """One source as it stands."""

    source: Source
    last: Run | None
    next: Next | None
    kinds: Mapping[str, int]
    """How many records of each kind are here."""
    quarantined: int
    stated: int | None
    """How many elements the source says that it has: in its last run, else in its last whole walk."""

    @property
    def records(self) -> int:
        """How many records are here."""
        return sum(self.kinds.values())


def standings(store: Store) -> list[Standing]:
    """Return how every source stands, by id."""
    held, waiting, stated = store.catalogue.counts(), store.ledger.quarantined_counts(), store.ledger.stated()
    return [
        Standing(
            each.source,
            each.last,
            each.next,
            held.get(each.source.id, {}),
            waiting.get(each.source.id, 0),
            stated.get(each.source.id),
        )
        for each in agenda(store.ledger)
    ]
