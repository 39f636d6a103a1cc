"""How the objects of a bucket are asked for: at which endpoint and region, by whom, and who pays."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from discovery.http.redaction import has_credentials
from discovery.model.record import Record

PROPERTY: Final = "storage"
"""Where a record keeps what its source says of its buckets: one JSON text a bucket, with its name as `bucket`."""
MAX_BUCKETS: Final = 20
_BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}")
_REGION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,39}")
_HOST: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")
_FLAGS: Final = {"true": True, "false": False, True: True, False: False}


@dataclass(frozen=True, slots=True)
class Storage:
    """What an S3 client has to be told of a bucket beside its name; None and empty texts where nobody says."""

    endpoint: str = ""
    """`https://HOST` of the service; empty is Amazon's own."""
    region: str = ""
    anonymous: bool | None = None
    """Whether requests go without a signature; False where one needs keys of one's own."""
    requester_pays: bool | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return what is known as JSON values."""
        given = (
            ("endpoint", self.endpoint),
            ("region", self.region),
            ("anonymous", self.anonymous),
            ("requester_pays", self.requester_pays),
        )
        return {name: value for name, value in given if value not in ("", None)}

    def over(self, other: Storage) -> Storage:
        """Return what is said here, and what another says of things that are not."""
        return Storage(
            self.endpoint or other.endpoint,
            self.region or other.region,
            other.anonymous if self.anonymous is None else self.anonymous,
            other.requester_pays if self.requester_pays is None else self.requester_pays,
        )

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Storage:
        """Return what some values say; those that cannot be are as if they were not there."""
        region = values.get("region")
        return cls(
            endpoint(values.get("endpoint")),
            region if isinstance(region, str) and _REGION.fullmatch(region) else "",
            _flag(values.get("anonymous")),
            _flag(values.get("requester_pays")),
        )


def endpoint(value: object) -> str:
    """Return the address of a service without a slash at its end; empty for what is none, or has a secret in it."""
    if not isinstance(value, str) or not value.startswith(("https://", "http://")) or has_credentials(value):
        return ""
    try:
        parts = urlsplit(value.rstrip("/"))
        port = parts.port
    except ValueError:
        return ""
    if parts.path or parts.query or parts.fragment or not _HOST.fullmatch(parts.hostname or ""):
        return ""
    return f"{parts.scheme}://{parts.hostname}{f':{port}' if port else ''}"


def bucket_of(address: str) -> str:
    """Return the bucket that an `s3:` address names; empty for every other text."""
    if address[:5].lower() != "s3://":
        return ""
    name = address[5:].partition("/")[0]
    return name if _BUCKET.fullmatch(name) else ""


def said(buckets: Mapping[str, Storage]) -> tuple[str, ...]:
    """Return what is known of some buckets as the texts that a record keeps."""
    return tuple(
        orjson.dumps({"bucket": name, **storage.to_dict()}).decode()
        for name, storage in list(buckets.items())[:MAX_BUCKETS]
        if storage.to_dict()
    )


def buckets(record: Record) -> dict[str, Storage]:
    """Return what a record says of its buckets, by their names; what is no such text is left out."""
    value = record.properties.get(PROPERTY, ())
    out: dict[str, Storage] = {}
    for text in ((value,) if isinstance(value, str) else value)[:MAX_BUCKETS]:
        try:
            given = orjson.loads(text)
        except orjson.JSONDecodeError:
            continue
        name = given.get("bucket") if isinstance(given, dict) else None
        if isinstance(name, str) and _BUCKET.fullmatch(name):
            out.setdefault(name, Storage.of(given))
    return out


def _flag(value: object) -> bool | None:
    return _FLAGS.get(value) if isinstance(value, bool | str) else None
