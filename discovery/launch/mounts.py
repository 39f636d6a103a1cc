"""Which volume a path lies in, and which volumes have an address: by tables, however many volumes there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from discovery.model.volume import Volume

_FEW: Final = 4
"""Twins at one host that are tried one by one; of more, the beginnings of an address are looked up."""


class Mounts:
    """The folders and twins of some volumes, looked up by the beginnings of paths and addresses."""

    def __init__(self, volumes: Sequence[Volume]) -> None:
        self._volumes = tuple(volumes)
        self._folders: dict[str, str] = {}
        self._twins: dict[str, tuple[int, ...]] = {}
        self._hosts: dict[str, list[str]] = {}
        for number, each in enumerate(self._volumes):
            if each.mount_path:
                # Of two volumes at one place, it is always the same one that has it.
                self._folders[each.mount_path] = max(each.id, self._folders.get(each.mount_path, ""))
                for twin in each.twins:
                    self._twins[twin] = (*self._twins.get(twin, ()), number)
                    of_host = self._hosts.setdefault(twin[: _root(twin)], [])
                    of_host += [] if twin in of_host else [twin]

    def volume(self, path: str) -> str:
        """Return the id of the volume that a path lies in, the innermost; empty where there is none."""
        folders, folder = self._folders, path
        while folder := folder.rpartition("/")[0]:
            if (id := folders.get(folder)) is not None:
                return id
        return ""

    def paths(self, address: str) -> list[tuple[str, str]]:
        """Return the path of an address in each volume that has a twin of it, with the volume's id."""
        of_host = self._hosts.get(address[: _root(address)])
        if of_host is None:
            return []
        found: set[int] = set()
        if len(of_host) <= _FEW:
            for twin in of_host:
                if address.startswith(twin):
                    found.update(self._twins[twin])
        else:
            at = _root(address) - 1
            while at >= 0:
                found.update(self._twins.get(address[: at + 1], ()))
                at = address.find("/", at + 1)
        volumes = (self._volumes[number] for number in sorted(found))
        return [(path, each.id) for each in volumes if (path := each.path_of(address))]


def _root(address: str) -> int:
    """Return how long the beginning of an address is, up to the slash behind its host; 0 for one without a path."""
    return address.find("/", address.find("://") + 3) + 1
