"""Records as plain JSON values, without the addresses of people and the secrets of things."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from discovery.documents import addresses
from discovery.model.record import Record, to_dict
from discovery.store.elsewhere import Place


def record_json(record: Record, also_at: Iterable[Place] = ()) -> dict[str, Any]:
    """Return the whole record as JSON values; addresses of people stay out, addresses of things lose their secrets.

    Args:
        record: What is shown.
        also_at: The other sources that have the same thing.
    """
    out = to_dict(record)
    if others := [each.to_dict() for each in also_at]:
        out["also_at"] = others
    for contact in out.get("contacts", ()):
        if "@" in contact.get("url", ""):
            del contact["url"]
        contact["name"] = "" if "@" in contact.get("name", "") else contact.get("name", "")
    for part in ("assets", "links"):
        for each in out.get(part, ()):
            each["href"] = addresses.redacted(each.get("href", ""))
            if "alternates" in each:
                each["alternates"] = [addresses.redacted(href) for href in each["alternates"]]
    return out
