"""The catalogue of tiles is what it says: scenes in a volume, pairs of rows, few that have changed."""

from __future__ import annotations

import numpy as np

from discovery.testing import tiles


def test_rows_are_pairs_that_differ_at_few_places_only() -> None:
    first, second = np.split(tiles.vectors(), 2)
    unit = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in (first, second)]
    changes = 1 - np.einsum("ij,ij->i", *unit)
    assert np.argsort(-changes)[:3].tolist() == list(tiles.CHANGED)
    assert (np.delete(changes, tiles.CHANGED) < 1e-6).all()
    assert (changes[list(tiles.CHANGED)] > 0.01).all()


def test_rows_of_the_second_year_are_of_other_scenes() -> None:
    rows = range(2 * tiles.PLACES)
    assert {tiles.scene(each).id for each in rows} == {each.id for each in tiles.SCENES}
    early = {tiles.scene(each).id for each in rows[: tiles.PLACES]}
    assert early.isdisjoint(tiles.scene(each).id for each in rows[tiles.PLACES :])
