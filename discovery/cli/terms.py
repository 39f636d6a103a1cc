"""The commands about vocabularies: what sources call things that we have one name for, or none yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from discovery.cli.context import opened_portal, settings_of
from discovery.cli.output import AsJson, console, print_json, print_table
from discovery.errors import NotFoundError, UnknownFieldError
from discovery.model import terms
from discovery.model.record import SCOPES

if TYPE_CHECKING:
    from discovery.portal import Portal

app = typer.Typer(no_args_is_help=True, help="One name for each mission, instrument, platform, theme and licence.")

_MOST: Final = 1000
"""Values of a field that are looked at; the most frequent ones come first."""


@app.command("unmapped")
def terms_unmapped(
    context: typer.Context,
    field: Annotated[str | None, typer.Option(help="Only mission, instrument, platform, theme or license.")] = None,
    size: Annotated[int, typer.Option(min=1, max=_MOST, help="At most so many values of a field.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List what sources call things and no vocabulary knows, with how many records and of which sources."""
    if field is not None and field not in terms.kinds():
        raise UnknownFieldError(field, terms.kinds(), what="vocabulary", parameter="field")
    with opened_portal(context) as portal:
        fields = (field,) if field is not None else terms.kinds()
        rows = [row for each in fields for row in _unmapped(portal, each, size)]
    if as_json:
        print_json(rows)
        return
    cells = [(row["field"], row["value"], row["records"], ", ".join(row["sources"])) for row in rows]
    print_table(("field", "value", "records", "sources"), cells, empty="no value of any record lacks a term")
    if any(len([row for row in rows if row["field"] == each]) == size for each in fields):
        console.print(f"there may be more than {size} of a field: see --size and --field")
    if rows:
        console.print("next: name them in the file of the setting terms, then discovery remap and discovery reindex")


@app.command("show")
def terms_show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A name, however it is spelt.")],
    as_json: AsJson = False,
) -> None:
    """Show what a name stands for, and by what other names that is known."""
    from discovery import wiring

    wiring.own_terms(settings_of(context))
    rows = [row for kind in terms.kinds() if (row := _shown(kind, name)) is not None]
    if not rows:
        raise NotFoundError(f"no vocabulary knows {name[:80]!r}; see discovery terms unmapped")
    if as_json:
        print_json(rows)
        return
    cells = [(row["field"], row["value"], row["label"], ", ".join(row["names"])) for row in rows]
    print_table(("field", "value", "label", "found as"), cells, empty="")


def _unmapped(portal: Portal, field: str, size: int) -> list[dict[str, Any]]:
    """Return the values of a field that are no terms, the most frequent first."""
    from discovery.query.query import Query, Selection

    counts: dict[str, int] = {}
    held: dict[str, set[str]] = {}
    for scope in SCOPES:
        (facet,) = portal.facets(Query(scope=scope), [field], _MOST)
        strange = [each for each in facet.buckets if _find(field, each.value) is None]
        for bucket in sorted(strange, key=lambda each: -each.count)[:size]:
            counts[bucket.value] = counts.get(bucket.value, 0) + bucket.count
            asked = Query(scope=scope, selections=(Selection(field, (bucket.value,)),))
            (sources,) = portal.facets(asked, ["source"], _MOST)
            held.setdefault(bucket.value, set()).update(each.value for each in sources.buckets if each.count)
    order = sorted(counts, key=lambda value: (-counts[value], value))[:size]
    return [
        {"field": field, "value": value, "records": counts[value], "sources": sorted(held[value])} for value in order
    ]


def _shown(kind: str, name: str) -> dict[str, Any] | None:
    found = _find(kind, name)
    if found is None:
        return None
    label = terms.label(kind, found)
    return {"field": kind, "value": found, "label": label, "names": list(terms.names(kind, found))}


def _find(kind: str, name: str) -> str | None:
    """Return the value of the term that a name stands for."""
    if kind == "license":
        return terms.license(name)
    finders = {
        "mission": terms.mission,
        "instrument": terms.instrument,
        "theme": terms.theme,
        "platform": terms.platform,
    }
    term = finders[kind](name)
    return term.value if term is not None else None
