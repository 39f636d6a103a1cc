"""Making a record of one element, or saying why there is none."""

from __future__ import annotations

import logging
from dataclasses import replace

from discovery.errors import RecordError
from discovery.model.record import Issue
from discovery.model.source import Mapped, Quarantined, RawRecord, make_mapped
from harvesters.base import Harvester
from harvesters.document import clean, nameable

_LOG = logging.getLogger(__name__)


def map_one(harvester: Harvester, raw: RawRecord) -> Mapped | Quarantined:
    """Return the record of one element, or why there is none; nothing in an element can stop a run."""
    if not nameable(raw.container):
        message = f"the element is in {raw.container[:80]!r}, which is no name of a collection"
        place = raw.position or clean(f"{raw.container[:80]}/{raw.source_id}")
        return Quarantined(
            replace(raw, container="", source_id="", position=place),
            Issue("bad-container", message, "collection"),
            "parse",
        )
    stage = "parse"
    try:
        document = harvester.parse(raw)
        stage = "map"
        mapped = harvester.map(raw, document)
        # What cannot be written down cannot be stored: found here, and not in the middle of a page's transaction.
        return make_mapped(mapped.record, mapped.raw, mapped.splice, mapped.record.to_json())
    except RecordError as error:
        issue = Issue(error.code, clean(str(error))[:1000], error.path)
    except Exception as error:  # noqa: BLE001  # "never stops a run" has no exceptions
        # A hole in our mapping costs one record and is shown to operators with the bytes that found it.
        _LOG.warning("mapping %s %s failed", raw.container, raw.source_id[:80] or raw.position, exc_info=True)
        issue = Issue("mapper", clean(f"{type(error).__name__}: {error}")[:1000])
    # An element that has an id is the same wherever it stands.
    return Quarantined(replace(raw, position="") if raw.source_id else raw, issue, stage)
