"""Addresses of strangers made fit to be followed: only to the web, without secrets, never a script."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final
from urllib.parse import quote, urlsplit

from discovery.http import redaction

WEB: Final = frozenset({"http", "https"})
STORES: Final = frozenset({"http", "https", "ftp", "ftps", "s3", "gs", "abfs", "abfss", "az"})
"""Where files are: the web, and the object stores that libraries of the field open by address."""
_UNFIT: Final = re.compile(
    r"[\x00-\x20\x7f-\xa0\"<>\\^`{|}\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_DOI: Final = re.compile(r"(?:doi:|https?://(?:dx\.)?doi\.org/)?(10\.\d{4,9}/\S+)", re.IGNORECASE)
_MAX: Final = 4_000


def web(href: str, schemes: Collection[str] = WEB) -> str:
    """Return an address that a reader may be sent to, or the empty text for one that may not.

    It has one of the schemes, a host and no user in front of it. `doi:` leads to doi.org.
    """
    text = href.strip()
    if text[:4].lower() == "doi:":
        return doi(text)
    if not fit(text):
        return ""
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        return ""
    if parts.scheme.lower() not in schemes:
        return ""
    # A user name in front of the host misleads the reader, and with a password it is a secret.
    return text if host and "@" not in parts.netloc else ""


def fit(text: str) -> bool:
    """Say whether a text has nothing in it that no address may have, and no end of it."""
    return bool(text) and len(text) <= _MAX and not _UNFIT.search(text)


def published(href: str, schemes: Collection[str] = WEB) -> str:
    """Return an address for a document, or the empty text where its secrets are what makes it lead anywhere.

    A user in front of the host is left out; an address that is signed or holds a key would be dead without it.
    """
    kept = redacted(href)
    return "" if redaction.HIDDEN in kept and redaction.HIDDEN not in href else web(kept, schemes)


def doi(text: str) -> str:
    """Return the link of a DOI, or the empty text for what is none."""
    name = doi_name(text)
    return f"https://doi.org/{name}" if name else ""


def doi_name(text: str) -> str:
    """Return a DOI without what stands before it, or the empty text for what is none."""
    found = _DOI.fullmatch(text.strip()) if len(text) <= _MAX else None
    return found[1] if found and not _UNFIT.search(found[1]) else ""


def redacted(href: str) -> str:
    """Return an address without the secrets in it, otherwise as it is."""
    return redaction.redact(href) if redaction.has_credentials(href) or redaction.is_signed(href) else href


def ascii(iri: str) -> str:
    """Return an address as a header of HTTP or an old reader takes it: everything beyond ASCII in percents."""
    try:
        parts = urlsplit(iri)
        host = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode("ascii")
    except (ValueError, UnicodeError):
        return ""
    return quote(parts._replace(netloc=host).geturl(), safe="%:/?#[]@!$&'()*+,;=~-._")
