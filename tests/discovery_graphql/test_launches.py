from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from discovery.index.tantivy import TantivyIndex
from discovery.launch.zones import HUB, Place, Zone, Zones
from discovery.launching import Launching
from discovery.model.launch import READY, STARTING, STOPPED, Asked, Launch, State
from discovery.model.person import LAUNCH, NOBODY, READ, Person, Principal, Role
from discovery.portal import Portal
from discovery.store.store import Store
from discovery.testing.targets import Scripted
from discovery_graphql.enums import LaunchStatus
from discovery_graphql.launches import shown_launch
from discovery_graphql.schema import build
from discovery_graphql.search import Context

ADA = Principal(Role.USER, Person("ada", "Ada"), frozenset({READ, LAUNCH}))
ID = "a" * 26
QUERY = f'subscription {{ launchProgress(id: "{ID}") {{ status message }} }}'


class Slow(Scripted):
    """A target that gets on each time somebody looks."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.states = [State(STARTING, "pulling"), State(STARTING, "pulling"), State(READY, "here"), State(STOPPED)]

    def state(self, _launch: Launch) -> State:
        return self.states.pop(0)


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Portal]:
    portal = Portal(Store(f"sqlite:///{tmp_path / 'store.db'}"), TantivyIndex(tmp_path / "index"))
    place = Place("hub", HUB, "Hub", "https://hub.example")
    zones, target = Zones((Zone("z", "Z", places=(place,)),)), Slow(place)
    portal.launching = Launching(portal.store, zones, portal.opening, portal.people, build=lambda _: target)
    kept, _ = portal.store.launches.add(Launch(ID, "ada", "hub", "z", asked=Asked(("x",), title="A map")), 3)
    portal.store.launches.move(kept, State(STARTING, "asked"))
    yield portal
    portal.close()


async def told(portal: Portal, who: Principal) -> list[Any]:
    source = await build().subscribe(QUERY, context_value=Context(portal, who=who, every=0.01))
    async with aclosing(source):
        return [each async for each in source]


@pytest.mark.slow
def test_a_launch_is_told_each_time_it_gets_on_and_to_its_end(portal: Portal) -> None:
    found = asyncio.run(asyncio.wait_for(told(portal, ADA), 20))
    assert all(each.errors is None for each in found)
    states = [each.data["launchProgress"]["status"] for each in found]
    assert states == ["STARTING", "READY", "STOPPED"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("who", "code"), [(NOBODY, "denied"), (Principal(Role.ADMIN, Person("eve", "Eve"), ADA.scopes), "not_found")]
)
def test_nobody_else_follows_it(portal: Portal, who: Principal, code: str) -> None:
    (only,) = asyncio.run(asyncio.wait_for(told(portal, who), 20))
    assert [getattr(each.original_error, "kind", "") for each in only.errors] == [code]


def test_a_launch_shows_its_page_and_not_where_it_is() -> None:
    launch = Launch(ID, "ada", "hub", "z", status=READY, url="https://hub.example/user/ada", asked=Asked(("x",)))
    made = shown_launch(launch)
    assert (made.page, made.open, made.status) == (f"/launches/{ID}", True, LaunchStatus("ready"))
    assert "hub.example" not in repr(made)
    assert (made.datalab, made.notebook, made.ended, made.message) == (None, None, None, None)
