"""What single values of documents must be: addresses, paths of mounts, names, references to records, licences."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from discovery.http.redaction import has_credentials, is_signed
from discovery.model import image, terms
from discovery.model.record import record_id
from discovery.model.volume import absolute

PORTAL: Final = "portal"
"""The source of what is made here; it is never harvested."""
VOLUMES: Final = "volumes"
DATALABS: Final = "datalabs"
PIPELINES: Final = "pipelines"
VARIABLES: Final = ("slug", "user", "home")
"""What a template of a path may name: the short name of the volume, who is at work, and that person's home folder."""
_SYSTEM: Final = frozenset(
    "bin boot dev etc lib lib32 lib64 libx32 opt proc root run sbin sys usr var".split()  # noqa: SIM905
)
"""Folders that no data may hide."""
_WHOLE: Final = frozenset({"/", "/home", "/media", "/mnt", "/srv", "/tmp"})  # noqa: S108
"""Folders that have others in them, so that a volume goes beneath and not upon them."""
_SLUG: Final = re.compile(r"[a-z0-9]+(?:[-_.][a-z0-9]+)*")
_ID: Final = re.compile(r"[a-z2-7]{16}")
_MAIL: Final = re.compile(r"[^\s@<>\"(),:;\\]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])")
_VARIABLE: Final = re.compile(r"\{([^{}]*)\}")
_RECORDS: Final = "/records/"


def slug(text: str) -> str:
    """Return a short name for addresses and folders.

    Raises:
        ValueError: It is none.
    """
    if len(text) > 64 or not _SLUG.fullmatch(text):
        raise ValueError(f"{text[:80]!r} is no short name: use 1 to 64 of a-z and 0-9, with single -, _ or . between")
    return text


def web(text: str) -> str:
    """Return an address of the web that anybody may see.

    Raises:
        ValueError: It is none, or has something secret in it.
    """
    return _address(text, ("http", "https"))


def bucket(text: str) -> str:
    """Return the address of a bucket of S3, or of a part of one.

    Raises:
        ValueError: It is none, or has something secret in it.
    """
    return _address(text, ("s3",))


def _address(text: str, schemes: tuple[str, ...]) -> str:
    shown = text[:80]
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"{shown!r} is no address: {error}") from error
    if parts.scheme not in schemes or not host or not text.isprintable() or " " in text:
        raise ValueError(f"{shown!r} is no address that begins with {' or '.join(f'{each}://' for each in schemes)}")
    if "@" in parts.netloc or has_credentials(text):
        raise ValueError("holds a password or key; everybody would see it")
    if is_signed(text):
        raise ValueError("is a signed link, which ends some day and is good for whoever has it")
    return text


def root(text: str) -> str:
    """Return an address of the web under which files lie: without a question behind it."""
    if "?" in text or "#" in text:
        raise ValueError("has a ? or #: files cannot lie beneath it")
    return web(text)


def bucket_root(text: str) -> str:
    """Return the address of a bucket, or of a part of one, that goes nowhere upwards."""
    if "?" in text or "#" in text or ".." in text.split("/"):
        raise ValueError("has a ?, # or .. in it: objects cannot lie beneath it")
    return bucket(text)


def mail(text: str) -> str:
    """Return an e-mail address.

    Raises:
        ValueError: It is none.
    """
    if not _MAIL.fullmatch(text) or ".." in text:
        raise ValueError(f"{text[:80]!r} is no e-mail address")
    return text


def mount(text: str) -> str:
    """Return the template of the path that data are mounted at, in its shortest form.

    Raises:
        ValueError: It is no path that data could be mounted at.
    """
    names = _VARIABLE.findall(text)
    unknown = next((each for each in names if each not in VARIABLES), None)
    if unknown is not None or "{" in (rest := _VARIABLE.sub("x", text)) or "}" in rest:
        raise ValueError(f"may name {', '.join(f'{{{each}}}' for each in VARIABLES)} in braces and nothing else")
    if "{home}" in text and not text.startswith("{home}/"):
        raise ValueError("has {home} elsewhere than at its beginning")
    beneath = text.startswith("{home}/")
    path = absolute(text.removeprefix("{home}")) if beneath else absolute(text)
    if not path or path == "/":
        raise ValueError(f"{text[:80]!r} is no absolute path without .. in it")
    if "\\" in path or any(part.startswith("-") for part in path.split("/")):
        raise ValueError(f"{text[:80]!r} has a \\, or a name that begins with -")
    if beneath:
        return f"{{home}}{path}"
    first = path.split("/")[1]
    if first in _SYSTEM or "{" in first or path in _WHOLE:
        raise ValueError(f"{path[:80]!r} would hide what the machine needs: use a folder such as /media/data/NAME")
    return path


def expanded(template: str, *, slug: str, user: str = "", home: str = "") -> str:
    """Return the path that a template means for somebody; empty where something that it names is not known."""
    values = {"slug": slug, "user": user, "home": home}
    if any(not values[name] for name in _VARIABLE.findall(template)):
        return ""
    path = _VARIABLE.sub(lambda found: values[found[1]], template)
    # The name of somebody may be anything that a provider says.
    return absolute(path) if user == "" or ("/" not in user and user not in (".", "..")) else ""


def mission(text: str) -> str:
    """Return the path of a mission, found by its path or by a name that it is known by; others are kept as written."""
    found = terms.mission(text)
    return found.value if found is not None else text


def license(text: str) -> str:
    """Return an expression of SPDX for a licence, found by its identifier, title or address too.

    Raises:
        ValueError: SPDX has none such; own ones are written `LicenseRef-NAME`.
    """
    known = terms.license(text)
    if known is not None and terms.is_spdx(known):
        return known
    try:
        return str(canonicalize_license_expression(text))
    except InvalidLicenseExpression as error:
        raise ValueError(
            f"{text[:80]!r} is no licence of SPDX, such as Apache-2.0 or MIT; write your own as LicenseRef-NAME"
        ) from error


def reference(text: str) -> str:
    """Return the id of a record that is named by its id, by the address of its page, or as SOURCE:CONTAINER:ID.

    Raises:
        ValueError: It is none of these.
    """
    if text.startswith(("http://", "https://")) and _RECORDS in text:
        text = text.rpartition(_RECORDS)[2].partition("?")[0].partition("#")[0]
    if _ID.fullmatch(text):
        return text
    parts = text.split(":", 2)
    if len(parts) == 3 and parts[0] and parts[2] and not text.startswith(("http:", "https:")):
        return record_id(*parts)
    raise ValueError(f"{text[:80]!r} names no record: use its id, the address of its page, or SOURCE:CONTAINER:ID")


def volume_reference(text: str) -> str:
    """Return the id of a volume's record, which may be named by the short name of one that was made here."""
    if _ID.fullmatch(text) or ":" in text:
        return reference(text)
    return record_id(PORTAL, VOLUMES, slug(text))


def pinned(text: str) -> str:
    """Return the whole name of an image with its digest."""
    return image.pinned(text)


def doi(text: str) -> str:
    """Return a DOI without what stands in front of it.

    Raises:
        ValueError: It is none.
    """
    bare = re.sub(r"^(?:https?://(?:dx\.)?doi\.org/|doi:)", "", text, flags=re.IGNORECASE)
    if not re.fullmatch(r"10\.[0-9]{4,9}/[!-~]+", bare):
        raise ValueError(f"{text[:80]!r} is no DOI, such as 10.5270/esa-8nfsmyt")
    return bare
