"""Recorded VOTables: read one into fields and rows, and write an answer with the same fields.

This is the server's side and works on trusted files of our own pack. Reading what a stranger sent is the
harvester's business (`harvesters/tap.py`), so that an error in one does not hide an error in the other.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from discovery.demo.adql import Output, Row, Value
from discovery.errors import ConfigError

_NS = "{http://www.ivoa.net/xml/VOTable/v1.3}"
_INTEGERS = frozenset({"short", "int", "long", "unsignedByte"})
_FLOATS = frozenset({"float", "double"})


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a table, with the words of VOTable's FIELD."""

    name: str
    datatype: str = "char"
    arraysize: str | None = "*"
    unit: str | None = None
    ucd: str | None = None
    utype: str | None = None
    xtype: str | None = None
    null: str | None = None
    description: str = ""

    def value(self, cell: str) -> Value:
        """Return what the text of a cell means; the empty string, NaN and the field's null are None."""
        if cell == "" or cell == self.null:
            return None
        if self.arraysize is not None:  # text, and arrays, which are only passed on
            return cell
        if self.datatype in _INTEGERS:
            return int(cell)
        if self.datatype in _FLOATS:
            number = float(cell)
            return None if math.isnan(number) else number
        return cell

    def cell(self, recorded: str) -> str:
        """Return the text to send for a recorded one; the empty one becomes what DaCHS writes for this type."""
        if recorded != "":
            return recorded
        if self.arraysize is None and self.datatype in _FLOATS:
            return "NaN"
        return self.null or ""

    def element(self) -> str:
        """Return the FIELD element."""
        given = {
            "ID": self.name,
            "name": self.name,
            "datatype": self.datatype,
            "arraysize": self.arraysize,
            "unit": self.unit,
            "ucd": self.ucd,
            "utype": self.utype,
            "xtype": self.xtype,
        }
        attributes = "".join(f" {name}={quoteattr(value)}" for name, value in given.items() if value is not None)
        null = f"<VALUES null={quoteattr(self.null)}/>" if self.null is not None else ""
        return f"<FIELD{attributes}><DESCRIPTION>{escape(self.description)}</DESCRIPTION>{null}</FIELD>"


@dataclass(frozen=True)  # not slotted: cached_property needs the instance's dict
class Table:
    """A named table held in memory; a cell keeps the text that was recorded."""

    name: str  # as TAP_SCHEMA spells it, such as `ivoa.ObsCore`
    fields: tuple[Field, ...]
    cells: tuple[tuple[str, ...], ...]
    description: str = ""

    @cached_property
    def columns(self) -> dict[str, int]:
        """Where each column stands, by its name in lower case."""
        return {field.name.lower(): position for position, field in enumerate(self.fields)}

    @cached_property
    def rows(self) -> list[Row]:
        """The rows as values, for comparing and ordering."""
        names = tuple(self.columns)
        return [
            {name: field.value(cell) for name, field, cell in zip(names, self.fields, line, strict=True)}
            for line in self.cells
        ]

    def project(self, outputs: Sequence[Output], positions: Iterable[int]) -> tuple[list[Field], list[list[str]]]:
        """Return the fields and rows of an answer, under the names that the query gave them; no outputs mean all."""
        wanted = outputs or [Output(field.name.lower(), field.name) for field in self.fields]
        columns = [self.columns[output.column] for output in wanted]
        fields = [self.fields[column] for column in columns]
        rows = [
            [field.cell(self.cells[at][column]) for field, column in zip(fields, columns, strict=True)]
            for at in positions
        ]
        return [replace(field, name=output.alias) for field, output in zip(fields, wanted, strict=True)], rows


def read(path: Path, name: str) -> Table:
    """Return the table of a recorded VOTable; a CSV file of the same stem beside it provides the rows instead.

    Raises:
        ConfigError: The file is missing, or is not a VOTable with fields.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    try:
        root = etree.parse(path, parser).getroot()
    except (OSError, etree.XMLSyntaxError) as error:
        raise ConfigError(f"{path.name} of the demo's pack cannot be read: {error}") from error
    fields = tuple(_field(element) for element in root.iter(f"{_NS}FIELD"))
    if not fields:
        raise ConfigError(f"{path.name} of the demo's pack has no FIELD")
    lines: Iterable[Sequence[str]] = ([cell.text or "" for cell in line] for line in root.iter(f"{_NS}TR"))
    sidecar = path.with_suffix(".csv")
    if sidecar.exists():
        lines = _csv(sidecar, fields)
    description = root.findtext(f"{_NS}RESOURCE/{_NS}TABLE/{_NS}DESCRIPTION") or ""
    return Table(
        name,
        fields,
        tuple(tuple(line) for line in lines),
        " ".join(description.split()),
    )


def _field(element: etree._Element) -> Field:
    values = element.find(f"{_NS}VALUES")
    return Field(
        name=str(element.attrib["name"]),
        datatype=str(element.attrib["datatype"]),
        arraysize=element.get("arraysize"),
        unit=element.get("unit"),
        ucd=element.get("ucd"),
        utype=element.get("utype"),
        xtype=element.get("xtype"),
        null=values.get("null") if values is not None else None,
        description=element.findtext(f"{_NS}DESCRIPTION") or "",
    )


def _csv(path: Path, fields: Sequence[Field]) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        header, *lines = csv.reader(stream)
    if header != [field.name for field in fields]:
        raise ConfigError(f"the columns of {path.name} are not the fields of the VOTable beside it")
    return lines


def answer(
    fields: Sequence[Field],
    rows: Iterable[Sequence[str]],
    *,
    overflow: bool,
    description: str = "",
) -> bytes:
    """Return a VOTable in TABLEDATA, with its status where DaCHS writes it.

    DaCHS says OK before the table, because it streams, and OVERFLOW after it: the last INFO is the one that counts.
    """
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<VOTABLE xmlns="http://www.ivoa.net/xml/VOTable/v1.3" version="1.3">',
        '<RESOURCE type="results">',
        '<INFO name="QUERY_STATUS" value="OK"/>',
        '<COOSYS ID="system" system="ICRS"/>',
        '<TABLE name="result">',
        f"<DESCRIPTION>{escape(description)}</DESCRIPTION>",
        *(field.element() for field in fields),
        "<DATA><TABLEDATA>",
        *("<TR>" + "".join(f"<TD>{escape(cell)}</TD>" for cell in row) + "</TR>" for row in rows),
        "</TABLEDATA></DATA></TABLE>",
    ]
    if overflow:
        lines.append('<INFO name="QUERY_STATUS" value="OVERFLOW"/>')
    lines.append("</RESOURCE></VOTABLE>\n")
    return "\n".join(lines).encode()


def failure(message: str) -> bytes:
    """Return the VOTable that says why there is no answer."""
    clean = "".join(character if character.isprintable() else "?" for character in message)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<VOTABLE xmlns="http://www.ivoa.net/xml/VOTable/v1.3" version="1.3">\n<RESOURCE type="results">\n'
        f'<INFO name="QUERY_STATUS" value="ERROR">{escape(clean)}</INFO>\n</RESOURCE></VOTABLE>\n'
    ).encode()
