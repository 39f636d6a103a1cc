"""From stored numbers to values, and which vectors are near."""

from __future__ import annotations

import math

import numpy as np
import pytest

from discovery.embeddings.space import EUCLIDEAN, SIGNED_SQUARE, Quantization, Space
from discovery.embeddings.vectors import asked, best, prepared, scores, values
from discovery.errors import BadQueryError

SPACE = Space("s", 3)


def test_alphaearth_numbers_are_signed_squares_and_minus_128_is_no_data() -> None:
    stored = np.array([[127, -127, 0], [-128, 1, 2]], dtype=np.int8)
    found = values(stored, Quantization(SIGNED_SQUARE))
    assert found[0] == pytest.approx([(127 / 127.5) ** 2, -((127 / 127.5) ** 2), 0])
    assert math.isnan(found[1, 0])
    assert not prepared(found, "cosine")[1][1]


def test_scaled_numbers_are_put_back() -> None:
    found = values(np.array([[0, 255]], dtype=np.uint8), Quantization("scale", 0.5, -10.0))
    assert found.tolist() == [[-10.0, 117.5]]


def test_zero_and_what_is_not_finite_count_as_no_vectors() -> None:
    given = np.array([[3, 4, 0], [0, 0, 0], [1, np.nan, 0], [np.inf, 0, 0]], dtype=np.float32)
    made, usable = prepared(given, "cosine")
    assert usable.tolist() == [True, False, False, False]
    assert made[0] == pytest.approx([0.6, 0.8, 0])
    assert not made[1:].any()


def test_zero_is_a_place_where_distances_count() -> None:
    made, usable = prepared(np.array([[0, 0, 0], [0, 3, 4]], dtype=np.float32), EUCLIDEAN)
    assert usable.all()
    assert scores(made[0], made, EUCLIDEAN).tolist() == [0, -5]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([1, 2], "has 2 numbers"),
        ([[1, 2, 3]], "has 1 x 3 numbers"),
        ([1, 2, float("nan")], "not finite"),
        ([1, 2, 1e39], "not finite"),
        ([1, 2, float("inf")], "not finite"),
        ([0, 0, 0], "points nowhere"),
        (["a", 2, 3], "no number"),
        ([None, 2, 3], "not finite"),
        ([[1], [2, 3]], "no number"),
        ([], "has 0 numbers"),
    ],
)
def test_what_is_no_vector_of_the_space_is_refused_by_name(given: list[object], told: str) -> None:
    with pytest.raises(BadQueryError, match=told) as caught:
        asked(SPACE, given)
    assert caught.value.parameter == "vector"


def test_the_best_are_in_order_and_ties_go_by_number() -> None:
    rows = np.array([9, 3, 7, 1, 5])
    found = np.array([0.5, 0.9, 0.9, 0.5, 0.5], dtype=np.float32)
    assert best(rows, found, 4)[0].tolist() == [3, 7, 1, 5]
    assert best(rows, found, 10)[0].tolist() == [3, 7, 1, 5, 9]
