"""Files of what people make are read strictly and come back as they were written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from discovery.errors import BadQueryError
from discovery.making import KINDS, files

LAB, VOLUME = KINDS["datalab"], KINDS["volume"]
FULL: dict[str, Any] = {
    "name": 'Quotes " and \\ and \u00e9',
    "alternate_name": "x",
    "abstract": "Lines\n\nof 'text'''",
    "contact": {"email": "a@b.org", "name": "Desk"},
    "creator": ["Ada", "Bob"],
    "version": "1.10",
    "tools": [{"name": "a", "version": "1"}, {"name": "b"}],
    "example": True,
}


@pytest.mark.parametrize("form", list(files.FORMATS))
def test_what_is_exported_reads_back(form: str) -> None:
    document = LAB.read(FULL)
    text = files.written(document, LAB, form)
    (again,) = files.read_toml(text, LAB) if form == files.TOML else [files.read_one(text, LAB)]
    assert LAB.read(again) == document


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=60)


@settings(max_examples=60, deadline=None)
@given(texts, texts)
def test_any_text_survives_toml(one: str, other: str) -> None:
    document = {"name": one, "technical": f"{one}\n{other}", "mounts": {"a": other}}
    assert files.read_toml(files.toml([document, document], VOLUME), VOLUME) == [document, document]


def test_meta_data_yaml_is_read_with_its_own_names() -> None:
    text = "title: T\nalternateName: t\nabstract: |\n  A\n  B\ncontactPoint: a@b.org\ncreator: [C]\nversion: 1.10\n"
    assert LAB.read(files.read_one(text, LAB))["version"] == "1.10"


@pytest.mark.parametrize(
    ("text", "why"),
    [("x", "no TOML"), ("[volumes]\na=1", "has \\[\\[volume\\]\\] tables and nothing else; found volumes"),
     ("volume = 5", "found volume"), ("a = " + "[" * 5000, "no TOML"), ("x" * (files.MAX_FILE + 1), "bytes")],
)  # fmt: skip
def test_other_files_are_refused(text: str, why: str) -> None:
    with pytest.raises(BadQueryError, match=why):
        files.read_toml(text, VOLUME)


@pytest.mark.parametrize("text", ["", "- a", "5", "a: [", "a: *b"])
def test_what_is_no_yaml_of_one_is_refused(text: str) -> None:
    with pytest.raises(BadQueryError, match="file"):
        files.read_one(text, LAB)


def test_dates_of_toml_are_texts() -> None:
    assert files.read_toml("[[volume]]\nname = 2024-01-01", VOLUME) == [{"name": "2024-01-01"}]
