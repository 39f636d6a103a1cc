"""What requests say about entity tags."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from discovery import conditions


def asked(name: str, *values: str) -> Request:
    return Request({"type": "http", "headers": [(name.encode(), each.encode("latin-1")) for each in values]})


@pytest.mark.parametrize("given", ['"a"', 'W/"a"', '"b", "a"', '"b",W/"a"', "*"])
def test_a_reader_has_what_it_names_however_weakly(given: str) -> None:
    assert conditions.has(asked("if-none-match", given), '"a"')
    assert conditions.has(asked("if-none-match", given), 'W/"a"')


@pytest.mark.parametrize("given", ['"b"', "a", '"a', "", '"a,', "x" * 100_000])
def test_a_reader_has_not_what_it_does_not_name(given: str) -> None:
    assert not conditions.has(asked("if-none-match", given), '"a"')
    assert not conditions.has(asked("accept"), '"a"')


def test_several_headers_are_one_list() -> None:
    assert conditions.has(asked("if-none-match", '"x"', '"a"'), '"a"')
    assert conditions.holds(asked("if-match", '"x"', '"a"'), '"a"')


@pytest.mark.parametrize(
    ("given", "may"), [('"a"', True), ('"b", "a"', True), ("*", True), ('W/"a"', False), ('"b"', False), ("", False)]
)
def test_a_change_needs_the_tag_itself_where_one_is_named(given: str, may: bool) -> None:
    assert conditions.holds(asked("if-match", given), '"a"') is may


def test_a_change_needs_no_tag_where_none_is_named() -> None:
    assert conditions.holds(asked("accept"), '"a"')


def test_a_tag_is_that_of_what_is_sent_or_of_what_it_is_made_of() -> None:
    assert conditions.tag_of(b"a") == conditions.tag_of(b"a") != conditions.tag_of(b"b")
    assert conditions.tag("a", 1) == conditions.tag("a", 1) != conditions.tag("a", 2)
    assert conditions.tag("\ud800") == conditions.tag("\ud800")
