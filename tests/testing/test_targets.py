"""The target that does as it is told."""

from __future__ import annotations

import pytest

from discovery.errors import UnavailableError
from discovery.launch.targets import Health, LaunchTarget, Order
from discovery.launch.zones import HUB, Place
from discovery.model.launch import READY, STARTING, Launch, State
from discovery.model.person import Person
from discovery.testing.targets import Scripted

LAUNCH = Launch("a" * 26, "ada", "hub", "near", url="https://hub.example/user/x/y/lab")


def test_it_says_what_it_was_told_and_keeps_what_it_was_asked_for() -> None:
    told = Scripted(Place("hub", HUB, "The hub", "https://hub.example"))
    target: LaunchTarget = told
    order = Order(LAUNCH, Person("ada", "Ada"))
    assert target.start(order).status == STARTING
    assert told.orders == [order]
    told.now, told.well = State(READY), Health(ok=False, message="it is down")
    assert target.state(LAUNCH) == target.stop(LAUNCH) == State(READY)
    assert (target.health().message, told.asked) == ("it is down", 1)
    assert target.url(LAUNCH) == f"{LAUNCH.url}?token=opensesame"
    told.now = UnavailableError("nobody answers")
    with pytest.raises(UnavailableError, match="nobody answers"):
        target.state(LAUNCH)
