"""Documents are read by their table of fields, and everything wrong is told with its place."""

from __future__ import annotations

from typing import Any

import pytest

from discovery.errors import DocumentError
from discovery.model import checks
from discovery.model.document import (
    CHOICE,
    FLAG,
    LIST,
    MAP,
    REQUIRED,
    SIZE,
    TABLE,
    TABLES,
    TEXT,
    Field,
    checked,
    clean,
    read,
    size_of,
)

FIELDS = (
    Field("name", "Name", "A name.", REQUIRED, most=20, also=("title",)),
    Field("about", "About", "Lines.", shape=TEXT, most=100),
    Field("tags", "Tags", "Words.", shape=LIST, many=3, most=10),
    Field("kind", "Kind", "One of two.", shape=CHOICE, choices={"lab": "Lab", "desktop": "Desktop"}),
    Field("ro", "Read-only", "A flag.", shape=FLAG),
    Field("size", "Size", "Bytes.", shape=SIZE),
    Field(
        "who",
        "Who",
        "A table.",
        shape=TABLE,
        fields=(Field("email", "E-mail", "An address.", REQUIRED, check=checks.mail), Field("name", "Name", "A name.")),
    ),
    Field("tools", "Tools", "Tables.", shape=TABLES, many=2, fields=(Field("name", "Name", "A name.", REQUIRED),)),
    Field("paths", "Paths", "Names and paths.", shape=MAP, many=2, check=checks.mount),
)


def wrong(given: object, *, complete: bool = True) -> list[str]:
    return [str(each) for each in read(FIELDS, given, complete=complete)[1]]


def test_a_right_document_comes_back_under_our_names_in_their_order() -> None:
    given = {
        "tags": ["b", "a", "b"],
        "title": "  A ",
        "ro": False,
        "size": "1.5 TB",
        "about": "x \r\n\r\ny",
        "who": {"email": "a@b.org"},
        "tools": [{"name": "t"}],
        "paths": {"x": "/media//x/"},
    }
    values, problems = read(FIELDS, given)
    assert problems == ()
    assert values == {
        "name": "A",
        "about": "x\n\ny",
        "tags": ["b", "a"],
        "ro": False,
        "size": 1_500_000_000_000,
        "who": {"email": "a@b.org"},
        "tools": [{"name": "t"}],
        "paths": {"x": "/media/x"},
    }
    assert list(values)[:2] == ["name", "about"]


def test_everything_that_is_wrong_is_told_at_once() -> None:
    given = {
        "nme": 1,
        "tags": ["ok", 5.5, ["x"], "y" * 99],
        "kind": "dekstop",
        "ro": "yes",
        "size": "big",
        "who": {"email": "nobody", "nam": "x"},
        "tools": [{"name": "a"}, {}],
        "paths": {"X Y": "/a/b", "z": "../x"},
    }
    assert wrong(given) == [
        "nme is no name here; did you mean name?",
        "tags has 4 entries, at most 3 may be",
        "kind 'dekstop' is not one of lab, desktop; did you mean desktop?",
        "ro = 'yes', which is not true or false",
        "size 'big' is no size: use bytes, or a text such as 1.5 TB",
        "who.email 'nobody' is no e-mail address",
        "who.nam is no name here; did you mean name?",
        "tools[2].name is missing",
        "paths has the name 'X Y': use 1 to 64 of a-z, 0-9, ., _ and -, a letter or digit first",
        "paths.z '../x' is no absolute path without .. in it",
        "name is missing",
    ]


def test_a_draft_may_lack_what_is_required_and_nothing_else() -> None:
    assert wrong({}, complete=False) == []
    assert wrong({"who": {"name": "x"}}, complete=False) == []
    assert wrong({"kind": "x"}, complete=False) == ["kind 'x' is not one of lab, desktop"]


def test_a_name_and_its_other_name_are_one() -> None:
    assert wrong({"name": "a", "title": "b"}) == ["name is said twice, the second time as title"]


@pytest.mark.parametrize("given", [None, [], "x", 5, [{"name": "a"}]])
def test_what_is_no_table_is_no_document(given: Any) -> None:
    assert wrong(given) == ["is not a table of names and values"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", ["a"]),
        ("name", True),
        ("name", {"a": 1}),
        ("about", 5 + 0j),
        ("tags", {"a": 1}),
        ("tags", True),
        ("who", 5),
        ("tools", 5),
        ("tools", ["a", "b", "c"]),
        ("paths", ["a"]),
        ("paths", {"a": "/b/c"} | {"d": 1}),
        ("paths", {1: "/a/b"}),
        ("size", True),
        ("size", -1),
        ("size", 2**61),
        ("size", "1 XB"),
        ("size", 1.5),
    ],
)
def test_values_of_another_shape_are_told(name: str, value: Any) -> None:
    values, problems = read(FIELDS, {"name": "a", name: value})
    assert [each.field for each in problems] == [name]
    assert name not in values or name == "paths"


def test_a_number_is_a_text_where_one_is_wanted() -> None:
    assert read(FIELDS, {"name": 1.0})[0] == {"name": "1.0"}


@pytest.mark.parametrize(
    "text", ["a\0b", "a\x1b[31m", "\u202egpj.exe", "a\ud800", "a\u2066b", "zero\ufeffwidth", "a\nb"]
)
def test_characters_that_nobody_sees_are_refused(text: str) -> None:
    assert len(wrong({"name": text})) == 1
    with pytest.raises(ValueError, match=r"has the character U\+"):
        clean(text)


def test_texts_are_composed_and_trimmed() -> None:
    assert clean(" e\u0301\u00a0x ") == "\u00e9 x"
    assert clean("a \r\n b\t\n", lines=True) == "a\n b"


def test_a_document_with_a_thousand_wrong_names_is_told_fifty() -> None:
    assert len(wrong({f"n{n}": 1 for n in range(1000)})) == 50


@pytest.mark.parametrize(
    ("given", "size"),
    [
        (0, 0),
        ("12", 12),
        ("1.5 TB", 1_500_000_000_000),
        ("64GiB", 64 * 2**30),
        ("1,024 kB", 1_024_000),
        ("3 PB", 3 * 10**15),
    ],
)
def test_sizes_are_bytes(given: object, size: int) -> None:
    assert size_of(given) == size


def test_checked_raises_with_every_problem() -> None:
    with pytest.raises(DocumentError, match="my file: kind") as caught:
        checked(FIELDS, {"kind": "x"}, what="my file")
    assert [path for path, _ in caught.value.problems] == ["kind", "name"]
    assert (caught.value.status, caught.value.kind, caught.value.parameter) == (400, "document", "kind")
    assert checked(FIELDS, {"name": "a"}) == {"name": "a"}
