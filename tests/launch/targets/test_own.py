"""One's own computer as a target: a file, or a command."""

from __future__ import annotations

import pytest

from discovery.errors import NotFoundError
from discovery.launch.targets import Order, made
from discovery.launch.zones import HERE
from discovery.model.launch import READY, STOPPED, Asked, Launch
from discovery.model.person import Person

LAUNCH = Launch("x" * 26, "ada", "lab", "here", asked=Asked(("a" * 16, "b" * 16)))


def test_a_page_starts_nothing_on_ones_computer_but_says_the_command() -> None:
    lab = made(HERE.places[0])
    assert lab.health().ok
    state = lab.start(Order(LAUNCH, Person("ada", "Ada")))
    assert state.status == READY
    assert state.message.endswith("discovery open aaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbb")
    with pytest.raises(NotFoundError):
        lab.state(Launch("x" * 26, "ada", "lab", "here"))


def test_the_file_is_on_this_portal() -> None:
    download = made(HERE.places[1])
    assert download.start(Order(LAUNCH, Person("ada", "Ada"))).status == READY
    assert download.url(LAUNCH) == f"/launches/{LAUNCH.id}/notebook"
    assert download.stop(LAUNCH).status == STOPPED
