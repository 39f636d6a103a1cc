"""A small catalogue of scenes in a volume, and a space of the tiles that they were cut into, at two times each."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from discovery.embeddings.building import Wanted
from discovery.embeddings.space import Model
from discovery.indexer import follow
from discovery.model.extent import Extent
from discovery.model.record import Asset, Link, Record
from discovery.model.source import Mapped, RawRecord
from discovery.portal import Portal
from discovery.testing.vectors import clustered

SPACE: Final = "tiles"
SIZE: Final = 16
PLACES: Final = 150
"""Each was seen twice, a year apart."""
CHANGED: Final = (17, 41, 99)
"""Places that look otherwise at the second time, the most changed first."""
ODD: Final = 123
"""The row that is like no other."""
YEAR: Final = 365 * 86_400_000
BEGIN: Final = 1_577_836_800_000
"""2020-01-01."""
FOLDER: Final = "/data/tiles"
VOLUME: Final = Record(
    "s", "", "v", "volume", "Tiles volume",
    properties={"mount_path": FOLDER}, links=(Link("https://data.example/tiles", "twin"),),
)  # fmt: skip
DATASET: Final = Record("s", "", "scenes", "dataset", "Scenes & <tiles>", provider="ESA")
SCENES: Final = tuple(
    Record(
        "s", "scenes", f"S2_{n}", "observation", f"Scene {n}", dataset=DATASET.id,
        provider="Odd" if n % 2 else "Even", extent=Extent(bbox=(n, 0, n + 1, 1), start=BEGIN, end=BEGIN),
        assets=(Asset(f"https://data.example/tiles/S2_{n}.tif", media_type="image/tiff"),),
    )
    for n in range(6)
)  # fmt: skip
"""Scenes 0 to 2 are of the first year, 3 to 5 of the second."""


def scene(row: int) -> Record:
    """Return the scene that a row was cut out of."""
    return SCENES[row % 3 + (0 if row < PLACES else 3)]


def vectors() -> npt.NDArray[np.float32]:
    """Return the vectors of the space in the order of their rows; the second year's come behind the first's."""
    first = clustered(PLACES, SIZE)
    second = first.copy()
    for weight, place in zip((3.0, 2.0, 1.0), CHANGED, strict=True):
        second[place] = np.roll(first[place], 5) * weight + first[place] * (4.0 - weight)
    made = np.concatenate([first, second])
    made[[ODD, ODD + PLACES]] = -made.mean(axis=0)
    return made.astype(np.float32)


def fill(portal: Portal, folder: Path) -> Path:
    """Put the records and the space into a portal, and return the file of the vectors, which is written to a folder."""
    records = (VOLUME, DATASET, *SCENES)
    portal.store.ingest.page("s", 1, [Mapped(each, RawRecord("", each.source_id, b"{}")) for each in records])
    follow(portal.store, portal.index)
    path = folder / "tiles.parquet"
    place = np.tile(np.arange(PLACES), 2)
    table = pa.table(
        {
            "unique_id": [f"tile-{each}" for each in range(2 * PLACES)],
            "embedding": pa.FixedSizeListArray.from_arrays(pa.array(vectors().ravel()), SIZE),
            "timestamp": pa.array(BEGIN + np.repeat([0, YEAR], PLACES), pa.timestamp("ms")),
            "product_id": [scene(each).source_id for each in range(2 * PLACES)],
            "centre_lat": place / 200.0,
            "centre_lon": place / 25.0,
        }
    )
    pq.write_table(table, path)
    portal.spaces.add(SPACE, Wanted((str(path),), Model("tiler", "1"), record=DATASET.id))
    return path
