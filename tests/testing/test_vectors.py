"""The vectors that tests are made with, and the loop that judges."""

from __future__ import annotations

import numpy as np

from discovery.testing.vectors import clustered, nearest


def test_a_seed_gives_the_same_vectors_and_groups_are_near() -> None:
    made = clustered(200, 16)
    assert np.array_equal(made, clustered(200, 16))
    assert not np.array_equal(made, clustered(200, 16, seed=8))
    unit = made / np.linalg.norm(made, axis=1, keepdims=True)
    cosines = np.sort(unit @ unit[0])
    assert cosines[-3] > 0.8 > cosines[100]


def test_the_nearest_of_plain_vectors_are_known() -> None:
    assert nearest([[1, 0], [0, 1], [2, 0], [1, 1]], [3, 0], 3) == [0, 2, 3]
