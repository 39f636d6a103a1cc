"""Selections as files, read back by the programs that people will read them with."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from discovery import selection
from discovery.documents.site import Site
from discovery.errors import LimitError, UnknownFieldError
from discovery.exports import writing
from discovery.exports.columns import COLUMNS
from discovery.exports.writing import Format
from discovery.model.record import Record
from discovery.portal import Portal
from discovery.query import form
from discovery.query.query import Query
from discovery.selection import Selection
from discovery.store.catalogue import Stored
from harvesters.geoparquet import File

Whole = Callable[..., bytes]


def rows(text: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.decode(), newline="")))


def test_csv_has_a_line_for_each_record_and_runs_nothing(whole: Whole) -> None:
    text = whole(Format.CSV)
    assert text.endswith(b"\r\n")
    found = {each["source_id"]: each for each in rows(text)}
    assert len(found) == 24
    assert list(next(iter(found.values()))) == [each.name for each in COLUMNS]
    mean = found["mean"]
    assert mean["title"].startswith("'=HYPERLINK(")
    assert mean["provider"] == "'@SUM(1)"
    assert mean["keywords"] == "'-1+1; +2"
    assert "\n" not in mean["title"]
    for each in found.values():
        for name, value in each.items():
            assert not value.startswith(("=", "+", "@", "\t", "\r")), name
            assert not value.startswith("-") or name in ("west", "south", "east", "north"), name
    assert found["bare"]["title"] == ""


def test_csv_of_observations_has_numbers_and_no_secret(whole: Whole) -> None:
    text = whole(Format.CSV, Selection.of_query(Query(scope="observations")))
    (sky,) = (each for each in rows(text) if each["source_id"] == "sky")
    assert (sky["frame"], sky["start"], sky["exposure"]) == ("sky", "1970-01-01T00:00:00Z", "1.5e-07")
    assert float(sky["south"]) == 21.5
    assert b"secret" not in text


def test_lines_of_json_are_whole_records(whole: Whole, portal: Portal) -> None:
    found = [json.loads(line) for line in whole(Format.NDJSON).splitlines()]
    assert len(found) == 24
    one = next(each for each in found if each["source_id"] == "scenes")
    assert Record.from_json(json.dumps(one).encode()) == portal.record(one["id"]).record


@pytest.mark.slow
def test_geoparquet_is_read_by_our_harvester(whole: Whole, tmp_path: Path) -> None:
    path = tmp_path / "selection.parquet"
    path.write_bytes(whole(Format.GEOPARQUET))
    file = File(path, path.name)
    found = [row for group in range(len(file.rows())) for batch in file.read(group, 0, 100) for row in batch]
    assert len(found) == 24


def test_what_is_gone_is_named_in_the_file(whole: Whole, portal: Portal) -> None:
    picked = Selection.of_ids([portal.search(Query(size=1)).records[0].record.id, "neverheardof"])
    assert b'<INFO name="warning" value="neverheardof is not known here"/>' in whole(Format.VOTABLE, picked)
    assert json.loads(whole(Format.STAC, picked))["discovery:said"] == ["neverheardof is not known here"]


@pytest.mark.parametrize("wanted", [Format.CSV, Format.NDJSON, Format.VOTABLE, Format.STAC])
def test_nothing_that_was_picked_is_a_file_too(whole: Whole, wanted: Format) -> None:
    text = whole(wanted, Selection())
    assert text.count(b"\n") == 1 if wanted is Format.CSV else b"<TR>" not in text


def test_a_file_is_made_as_it_is_read(portal: Portal, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "_CHUNK", 5)
    read: list[int] = []
    stored = portal.stored

    def counted(keys: Sequence[int]) -> dict[int, Stored]:
        read.append(len(keys))
        return stored(keys)

    monkeypatch.setattr(portal, "stored", counted)
    chosen = selection.choose(portal, Selection.of_query(Query()))
    pieces = writing.export(portal, chosen, Format.CSV, site).pieces
    next(pieces)
    assert read == [5]
    assert len(list(pieces)) == 5
    assert read == [5, 5, 5, 5, 4]


def test_forms_have_names_and_files_have_ends(portal: Portal, site: Site) -> None:
    with pytest.raises(UnknownFieldError, match="did you mean csv"):
        writing.form("cvs")
    chosen = selection.choose(portal, Selection())
    made = {each: writing.export(portal, chosen, each, site) for each in Format}
    assert all(isinstance(b"".join(each.pieces), bytes) for each in made.values())
    names = {each: file.name for each, file in made.items()}
    assert names == {"csv": "selection.csv", "votable": "selection.vot", "geoparquet": "selection.parquet",
                     "stac": "selection.geojson", "ndjson": "selection.ndjson"}  # fmt: skip
    assert set(writing.MEDIA_TYPES) == set(writing.LABELS) == set(Format)


def test_a_question_finds_the_same_in_a_file_as_on_the_page(whole: Whole, portal: Portal) -> None:
    asked = form.parse([("q", "note"), ("sort", "title")])
    page = [each.record.id for each in portal.search(asked).records]
    assert [each["id"] for each in rows(whole(Format.CSV, Selection.of_query(asked)))] == page


def test_more_than_a_million_are_refused(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LimitError, match="selection-rows"):
        selection.choose(portal, Selection.of_query(Query()), 3)
