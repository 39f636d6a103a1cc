"""A cell is written by frame, order and number, and is where its number says."""

import numpy as np
import pytest

from discovery.errors import BadQueryError
from discovery.query import healpix, place
from discovery.query.facets import Place


def test_a_cell_is_written_as_it_is_read() -> None:
    assert place.parse(" sky/3/145 ") == Place("sky", 3, 145)
    assert place.parse(place.to_text(Place("mars", 12, 12 * 4**12 - 1))).cell == 12 * 4**12 - 1


@pytest.mark.parametrize(
    "text", ["", "sky", "sky/3", "sky/3/768", "sky/13/1", "nowhere/3/1", "sky/-1/1", "sky/3/1/2", "sky/٣/1"]
)
def test_what_is_no_cell_is_refused(text: str) -> None:
    with pytest.raises(BadQueryError) as caught:
        place.parse(text)
    assert caught.value.parameter == "cell"


def test_a_cell_holds_its_centre() -> None:
    for cell in (0, 5, 191):
        lon, lat = place.centre(Place("sky", 2, cell))
        assert int(healpix.cells_at(np.array([lon]), np.array([lat]), 2)[0]) == place.number(Place("sky", 2, cell))


def test_outlines_go_around_the_centre() -> None:
    lon, lat = place.outlines(0, [4], 1)
    assert lon.shape == lat.shape == (1, 4)
    assert place.centre(Place("sky", 0, 4)) == (0.0, 0.0)
    assert (lat.min(), lat.max()) == pytest.approx((-41.81, 41.81), abs=0.01)
