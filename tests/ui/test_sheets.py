"""Forms hold documents and give them back, and say beside each input what is wrong with it."""

from __future__ import annotations

from typing import Any

import pytest

from discovery.making import KINDS
from ui import sheets

LAB, VOLUME = KINDS["datalab"], KINDS["volume"]
DATALAB: dict[str, Any] = {
    "name": "X",
    "contact": {"email": "a@b.org", "name": "Desk"},
    "creator": ["Ada", "Bob"],
    "interface": "desktop",
    "tools": [
        {"name": "a", "version": "1", "url": "https://a.org"},
        {"name": "b"},
        {"name": "c", "url": "https://c.org"},
    ],
    "example": False,
    "abstract": "Lines\n\nof text",
}


def test_a_document_comes_back_from_its_form() -> None:
    assert sheets.document(LAB.fields, sheets.typed(LAB.fields, DATALAB)) == DATALAB | {"example": "false"}
    assert LAB.read(sheets.document(LAB.fields, sheets.typed(LAB.fields, DATALAB)), complete=False)["example"] is False
    volume = {"mounts": {"hub": "/a/b", "x": "{home}/c"}, "size": 5, "zones": ["a"], "read_only": True}
    again = sheets.document(VOLUME.fields, sheets.typed(VOLUME.fields, volume))
    assert VOLUME.read(again, complete=False) == volume


def test_what_is_too_much_in_a_line_is_told_and_not_lost() -> None:
    given = sheets.document(LAB.fields, {"tools": "a | 1 | https://a.org | more | and more"})
    assert given["tools"] == [{"name": "a", "version": "1", "url": "https://a.org|more|and more"}]


def test_empty_inputs_say_nothing() -> None:
    assert sheets.document(LAB.fields, dict.fromkeys(sheets.typed(LAB.fields, {}), " \r\n ")) == {}


@pytest.mark.parametrize(
    ("path", "name", "said"),
    [
        ("contact.email", "contact.email", "is wrong"),
        ("contact", "contact.email", "is wrong"),
        ("creator[2]", "creator", "[2] is wrong"),
        ("tools[1].name", "tools", "[1].name is wrong"),
        ("name", "name", "is wrong"),
    ],
)
def test_what_is_wrong_stands_beside_its_input(path: str, name: str, said: str) -> None:
    tiers = sheets.tiers(LAB.fields, {}, [(path, "is wrong")])
    assert {each.name: each.problem for tier in tiers for each in tier.inputs if each.problem} == {name: said}


def test_what_has_no_input_is_known_to_have_none() -> None:
    assert not sheets.has(LAB.fields, "nme")
    assert sheets.has(LAB.fields, "tools[3].url")


def test_a_choice_that_is_none_any_more_is_shown_as_it_was_typed() -> None:
    (domain,) = [
        e for tier in sheets.tiers(LAB.fields, {"domain": "<moon>"}) for e in tier.inputs if e.name == "domain"
    ]
    assert ("<moon>", "<moon>") in domain.choices
    assert domain.value == "<moon>"


def test_there_are_three_tiers_and_the_last_is_shut_while_it_is_empty() -> None:
    tiers = sheets.tiers(LAB.fields, {})
    assert [(each.name, each.open) for each in tiers] == [
        ("required", True),
        ("recommended", True),
        ("optional", False),
    ]
    assert sheets.tiers(LAB.fields, {"provider": "x"})[2].open
    ids = [each.id for tier in tiers for each in tier.inputs]
    assert len(set(ids)) == len(ids)
    assert "field-alternate_name" not in [
        e.id for t in sheets.tiers(LAB.fields, {}, fixed="alternate_name") for e in t.inputs
    ]
