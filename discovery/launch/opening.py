"""Everything that can be done to open one record: its files with their places, its volumes, its datalabs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from discovery.launch.matching import Holding, Match, holdings, matches
from discovery.launch.resolver import File, Resolver, resolve
from discovery.launch.rules import Rule
from discovery.model.datalab import Datalab
from discovery.model.record import Record
from discovery.model.volume import Volume


@dataclass(frozen=True, slots=True)
class Around:
    """What a catalogue has to open records with."""

    volumes: tuple[Volume, ...] = ()
    datalabs: tuple[Datalab, ...] = ()

    @classmethod
    def of(cls, records: Sequence[Record]) -> Around:
        """Return the volumes and datalabs among some records."""
        return cls(
            tuple(Volume.from_record(each) for each in records if each.kind == "volume"),
            tuple(Datalab.from_record(each) for each in records if each.kind == "datalab"),
        )


@dataclass(frozen=True, slots=True)
class Opening:
    """The ways to open one record."""

    record: Record
    files: tuple[File, ...] = ()
    """The main ones first."""
    volumes: tuple[Holding, ...] = ()
    """The surest first."""
    datalabs: tuple[Match, ...] = ()
    """The most special first."""
    mount_path: str = ""
    """Where the record itself is mounted, if it is a volume."""

    @property
    def is_openable(self) -> bool:
        """Whether a notebook would find data: a file of the record, or a folder."""
        return bool(self.files or self.mount_path)

    def to_dict(self) -> dict[str, Any]:
        """Return the ways as JSON values."""
        return {
            "id": self.record.id,
            "title": self.record.title,
            "kind": self.record.kind,
            "openable": self.is_openable,
            "mount_path": self.mount_path or None,
            "files": [each.to_dict() for each in self.files],
            "volumes": [
                {
                    "id": each.volume.id,
                    "title": each.volume.title,
                    "mount_path": each.volume.mount_path or None,
                    "reason": each.reason,
                }
                for each in self.volumes
            ],
            "datalabs": [
                {
                    "id": each.datalab.id,
                    "title": each.datalab.title,
                    "interface": each.datalab.interface or None,
                    "reason": each.reason,
                    "start": each.datalab.url or None,
                }
                for each in self.datalabs
            ],
        }


def opening(record: Record, rules: Sequence[Rule], around: Around, resolver: Resolver | None = None) -> Opening:
    """Return the ways to open a record with what a catalogue has.

    Args:
        record: What is opened.
        rules: How places of files are made.
        around: The catalogue's volumes and datalabs.
        resolver: Of these rules and volumes, where one has been made already.
    """
    files = resolver.files(record) if resolver else resolve(record, rules, around.volumes)
    return Opening(
        record=record,
        files=files,
        volumes=holdings(record, files, around.volumes),
        datalabs=matches(record, files, around.datalabs),
        mount_path=Volume.from_record(record).mount_path if record.kind == "volume" else "",
    )
