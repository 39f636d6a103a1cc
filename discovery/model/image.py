"""Names of container images, as registries of the Open Container Initiative have them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

MAX_NAME: Final = 255
"""Characters of registry and repository together, as the specification of distribution says."""
DEFAULT_REGISTRY: Final = "docker.io"
"""What a name without a registry means to every tool of the field."""
_LABEL: Final = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*(?::[0-9]{{1,5}})?")
_PART: Final = re.compile(r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST: Final = re.compile(r"sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128}")


@dataclass(frozen=True, slots=True)
class Image:
    """One image: where it is, what it is called, and by its digest which bytes it is."""

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""
    """Empty for a name whose bytes may be others tomorrow."""

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.registry}/{self.repository}{tag}{f'@{self.digest}' if self.digest else ''}"


def parse(text: str) -> Image:
    """Return what the name of an image says.

    Raises:
        ValueError: It is none; the message says what is wrong with it.
    """
    if "://" in text:
        raise ValueError("is an address; the name of an image begins with its registry, without https://")
    name, at, digest = text.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise ValueError(f"has the digest {digest[:80]!r}, which is not sha256: and 64 of 0-9 and a-f")
    rest, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        rest, tag = name, ""
    elif not _TAG.fullmatch(tag):
        raise ValueError(f"has the tag {tag[:80]!r}, which is not 1 to 128 of letters, digits, _, . and -")
    if len(rest) > MAX_NAME:
        raise ValueError(f"has a name of {len(rest)} characters, at most {MAX_NAME} may be")
    registry, repository = _split(rest)
    if not _HOST.fullmatch(registry):
        raise ValueError(f"has the registry {registry[:80]!r}, which is no host")
    wrong = next((part for part in repository.split("/") if not _PART.fullmatch(part)), None)
    if wrong is not None:
        raise ValueError(f"has {wrong[:80]!r} in its name, which is not of a-z, 0-9 and single ., _ or - between them")
    return Image(registry, repository, tag, digest)


def pinned(text: str) -> str:
    """Return the whole name of an image that names its bytes.

    Raises:
        ValueError: It is no such name.
    """
    image = parse(text)
    if not image.digest:
        raise ValueError("has no digest: add @sha256:…, so that what was reviewed is what runs")
    return str(image)


def _split(name: str) -> tuple[str, str]:
    """Return registry and repository; a first part without a dot, a port and `localhost` is no registry."""
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first, rest
    return DEFAULT_REGISTRY, name if slash else f"library/{name}"
