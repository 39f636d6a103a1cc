"""The one table of queryables."""

from __future__ import annotations

import pytest

from discovery.errors import UnknownFieldError
from discovery.model.record import Record
from discovery.query.fields import FACETS, FIELDS, SORTS, Type, facet, field, sort


@pytest.mark.parametrize("name", list(FIELDS))
def test_a_field_is_found_by_its_names_and_used_as_the_table_says(name: str) -> None:
    row = FIELDS[name]
    assert field(name) is row
    if row.stac and row.stac not in FIELDS:
        assert field(row.stac) is field(f"properties.{row.stac}") is row
    if row.ogc:
        assert field(row.ogc) is row
    assert (name in FACETS, name in SORTS) == (row.facet, row.sort)
    assert not (row.facet and row.type is not Type.KEYWORD)
    assert isinstance(tuple(row.values(Record("s", "c", "1", "dataset", "T"))), tuple)


@pytest.mark.parametrize("look", [field, facet, sort])
def test_an_unknown_name_is_refused_with_the_parameter(look: object) -> None:
    with pytest.raises(UnknownFieldError) as caught:
        look("nonsense", parameter="p")  # type: ignore[operator]
    assert caught.value.parameter == "p"


def test_what_is_no_facet_or_sort_is_refused_as_one() -> None:
    with pytest.raises(UnknownFieldError, match="unknown facet 'doi'"):
        facet("doi")
    with pytest.raises(UnknownFieldError, match="unknown sort field 'kind'"):
        sort("kind")
    assert sort("datetime").name == "start"


def test_a_mission_counts_under_its_ancestors() -> None:
    record = Record("s", "c", "1", "dataset", "T", missions=("astronomy/hubble", "astronomy/gaia"))
    assert list(FIELDS["mission"].values(record)) == ["astronomy", "astronomy/hubble", "astronomy/gaia"]
