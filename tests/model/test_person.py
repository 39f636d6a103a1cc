"""Who may do what: roles that grow, and scopes that narrow."""

from __future__ import annotations

import itertools

import pytest

from discovery.errors import DeniedError
from discovery.model.person import LAUNCH, NOBODY, READ, TOKEN_SCOPES, Person, Principal, Role

ANN = Person("ann", "Ann", role=Role.MODERATOR)


@pytest.mark.parametrize(("has", "wanted"), list(itertools.product(Role, Role)))
def test_a_role_may_what_the_ones_before_it_may(has: Role, wanted: Role) -> None:
    assert Principal(has, ANN, frozenset(TOKEN_SCOPES)).may(wanted, LAUNCH) == (has >= wanted)


def test_a_token_without_the_scope_is_told_which_it_needs() -> None:
    with pytest.raises(DeniedError, match="not good for launch"):
        Principal(Role.ADMIN, ANN, frozenset({READ})).require(Role.USER, LAUNCH)


def test_nobody_is_told_to_sign_in_and_somebody_which_role_it_takes() -> None:
    with pytest.raises(DeniedError, match="sign in first"):
        NOBODY.require(Role.USER, LAUNCH)
    with pytest.raises(DeniedError, match="needs the role operator"):
        Principal(Role.MODERATOR, ANN, frozenset(TOKEN_SCOPES)).require(Role.OPERATOR)


def test_nobody_may_search_and_has_no_id() -> None:
    assert NOBODY.may(Role.ANONYMOUS)
    assert NOBODY.id == ""
    assert Role.DEVELOPER.word == "developer"
