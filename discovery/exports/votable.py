"""Records as a VOTable 1.4, a row each, written as it is read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from discovery.documents import words
from discovery.documents.site import Site
from discovery.exports.columns import COLUMNS, TEXT, Cell, Column
from discovery.model.record import Record

MEDIA_TYPE: Final = "application/x-votable+xml"
_HEAD: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">\n'
    '<RESOURCE type="results">\n<INFO name="QUERY_STATUS" value="OK"/>\n'
)
_TAIL: Final = b"</TABLEDATA>\n</DATA>\n</TABLE>\n</RESOURCE>\n</VOTABLE>\n"


def document(
    chunks: Iterable[Sequence[Record]], site: Site, *, about: str = "", said: Sequence[str] = ()
) -> Iterator[bytes]:
    """Yield a VOTable of records.

    Args:
        chunks: The records, some hundred at a time.
        site: The portal that they are in.
        about: The address that the table is from.
        said: What a reader should know, such as records that are gone.
    """
    infos = [f"<INFO name={quoteattr('publisher')} value={_attribute(site.title)}/>"]
    infos += [f'<INFO name="request" value={_attribute(about)}/>'] if about else []
    infos += [f'<INFO name="warning" value={_attribute(each)}/>' for each in said]
    fields = "\n".join(map(_field, COLUMNS))
    yield f'{_HEAD}{chr(10).join(infos)}\n<TABLE name="records">\n{fields}\n<DATA>\n<TABLEDATA>\n'.encode()
    for records in chunks:
        yield "".join(_row(each, site) for each in records).encode("utf-8", "replace")
    yield _TAIL


def _field(column: Column) -> str:
    given = {
        "ID": column.name,
        "name": column.name,
        "datatype": "unicodeChar" if column.type == TEXT and not column.xtype else column.type,
        "arraysize": "*" if column.type == TEXT else "",
        "unit": column.unit,
        "ucd": column.ucd,
        "xtype": column.xtype,
    }
    attributes = "".join(f" {name}={quoteattr(value)}" for name, value in given.items() if value)
    return f"<FIELD{attributes}><DESCRIPTION>{escape(column.about)}</DESCRIPTION></FIELD>"


def _row(record: Record, site: Site) -> str:
    return f"<TR>{''.join(_cell(each.value(record, site)) for each in COLUMNS)}</TR>\n"


def _cell(value: Cell) -> str:
    if value is None or value == "":
        return "<TD/>"
    if isinstance(value, float):
        return f"<TD>{value!r}</TD>" if math.isfinite(value) else "<TD>NaN</TD>"
    return f"<TD>{escape(words.text(str(value)))}</TD>"


def _attribute(text: str) -> str:
    return quoteattr(words.line(text, 4_000))
