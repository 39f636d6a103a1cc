"""The oracle passes the contract that it is the measure of: the fixed cases say what is right, it says the rest."""

from __future__ import annotations

import pytest

from discovery.errors import BadQueryError
from discovery.query.query import Region
from discovery.testing.index_catalogue import CATALOGUE, SCOPE, fill, make
from discovery.testing.index_contract import IndexContract
from discovery.testing.oracle import OracleIndex, holds, values


class TestOracle(IndexContract):
    @pytest.fixture
    def index(self) -> OracleIndex:
        return OracleIndex()


def test_values_are_each_there_once_and_never_empty() -> None:
    document = make(1, "Títle", keywords={"keyword": ("b", "", "b", "a")}, numbers={"size": 0.0}, tail=("x=1", "x=2"))
    assert values(document, "keyword") == ("b", "a")
    assert values(document, "size") == (0.0,)
    assert values(document, "title") == ("title",)
    assert values(document, "properties.x") == ("1", "2")
    assert values(document, "start") == ()


def test_a_region_that_nobody_covered_is_refused() -> None:
    with pytest.raises(BadQueryError, match="cannot answer Region"):
        holds(Region({"type": "Point", "coordinates": [0, 0]}), CATALOGUE[0])


def test_an_oracle_keeps_what_it_knows_when_closed() -> None:
    oracle = OracleIndex()
    fill(oracle)
    oracle.close()
    assert oracle.generation(SCOPE).documents == len(CATALOGUE)
