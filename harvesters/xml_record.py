"""A metadata document in XML as a record, by whichever standard its root says that it is."""

from __future__ import annotations

from typing import Any, Final

from discovery.errors import RecordError
from discovery.model.source import Mapped, RawRecord, make_mapped
from harvesters import dublin_core, iso19115, xml
from harvesters.defaults import Defaults
from harvesters.document import MAX_ID, nameable
from harvesters.iso_tree import name

CONTAINER: Final = "records"
"""The one container of all records of a catalogue, since catalogues know no other."""
MAX_TAGS: Final = 300_000
"""Tags of one record; the longest in the wild have some thousands."""


def parse(raw: RawRecord) -> Any:
    """Return the root of an element's document.

    Raises:
        RecordError: It is no XML (`broken-xml`), brings a DTD (`dtd`), or is too large (`too-large`).
    """
    return xml.parse(raw.body, most_tags=MAX_TAGS)


def identity(root: Any) -> str:
    """Return the identifier of a document that can be used as one; empty when it has none."""
    found = _identity(root)
    return found if nameable(found) else ""


def _identity(root: Any) -> str:
    if iso19115.is_iso(root):
        return iso19115.identity(root)
    return dublin_core.identity(root) if dublin_core.is_dublin_core(root) else ""


def to_mapped(raw: RawRecord, root: Any, defaults: Defaults) -> Mapped:
    """Return the record that a document describes.

    Raises:
        RecordError: It is of no standard that is read (`unknown-standard`), or has no identifier (`missing-id`,
            `bad-id`).
    """
    iso = iso19115.is_iso(root)
    if not iso and not dublin_core.is_dublin_core(root):
        raise RecordError(
            "unknown-standard",
            f"<{name(root)[:80]}> is of no standard that is read; read are ISO 19139, ISO 19115-3 and Dublin Core",
        )
    source_id = raw.source_id
    if not source_id:
        found = _identity(root)
        if not found:
            raise RecordError("missing-id", "the document has no identifier")
        raise RecordError("bad-id", f"the identifier {found[:80]!r} is not a text of 1 to {MAX_ID} characters")
    to_record = iso19115.to_record if iso else dublin_core.to_record
    return make_mapped(to_record(root, raw.container, source_id, defaults, base=raw.url), raw)
