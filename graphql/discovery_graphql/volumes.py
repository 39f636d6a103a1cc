"""Volumes: data that can be mounted, where, and why one stands beside a record."""

from __future__ import annotations

import strawberry

from discovery.model import volume as model
from discovery_graphql.described import attribute, resolver
from discovery_graphql.enums import HoldingReason
from discovery_graphql.record import Record
from discovery_graphql.scalars import Long


@strawberry.type(description="Where a volume is mounted on one platform.")
class Mount:
    """Where a volume is mounted on one platform."""

    platform: str = attribute("The platform.")
    path: str = attribute("The path, or a template of it.")


@strawberry.type(description="Data that can be mounted in a datalab.")
class Volume(Record):
    """Data that can be mounted in a datalab."""

    @resolver("The folder that it is mounted as.")
    def mount_path(self) -> str | None:
        """Return the folder that it is mounted as."""
        return self._volume.mount_path or None

    @resolver("Its short name, for folders.")
    def slug(self) -> str | None:
        """Return its short name."""
        return self._volume.slug or None

    @resolver("Where it is mounted on platforms that mount it elsewhere.")
    def mounts(self) -> list[Mount]:
        """Return where it is mounted."""
        return [Mount(platform=platform, path=path) for platform, path in self._volume.mounts]

    @resolver("Addresses beneath which the same files have the same paths as in the folder.")
    def twins(self) -> list[str]:
        """Return where the same files are otherwise."""
        return list(self._volume.twins)

    @resolver("Whether it is mounted for reading alone.")
    def read_only(self) -> bool:
        """Return whether it is mounted for reading alone."""
        return self._volume.read_only

    @resolver("Names of the datazones where it is local.")
    def zones(self) -> list[str]:
        """Return where it is local."""
        return list(self._volume.zones)

    @resolver("Bytes, where somebody has counted.")
    def size(self) -> Long | None:
        """Return its size."""
        return None if self._volume.size is None else Long(self._volume.size)

    @resolver("The datasets whose files lie in it, by their ids, where its record names them.")
    def holds(self) -> list[strawberry.ID]:
        """Return the ids of its datasets."""
        return [strawberry.ID(each) for each in self._volume.datasets]

    @property
    def _volume(self) -> model.Volume:
        return model.Volume.from_record(self.held)


@strawberry.type(description="A volume with why it stands beside a record.")
class Holding:
    """A volume with why it stands beside a record."""

    reason: HoldingReason | None = attribute("Why.")
    volume: Volume = attribute("The volume.")
