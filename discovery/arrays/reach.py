"""From the places of a file to what may be asked for it: addresses of the web, and folders that are mounted here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote

from discovery.http import Policy
from discovery.launch.existence import bucket_url, mounted
from discovery.launch.resolver import STORE, VOLUME, Place
from discovery.model.volume import Volume, absolute

PATIENCE: Final = 8.0
"""Seconds for one answer of a server."""
_KEPT: Final = ("contact", "product", "ca_file")


@dataclass(frozen=True, slots=True)
class Reach:
    """One way to a store that may be gone: an address, or a path beneath a folder that it must not lead out of."""

    address: str
    """As the catalogue has it, for people."""
    url: str = ""
    root: str = ""
    tail: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return it as JSON values."""
        return {"address": self.address, "url": self.url, "root": self.root, "tail": self.tail}


def reaches(places: Sequence[Place], volumes: Sequence[Volume], mounts: Mapping[str, str]) -> tuple[Reach, ...]:
    """Return the ways to a file in the order of its places; empty where none may be asked.

    Args:
        places: Where the file is.
        volumes: Whose folders may be looked into.
        mounts: Where folders are on this machine, by the paths that the catalogue has for them.
    """
    roots = {each.id: each.mount_path for each in volumes if each.mount_path}
    return tuple(found for each in places if (found := _reach(each, roots, mounts)))


def _reach(place: Place, roots: Mapping[str, str], mounts: Mapping[str, str]) -> Reach | None:
    if place.kind == VOLUME:
        path = absolute(place.address)
        own = roots.get(place.volume, "")
        root, here = mounted(path, own, mounts)
        # To look whether a file is there is one thing; what is read has to be of a volume that somebody offers.
        offered = root in mounts or (root and root == own)
        return Reach(place.address, root=here, tail=path[len(root) + 1 :]) if path and offered else None
    if place.kind == STORE:
        url = bucket_url(place)
        return Reach(place.address, url=url) if url else None
    return Reach(place.address, url=place.address)


def file_of(reach: Reach, end: str) -> tuple[Reach, str] | None:
    """Return the folder of a file whose name has an end, and its key there; None for what has another one.

    Args:
        reach: The way to it.
        end: Such as `.json`.
    """
    path = reach.url.partition("#")[0].partition("?")[0] if reach.url else reach.tail
    folder, slash, name = path.rpartition("/")
    if not name.lower().endswith(end) or (reach.url and not slash):
        return None
    # An address stands for itself, whatever is quoted in it.
    return (reach, "") if reach.url else (replace(reach, tail=folder), name)


def above(reach: Reach) -> Reach:
    """Return the folder that a folder of this machine is in, or a volume itself; an address stays what it is."""
    return reach if reach.url else replace(reach, tail=reach.tail.rstrip("/").rpartition("/")[0])


def joined(url: str, key: str) -> str:
    """Return the address of a key of a store; what stands behind a question mark stays there."""
    base, mark, query = url.partition("#")[0].partition("?")
    path = quote(key, safe="/!$&'()*+,;=:@~")
    return f"{base.rstrip('/')}/{path}{mark}{query}" if path else url


def policy_to_dict(policy: Policy) -> dict[str, Any]:
    """Return what another process has to know of a policy as JSON values."""
    kept = {name: getattr(policy, name) for name in _KEPT}
    return kept | {"allow_hosts": sorted(policy.allow_hosts), "ports": sorted(policy.ports)}


def policy_of(given: Mapping[str, Any], patience: float, most: int) -> Policy:
    """Return the policy of a look: nothing is asked twice, and nobody is waited for longer than somebody here waits."""
    return Policy(
        **{name: given[name] for name in _KEPT},
        allow_hosts=frozenset(given["allow_hosts"]),
        ports=frozenset(given["ports"]),
        connect=min(patience, 4.0),
        read=patience,
        total=patience,
        slot_wait=patience,
        max_bytes=most,
        attempts=1,
        per_host=6,
    )
