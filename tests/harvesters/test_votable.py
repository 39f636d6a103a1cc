from __future__ import annotations

import gzip
import io
import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.io.votable import from_table
from astropy.table import Table as Astropy

from discovery.errors import RecordError
from harvesters import votable

SAMPLES = Path(__file__).parents[2] / "fixtures" / "sources" / "vo"
HEAD = '<VOTABLE version="1.4"><RESOURCE type="results"><INFO name="QUERY_STATUS" value="OK"/>'
FIELDS = (
    '<TABLE><FIELD name="ID" datatype="char" arraysize="*"/><FIELD name="N" datatype="int" unit=" m "/>'
    '<FIELD name="F" datatype="double"><VALUES null="-99"/></FIELD><DATA><TABLEDATA>'
)
TAIL = "</TABLEDATA></DATA></TABLE>{more}</RESOURCE></VOTABLE>"


def answer(rows: str, more: str = "", fields: str = FIELDS) -> bytes:
    return (HEAD + fields + rows + TAIL.format(more=more)).encode()


def row(*cells: str) -> str:
    return "<TR>" + "".join(f"<TD>{cell}</TD>" for cell in cells) + "</TR>"


def test_rows_are_texts_by_lower_case_names_without_empty_cells() -> None:
    table = votable.read(answer(row("a", "1", "NaN") + row(" b ", "", "-99") + row("c", "3", "2.5")), most=10)
    assert table.rows == [{"id": "a", "n": "1"}, {"id": " b "}, {"id": "c", "n": "3", "f": "2.5"}]
    assert (table.status, table.full, table.units()) == ("OK", False, {"n": "m"})


def test_the_last_status_counts() -> None:
    table = votable.read(answer(row("a"), '<INFO name="QUERY_STATUS" value="overflow">cut  here</INFO>'), most=10)
    assert (table.status, table.message) == ("OVERFLOW", "cut here")


def test_no_more_rows_are_taken_than_asked_for() -> None:
    table = votable.read(answer(row("a") * 50), most=7)
    assert (len(table.rows), table.full) == (7, True)


def test_namespaces_comments_and_further_tables_do_not_matter() -> None:
    body = answer(
        "<!-- x -->" + row("a") + "<?pi?>", FIELDS.replace('"ID"', '"Z"') + row("z") + "</TABLEDATA></DATA></TABLE>"
    )
    body = body.replace(b"<VOTABLE ", b'<VOTABLE xmlns="http://www.ivoa.net/xml/VOTable/v1.3" ')
    assert votable.read(body, most=10).rows == [{"id": "a"}]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not XML",
        b"<html><body>x</body></html>",
        answer(row("a"))[:-20],
        b'<!DOCTYPE VOTABLE [<!ENTITY a "b">]>' + answer(row("&a;")),
        b'<!DOCTYPE VOTABLE SYSTEM "file:///etc/passwd">' + answer(row("a")),
        answer("<TR>" * 5000),
        answer(row("\x00")),
        answer("", fields="<TABLE>" + '<FIELD name="x" datatype="int"/>' * 2001 + "<DATA><TABLEDATA>"),
    ],
    ids=["empty", "text", "page", "cut", "entity", "dtd", "nest", "nul", "fields"],
)
def test_what_is_no_whole_table_is_refused(body: bytes) -> None:
    with pytest.raises(RecordError) as caught:
        votable.read(body, most=10)
    assert caught.value.code == "broken-votable"


def test_a_cell_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(votable, "MAX_CELL", 100)
    with pytest.raises(RecordError, match="a cell of id is longer"):
        votable.read(answer(row("x" * 101)), most=10)


@pytest.mark.parametrize("form", ["binary", "binary2"])
def test_binary_tables_say_the_same(form: str) -> None:
    given = from_table(Astropy({"ID": ["a", "b"], "N": [1, 2], "F": [0.5, float("nan")]}))
    given.resources[0].tables[0].format = form
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        given.to_xml(stream)
    table = votable.read(stream.getvalue(), most=10)
    assert table.rows == [{"id": "a", "n": "1", "f": "0.5"}, {"id": "b", "n": "2"}]
    head, _, rest = stream.getvalue().partition(b"base64")
    broken = head + b"base64" + rest[:10] + rest[rest.index(b"</STREAM>") :]
    with pytest.raises(RecordError, match="binary table is broken"):
        votable.read(broken, most=10)


@pytest.mark.parametrize("form", ["binary", "binary2"])
def test_numbers_of_a_binary_table_have_the_digits_that_they_have_as_text(form: str) -> None:
    short = np.array([0.1, 1e-7], dtype=np.float32)
    pairs = np.array([[0.1, 2.5], [3.0, 0.3]], dtype=np.float32)
    given = from_table(Astropy({"F": short, "D": [0.1, 60000.123456789], "P": pairs}))
    given.resources[0].tables[0].format = form
    stream = io.BytesIO()
    given.to_xml(stream)
    assert votable.read(stream.getvalue(), most=10).rows == [
        {"f": "0.1", "d": "0.1", "p": "0.1 2.5"},
        {"f": "1e-07", "d": "60000.123456789", "p": "3.0 0.3"},
    ]


def test_a_binary_table_that_an_archive_sent_is_read_with_its_texts_of_any_length() -> None:
    found = votable.read((SAMPLES / "astroquery" / "euclid-product_list.vot").read_bytes(), most=10)
    assert [(row["observation_id"], row["instrument_name"]) for row in found.rows[:2]] == [
        ("13", "VIS"),
        ("13", "NISP"),
    ]
    assert found.rows[0]["stc_s"].startswith("Polygon J2000 266.1507261376348 65.2240")
    registry = votable.read(gzip.decompress((SAMPLES / "pyvo" / "regtap.xml.gz").read_bytes()), most=10)
    assert (len(registry.rows), registry.full) == (10, True)
    # NULL is no text such as `masked` or `--`.
    assert "region_of_regard" not in registry.rows[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            b'<VOTABLE><RESOURCE><INFO name="QUERY_STATUS" value="ERROR">no such\n table</INFO></RESOURCE></VOTABLE>',
            "no such table",
        ),
        (b"ORA-01555: snapshot too old", "ORA-01555: snapshot too old"),
        (b"<html><body>Oops</body></html>", ""),
        (b"", ""),
    ],
)
def test_a_failure_says_what_the_service_says(content: bytes, said: str) -> None:
    assert votable.failure(content) == said


def test_an_error_without_a_word_is_named() -> None:
    assert "ERROR, and not why" in str(votable.unavailable(votable.Table(status="ERROR"), "https://example.org"))
