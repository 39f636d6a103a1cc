"""YAML of strangers is texts, lists and tables, and none of it costs more than it has bytes."""

from __future__ import annotations

import time

import pytest

from discovery.model.yaml_text import load


def test_every_value_is_a_text() -> None:
    text = "version: 1.10\ndate: 2024-01-01\nflag: no\nlist: [1, 0x10, ~]\nempty:\n"
    assert load(text) == {
        "version": "1.10", "date": "2024-01-01", "flag": "no", "list": ["1", "0x10", "~"], "empty": "",
    }  # fmt: skip
    assert load('{"a": [{"b": "c"}]}') == {"a": [{"b": "c"}]}
    assert load("") is None


BOMB = "a: &a [x, x]\n" + "\n".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]" for n in range(20)
)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (BOMB, "refers to another place"),
        ("[" * 100_000, "levels"),
        ("{a: " * 1000 + "1" + "}" * 1000, "levels"),
        ("- a\n" * 25_000, "values"),
        ("a: [", "is no YAML"),
        ("a: b: c", "is no YAML at line 1"),
        ("a\0b", "is no YAML"),
        ("a: \ud800", "is no YAML"),
        ("a: 1\n---\nb: 2\n", "holds 2 documents"),
        ("? {a: 1}\n: 2", "is no YAML"),
        ("x" * 200_000, "bytes"),
        ("%TAG ! x\n", "is no YAML"),
        ("\t- a", "is no YAML"),
    ],
    ids=range(13),
)
def test_what_is_no_plain_yaml_is_refused_at_once(text: str, why: str) -> None:
    began = time.process_time()
    with pytest.raises(ValueError, match=why):
        load(text)
    assert time.process_time() - began < 3


def test_tags_that_make_things_make_nothing() -> None:
    assert load("a: !!python/object/apply:os.system ['touch /tmp/x']") == {"a": ["touch /tmp/x"]}
    assert load("a: !!python/name:os.system ''") == {"a": ""}
