"""How text is cut, folded and stemmed."""

from __future__ import annotations

import unicodedata
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.errors import ConfigError
from discovery.query import tokens as words
from discovery.query.tokens import SEPARATOR, Lexicon, fold, tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("Sentinel-2", ["sentinel", "2", SEPARATOR, "sentinel2"]),
        ("S2A", ["s", "2", "a", SEPARATOR, "s2", "s2a", "2a"]),
        ("PM2.5", ["pm", "2.5", SEPARATOR, "pm2.5"]),
        ("2020-01-15", ["2020", "01", "15"]),
        ("v1.2.3", ["v", "1", "2", "3", SEPARATOR, "v1"]),
        ("25 km", ["25", "km", SEPARATOR, "25km"]),
        ("in 2019 the", ["in", "2019", "the"]),
        ("Earth's X-rays", ["earth", "x", "ray", SEPARATOR, "xray"]),
        ("10\u202f\u03bcm", ["10", "um", SEPARATOR, "10um"]),
        ("\u6c34\u6e29", ["\u6c34", "\u6e29", SEPARATOR, "\u6c34\u6e29"]),
        ("a|b \x00\ud800 c", ["a", "b", "c"]),
    ],
)
def test_text_is_cut_where_letters_meet_digits(text: str, expected: list[str]) -> None:
    assert tokens(text) == expected


@pytest.mark.parametrize(
    "name", ["Gaia", "Mars", "Planck", "Venus", "Ulysses", "Rosetta", "Hipparcos", "Swarm", "Ceres"]
)
def test_mission_names_and_planets_are_not_stemmed(name: str) -> None:
    assert tokens(name) == [name.lower()]


def test_tokens_with_digits_are_not_stemmed() -> None:
    assert tokens("GEOS5") == ["geo", "5", SEPARATOR, "geos5"]


@given(st.text(st.characters(codec=None), max_size=200))
def test_tokens_are_short_clean_and_writable_as_utf8(text: str) -> None:
    for token in tokens(text):
        assert token
        assert len(token) <= words.TOKEN_LENGTH
        assert token == SEPARATOR or (token.split() == [token] and SEPARATOR not in token)
        token.encode()


@given(st.text(max_size=100))
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(max_size=60))
def test_case_and_composition_do_not_matter(text: str) -> None:
    for form in ("NFC", "NFD"):
        assert tokens(unicodedata.normalize(form, text)) == tokens(text)


def test_threads_get_the_same_stems() -> None:
    vocabulary = [f"{a}{b}{c}ations" for a in "bcdfghklmn" for b in "aeiou" for c in "prstvz"]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: [words.stem(word) for word in vocabulary], range(16)))
    assert all(result == results[0] for result in results)


def test_the_fingerprint_is_stable_within_a_version() -> None:
    assert words.fingerprint() == words.fingerprint()
    assert len(words.fingerprint()) == 16


@pytest.mark.parametrize("text", ["stop = 1", "stop = [1]", "[stems]\na = 1", "[stems]\na = 'b c'", "stop = ["])
def test_a_broken_lexicon_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"words\.toml"):
        Lexicon.read(text)


@given(
    st.from_regex(r"[A-Za-z0-9]{1,9}([-_.][A-Za-z0-9]{1,12}){1,6}", fullmatch=True).filter(lambda text: len(text) > 24)
)
def test_a_name_of_a_file_has_the_tokens_that_it_has_as_a_text(name: str) -> None:
    # Whoever wants the words too goes the long way.
    found, whole = words.analyse(name), words.analyse(name, words=True)
    assert (found.text, found.joins) == (whole.text, whole.joins)
