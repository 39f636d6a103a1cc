"""A volume: data that platforms mount as a folder, read from its record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from discovery.model.record import Record

MAX_PATH: Final = 1_000
"""Characters of a path; file systems take about four times as many."""
TWIN_RELS: Final = frozenset({"twin", "enclosure", "data"})
"""Relations of a volume's links to the places on the web where the same tree of files begins."""
_WRITABLE: Final = ("false", "no", "0")


@dataclass(frozen=True, slots=True)
class Volume:
    """A folder that can be mounted, and where the same files are otherwise."""

    id: str
    """Of its record."""
    title: str
    mount_path: str = ""
    """Absolute, without a slash at its end; empty where the record names none that could be one."""
    missions: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()
    twins: tuple[str, ...] = ()
    """Addresses, each with a slash at its end, under which the same files have the same paths as in the folder."""
    slug: str = ""
    """Its short name, for folders; empty where its record has none."""
    provider: str = ""
    domain: str = ""
    mounts: tuple[tuple[str, str], ...] = ()
    """Platforms with the template of the path that it has on each; see `discovery.model.checks.expanded`."""
    read_only: bool = True
    zones: tuple[str, ...] = ()
    """Names of the datazones where it is local."""
    access: str = "open"
    size: int | None = None
    """Bytes, where somebody has counted."""
    datasets: tuple[str, ...] = ()
    """Ids of the datasets whose files lie in it, where its record names them."""

    @classmethod
    def from_record(cls, record: Record) -> Volume:
        """Return what a record of the kind `volume` says of where it is mounted."""
        hrefs = [each.href for each in record.assets] + [e.href for e in record.links if e.rel in TWIN_RELS]
        given = _all(record, "mount_path")
        size = record.numbers.get("size")
        return cls(
            id=record.id,
            title=record.title,
            mount_path=next((path for each in given if (path := absolute(each)) not in ("", "/")), ""),
            missions=record.missions,
            instruments=record.instruments,
            twins=tuple(dict.fromkeys(f"{each.rstrip('/')}/" for each in hrefs if _is_root(each))),
            slug=next(iter(_all(record, "slug")), ""),
            provider=record.provider,
            domain=record.domain,
            mounts=_mounts(record),
            read_only=not any(each.lower() in _WRITABLE for each in _all(record, "read_only")),
            zones=_all(record, "zones"),
            access=record.access,
            size=int(size) if size is not None and 0 <= size < 2**62 else None,
            datasets=_all(record, "holds"),
        )

    def holds(self, path: str) -> bool:
        """Say whether a path lies in the folder."""
        return bool(self.mount_path) and path.startswith(f"{self.mount_path}/")

    def path_of(self, address: str) -> str:
        """Return where the file at an address is in the folder; empty for one that is beneath none of the twins.

        Addresses on the web are percent-decoded once; those of object stores are keys as they stand.
        """
        if not self.mount_path:
            return ""
        for twin in self.twins:
            if address.startswith(twin):
                tail = address[len(twin) :]
                if twin.startswith("http"):
                    tail = unquote(tail.partition("?")[0].partition("#")[0])
                path = absolute(f"{self.mount_path}/{tail}")
                return path if self.holds(path) else ""
        return ""


def absolute(text: str) -> str:
    """Return a path in its shortest form, or the empty text for what is no absolute path.

    A path that goes upwards is none: what it leads to would depend on links in the file system. Nor may it
    do so on a system that takes a backslash for a slash, or leaves blanks out.
    """
    path = text.strip()
    if not path.startswith("/") or len(path) > MAX_PATH or not path.isprintable():
        return ""
    if ".." in path and any(each.strip() == ".." for each in path.replace("\\", "/").split("/")):
        return ""
    if "//" not in path and "/." not in path and not path.endswith("/"):
        return path
    return f"/{'/'.join([each for each in path.split('/') if each not in ('', '.')])}"


def _is_root(href: str) -> bool:
    """Say whether an address is one that others can lie beneath."""
    try:
        parts = urlsplit(href)
    except ValueError:
        return False
    return parts.scheme in ("http", "https", "s3", "gs") and bool(parts.netloc) and not parts.query


def _all(record: Record, name: str) -> tuple[str, ...]:
    """Return the texts of a property, under its own name or with the prefix that files write before it."""
    said = record.properties.get(name) or record.properties.get(f"discovery:{name}") or ()
    return (said,) if isinstance(said, str) else tuple(said)


def _mounts(record: Record) -> tuple[tuple[str, str], ...]:
    pairs = (each.partition("=") for each in _all(record, "mounts"))
    return tuple((name, path) for name, _, path in pairs if name and path)
