from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.query.text import parse
from ui import text

ATTACKS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "<svg/onload=alert(1)>",
    "![x](https://tracker.example/pixel.png)",
    "<a href='javascript:alert(1)'>x</a>",
    "<javascript:alert(1)>",
    "[x]: javascript:alert(1)\n\n[x]",
    "<style>body{display:none}</style>",
    "<iframe src=//evil.example></iframe>",
    "<p>x</p><script>alert(1)</script><img src=x onerror=alert(1)><svg/onload=alert(1)>",
    "<p>x</p><a href='javascript:alert(1)'>x</a><style>p{}</style><iframe src=//evil.example></iframe>",
)


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_of_a_description_runs_or_loads(attack: str) -> None:
    out = str(text.html(attack)).lower()
    for tag in ("<script", "<img", "<svg", "<style", "<iframe", 'href="javascript', 'href="data'):
        assert tag not in out


def test_markdown_becomes_html_without_headings_of_its_own() -> None:
    out = str(text.html("# Ice\n\n**bold** [site](https://ice.example/)\n\n|a|\n|-|\n|b|"))
    assert "<p><strong>Ice</strong></p>" in out
    assert '<a href="https://ice.example/" rel="noopener noreferrer nofollow">site</a>' in out
    assert "<table>" in out


def test_a_description_in_html_is_shown_as_what_it_says() -> None:
    given = "<p>Ozone (O<sub>3</sub>) &amp; <b onclick='x()'>ice</b></p><p>by <a href='https://a.example/'>us</a></p>"
    out = str(text.html(given))
    assert "<p>Ozone (O<sub>3</sub>) &amp; <b>ice</b></p>" in out
    assert 'href="https://a.example/"' in out
    assert text.plain(given) == "Ozone (O3) & ice by us"


def test_a_name_between_angles_is_no_html() -> None:
    assert text.plain("files are <mission>_<mode>.nc") == "files are <mission>_<mode>.nc"


@pytest.mark.parametrize(
    "href",
    ["/records/1", "../collection.json", "#top", "?q=1", "//evil.example/", "https://me@evil.example/", "x.html"],
)
def test_a_link_that_leads_nowhere_from_here_keeps_its_text_alone(href: str) -> None:
    out = str(text.html(f"see [the guide]({href})"))
    assert "the guide" in out
    assert "href" not in out


@pytest.mark.slow
@pytest.mark.parametrize("hostile", ["*" * 30_000, "[" * 30_000, "> " * 15_000, "`" * 29_999, "- " * 15_000])
def test_hostile_markdown_takes_no_time(hostile: str) -> None:
    began = time.process_time()
    text.html(hostile)
    text.plain(hostile)
    # Up to 2 s are usual for brackets.
    assert time.process_time() - began < 20


def test_a_very_long_description_is_cut_and_says_so() -> None:
    assert str(text.html("word " * 20_000)).rstrip().endswith("…</p>")


def test_an_excerpt_has_words_and_no_marks() -> None:
    assert text.plain("# Ice\n\nThe **thick** [ice](https://a.example).\nNext `code`") == "Ice The thick ice. Next code"


@given(st.text(max_size=400), st.text(max_size=20))
def test_marking_loses_no_character(content: str, words: str) -> None:
    assert "".join(each.text for each in text.marked(content, parse(words))) == content


def test_words_are_marked_where_they_stand() -> None:
    pieces = text.marked("Thin sea ices here", parse("sea ice"))
    assert [each.text for each in pieces if each.marked] == ["sea", "ices"]


def test_an_excerpt_begins_near_the_first_word_that_was_asked_for() -> None:
    content = "nothing at all " * 60 + "glacier " + "more of it " * 60
    pieces = text.excerpt(content, parse("glacier"))
    shown = "".join(each.text for each in pieces)
    assert any(each.marked for each in pieces)
    assert shown.startswith("… ")
    assert shown.endswith(" …")
    assert len(shown) <= text.EXCERPT + 4


@pytest.mark.parametrize(
    ("href", "expected"),
    [
        ("https://a.example/x?y=1#z", "https://a.example/x?y=1#z"),
        ("mailto:data@a.example", "mailto:data@a.example"),
        ("doi:10.5281/zenodo.1", "https://doi.org/10.5281/zenodo.1"),
        ("javascript:alert(1)", ""),
        ("java\nscript:alert(1)", ""),
        (" \x01javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("vbscript:x", ""),
        ("//evil.example/", ""),
        ("/search", ""),
        ("https:///x", ""),
        ("https://bank.example@evil.example/", ""),
        ("https://user:secret@a.example/", ""),
        ("http://[::1", ""),
        ("ftp://a.example/x", ""),
        ("s3://bucket/key", ""),
        ("", ""),
    ],
)
def test_only_links_to_the_web_become_links(href: str, expected: str) -> None:
    assert text.web(href) == expected


@pytest.mark.parametrize("doi", ["10.5281/zenodo.1", "doi:10.5281/zenodo.1", "https://doi.org/10.5281/zenodo.1"])
def test_a_doi_leads_to_its_resolver(doi: str) -> None:
    assert text.doi(doi) == "https://doi.org/10.5281/zenodo.1"


@pytest.mark.parametrize("doi", ["", "zenodo.1", '10.1234/"><script>', "javascript:10.1234/x"])
def test_what_is_no_doi_leads_nowhere(doi: str) -> None:
    assert text.doi(doi) == ""


def test_an_address_is_shown_without_its_password() -> None:
    assert "secret" not in text.shown("https://user:secret@a.example/x")
    assert text.shown("plain words, with blanks") == "plain words, with blanks"
