from __future__ import annotations

from typing import Any

import pytest

from discovery.errors import RecordError
from discovery.model.source import RawRecord
from harvesters import document
from harvesters.document import MAX_ID, MAX_ISSUES, MAX_TAIL, MAX_VALUE, MAX_VALUES, Notes


def codes(notes: Notes) -> list[str]:
    return [each.code for each in notes.issues]


def test_a_document_is_an_object_with_or_without_a_mark_before_it() -> None:
    assert document.parse_object(RawRecord("c", "a", b'\xef\xbb\xbf{"id": "a"}')) == {"id": "a"}


def test_what_was_read_once_is_not_read_again() -> None:
    body = b'{"id": "a"}'
    found = document.kept(body, {"id": "a"})
    assert document.parse_object(RawRecord("c", "a", body, document=found)) is found


def test_a_large_document_or_what_is_none_is_not_held() -> None:
    assert document.kept(b" " * document.MAX_HELD, {}) == {}
    assert document.kept(b" " * (document.MAX_HELD + 1), {}) is None
    assert document.kept(b"[]", None) is None


def test_an_element_is_the_same_whoever_has_read_it() -> None:
    assert RawRecord("c", "a", b"{}", document={}) == RawRecord("c", "a", b"{}")


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"{", "broken-json"), (b"", "broken-json"), (b"\xff{}", "broken-json"), (b"[]", "not-an-object")],
)
def test_what_is_no_object_says_so(body: bytes, code: str) -> None:
    with pytest.raises(RecordError) as caught:
        document.parse_object(RawRecord("c", "a", body))
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("id", "expected"),
    [
        ("a b/ü", "a b/ü"),
        (7, "7"),
        (0, "0"),
        (True, ""),
        (None, ""),
        ("", ""),
        ({}, ""),
        ("a\0", ""),
        ("a\ud800", ""),
        ("x" * MAX_ID, "x" * MAX_ID),
        ("x" * (MAX_ID + 1), ""),
    ],
)
def test_an_id_is_a_text_that_things_can_be_named_by(id: Any, expected: str) -> None:
    assert document.identity({"id": id}) == expected


@pytest.mark.parametrize(("given", "code"), [({}, "missing-id"), ({"id": ""}, "missing-id"), ({"id": []}, "bad-id")])
def test_an_element_without_an_id_says_why(given: dict[str, Any], code: str) -> None:
    with pytest.raises(RecordError) as caught:
        document.require_identity(RawRecord("c", "", b"{}"), given)
    assert caught.value.code == code
    assert document.require_identity(RawRecord("c", "a", b"{}"), given) == "a"


def test_controls_and_halves_of_characters_are_taken_out_of_texts() -> None:
    notes = Notes()
    assert document.text(" a\0b\ud800c\x7fd\n", notes, "title") == "a b c d"
    assert notes.issues == ()


@pytest.mark.parametrize(
    ("value", "expected", "issues"),
    [
        (None, "", []),
        (1.5, "1.5", []),
        (True, "true", []),
        ({"a": 1}, "", ["wrong-type"]),
        ("x" * (MAX_VALUE + 1), "x" * MAX_VALUE, ["too-long"]),
    ],
)
def test_texts_are_written_out_or_an_issue(value: Any, expected: str, issues: list[str]) -> None:
    notes = Notes()
    assert (document.text(value, notes, "p"), codes(notes)) == (expected, issues)


def test_lists_of_texts_are_different_and_bounded() -> None:
    notes = Notes()
    assert document.texts(["a", "b", "a", "", None, 3], notes, "p") == ("a", "b", "3")
    assert document.texts("alone", notes, "p") == ("alone",)
    assert codes(notes) == []
    assert len(document.texts([str(n) for n in range(MAX_VALUES + 9)], notes, "p")) == MAX_VALUES
    assert codes(notes) == ["too-many"]


@pytest.mark.parametrize(
    ("value", "expected", "issues"),
    [
        (3, 3.0, []),
        ("3.5", 3.5, ["number-as-text"]),
        (True, None, []),
        ("three", None, ["not-a-number"]),
        (float("inf"), None, ["not-a-number"]),
        ([1], None, ["not-a-number"]),
        ("nan", None, ["number-as-text", "not-a-number"]),
    ],
)
def test_numbers_are_finite(value: Any, expected: float | None, issues: list[str]) -> None:
    notes = Notes()
    assert (document.number(value, notes, "p"), codes(notes)) == (expected, issues)


@pytest.mark.parametrize(
    ("value", "end", "expected", "issues"),
    [
        ("1970-01-02", False, 86_400_000, []),
        ("1970-01-01", True, 86_399_999, []),
        ("1970-01-01T00:00:01Z", False, 1000, []),
        ("2020-05-01Z", False, 1_588_291_200_000, []),
        ("2020-05-01+02:00", False, 1_588_291_200_000, []),
        ("..", False, None, []),
        ("", False, None, []),
        (None, True, None, []),
        (5, False, None, ["bad-date"]),
        ("yesterday", True, None, ["bad-date"]),
    ],
)
def test_moments_are_milliseconds(value: Any, end: bool, expected: int | None, issues: list[str]) -> None:
    notes = Notes()
    assert (document.moment(value, notes, "p", end=end), codes(notes)) == (expected, issues)


def test_objects_of_a_list_are_found_among_other_things() -> None:
    notes = Notes()
    assert list(document.items([{"a": 1}, 2, {"b": 3}], notes, "p")) == [{"a": 1}, {"b": 3}]
    assert [(each.code, each.path) for each in notes.issues] == [("wrong-type", "p[1]")]
    assert list(document.items({"a": 1}, Notes(), "p")) == []


def test_the_long_tail_is_flat_and_bounded() -> None:
    notes = Notes()
    given = {"a": " x\0y ", "b": 2, "c": False, "d": ["x", 1, ""], "e": {"f": 1}, "g": [], "h": None, "i\0": "no"}
    assert document.tail(given.items(), notes) == {"a": "x y", "b": "2", "c": "false", "d": ("x", "1")}
    assert codes(notes) == []
    assert len(document.tail(((f"n{n}", n) for n in range(1000)), notes)) == MAX_TAIL
    assert codes(notes) == ["too-many"]


def test_issues_are_few_and_each_is_there_once() -> None:
    notes = Notes()
    for number in range(1000):
        notes.add("code", f"message {number}", f"path {number // 2}")
    assert len(notes.issues) == MAX_ISSUES
    assert [each.message for each in notes.issues[:2]] == ["message 0", "message 2"]
