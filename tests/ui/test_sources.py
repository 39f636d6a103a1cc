from __future__ import annotations

import pytest

from discovery.model.record import Record
from discovery.model.source import Source
from ui.sources import Sources

KNOWN = Sources(
    {
        "real": Source("real", "tap", "https://a.example/", "Real data", {"attribution": "Thanks"}),
        "made": Source("made", "tap", "https://b.example/", settings={"synthetic": "true"}),
    }
)


def test_a_source_is_called_by_its_title_else_by_its_id() -> None:
    assert [KNOWN.title(id) for id in ("real", "made", "gone")] == ["Real data", "made", "gone"]


def test_thanks_go_to_whom_the_source_names() -> None:
    assert [KNOWN.attribution(id) for id in ("real", "made", "gone")] == ["Thanks", "", ""]


@pytest.mark.parametrize(
    ("source", "properties", "expected"),
    [
        ("real", {}, ""),
        ("made", {}, "synthetic"),
        ("real", {"example": "true"}, "example"),
        ("gone", {"discovery:example": "true"}, "example"),
        ("real", {"example": "false"}, ""),
    ],
)
def test_what_is_not_real_is_marked(source: str, properties: dict[str, str], expected: str) -> None:
    assert KNOWN.marker(Record(source, "c", "1", "dataset", "T", properties=properties)) == expected
