"""Every URL that the pages lead to; templates make none themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, quote, urlencode

from discovery.model import terms
from discovery.query.fields import FIELDS, OVERLAP
from discovery.query.form import FACET, RANGE, REGIONS
from discovery.query.region_text import MANNERS

Pairs = tuple[tuple[str, str], ...]
"""The parameters of a request in their order, as `discovery.query.form` reads them."""

SEARCH = "/search"
OPEN = "/open"
NOTEBOOK = "/open/notebook"
LAUNCH = "/launch"
ARRAYS = "/records/{id}/arrays"
QUICKLOOK = "/records/{id}/arrays/quicklook"
SPACES = "/embeddings"
LAUNCHES = "/launches"
SIGN_IN = "/signin"
NEXT = "next"
"""The parameter of where somebody goes who has signed in."""
SIGN_IN_START = "/signin/start"
SIGN_OUT = "/signout"
LEFT = "left"
"""The parameter of the way in that says that somebody has just gone."""
ME = "/me"
PEOPLE = "/admin/people"
AUDIT = "/admin/audit"
_LONGEST_BACK = 4_000
_PATH_BACK = re.compile(r"/(?:[A-Za-z0-9._~!$&'()*+,;=:@%-]+/?)*", re.ASCII)
_QUERY_BACK = re.compile(r"[\x21\x23-\x3b\x3d\x3f-\x5b\x5d\x5f-\x7e]*", re.ASCII)
"""Every printable character of ASCII but space, quote, angles, backslash and caret."""
MORE = "more"
"""The parameter that shows a facet in full; it is the pages' own and no part of a question."""
FORMAT = "f"
"""The parameter that chooses JSON instead of a page."""
INTERVAL = "interval"
"""The parameter that chooses the steps of the histogram of time."""
HEAT = "heat"
"""The parameter that shows the results on a map of a frame."""
BINS, EDGES = "bins.", "edges."
"""What the names of the parameters begin with that say how a number is counted."""
FIND = "find."
"""What the names of the parameters begin with that look for a text among the values of a facet."""
LOW, HIGH = "low.", "high."
"""The ends of a range as a form without scripts sends them."""
_SEEN = (HEAT, INTERVAL)
HIGHLIGHT = "highlight"
"""The parameter that has the words marked in JSON."""
OWN = (MORE, FORMAT, HIGHLIGHT, "from", "to", *_SEEN)
"""Parameters that the pages read themselves."""


def way_in(back: str = "") -> str:
    """Return the address where people sign in, from which they come back to a page of ours."""
    return f"{SIGN_IN}?{urlencode({NEXT: back})}" if back and back != "/" else SIGN_IN


def departure(to: str = "") -> str:
    """Return the address that leads to the provider, from which somebody comes back to a page of ours."""
    return f"{SIGN_IN_START}?{urlencode({NEXT: to})}"


def back(text: str) -> str:
    """Return where to go after signing in: an address of ours that was asked for, or the first page.

    What a browser could take for another host is none of ours: two slashes, a backslash, a scheme, a tab or a line end
    that is left out when it is read, letters that are folded into such.
    """
    path, _, query = text.partition("?")
    ours = len(text) <= _LONGEST_BACK and _PATH_BACK.fullmatch(path) and _QUERY_BACK.fullmatch(query)
    if not ours or path.startswith((SIGN_IN, SIGN_OUT)) or any(each in (".", "..") for each in path.split("/")):
        return "/"
    return text


def asked(pairs: Iterable[tuple[str, str]]) -> Pairs:
    """Return the parameters that make up the question and those that say what is counted beside it.

    The second kind is the pages' own, and stays while the question changes. What is empty is left out.
    """
    kept = ((name, value) for name, value in pairs if value.strip())
    return tuple(each for each in kept if question((each,)) or is_seen(each[0]))


def question(pairs: Iterable[tuple[str, str]]) -> Pairs:
    """Return the parameters that make up the question, as `discovery.query.form` reads them."""
    return tuple(
        each for each in pairs if each[0] not in OWN and not each[0].startswith((BINS, EDGES, FIND, LOW, HIGH))
    )


def is_seen(name: str) -> bool:
    """Tell whether a parameter says what is counted beside the question."""
    return name in _SEEN or name.startswith((BINS, EDGES))


def search(pairs: Iterable[tuple[str, str]] = ()) -> str:
    """Return the URL of a search."""
    query = urlencode(list(pairs), errors="replace")
    return f"{SEARCH}?{query}" if query else SEARCH


def facet(name: str, value: str, *, scope: str = "") -> str:
    """Return the URL of everything that has one value of a facet."""
    return search([*([("scope", scope)] if scope else []), (f"{FACET}{name}", value)])


def toggle(pairs: Pairs, name: str, value: str) -> str:
    """Return the URL that ticks a facet's value, or unticks it.

    In a tree the new value takes the place of what lies above and beneath it: a mission below a ticked group would
    otherwise change nothing, as the values of a facet are joined by OR.
    """
    pair = (f"{FACET}{name}", value)
    if pair in pairs:
        return search(_first_page(each for each in pairs if each != pair))
    kept = [each for each in pairs if not (FIELDS[name].tree and each[0] == pair[0] and _related(each[1], value))]
    return search(_first_page([*kept, pair]))


def without(pairs: Pairs, *removed: tuple[str, str]) -> str:
    """Return the URL of the same question less some parameters."""
    return search(_first_page(less(pairs, *removed)))


def less(pairs: Pairs, *removed: tuple[str, str]) -> Pairs:
    """Return the parameters that stay; with the region its frame, its relation and the order by it go too."""
    names = {name for name, _ in removed}
    placed = not names.intersection(REGIONS)
    return ordered(tuple(each for each in pairs if each not in removed and (placed or each[0] not in MANNERS)))


def ordered(pairs: Pairs) -> Pairs:
    """Return the parameters without an order by overlap where there is no region: a form that was emptied keeps it."""
    if any(name in REGIONS and value.strip() for name, value in pairs):
        return pairs
    return tuple(each for each in pairs if not (each[0] == "sort" and each[1].strip().removeprefix("-") == OVERLAP))


def clear(pairs: Pairs) -> str:
    """Return the URL of everything in the same scope and order."""
    return search(each for each in pairs if each[0] in ("scope", "sort", "size") or is_seen(each[0]))


def replaced(pairs: Pairs, name: str, value: str) -> str:
    """Return the URL with one parameter set anew, or removed where the value is empty."""
    kept = [each for each in pairs if each[0] != name]
    return search(_first_page([*kept, *([(name, value)] if value else [])]))


def relieved(address: str, name: str) -> str:
    """Return the address of a page without one parameter of its question; empty where it has none of that name."""
    path, _, query = address.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True, errors="replace")
    kept = [each for each in pairs if each[0] != name]
    if len(kept) == len(pairs):
        return ""
    return f"{path}?{urlencode(kept, errors='replace')}" if kept else path


def scope(pairs: Pairs, value: str) -> str:
    """Return the URL of the same question in the other scope; an order that suits one does not suit the other."""
    kept = [each for each in pairs if each[0] not in ("scope", "sort")]
    return search(_first_page([*kept, ("scope", value)]))


def page(pairs: Pairs, after: str) -> str:
    """Return the URL of the page behind this one."""
    return search([*_first_page(pairs), ("after", after)])


def expanded(pairs: Pairs, more: Iterable[str], name: str) -> str:
    """Return the URL with a facet shown in full, or cut again where it was in full; it stays on the same page."""
    shown = [each for each in more if each != name] if name in more else [*more, name]
    return f"{search([*pairs, *((MORE, each) for each in shown)])}#facet-{name}"


def as_json(url: str) -> str:
    """Return the URL of the same thing as JSON."""
    return f"{url}{'&' if '?' in url else '?'}{FORMAT}=json"


def as_atom(url: str) -> str:
    """Return the URL of what a search finds as a feed."""
    return f"{url}{'&' if '?' in url else '?'}{FORMAT}=atom"


def record(id: str) -> str:
    """Return the URL of a record's page."""
    return f"/records/{quote(id, safe='')}"


def arrays(id: str, key: str = "", variable: str = "") -> str:
    """Return the URL of the page of what is inside one of the Zarr files of a record, or of one array there."""
    return f"{record(id)}/arrays{_array(key, variable)}"


def quicklook(id: str, key: str = "", variable: str = "") -> str:
    """Return the URL of the picture of one of the Zarr files of a record, or of one array there."""
    return f"{record(id)}/arrays/quicklook{_array(key, variable)}"


def _array(key: str, variable: str) -> str:
    query = urlencode([each for each in (("asset", key), ("variable", variable)) if each[1]], errors="replace")
    return f"?{query}" if query else ""


def space(name: str, row: int | None = None) -> str:
    """Return the URL of a space of embeddings, or of what is like one row of it."""
    return f"{SPACES}/{quote(name, safe='')}" + (f"?{urlencode({'row': row})}" if row is not None else "")


def opening(id: str) -> str:
    """Return the URL of the page with the ways to open a record."""
    return f"{OPEN}?{urlencode({'id': id})}"


def notebook(id: str, **choice: str) -> str:
    """Return the URL of the notebook that opens a record, with what was chosen of the ways."""
    return f"{NOTEBOOK}?{urlencode([('id', id), *((name, value) for name, value in choice.items() if value)])}"


def notebooks(ids: Iterable[str]) -> str:
    """Return the URL of the notebook that opens several records."""
    return f"{LAUNCH}/notebook?{urlencode([('id', each) for each in ids])}"


def launch(pairs: Iterable[tuple[str, str]]) -> str:
    """Return the URL of the page that asks whether this is to be launched: `id` once for each record, and choices."""
    return f"{LAUNCH}?{urlencode(list(pairs))}"


def launched(id: str) -> str:
    """Return the URL of a launch."""
    return f"{LAUNCHES}/{quote(id, safe='')}"


def observations(id: str) -> str:
    """Return the URL of the observations of a dataset."""
    return facet("dataset", id, scope="observations")


def members(id: str) -> str:
    """Return the URL of the resources that name a record as their parent."""
    return facet("dataset", id)


def ranged(pairs: Pairs, name: str, text: str) -> str:
    """Return the URL with one range of a number, or without any where the text is empty."""
    return replaced(pairs, f"{RANGE}{name}", text)


def over(pairs: Pairs, name: str, value: str) -> str:
    """Return the URL of the observations of one dataset or source that match the same question."""
    chosen = f"{FACET}{name}"
    kept = [each for each in pairs if each[0] not in ("scope", "sort", chosen) and not is_seen(each[0])]
    return search(_first_page([*kept, ("scope", "observations"), (chosen, value)]))


def _first_page(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [each for each in pairs if each[0] != "after"]


def _related(one: str, other: str) -> bool:
    return one in terms.ancestors(other) or other in terms.ancestors(one)
