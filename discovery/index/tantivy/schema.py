"""What tantivy stores of a document, and what it may do wrong while it does."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson
import tantivy

from discovery.errors import (
    ConflictError,
    DiscoveryError,
    RecordError,
    UnavailableError,
)
from discovery.index import plans
from discovery.index.base import Document
from discovery.index.plans import (
    ANCHOR,
    BODY,
    CELLS,
    END,
    EXACT,
    FIRST,
    KEY,
    LAST,
    LENGTH,
    MONTH,
    PARENTS,
    PREFIX,
    START,
    TAIL,
    TITLE,
    WORDS,
)
from discovery.index.tantivy import times
from discovery.query.fields import FIELDS, Type
from discovery.query.tokens import SEPARATOR

HEADS: Final = ("_head0", "_head1", "_head2", "_head3")
"""The first 32 bytes of the title as numbers: tantivy orders by text but has no ranges of it."""
TIMES: Final = "_times"
"""The cells of time of `times`."""
ANALYZER: Final = "prepared"
RUST_SPECIAL: Final = r"\.+*?()|[]{}^$#&-~"
_SHAPE: Final = 5
LAST_HEAD: Final = 2**64 - 1
_POWERS: Final = 308
_EXACT_LENGTH: Final = 16
"""Characters of a number with at most fifteen digits and a point."""


def schema() -> tantivy.Schema:
    """Return the schema: the fields of the table, and our own behind an underscore."""
    builder = tantivy.SchemaBuilder()
    for each in FIELDS.values():
        if each.type is Type.NUMBER:
            builder.add_float_field(each.name, indexed=True, fast=True)
        elif each.type is Type.INSTANT:
            builder.add_integer_field(each.name, indexed=True, fast=True)
        else:
            builder.add_text_field(each.name, fast=True, tokenizer_name="raw", index_option="basic")
    for name in (TITLE, BODY):
        builder.add_text_field(name, tokenizer_name=ANALYZER, index_option="position")
    for name in (PREFIX, WORDS):
        builder.add_text_field(name, tokenizer_name=ANALYZER, index_option="basic")
    for name in (EXACT, TAIL):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name in (CELLS, PARENTS, TIMES):
        builder.add_unsigned_field(name, indexed=True)
    for name in (MONTH, START, END):
        builder.add_integer_field(name, indexed=False, fast=True)
    for name in (*HEADS, LENGTH, ANCHOR):
        builder.add_unsigned_field(name, indexed=False, fast=True)
    # Not unsigned: deleting by such a term finds nothing and says nothing.
    builder.add_integer_field(KEY, indexed=True, fast=True)
    return builder.build()


def fingerprint() -> str:
    """Return what changes whenever an index made before cannot be asked as it is now."""
    return plans.fingerprint(_SHAPE)


def open_index(schema: tantivy.Schema, folder: Path | None) -> tantivy.Index:
    """Return an index in a folder, or in memory, that knows our tokens and reloads when told."""
    index = tantivy.Index(schema, None if folder is None else str(folder))
    index.config_reader(reload_policy="manual")
    analyzer = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
    index.register_tokenizer(ANALYZER, analyzer)
    return index


@contextlib.contextmanager
def guarded(doing: str) -> Iterator[None]:
    """Turn what tantivy raises, panics included, into an error of ours."""
    try:
        yield
    except DiscoveryError:
        raise
    except (ValueError, OSError, RuntimeError, SystemError) as error:
        if "LockBusy" in str(error) or "lock" in str(error).lower():
            raise ConflictError(f"another process is writing the index ({doing})") from error
        raise UnavailableError(f"the index failed while {doing}: {str(error)[:300]}; see `discovery check`") from error
    except BaseException as error:
        # Panics of Rust derive from BaseException so that nobody catches them by accident; this is on purpose.
        if type(error).__name__ != "PanicException":
            raise
        raise UnavailableError(f"the index failed while {doing}: {str(error)[:300]}; see `discovery check`") from error


def heads(title: str) -> list[int]:
    """Return the first 32 bytes of a title as four numbers in the same order."""
    # `s` fills up with zeros.
    return list(struct.unpack(">4Q", struct.pack("32s", title.encode("utf-8", "surrogatepass")[:32])))


def add(writer: tantivy.IndexWriter, row: str | tantivy.Document) -> None:
    """Let a writer have what `stored` made of a document."""
    if isinstance(row, str):
        writer.add_json(row)
    else:
        writer.add_document(row)


def read_exactly(number: float) -> bool:
    """Tell whether tantivy reads a number in JSON as the number that was written.

    It takes the digits as one integer and multiplies or divides that by a power of ten, which rounds twice: of numbers
    with all their seventeen digits one in ten comes out as a neighbour, and is then not found as what it is.
    """
    written = repr(number)
    if len(written) <= _EXACT_LENGTH and "e" not in written:
        # Fifteen digits are an integer that a float holds, and so is the power of ten: one operation rounds once.
        return True
    digits, _, exponent = repr(abs(number)).partition("e")
    whole, _, part = digits.partition(".")
    value, power = float(int(whole + part)), int(exponent or 0) - len(part)
    if power < -_POWERS:
        value, power = value / 1e308, power + _POWERS
    if abs(power) > _POWERS:
        return False
    return (value * float(f"1e{power}") if power >= 0 else value / float(f"1e{-power}")) == abs(number)


def is_exact(document: Document) -> bool:
    """Tell whether tantivy reads every number of a document in JSON as it was written."""
    return all(read_exactly(number) for number in document.numbers.values())


@cache
def _known() -> tantivy.Schema:
    return schema()


def stored(document: Document) -> str | tantivy.Document:
    """Return the document as tantivy reads it: JSON, which is fastest, unless a number would suffer.

    Raises:
        RecordError: tantivy would cut, drop or refuse something of it.
    """
    plans.checked(document)
    row: dict[str, Any] = {KEY: document.key, **document.instants}
    row |= {name: [value] for name, value in document.numbers.items()}
    row |= {name: _distinct(values) for name, values in document.keywords.items()}
    row |= {CELLS: document.cells, PARENTS: document.parents, TAIL: document.tail, LENGTH: len(document.title)}
    if document.title:
        row["title"] = document.title
        row |= zip(HEADS, heads(document.title), strict=True)
    start, end = document.instants.get("start"), document.instants.get("end")
    if start is not None or end is not None:
        first, last = FIRST if start is None else start, LAST if end is None else end
        row |= {START: first, END: last, TIMES: times.cells(first, last)}
    if document.month is not None:
        row[MONTH] = document.month
    if document.anchor is not None:
        row[ANCHOR] = document.anchor
    if document.text is not None:
        text = document.text
        # With the title in the body, one list of documents says where a word is; the title's own only scores.
        whole = f" {SEPARATOR} ".join(filter(None, (text.title, text.body)))
        row |= {TITLE: text.title, BODY: whole, EXACT: list(dict.fromkeys(text.exact))}
        # Observations have neither.
        if text.prefix:
            row[PREFIX] = text.prefix
        if text.words:
            row[WORDS] = " ".join(text.words)
    try:
        if is_exact(document):
            return orjson.dumps(row).decode()
        return tantivy.Document.from_dict({name: _listed(value) for name, value in row.items()}, _known())
    except (TypeError, ValueError) as error:
        raise RecordError("bad_text", f"the document of key {document.key} is not Unicode text: {error}") from error


def _distinct(values: tuple[str, ...]) -> Sequence[str]:
    """Return the different values that are not empty; of most fields there is one."""
    return values if len(values) == 1 and values[0] else list(dict.fromkeys(filter(None, values)))


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
