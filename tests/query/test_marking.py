"""Words marked in texts, as HTML that is safe to show."""

from __future__ import annotations

from html import unescape

from hypothesis import given
from hypothesis import strategies as st

from discovery.query.marking import marked, window
from discovery.query.text import parse


def test_the_words_of_a_question_are_marked_and_everything_else_is_escaped() -> None:
    assert marked("Sea ice & <b>Ice</b>", parse("ice")) == (
        "Sea <mark>ice</mark> &amp; &lt;b&gt;<mark>Ice</mark>&lt;/b&gt;"
    )
    assert marked('<script>alert("ice")</script>', parse("rain")) == (
        "&lt;script&gt;alert(&quot;ice&quot;)&lt;/script&gt;"
    )


def test_synonyms_and_other_forms_are_marked_too() -> None:
    assert marked("Precipitation of 2020", parse("rain")) == "<mark>Precipitation</mark> of 2020"


def test_of_a_long_text_the_part_with_the_words_is_shown() -> None:
    text = f"{'word ' * 200}glacier {'word ' * 200}"
    cut = marked(text, parse("glacier"), 100)
    assert "<mark>glacier</mark>" in cut
    assert cut.startswith("… ")
    assert cut.endswith(" …")
    assert len(window(text, parse("glacier"), 100)) <= 104
    assert window("short", parse("glacier"), 100) == "short"


@given(st.text(alphabet="ice <>&\"'a\u0308", max_size=80), st.sampled_from(("ice", "<", "a ice", "-ice")))
def test_without_the_marks_the_text_is_what_it_was(text: str, words: str) -> None:
    found = marked(text, parse(words))
    assert unescape(found.replace("<mark>", "").replace("</mark>", "")) == text
    assert "<" not in found.replace("<mark>", "").replace("</mark>", "")
