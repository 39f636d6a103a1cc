"""A search of a large STAC API in slices of time, each a walk of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from discovery.http import Client
from discovery.model.instant import instant, iso
from discovery.model.source import RawRecord
from harvesters.base import Position, RawPage
from harvesters.paged import Paged
from harvesters.stac_page import Ask, Element

REST: Final = "rest"
"""The part of those Items that say nothing about time."""
MOST: Final = 1000
"""Slices of one walk."""
_SHORTEST: Final = 60_000
"""Milliseconds of a slice that is not cut again."""
_DAY: Final = 86_400_000
_EARLY: Final = instant("1970-01-01T00:00:00Z")
_EVER: Final = (instant("0001-01-01T00:00:00Z"), instant("9999-12-31T00:00:00Z"))


@dataclass(frozen=True, slots=True)
class Slice:
    """A stretch of time, without its end; None where it has no end on that side."""

    start: int | None
    end: int | None

    @classmethod
    def of(cls, name: str) -> Slice:
        """Return the slice of a name that `name` gave."""
        start, _, end = name.partition("/")
        return cls(None if start == ".." else instant(start), None if end == ".." else instant(end))

    @property
    def name(self) -> str:
        """The slice as a search asks for it; services take the end for a part of it, too."""
        return "/".join(".." if each is None else iso(each) for each in (self.start, self.end))

    def has(self, moment: int) -> bool:
        """Say whether an instant lies in it."""
        return (self.start is None or self.start <= moment) and (self.end is None or moment < self.end)

    def halves(self) -> tuple[Slice, Slice] | None:
        """Return both halves, at a whole second; None where it is too short or has no end."""
        if self.start is None or self.end is None or self.end - self.start < 2 * _SHORTEST:
            return None
        middle = (self.start + self.end) // 2000 * 1000
        return Slice(self.start, middle), Slice(middle, self.end)


def divide(count: Callable[[str], int | None], most: int, now: int) -> list[str]:
    """Return the names of slices that hold every Item together, as far as possible no more than so many each.

    Args:
        count: Returns how many Items a search for a stretch of time would find, or all of them for an empty one; None
            where the service does not say.
        most: How many Items a slice should have.
        now: UTC milliseconds.

    Returns:
        No name where one walk is as good: the service has few Items, does not count them, or not by time.
    """
    total = count("")
    if total is None or total <= most:
        return []
    late = (now // _DAY + 2) * _DAY
    waiting = [Slice(None, _EARLY), Slice(_EARLY, late), Slice(late, None)]
    counts = [count(each.name) for each in waiting]
    if None in counts or all(each == total for each in counts):
        return []  # It takes no notice of the time.
    known = {each: number or 0 for each, number in zip(waiting, counts, strict=True)}
    out: list[Slice] = []
    while waiting:
        slice_ = waiting.pop()
        halves = slice_.halves() if known[slice_] > most and len(out) + len(waiting) < MOST else None
        if halves is not None:
            found = [count(each.name) for each in halves]
            # Long Items are found in both halves, and where all are, halving helps nobody.
            if None not in found and any(number != known[slice_] for number in found):
                known |= {each: number or 0 for each, number in zip(halves, found, strict=True)}
                waiting += halves
                continue
        # Also one that is empty now: something may come while the others are walked.
        out.append(slice_)
    names = [each.name for each in _joined(out, known, most)]
    if len(names) < 2:
        return []
    timed = count("/".join(map(iso, _EVER)))
    return [*names, REST] if timed is None or timed < total else names


def _joined(slices: Sequence[Slice], known: Mapping[Slice, int], most: int) -> list[Slice]:
    """Return slices in their order, those that follow each other as one where together they are no more than wanted."""
    out: list[Slice] = []
    held = 0
    for each in sorted(slices, key=lambda each: each.start if each.start is not None else _EVER[0]):
        if out and held + known[each] <= most:
            out[-1] = Slice(out[-1].start, each.end)
            held += known[each]
        else:
            out.append(each)
            held = known[each]
    return out


class Part:
    """Walks one slice, or those Items that say nothing about time.

    Args:
        client: The way to the network.
        ask: The request for its first page; for the Items without a time that is a search for everything.
        element: Returns an element of a page.
        name: The slice, or REST.
        totals: Whether the service is to be believed when it says how many Items it has.
    """

    def __init__(
        self, client: Client, ask: Ask, element: Callable[[int, Element], RawRecord], name: str, *, totals: bool
    ) -> None:
        self._client = client
        self._slice = Slice.of(name) if name != REST else None
        self._service = _Search(ask, element, totals)

    def pages(self, position: Position | None) -> Iterator[RawPage]:
        """Yield the Items page by page; what another part has anyway is left out here."""
        inner, elsewhere = (position["walk"], int(position["elsewhere"])) if position else (None, 0)
        for page in Paged(self._client, self._service).pages(inner):
            times, self._service.times = self._service.times, []
            places = [self._place(said) for said in times]
            elsewhere += sum(not here for here, _ in places)
            yield replace(
                page,
                raws=tuple(raw for raw, (_, taken) in zip(page.raws, places, strict=True) if taken),
                position={"walk": page.position, "elsewhere": elsewhere} if page.position is not None else None,
                # What is counted with another part must not be missed here.
                matched=page.matched - elsewhere if page.matched is not None else None,
            )

    def _place(self, properties: Mapping[str, Any]) -> tuple[bool, bool]:
        """Say whether an Item is one of this part, and whether it is taken here: also where no other may find it."""
        start, end = (_moment(properties.get(name)) for name in ("start_datetime", "end_datetime"))
        moment = _moment(properties.get("datetime"))
        begins = moment if moment is not None else start
        if self._slice is None:
            return begins is None, begins is None
        if begins is None:
            return False, True
        if self._slice.has(begins):
            return True, True
        # Services look at the one instant or at the interval. Where the instant lies outside, only they know.
        return False, not ((start is None or start <= begins) and (end is None or begins <= end))


class _Search:
    """A search as the walk over pages knows it: a service without collections."""

    listing: Ask | None = None

    def __init__(self, ask: Ask, element: Callable[[int, Element], RawRecord], totals: bool) -> None:
        self._ask = ask
        self._element = element
        self.totals = totals
        self.times: list[Mapping[str, Any]] = []
        """The properties of the Items of the page at hand."""

    def wanted(self, collection: Element) -> bool:
        """There are no collections."""
        return True

    def first(self, name: str, collection: Mapping[str, Any], listed: Ask | None) -> Ask:
        """Return the request for the first page."""
        return self._ask

    def listed(self, collection: Element, href: str) -> RawRecord | None:
        """There are no collections."""
        return None

    def element(self, name: str, number: int, element: Element) -> RawRecord:
        """Return an Item, and take note of when it was."""
        properties = (element.document or {}).get("properties")
        self.times.append(properties if isinstance(properties, Mapping) else {})
        return self._element(number, element)


def _moment(value: Any) -> int | None:
    if not isinstance(value, str) or not value:
        return None
    try:
        return instant(value)
    except ValueError:
        return None
