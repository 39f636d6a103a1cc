from __future__ import annotations

from discovery.model.record import KINDS, SCOPES
from discovery.query.fields import FACETS, ORDERS
from discovery.query.region import ASKED, RELATIONS
from discovery_graphql.enums import Domain, FacetName, FrameName, Kind, RelationName, Scope, SortName, enum_name, member


def test_enums_hold_the_words_of_the_portal() -> None:
    for enum, words in (
        (Kind, KINDS),
        (Scope, SCOPES),
        (FacetName, FACETS),
        (SortName, ORDERS),
        (FrameName, ASKED),
        (RelationName, RELATIONS),
    ):
        assert [each.value for each in enum] == list(words)


def test_names_are_capitals() -> None:
    assert enum_name("earth-observation") == "EARTH_OBSERVATION"


def test_a_word_that_is_not_in_the_set_has_no_member() -> None:
    assert member(Domain, "navigation") is not None
    assert member(Domain, "cooking") is None
