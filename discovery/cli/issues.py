"""The command about what is odd in records that are there all the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Annotated

import typer

from discovery import wiring
from discovery.cli.context import settings_of
from discovery.cli.output import AsJson, console, print_json, print_table
from discovery.model.record import Issue, Record
from discovery.store.store import Store

app = typer.Typer()


@app.command("warnings")
def warnings(
    context: typer.Context,
    source: Annotated[str | None, typer.Argument(help="Only of this source.")] = None,
    code: Annotated[str, typer.Option(help="List the records that have this warning.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many records are listed.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Count what is odd in records that are there all the same, or list the records by one code."""
    with closing(wiring.open_store(settings_of(context))) as store:
        if source is not None:
            store.ledger.source(source)
        found = _found(store, source)
        if code:
            _print_records(((each, issue) for each, issue in found if issue.code == code), limit, as_json)
        else:
            _print_counts(found, source, as_json)


def _found(store: Store, source: str | None) -> Iterator[tuple[Record, Issue]]:
    for record in store.catalogue.warned(source):
        for issue in record.issues:
            yield record, issue


def _print_counts(found: Iterator[tuple[Record, Issue]], source: str | None, as_json: bool) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], tuple[Record, Issue]] = {}
    for record, issue in found:
        counts[record.source, issue.code] += 1
        examples.setdefault((record.source, issue.code), (record, issue))
    rows = []
    for (name, code), count in counts.most_common():
        record, issue = examples[name, code]
        rows.append({"source": name, "code": code, "count": count, "record": record.id, "message": issue.message})
    _print_rows(rows, as_json, "no record has a warning")
    if rows and not as_json:
        of = f"{source} " if source else ""
        console.print(f"next: discovery warnings {of}--code {rows[0]['code']}", markup=False)


def _print_records(found: Iterator[tuple[Record, Issue]], limit: int, as_json: bool) -> None:
    rows: list[dict[str, str]] = []
    more = False
    for record, issue in found:
        more = len(rows) == limit
        if more:
            break
        rows.append(
            {
                "record": record.id,
                "source": record.source,
                "source_id": record.source_id,
                "path": issue.path,
                "message": issue.message,
            }
        )
    _print_rows(rows, as_json, "no record has this warning")
    if more and not as_json:
        console.print(f"and more; --limit {limit * 10} lists more of them", markup=False)


def _print_rows(rows: Sequence[Mapping[str, object]], as_json: bool, empty: str) -> None:
    """Print rows that have the same members."""
    if as_json:
        print_json(rows)
    else:
        print_table(tuple(rows[0]) if rows else (), [tuple(each.values()) for each in rows], empty=empty)
