"""Links to Binder and nbgitpuller: whatever stands in the file of zones, they stay links to what it names."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from discovery.launch.targets import Order, made
from discovery.launch.targets.links import binder, git_puller
from discovery.launch.zones import BINDER, NBGITPULLER, Place
from discovery.model.launch import READY, STOPPED, Launch
from discovery.model.person import Person

BINDER_PLACE = Place(
    "b", BINDER, "Binder", url="https://binder.example", repository="org/repo", ref="v1/x", path="a b/é&x=1.ipynb"
)
PULL_PLACE = Place(
    "p",
    NBGITPULLER,
    "Puller",
    url="https://hub.example/base",
    repository="https://git.example/org/repo.git",
    ref="main",
    path="a&urlpath=x#.ipynb",
)


def test_a_link_to_binder_has_the_reference_as_one_part_and_the_path_as_one_parameter() -> None:
    parts = urlsplit(binder(BINDER_PLACE))
    assert (parts.netloc, parts.path) == ("binder.example", "/v2/gh/org/repo/v1%2Fx")
    assert parse_qs(parts.query) == {"urlpath": ["lab/tree/a b/é&x=1.ipynb"]}


def test_a_link_of_nbgitpuller_keeps_each_parameter_apart() -> None:
    parts = urlsplit(git_puller(PULL_PLACE))
    assert parts.path == "/base/hub/user-redirect/git-pull"
    assert parts.fragment == ""
    assert parse_qs(parts.query) == {
        "repo": ["https://git.example/org/repo.git"],
        "branch": ["main"],
        "urlpath": ["lab/tree/repo/a&urlpath=x#.ipynb"],
        "depth": ["1"],
    }


def test_a_link_is_ready_at_once_and_over_when_one_says_so() -> None:
    target = made(BINDER_PLACE)
    launch = Launch("x" * 26, "ada", "b", "eo")
    assert target.health().ok
    state = target.start(Order(launch, Person("ada", "Ada")))
    assert (state.status, state.url) == (READY, binder(BINDER_PLACE))
    assert target.url(launch) == state.url
    assert target.stop(launch).status == STOPPED
