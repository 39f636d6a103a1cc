from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.errors import BadQueryError, LimitError
from discovery.query.cql2.tokens import END, tokens


def shown(text: str) -> list[str]:
    return [each.text for each in tokens(text, "filter")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a<=1", ["a", "<=", "1", ""]),
        ("a<-1", ["a", "<", "-1", ""]),
        ("eo:cloud_cover<>.5e-3", ["eo:cloud_cover", "<>", ".5e-3", ""]),
        ("'it''s' 'it\\'s' 'a\\b'", ["it's", "it's", "a\\b", ""]),
        ("U&'a\\005C' u&'\\+01F600''\\\\'", ["a\\", "\U0001f600'\\", ""]),
        ('"a ""b"" c"', ['a "b" c', ""]),
        ("\t\n\u3000", [""]),
        ("1. 2.5 3e4", ["1.", "2.5", "3e4", ""]),
    ],
)
def test_text_is_cut_into_tokens(text: str, expected: list[str]) -> None:
    assert shown(text) == expected


def test_a_token_knows_where_it_begins() -> None:
    assert [(each.position, each.word) for each in tokens("  kind = 'and'", None)] == [
        (2, "KIND"),
        (7, ""),
        (9, ""),
        (14, ""),
    ]


@given(st.text(max_size=100))
def test_the_last_token_is_the_end(text: str) -> None:
    try:
        found = tokens(text, None)
    except BadQueryError:
        return
    assert [each.kind for each in found].index(END) == len(found) - 1


def test_bytes_count_and_not_characters() -> None:
    tokens("'" + "x" * 8190 + "'", None)
    with pytest.raises(LimitError):
        tokens("'" + "é" * 4096 + "'", None)
