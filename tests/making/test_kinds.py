"""Kinds know their documents, and what of them only reviewers see."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from discovery.errors import DocumentError, UnknownFieldError
from discovery.making import KINDS, kind
from discovery.model.record import KINDS as RECORD_KINDS


def test_each_kind_is_one_of_records_and_has_a_container_of_its_own() -> None:
    assert set(KINDS) <= set(RECORD_KINDS)
    assert len({each.container for each in KINDS.values()}) == len(KINDS)
    for each in KINDS.values():
        assert each.slug in {field.name for field in each.fields}
        assert len({field.name for field in each.fields}) == len(each.fields)
        other = [name for field in each.fields for name in field.also]
        assert len(set(other)) == len(other)
        assert not set(other) & {field.name for field in each.fields}


def test_an_unknown_kind_is_answered_with_the_near_ones() -> None:
    with pytest.raises(UnknownFieldError, match="did you mean volume"):
        kind("volumes")


def test_a_document_is_mapped_with_its_own_bytes(datalab: dict[str, Any]) -> None:
    known = KINDS["datalab"]
    made = known.mapped(known.read(datalab), updated=7, note={"deprecated": "old"})
    assert made.record.id == known.document_id(datalab)
    assert (made.record.metadata_updated, made.record.properties["deprecated"]) == (7, "old")
    assert orjson.loads(made.raw.body) == known.public(datalab)
    assert "email" not in known.public(datalab)["contact"]
    assert datalab["contact"]["email"]


def test_what_is_wrong_names_the_document(datalab: dict[str, Any]) -> None:
    with pytest.raises(DocumentError, match="datalab 3: version is missing"):
        KINDS["datalab"].read({**datalab, "version": ""}, what="datalab 3")
