from __future__ import annotations

import orjson
import pytest

from discovery.errors import RunError
from harvesters import trail
from harvesters.trail import Trail


def test_a_trail_comes_back_from_its_position() -> None:
    made = Trail(["a"], unlinked=True)
    made.add(f"http://h.org/{n % 1000}" for n in range(2000))
    made.at = 7
    position = orjson.loads(orjson.dumps(made.position()))
    assert len(orjson.dumps(position)) < 6000
    again = Trail.resume(position)
    assert (again.known, again.at, again.unlinked) == (made.known, 7, True)
    assert len(again.known) == 1001
    again.add(["http://h.org/5", "new"])
    assert again.known[1001:] == ["new"]


@pytest.mark.parametrize("position", [{}, {"known": "?", "at": 1, "unlinked": False}, {"known": 5}])
def test_a_position_of_somebody_else_is_refused(position: dict[str, object]) -> None:
    with pytest.raises(RunError, match="cannot be read"):
        Trail.resume(position)


def test_a_source_without_an_end_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail, "MAX_DOCUMENTS", 10)
    with pytest.raises(RunError, match="more than 10 documents"):
        Trail([]).add(str(n) for n in range(11))
