"""The tantivy engine passes the contract, and each trap that tantivy sets is sprung on purpose."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from discovery.index.tantivy import TantivyIndex
from discovery.testing.index_contract import IndexContract
from discovery.testing.index_machine import IndexMachine


class TestTantivy(IndexContract):
    @pytest.fixture
    def index(self, tmp_path: Path) -> Iterator[TantivyIndex]:
        engine = TantivyIndex(tmp_path)
        yield engine
        engine.close()


class TantivyMachine(IndexMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="discovery-"))

    def open(self) -> TantivyIndex:
        return TantivyIndex(self.folder)

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


def lives(examples: int, steps: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


def test_short_random_lives_agree_with_the_oracle() -> None:
    run_state_machine_as_test(TantivyMachine, settings=lives(100, 30))


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_long_random_lives_agree_with_the_oracle() -> None:
    run_state_machine_as_test(TantivyMachine, settings=lives(2_000, 50))
