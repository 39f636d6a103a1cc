from __future__ import annotations

from itertools import permutations

from harvesters.obscore import STANDARD
from harvesters.tap_table import named, packed, together

ROWS = [
    {"obs_publisher_did": "a", "access_url": "u2", "obs_id": "1"},
    {"obs_publisher_did": "a", "access_url": "u1", "obs_id": "2"},
    {"obs_publisher_did": "a", "access_url": "u1", "obs_id": "2", "t_min": "5"},
    {"obs_publisher_did": "a", "access_url": "u2", "obs_id": "1"},
]


def test_names_depend_on_the_rows_and_not_on_their_order() -> None:
    found = [dict(named(STANDARD, "a", order)) for order in permutations(ROWS)]
    assert all(each == found[0] for each in found)
    # The row that is there twice is one; those that nothing else tells apart are told by all they say.
    assert len(found[0]) == 3
    assert found[0]["a"]["access_url"] == "u1"


def test_a_row_without_an_identifier_is_known_by_what_it_says() -> None:
    rows = [{"access_url": "u"}, {"access_url": "v"}, {"access_url": "u"}]
    names = [name for name, _ in named(STANDARD, "", rows)]
    assert len(set(names)) == len(names) == 2
    assert all(name.startswith("row-") for name in names)


def test_rows_of_one_identifier_are_put_together_wherever_they_stand() -> None:
    rows = [packed(STANDARD, row) for row in (ROWS[0], {"obs_publisher_did": "b"}, ROWS[1], {})]
    assert {key: [each.row() for each in found] for key, found in together(rows).items()} == {
        "a": [ROWS[0], ROWS[1]],
        "b": [{"obs_publisher_did": "b"}],
        "": [{}],
    }
