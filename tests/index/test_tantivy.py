"""The tantivy engine passes the contract, and each trap that tantivy sets is sprung on purpose."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from discovery.index.tantivy import TantivyIndex
from discovery.testing.index_contract import IndexContract


class TestTantivy(IndexContract):
    @pytest.fixture
    def index(self, tmp_path: Path) -> Iterator[TantivyIndex]:
        engine = TantivyIndex(tmp_path)
        yield engine
        engine.close()
