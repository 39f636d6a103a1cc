"""A name with the region that it means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from discovery.model.extent import SKY
from discovery.query import region as regions
from discovery.query.query import Region

WHOLE: Final = (0.0, 0.0, 180.0)
"""The cone that is all of a body."""
Numbers = tuple[float, ...]

_ARTICLE: Final = re.compile(
    "^(United|Democratic|Gulf|Bay|Strait|Sea|Horn|Balkans|Arctic$|Tropics|Sahel|Sahara|Amazon$|Nile|Rhine|Danube|Thames)"
    "|(Sea|Ocean|River|Desert|Islands?|Basin|Peninsula|Mountains|Alps|Andes|Pyrenees|Hemisphere|Pole|Channel|Philippines"
    "|Netherlands|Territor(y|ies)|Maldives|Bahamas|Seychelles|Comoros|East|Republic of the Congo|Atlantic|Pacific"
    "|Republic|Plains|Lakes|Shelf|Canal|Delta|Plateau)$"
)
"""Names of which people say that they search in the ... ."""
KINDS: Final = (
    *("galaxy", "galaxy group", "galaxy cluster", "globular cluster", "open cluster", "nebula", "dark nebula"),
    *("planetary nebula", "star forming region", "supernova", "supernova remnant", "pulsar", "black hole"),
    *("X-ray binary", "quasar", "star", "asterism", "constellation", "field", "event", "object"),
    *("planet", "moon", "dwarf planet", "asteroid"),
    *("continent", "ocean", "sea", "country", "region", "island", "mountains", "desert", "lake", "reservoir", "river"),
    *("capital", "city"),
)
"""What a name can be of; `object` is what a name resolver of the network knows no better."""


@dataclass(frozen=True, slots=True)
class Named:
    """A name, and where that is."""

    name: str
    """As it is written; `near` finds it again by this name, and by the frame where others are called the same."""
    kind: str
    """One of `KINDS`."""
    frame: str
    cone: Numbers = ()
    """Right ascension (or longitude), declination and radius in degrees; empty for a place of boxes."""
    boxes: tuple[Numbers, ...] = ()
    """West, south, east and north of each part in degrees, largest first; west > east crosses the antimeridian."""
    other: str = ""
    """A second name that people know it by, such as the number in a catalogue; may be empty."""
    matched: str = "name"
    """What fitted: `name`, `alias` or `beginning`, or `network` for what was asked of another service."""

    ambiguous: bool = False
    """Whether something better known in another frame is called the same, so that `near` needs the frame too."""

    @property
    def whole(self) -> bool:
        """Whether all of a body is meant."""
        return self.cone == WHOLE

    @property
    def region(self) -> Region:
        """The region to search in."""
        if self.cone:
            return regions.cone(self.cone, frame=self.frame, parameter="near")
        parts = [regions.bbox(box, frame=self.frame, parameter="near") for box in self.boxes]
        if len(parts) == 1:
            return parts[0]
        rings = [part.geometry["coordinates"] for part in parts]
        return Region({"type": "MultiPolygon", "coordinates": rings}, self.frame)

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON holds it."""
        return {
            "name": self.name,
            "kind": self.kind,
            "frame": self.frame,
            "other": self.other or None,
            "ambiguous": self.ambiguous,
            "region": self.region.geometry,
        }

    @property
    def place(self) -> str:
        """How a search there is called: `near M31 (cone of 3.2°)`, `in Italy`, `on Mars`."""
        also = f" ({self.other})" if self.other else ""
        if self.whole:
            return f"on the {self.name}" if self.name in ("Moon", "Sun") else f"on {self.name}"
        if self.frame == SKY:
            return f"near {self.name}{also}, cone of {_degrees(self.cone[2])}"
        article = "the " if self.kind not in ("city", "capital") and _ARTICLE.search(self.name) else ""
        preposition = "near" if self.kind in ("city", "capital", "lake", "reservoir", "river", "mountains") else "in"
        return f"{preposition} {article}{self.name}"


def _degrees(radius: float) -> str:
    return f"{radius:g}°" if radius >= 1 else f"{round(radius * 60, 1):g} arcmin"
