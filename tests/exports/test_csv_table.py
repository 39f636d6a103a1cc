from __future__ import annotations

import pytest

from discovery.exports.csv_table import safe


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "  =1", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠x"])  # noqa: RUF001
def test_what_a_spreadsheet_takes_for_a_formula_gets_an_apostrophe(text: str) -> None:
    assert safe(text) == f"'{text}"


@pytest.mark.parametrize("cell", ["a=1", "", "'x", -1.5, -3, None])
def test_everything_else_stays_as_it_is(cell: object) -> None:
    assert safe(cell) is cell  # type: ignore[arg-type]  # any cell
