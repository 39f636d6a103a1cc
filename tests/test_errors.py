"""The error tree is the one drawn at the top of its module."""

from __future__ import annotations

import inspect
import re

import pytest

from discovery import errors

CLASSES = [
    found
    for _, found in inspect.getmembers(errors, inspect.isclass)
    if issubclass(found, errors.DiscoveryError) and found.__module__ == errors.__name__
]


def drawn() -> dict[str, str | None]:
    """Return child and parent as the docstring draws them."""
    parents: dict[str, str | None] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"([| `-]*)(\w+Error)\b", line):
            depth = len(found[1]) // 3
            path[depth:] = [found[2]]
            parents[found[2]] = path[depth - 1] if depth else None
    return parents


def test_the_drawn_tree_is_the_real_one() -> None:
    real = {c.__name__: None if c is errors.DiscoveryError else c.__mro__[1].__name__ for c in CLASSES}
    assert real == drawn()


def test_every_error_has_a_kind_of_its_own() -> None:
    kinds = [error.kind for error in CLASSES]
    assert len(set(kinds)) == len(kinds)


@pytest.mark.parametrize("error", CLASSES, ids=lambda c: c.__name__)
def test_every_error_says_what_is_true_in_one_sentence(error: type[errors.DiscoveryError]) -> None:
    assert (error.__doc__ or "").splitlines()[0].endswith(".")


def test_an_unknown_name_comes_with_the_near_ones() -> None:
    error = errors.UnknownFieldError("misson", ["mission", "instrument", "theme"], parameter="facet")
    assert error.near == ("mission",)
    assert "'misson'" in str(error)
    assert "did you mean mission?" in str(error)
    assert error.parameter == "facet"


def test_an_unknown_name_without_near_ones_comes_with_the_known_ones() -> None:
    assert "known: mission, theme" in str(errors.UnknownFieldError("x", ["theme", "mission"]))


def test_a_long_unknown_name_is_cut() -> None:
    assert len(str(errors.UnknownFieldError("x" * 10_000, ["mission"]))) < 200


def test_whoever_is_told_to_wait_is_told_how_long() -> None:
    assert errors.UnavailableError("x", retry_after=2.4).headers == {"Retry-After": "2"}
    assert errors.TooManyError("x", retry_after=0.1).headers == {"Retry-After": "1"}
    assert errors.TooManyError("x").headers == errors.BadQueryError("x").headers == {}
