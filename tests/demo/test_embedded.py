"""The demo's space: made once, of a file in the home, and of nothing where nothing reads embeddings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from discovery import wiring
from discovery.config import Settings
from discovery.demo import embedded, pack


def test_the_file_is_found_in_a_checkout() -> None:
    assert (pack.embeddings() / "clay_v0_03WVN_20220610.parquet").is_file()


def test_without_the_libraries_the_demo_has_no_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_name: str) -> Any:
        return None

    monkeypatch.setattr(embedded, "find_spec", none)
    portal = wiring.open_portal(Settings(tmp_path))
    try:
        embedded.add(portal, tmp_path)
        assert portal.spaces.names() == []
        assert not (tmp_path / "demo-embeddings").exists()
    finally:
        portal.close()
