from __future__ import annotations

from dataclasses import replace

import pytest

from discovery.documents.site import Site
from discovery.exports.columns import COLUMNS, TEXT, main_asset
from discovery.model.record import Asset, Record
from discovery.query.fields import NUMBERS

PLAIN = Record("s", "c", "1", "dataset", "T")


def test_the_main_file_is_the_one_that_is_said_to_be_data() -> None:
    preview, data = (
        Asset("https://a.example/p.png", roles=("thumbnail",)),
        Asset("https://a.example/d.nc", roles=("data",)),
    )
    assert main_asset(replace(PLAIN, assets=(preview, data))) is data
    assert main_asset(replace(PLAIN, assets=(preview,))) is preview
    assert main_asset(PLAIN) is None


def test_every_number_has_a_column_and_names_are_there_once(full: Record, site: Site) -> None:
    names = [each.name for each in COLUMNS]
    assert len(set(names)) == len(names)
    assert set(NUMBERS) <= set(names)
    for each in COLUMNS:
        for record in (full, PLAIN):
            value = each.value(record, site)
            assert isinstance(value, str) if each.type == TEXT else value is None or isinstance(value, float), each.name


@pytest.mark.parametrize(
    "href", ["javascript:alert(1)", "https://a.example/x?X-Amz-Signature=dead", "file:///etc/passwd"]
)
def test_an_address_that_nobody_may_follow_is_left_out(href: str, site: Site) -> None:
    (column,) = (each for each in COLUMNS if each.name == "access_url")
    assert column.value(replace(PLAIN, assets=(Asset(href),)), site) == ""
