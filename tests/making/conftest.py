"""People of every role, and a room to make things in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from discovery.making import Making
from discovery.model.person import Principal, Role
from discovery.people import People
from discovery.store.store import Store

DATALAB: dict[str, Any] = {
    "name": "JupyterLab for Euclid",
    "alternate_name": "jl-euclid",
    "abstract": "Tools for *Euclid*.",
    "contact": {"email": "help@euclid.example.org", "name": "Desk"},
    "creator": ["Ada"],
    "version": "1.4",
    "interface": "lab",
}
VOLUME: dict[str, Any] = {"slug": "q1", "name": "Euclid Q1", "provider": "ESAC", "mount": "/media/data/{slug}"}


@pytest.fixture
def datalab() -> dict[str, Any]:
    return dict(DATALAB)


@pytest.fixture
def volume() -> dict[str, Any]:
    return dict(VOLUME)


@pytest.fixture
def people(store: Store) -> People:
    return People(store)


@pytest.fixture
def making(store: Store, people: People) -> Making:
    return Making(store, people)


@pytest.fixture
def someone(people: People) -> Callable[[str, Role], Principal]:
    """Return a function that signs somebody in with a role."""

    def sign_in(name: str, role: Role) -> Principal:
        session = people.welcome("https://id.example", name, name, email=f"{name.lower()}@example.org", role=role)
        return people.who(None, session)

    return sign_in


@pytest.fixture
def ada(someone: Callable[[str, Role], Principal]) -> Principal:
    return someone("Ada", Role.DEVELOPER)


@pytest.fixture
def mod(someone: Callable[[str, Role], Principal]) -> Principal:
    return someone("Mod", Role.MODERATOR)
