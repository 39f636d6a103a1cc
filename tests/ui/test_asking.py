"""What is asked of a space, read from parameters and from bodies; tests/ui/test_similar.py asks over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

import pytest
from fastapi import Request

from discovery.errors import BadQueryError, LimitError, UnknownFieldError
from discovery.portal import Portal
from discovery.query.query import Time
from ui import asking


class Known:
    """A portal that knows no names of places."""

    def resolve(self, _text: str) -> Sequence[Any]:
        return ()


PORTAL = cast("Portal", Known())


def test_parameters_and_a_body_ask_the_same_of_changes() -> None:
    pairs = [("by", "id"), ("earlier", "2020"), ("bbox", "0,0,1,1"), ("size", "5"), ("f", "json")]
    given = asking.read_contrast(pairs, PORTAL, asking.CHANGE)
    body = b'{"by": "id", "earlier": "2020", "within": {"bbox": "0,0,1,1"}, "size": 5}'
    assert given == asking.contrast(body, PORTAL, asking.CHANGE)
    assert given is not None
    assert isinstance(given.earlier, Time)
    assert (given.by, given.later, given.size) == ("id", None, 5)
    assert given.within is not None


def test_nothing_is_asked_by_a_format_alone() -> None:
    assert asking.read_contrast([], PORTAL, asking.OUTLIERS) is None
    assert asking.read_contrast([("f", "json")], PORTAL, asking.OUTLIERS) is None
    assert asking.read([("f", "json"), ("bbox", "0,0,1,1")], PORTAL) is None
    found = asking.read_contrast([("facet.provider", "ESA")], PORTAL, asking.OUTLIERS)
    assert found is not None
    assert found.size == asking.SIZE


@pytest.mark.parametrize("name", ["of", "row", "earliest"])
def test_what_belongs_to_another_question_is_unknown(name: str) -> None:
    with pytest.raises(UnknownFieldError, match="unknown parameter"):
        asking.read_contrast([(name, "1")], PORTAL, asking.CHANGE)


@pytest.mark.parametrize("size", ["-1", "1e3", "١٢", "9" * 30, ""])
def test_a_size_is_a_whole_number(size: str) -> None:
    with pytest.raises(BadQueryError, match="no whole number"):
        asking.read_contrast([("size", size)], PORTAL, asking.OUTLIERS)


def test_a_body_beyond_the_limit_is_not_held() -> None:
    taken = 0

    async def stream() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield b"x" * (1 << 20)

    class Sent:
        def stream(self) -> AsyncIterator[bytes]:
            return stream()

    with pytest.raises(LimitError, match="similar-body"):
        asyncio.run(asking.body_of(cast("Request", Sent())))
    assert taken == 5
