"""What commands print: tables for people, one JSON document for programs."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import orjson
import typer
from rich.console import Console
from rich.table import Table

from discovery.model.instant import iso

WRONG_USE: Final = 2
"""The exit status of a command that was asked something it cannot do."""
INCOMPLETE: Final = 3
"""The exit status of a harvest that is partial or held, and of anything that is unavailable now."""

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
console = Console(highlight=False)
complaints = Console(stderr=True, highlight=False)


def print_json(value: object) -> None:
    """Print a value as one JSON document."""
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str) -> None:
    """Print rows under their columns, or a sentence where there are none."""
    if not rows:
        console.print(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        # A name or a path that is cut at the edge of a terminal could neither be read nor copied.
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(each) for each in row))
    console.print(table)


def _cell(value: object) -> str:
    from rich.markup import escape

    return escape("" if value is None else str(value))


def shown_time(moment: int | None) -> str:
    """Return an instant in milliseconds as people read it in a table."""
    return "" if moment is None else iso(moment)[:19].replace("T", " ")


def say(as_json: bool, value: Mapping[str, Any], sentence: str) -> None:
    """Print what was done: the value for programs, the sentence for people."""
    if as_json:
        print_json(value)
    else:
        # A link that is cut at the edge of a terminal could not be clicked.
        console.print(sentence, markup=False, soft_wrap=True)
