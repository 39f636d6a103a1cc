from __future__ import annotations

import pytest

from discovery.errors import ConfigError
from discovery.http import Policy


def test_the_user_agent_names_the_contact_and_the_purpose() -> None:
    assert Policy(contact="https://example.org/us").user_agent == "Discovery/0.1 (+https://example.org/us) (IVOA-copy)"


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://127.0.0.1:8123/tap", {"127.0.0.1:8123"}),
        ("https://Archive.Example.org/tap", {"archive.example.org:80", "archive.example.org:443"}),
        ("http://[::1]:9/", {"[::1]:9"}),
    ],
)
def test_the_host_that_the_operator_names_is_allowed_on_its_port(url: str, allowed: set[str]) -> None:
    assert Policy().allowing(url).allow_hosts == allowed


def test_a_named_port_allows_no_other_and_a_named_host_allows_all() -> None:
    policy = Policy(allow_hosts=frozenset({"localhost:8000", "peer", "[::1]:80"}))
    assert policy.allows("localhost", 8000)
    assert not policy.allows("localhost", 9200)
    assert policy.allows("peer", 9200)
    assert policy.allows("::1", 80)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.org/", "http://", "http://me:pw@h/", "http://[x"])
def test_what_is_no_source_cannot_be_named(url: str) -> None:
    with pytest.raises(ConfigError):
        Policy().allowing(url)


@pytest.mark.parametrize(
    "wrong",
    [
        {"contact": "a\r\nX: y"},
        {"contact": "a) (b"},
        {"contact": ""},
        {"total": float("nan")},
        {"read": float("inf")},
        {"max_bytes": 0},
        {"attempts": -1},
        {"allow_hosts": frozenset({"http://x"})},
        {"allow_hosts": frozenset({"::1"})},
    ],
)
def test_impossible_limits_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        Policy(**wrong)  # type: ignore[arg-type]  # that is the point
