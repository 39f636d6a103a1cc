from __future__ import annotations

import io
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.errors import RecordError
from harvesters import votable, votable_rows
from harvesters.votable_rows import cut

HEAD = (
    '<?xml version="1.0" encoding="utf-8"?><VOTABLE version="1.4"><RESOURCE><TABLE>'
    '<FIELD name="ID" datatype="char" arraysize="*"/><FIELD name="N" datatype="int"><VALUES null="-99"/></FIELD>'
    '<FIELD name="F" datatype="double"/><DATA><TABLEDATA>'
)
TAIL = '</TABLEDATA></DATA></TABLE><INFO name="QUERY_STATUS" value="OVERFLOW"/></RESOURCE></VOTABLE>'


@pytest.mark.parametrize(
    ("block", "cells"),
    [
        ("<TR><TD>a</TD><TD>1</TD></TR>", [["a", "1"]]),
        ("\n<TR><TD></TD></TR>\n\t<TR><TD> b </TD><TD/><TD /></TR>", [[""], [" b ", "", ""]]),
        (" <TR>\n  <TD>a</TD>\n  <TD> </TD>\n </TR>", [["a", " "]]),
        ("<TR><TD>a&amp;lt;b &lt;&gt;&quot;&apos;</TD></TR>", [["a&lt;b <>\"'"]]),
        ("<TR><TD>&#39;&#x39;&#13;&#x10FFFF;</TD></TR>", [["'9\r\U0010ffff"]]),
        ("<TR><TD>a > b</TD><TD>é\x7f\u2028</TD></TR>", [["a > b", "é\x7f\u2028"]]),
    ],
    ids=["plain", "blanks", "gaps", "names", "numbers", "characters"],
)
def test_regular_rows_are_cut(block: str, cells: list[list[str]]) -> None:
    assert cut(block.encode(), 1000) == cells


@pytest.mark.parametrize(
    "block",
    [
        b"<TR></TR>",
        b"<TR><TD>a</TD></TR><TR><TD>b</TR>",
        b"<TR ID='x'><TD>a</TD></TR>",
        b"<TR><TD encoding='base64'>a</TD></TR>",
        b"<TR><TD>a</TD>x<TD>b</TD></TR>",
        b"<TR><TD>a<b/></TD></TR>",
        b"<TR><TD><TD>a</TD></TD></TR>",
        b"<TR><TD>a<!-- </TD><TD> --></TD></TR>",
        b"<TR><TD><![CDATA[a</TD></TR>]]></TD></TR>",
        b"<TR><TD>a<?x?></TD></TR>",
        b"<!-- x --><TR><TD>a</TD></TR>",
        b"</TABLEDATA><TR><TD>a</TD></TR>",
        b"<TR><TD>&own;</TD></TR>",
        b"<TR><TD>a & b</TD></TR>",
        b"<TR><TD>&#0;</TD></TR>",
        b"<TR><TD>&#xD800;</TD></TR>",
        b"<TR><TD>&#xFFFE;</TD></TR>",
        b"<TR><TD>]]></TD></TR>",
        b"<TR><TD>\x01</TD></TR>",
        b"<TR><TD>\xff</TD></TR>",
        b"<TR><TD>\xed\xa0\x80</TD></TR>",
        b"<TR><TD>\xef\xbf\xbe</TD></TR>",
        b"<TR>\r\n<TD>a</TD></TR>",
        b"<TR>\xc2\xa0<TD>a</TD></TR>",
        b"<vot:TR><vot:TD>a</vot:TD></vot:TR><TR><TD>a</TD></TR>",
        b"<TR><TD>" + b"x" * 1000 + b"</TD></TR>",
    ],
)
def test_whatever_else_stands_between_rows_is_left_to_the_parser(block: bytes) -> None:
    assert cut(block, 1000) is None


def outcome(body: bytes, most: int, piece: int) -> object:
    """Return what reading an answer gives, when it comes in pieces of a size."""

    class Pieces(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(piece, size if size and size > 0 else piece))

    try:
        table = votable.read(Pieces(body), most=most)
    except RecordError as error:
        return error.code
    return table.columns, table.rows, table.status, table.full


CELLS = st.sampled_from(
    [
        *(
            "a",
            "",
            " ",
            "1",
            "NaN",
            "-99",
            "é",
            "x > y",
            "&amp;",
            "&lt;TD&gt;",
            "&#65;",
            "&no;",
            "]]>",
            "\x02",
            "\r\n",
            "\n",
        ),
        *(
            "<TD/>",
            "<!-- </TD> -->",
            "<![CDATA[</TD></TR>]]>",
            "<b>c</b>",
            "</TD>",
            "<TD>",
            "</TR><TR>",
            "</TABLEDATA>",
        ),
    ]
)
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["<TR>", "<TR>", "<TR>", "\n <TR>\n ", "<TR ID='r'>", "<!-- <TR> --><TR>", ""]),
        st.lists(st.tuples(st.sampled_from(["<TD>", "<TD>", "<TD x='y'>"]), CELLS), max_size=4),
        st.sampled_from(["</TR>", "</TR>", "</TR>", "\n</TR>\n", ""]),
    ),
    max_size=8,
)


def written(rows: list[tuple[str, list[tuple[str, str]], str]]) -> str:
    return "".join(begin + "".join(f"{tag}{cell}</TD>" for tag, cell in cells) + end for begin, cells, end in rows)


@given(
    rows=ROWS, most=st.integers(1, 9), piece=st.sampled_from([1, 7, 64, 5000]), tail=st.sampled_from([TAIL, "", "<"])
)
def test_an_answer_says_what_the_parser_alone_would_read(
    rows: list[tuple[str, list[tuple[str, str]], str]], most: int, piece: int, tail: str
) -> None:
    body = (HEAD + written(rows) + tail).encode()
    found = outcome(body, most, piece)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(votable_rows, "cut", lambda block, longest: None)
        assert found == outcome(body, most, piece)


def plain(count: int) -> str:
    return "".join(f"<TR><TD>id{number}</TD><TD>{number}</TD><TD>NaN</TD></TR>" for number in range(count))


@pytest.fixture
def blocks(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Return whether each block that was looked at was cut without the parser."""
    seen: list[bool] = []
    real: Callable[[bytes, int], list[list[str]] | None] = votable_rows.cut

    def watched(block: bytes, longest: int) -> list[list[str]] | None:
        rows = real(block, longest)
        seen.append(rows is not None)
        return rows

    monkeypatch.setattr(votable_rows, "cut", watched)
    return seen


def test_rows_behind_one_that_is_in_doubt_are_read_all_the_same(blocks: list[bool]) -> None:
    rows = plain(4000) + "<TR ID='x'><TD>odd</TD></TR>" + plain(4000)
    table = votable.read((HEAD + rows + TAIL).encode(), most=9000)
    assert [row["id"] for row in table.rows] == [
        *(f"id{number}" for number in range(4000)),
        "odd",
        *(f"id{number}" for number in range(4000)),
    ]
    assert table.status == "OVERFLOW"
    assert blocks[0]
    assert not blocks[-1]


@pytest.mark.parametrize(
    "head",
    [
        HEAD.replace("utf-8", "iso-8859-1"),
        HEAD.replace('name="F"', 'name="n"'),
        HEAD.replace("<TABLEDATA>", "<TABLEDATA >"),
        HEAD.replace("<RESOURCE>", "<RESOURCE><!-- <TABLEDATA> -->"),
    ],
    ids=["encoding", "names", "tag", "comment"],
)
def test_nothing_is_cut_out_of_an_answer_whose_beginning_is_in_doubt(head: str, blocks: list[bool]) -> None:
    table = votable.read((head + "<TR><TD>e</TD></TR>" + TAIL).encode(), most=9)
    assert len(table.rows) == 1
    assert blocks == []


def test_letters_are_those_of_the_encoding_that_is_declared() -> None:
    body = (HEAD.replace("utf-8", "iso-8859-1") + "<TR><TD>é</TD></TR>" + TAIL).encode("iso-8859-1")
    assert votable.read(body, most=9).rows == [{"id": "é"}]


def test_a_row_that_never_ends_is_not_gathered_for_ever() -> None:
    body = (HEAD + "<TR><TD>" + "x" * (11 * 1024 * 1024)).encode()
    with pytest.raises(RecordError) as caught:
        votable.read(body, most=9)
    assert caught.value.code == "broken-votable"


def test_an_answer_that_comes_byte_by_byte_is_read_once() -> None:
    chance = random.Random(3)
    rows = plain(300)

    class Drip(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(chance.randrange(1, 3))

    assert len(votable.read(Drip((HEAD + rows + TAIL).encode()), most=400).rows) == 300
