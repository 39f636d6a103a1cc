from __future__ import annotations

from collections.abc import Callable
from io import StringIO

import pytest
from rich.console import Console

from discovery.cli import output

PATH = "gmd:identificationInfo/gmd:MD_DataIdentification/gmd:citation/gmd:CI_Citation/gmd:title/gco:CharacterString"


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return `printed(columns, rows)`, which is what a terminal of 80 columns shows of a table."""

    def show(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
        stream = StringIO()
        monkeypatch.setattr(output, "console", Console(file=stream, width=80, highlight=False))
        output.print_table(columns, rows, empty="nothing")
        return stream.getvalue()

    return show


def test_nothing_is_cut_off_where_a_terminal_is_narrow(printed: Callable[..., str]) -> None:
    shown = printed(("field", "from", "value", "issue"), [("title", PATH, "T" * 70, "bad-date: 0000 is none")])
    assert "…" not in shown
    column = shown.splitlines()[0].index("from")
    width = shown.splitlines()[0].index("value") - column
    assert "".join(line[column : column + width].strip() for line in shown.splitlines()[1:]) == PATH


def test_a_table_without_rows_is_a_sentence(printed: Callable[..., str]) -> None:
    assert printed(("id",), []) == "nothing\n"
