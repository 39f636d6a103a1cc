"""Small tables of embeddings in every shape that is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

Matrix = npt.NDArray[np.float32]


@pytest.fixture
def major_tom(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a table in the shape of Major TOM's, its places in the order of its groups."""

    def write(vectors: Matrix, name: str = "part_00001.parquet", *, first: int = 0, group: int = 500) -> Path:
        count, size = vectors.shape
        turn = np.arange(first, first + count)
        table = pa.table(
            {
                "unique_id": [f"row-{each}" for each in turn],
                "embedding": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), size),
                "timestamp": pa.array(1_600_000_000_000 + turn * 86_400_000, pa.timestamp("ms")),
                "product_id": [f"S2A_{each % 5}" for each in turn],
                "grid_cell": [f"{each}U_1R" for each in turn],
                "centre_lat": pa.array((turn % 120 - 60).astype(np.float32)),
                "centre_lon": pa.array((turn % 360 - 180).astype(np.float32)),
            }
        )
        path = tmp_path / name
        pq.write_table(table, path, row_group_size=group)
        return path

    return write
