"""Tables of the Virtual Observatory, as astropy and pyvo read them."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable

import pytest
from astropy.io.votable import parse

from discovery.exports.columns import COLUMNS
from discovery.exports.writing import Format
from discovery.query.query import Query
from discovery.selection import Selection

Whole = Callable[..., bytes]


def rows(text: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.decode(), newline="")))


@pytest.mark.slow
@pytest.mark.parametrize("scope", ["resources", "observations"])
def test_astropy_reads_the_votable_without_a_complaint(whole: Whole, scope: str) -> None:
    text = whole(Format.VOTABLE, Selection.of_query(Query(scope=scope)))
    table = parse(io.BytesIO(text), verify="exception").get_first_table().to_table()
    plain = rows(whole(Format.CSV, Selection.of_query(Query(scope=scope))))
    assert table.colnames == [each.name for each in COLUMNS]
    assert [str(each) for each in table["id"]] == [each["id"] for each in plain]
    if scope == "observations":
        (row,) = (each for each in table if each["source_id"] == "sky")
        assert math.isclose(row["exposure"], 1.5e-7)
        assert table["exposure"].unit == "s"
        assert table["sky_resolution"].mask.all() or len(table) > 2
    else:
        (row,) = (each for each in table if each["source_id"] == "mean")
        assert row["title"].startswith('=HYPERLINK("http://x.example/";"y") ]]> </TD> & ')


@pytest.mark.slow
def test_pyvo_reads_the_votable_as_an_answer_of_a_service(whole: Whole) -> None:
    from pyvo.dal.query import DALResults

    results = DALResults(parse(io.BytesIO(whole(Format.VOTABLE))))
    assert results.status == ("OK", None)
    assert len(results) == 24
    assert results.fieldname_with_ucd("meta.id;meta.main") == "id"
