"""How sources, runs and jobs are said to operators."""

from __future__ import annotations

import pytest

from ui import harvests
from ui.harvests import source_url


def test_addresses_of_sources_hold_any_name() -> None:
    assert source_url("a/b c") == "/admin/harvests/a%2Fb%20c"
    assert source_url("a", job=3) == "/admin/harvests/a?job=3"
    assert source_url("a", after=0) == "/admin/harvests/a"


@pytest.mark.parametrize(
    ("here", "there", "share"),
    [(5, None, None), (5, 10, 50), (999, 1000, 99), (10, 10, 100), (12, 10, 100), (0, 0, 100)],
)
def test_completeness_is_never_rounded_up(here: int, there: int | None, share: int | None) -> None:
    assert harvests._share(here, there) == share
