"""What somebody confirmed comes back from JSON as it was."""

from __future__ import annotations

import pytest

from discovery.model.launch import OPEN, STATUSES, Asked, Launch


def test_what_was_asked_comes_back() -> None:
    asked = Asked(("a", "b"), ("c",), "T", "n.ipynb", "image", "small", "data")
    assert Asked.from_dict(asked.to_dict()) == asked
    assert Asked.from_dict({}) == Asked(())
    assert Asked(("a",)).to_dict() == {"records": ["a"]}


@pytest.mark.parametrize("status", STATUSES)
def test_a_launch_is_open_until_it_has_stopped_or_failed(status: str) -> None:
    assert Launch("x", "ada", "hub", "sci", status=status).is_open is (status in OPEN)
    assert (status in OPEN) is (status not in ("stopped", "failed"))
