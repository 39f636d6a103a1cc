from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from discovery.launch.literals import literals
from discovery.launch.rules import shipped


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("^s3://eodata/(?P<key>.+)$", ("s3://eodata/", "s3://eodata/")),
        (r"^https?://heasarc\.gsfc\.nasa\.gov/FTP/(?P<tail>.+)$", ("http", "://heasarc.gsfc.nasa.gov/FTP/")),
        (r"^https://(?P<b>[a-z]+)\.s3\.amazonaws\.com/", ("https://", ".s3.amazonaws.com/")),
        ("(?:^|/)hstdata/hsla/(?P<f>.*)", ("", "hstdata/hsla/")),
        ("abc", ("", "abc")),
        ("^ab*c", ("a", "a")),
        ("^ab+c", ("ab", "ab")),
        ("^ab{2,30}c", ("a", "a")),
        ("^a|b", ("", "")),
        ("^|b", ("", "")),
        ("(?i)abc", ("", "")),
        ("(?:a|b)cd", ("", "cd")),
        (r"^a\db", ("a", "a")),
        (r"^a[]x]bc", ("a", "bc")),
        (r"^a[^]x]bc", ("a", "bc")),
        (r"^a[\]x]bc", ("a", "bc")),
        ("", ("", "")),
    ],
)
def test_what_a_text_must_hold(pattern: str, expected: tuple[str, str]) -> None:
    assert literals(pattern) == expected


PARTS = st.sampled_from(
    ["a", "bc", "^", "$", ".", "b*", "c+", "d?", "e{2}", "f{0,1}", "[a-c]", "[^a]", "[]]", r"\.", r"\d", "(a|b)",
     "(?:ab)?", "(?=a)", "(?!a)", "|", "(?P<n>a[)]b)", "{", "}", "x{"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(PARTS, max_size=7), st.text("abcdefx.1)]{}^", max_size=8))
def test_no_text_that_matches_lacks_what_it_must_hold(parts: list[str], text: str) -> None:
    pattern = "".join(parts)
    try:
        compiled = re.compile(pattern)
    except re.error:
        return
    begin, part = literals(pattern)
    if compiled.search(text):
        assert text.startswith(begin)
        assert part in text


def test_the_rules_for_addresses_are_told_apart_by_their_beginning() -> None:
    assert all(each.begin for each in shipped() if each.of_file)
