"""LIKE patterns: what they match, and that no pattern takes long."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.errors import LimitError
from discovery.index.like import like

RUST = r"\.+*?()|[]{}^$#&-~"


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("abc", "abc", True),
        ("abc", "abcd", False),
        ("", "", True),
        ("", "a", False),
        ("%", "", True),
        ("%%", "anything\nat all", True),
        ("a%b%c", "aXbYc", True),
        ("a%b%c", "acb", False),
        ("a%a", "a", False),
        ("%ab%ab%", "abab", True),
        ("%ab%ab%", "aba", False),
        ("_", "é", True),
        ("_", "", False),
        ("\\%", "%", True),
        ("\\%", "x", False),
        ("a\\", "a\\", True),
        ("a.c", "abc", False),
        ("[a]", "a", False),
    ],
)
def test_a_pattern_matches_the_whole_text(pattern: str, text: str, expected: bool) -> None:
    assert like(pattern).matches(text) is expected


@given(st.text("ab%_", max_size=8), st.text("abc", max_size=8))
def test_patterns_agree_with_regular_expressions(pattern: str, text: str) -> None:
    regex = "".join({"%": ".*", "_": "."}.get(each, re.escape(each)) for each in pattern)
    assert like(pattern).matches(text) is bool(re.fullmatch(regex, text, re.DOTALL))


@given(st.text("aÉß%_\\.*[(é", max_size=6), st.text("aAéÉeßs.*[(\n", max_size=5), st.booleans(), st.booleans())
def test_the_regular_expression_for_engines_means_the_same(pattern: str, text: str, casei: bool, accenti: bool) -> None:
    found = like(pattern, casei=casei, accenti=accenti)
    assert bool(re.fullmatch(found.regex(RUST), text)) is found.matches(text)


def test_case_and_accents_count_unless_told_otherwise() -> None:
    assert not like("UNITE").matches("Ünïté")
    assert not like("UNITE", casei=True).matches("Ünïté")
    assert not like("Unite", casei=False, accenti=True).matches("ünïté")
    assert like("UNITE", casei=True, accenti=True).matches("Ünïté")
    assert like("ünïté", accenti=True).matches("unite")


def test_a_pattern_for_folded_text_is_folded_but_for_its_signs() -> None:
    assert like("ÉT_%x", folded=True).matches("eta and x")


def test_the_prefix_is_what_every_match_begins_with() -> None:
    assert like("abc%d").prefix == "abc"
    assert like("a_c").prefix == "a"
    assert like("abc", casei=True).prefix == ""
    assert like("12a", casei=True).prefix == "12"


def test_no_pattern_takes_long() -> None:
    began = time.process_time()
    assert not like("%a" * 15 + "%b").matches("a" * 8_000)
    assert not like("%" + "_a" * 7 + "a" * 200 + "_%b").matches("a" * 8_000)
    assert time.process_time() - began < 1


def test_every_engine_refuses_what_the_border_refuses() -> None:
    long, wild = "filter-pattern", "filter-wildcards"
    for pattern, limit in (("x" * 257, long), ("%a" * 400, long), ("%a" * 17, wild)):
        with pytest.raises(LimitError) as caught:
            like(pattern)
        assert caught.value.limit == limit
