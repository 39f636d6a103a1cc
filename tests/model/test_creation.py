"""Who sees what people make."""

from __future__ import annotations

import pytest

from discovery.model.creation import (
    DRAFT,
    LINK,
    LISTED,
    PRIVATE,
    PUBLIC,
    PUBLISHED,
    REVIEW,
    STATES,
    VISIBILITIES,
    Creation,
)
from discovery.model.person import NOBODY, TOKEN_SCOPES, Person, Principal, Role

SCOPES = frozenset(TOKEN_SCOPES)


def somebody(id: str, role: Role = Role.USER, email: str = "") -> Principal:
    return Principal(role, Person(id, id, email, role), SCOPES)


def made(visibility: str, state: str = DRAFT, listed: tuple[str, ...] = ()) -> Creation:
    return Creation("x", "datalab", "owner", "Lab", state=state, visibility=visibility, listed=listed)


@pytest.mark.parametrize("visibility", VISIBILITIES)
@pytest.mark.parametrize("state", STATES)
def test_the_owner_sees_all_of_it_and_outsiders_what_was_opened(visibility: str, state: str) -> None:
    thing = made(visibility, state, ("friend",))
    assert thing.is_visible_to(somebody("owner"))
    assert thing.is_visible_to(somebody("friend")) == (visibility != PRIVATE)
    for outsider in (NOBODY, somebody("other"), somebody("other", Role.DEVELOPER)):
        assert thing.is_visible_to(outsider) == (visibility in (LINK, PUBLIC))


def test_moderators_see_what_is_in_review_and_an_admin_nothing_private_beyond() -> None:
    for role in (Role.MODERATOR, Role.ADMIN):
        assert made(PRIVATE, REVIEW).is_visible_to(somebody("m", role))
        assert not made(PRIVATE, DRAFT).is_visible_to(somebody("m", role))
        assert not made(PRIVATE, PUBLISHED).is_visible_to(somebody("m", role))


def test_people_are_listed_by_address_in_any_case_and_an_unknown_address_is_nobody() -> None:
    thing = made(LISTED, listed=("Ann@Example.org", ""))
    assert thing.is_visible_to(somebody("ann", email="ann@example.ORG"))
    assert not thing.is_visible_to(somebody("bob"))
    assert not thing.is_visible_to(NOBODY)
