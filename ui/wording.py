"""How values are said to people: kinds, numbers, sizes and times."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from discovery.model import instant
from discovery.model.extent import Extent
from discovery.query.query import Time, Total

KINDS: Final = MappingProxyType(
    {
        "dataset": "Dataset",
        "observation": "Observation",
        "project": "Project",
        "datalab": "Datalab",
        "volume": "Data volume",
        "pipeline": "Pipeline",
        "experiment": "Experiment",
        "service": "Service",
        "document": "Document",
    }
)
_LABELS: Final = MappingProxyType(
    {
        ("access", "open"): "Open",
        ("access", "registered"): "Registered users",
        ("access", "restricted"): "Restricted",
        ("frame", "earth"): "Earth",
        ("frame", "sky"): "Sky (ICRS)",
        ("license", "other"): "Other licence",
        ("license", "proprietary"): "Proprietary",
        ("license", "various"): "Various",
    }
)
# Wavelengths: nobody reads a ten-millionth of a metre.
_SMALL: Final = ((1e-6, "µm"), (1e-9, "nm"), (1e-12, "pm"))
_UNITS: Final = ("B", "kB", "MB", "GB", "TB", "PB", "EB")


def kind(value: str) -> str:
    """Return what people call a kind of record."""
    return KINDS.get(value, value)


def value(field: str, value: str, label: str = "") -> str:
    """Return what people call a field's value; `label` is what a vocabulary calls it."""
    if field == "kind":
        return kind(value)
    return _LABELS.get((field, value)) or label or value


def count(total: Total) -> str:
    """Return how many match, with a word before a number that is not exact."""
    return f"{'about ' if not total.exact else ''}{total.value:,}"


def plural(number: int, one: str, many: str = "") -> str:
    """Return the number with its noun."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def size(number: float | None) -> str:
    """Return bytes as people read them: three digits and a decimal prefix."""
    if number is None or number < 0:
        return ""
    amount, unit = float(number), 0
    while amount >= 999.5 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{amount:.0f} {_UNITS[unit]}" if not unit or amount >= 99.95 else f"{amount:.1f} {_UNITS[unit]}"


def number(amount: float, unit: str = "") -> str:
    """Return a measured value with its unit, at most six digits."""
    if unit == "byte":
        return size(amount)
    if unit == "m" and 0 < abs(amount) < 1e-3:
        power, unit = next(each for each in _SMALL if abs(amount) >= each[0] or each is _SMALL[-1])
        amount /= power
    return f"{amount:.6g}{'' if unit == '%' else ' ' if unit else ''}{unit}"


def day(milliseconds: int | None) -> str:
    """Return the date of an instant, and its time of day unless that is midnight."""
    if milliseconds is None:
        return ""
    date, _, clock = instant.iso(milliseconds).partition("T")
    return date if clock == "00:00:00Z" else f"{date} {clock[:8]}"


def date(milliseconds: int | None) -> str:
    """Return the date of an instant."""
    return "" if milliseconds is None else instant.iso(milliseconds).partition("T")[0]


def period(extent: Extent) -> str:
    """Return the dates from which to which something reaches."""
    start, end = date(extent.start), date(extent.end)
    if not start and not end:
        return ""
    if start == end:
        return start
    return f"{start or '…'} to {end or 'now'}" if start else f"until {end}"


def span(time: Time) -> str:
    """Return a time that was asked for as people say it."""
    start, end = date(time.start), date(time.end)
    if start and end:
        return start if start == end else f"{start} to {end}"
    return f"from {start}" if start else f"until {end}"


def years(time: Time | None) -> tuple[str, str]:
    """Return the two ends of a time as the form shows them: the date, or only the year where that says the same."""
    if time is None:
        return "", ""
    return _end(time.start, "-01-01"), _end(time.end, "-12-31")


def _end(milliseconds: int | None, suffix: str) -> str:
    text = date(milliseconds)
    return text.removesuffix(suffix) if len(text) == 10 else text
