from __future__ import annotations

import pytest

from discovery.documents import words


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a\0b\x07c\x85", "a b c"),
        ("half \ud800 of it", "half \ufffd of it"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("  שלום \u202e ", "שלום \u202e"),
        ("no \ufffe character", "no \ufffd character"),
    ],
)
def test_a_text_holds_what_xml_rdf_and_json_can_hold(given: str, expected: str) -> None:
    found = words.text(given)
    assert found == expected
    found.encode("utf-8")


def test_a_line_is_one_line_that_turns_nothing_behind_it() -> None:
    assert words.line("a\n\tb\u2028c \u202egnp.exe\u202c \u2067x\u2069") == "a b c gnp.exe x"
    assert words.line("שלום") == "שלום"


def test_a_long_line_is_cut_and_says_so() -> None:
    assert words.line("x" * 5_000, 10) == "x" * 9 + "…"
    assert len(words.text("x" * 5_000_000)) == words.MAX_TEXT
