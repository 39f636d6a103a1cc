"""Hits as a file say what their JSON says, and run nothing in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json

import pytest

from discovery.errors import UnknownFieldError
from discovery.exports import hits
from discovery.hits import Hit
from discovery.launch.locating import locate
from discovery.launch.resolver import Resolver
from discovery.model.record import Asset, Record

SCENE = Record(
    "s", "", "S2", "observation", "=1+1", assets=(Asset("https://data.example/a.tif", media_type="image/tiff"),)
)
FOUND = (
    Hit(3, "@three", 0.9, -12.5, 4.0, 0, "S2", SCENE, locate(SCENE, Resolver((), ()))),
    Hit(5, "", 0.8),
)


def test_a_table_has_a_line_for_each_hit_in_their_order() -> None:
    one, other = csv.DictReader(io.StringIO(hits.written(FOUND, hits.CSV, "https://portal.example").decode()))
    assert (one["row"], one["score"], one["lon"], one["time"]) == ("3", "0.9", "-12.5", "1970-01-01T00:00:00Z")
    assert (one["record"], one["place"]) == (SCENE.id, "https://data.example/a.tif")
    assert one["launch"] == f"https://portal.example/launch?id={SCENE.id}"
    # What a spreadsheet would take for a formula is a text.
    assert (one["id"], one["title"]) == ("'@three", "'=1+1")
    assert {name for name, value in other.items() if value} == {"row", "score"}


def test_lines_of_json_are_the_hits_themselves() -> None:
    told = [json.loads(each) for each in hits.written(FOUND, hits.NDJSON).splitlines()]
    assert told == [each.to_dict() for each in FOUND]
    assert hits.written((), hits.NDJSON) == b""


def test_another_form_is_refused() -> None:
    with pytest.raises(UnknownFieldError, match="xml"):
        hits.written(FOUND, "xml")
