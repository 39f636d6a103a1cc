from __future__ import annotations

import pytest

from discovery.errors import DeniedError
from discovery.model.person import HARVEST, NOBODY, READ, Person, Principal, Role
from discovery_graphql.rights import admitted

OLGA = Principal(Role.OPERATOR, Person("olga", "Olga"), frozenset({READ}))


def test_who_may_is_let_through() -> None:
    assert admitted(NOBODY, Role.ANONYMOUS) is NOBODY
    assert admitted(OLGA, Role.USER) is OLGA


@pytest.mark.parametrize(
    ("who", "role", "scope", "words"),
    [
        (NOBODY, Role.USER, READ, "show a token"),
        (NOBODY, Role.OPERATOR, HARVEST, "operator"),
        (OLGA, Role.ADMIN, READ, "admin"),
        (OLGA, Role.OPERATOR, HARVEST, "harvest"),
    ],
)
def test_who_may_not_is_told_what_is_missing(who: Principal, role: Role, scope: str, words: str) -> None:
    with pytest.raises(DeniedError, match=words):
        admitted(who, role, scope)
