"""What people make: datalabs, volumes and pipelines, from the first draft to a record that everybody finds."""

from discovery.making.kinds import KINDS, Kind, kind
from discovery.making.life import Making

__all__ = ["KINDS", "Kind", "Making", "kind"]
