"""The demo's space of embeddings: what looks like a tile of Alaska."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from discovery.demo import pack
from discovery.model.record import record_id
from discovery.portal import Portal

SPACE: Final = "clay"
_FILE: Final = "clay_v0_03WVN_20220610.parquet"
_RECORD: Final = record_id("clay-embeddings", "records", "clay-v0-03WVN-20220610")


def add(portal: Portal, home: Path) -> None:
    """Make the space of the demo's embeddings, unless it is there or nothing that reads embeddings is installed.

    The file is copied into the home first: a space looks into its files whenever it is asked, and installations go.
    """
    if SPACE in portal.spaces.names() or find_spec("faiss") is None:
        return
    from discovery.embeddings import apart
    from discovery.embeddings.building import Wanted
    from discovery.embeddings.space import Model

    file = home / "demo-embeddings" / _FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(pack.embeddings() / _FILE, file)
    apart.add(portal.spaces.folder, SPACE, Wanted((str(file),), Model("Clay", "0"), record=_RECORD))
