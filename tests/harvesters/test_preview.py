"""Where each field came from, found without asking the mapping."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from discovery.errors import NotFoundError, SourceUnavailableError
from discovery.http import Client
from discovery.model.record import record_id
from discovery.model.source import Report, Source
from discovery.store.store import Store
from harvesters.preview import NEEDED, Preview, preview_record, preview_source

Harvest = Callable[..., Report]
Make = Callable[..., dict[str, Any]]
Lines = Callable[..., Source]


@pytest.fixture
def shown(store: Store, client: Client, harvest: Harvest, tmp_path: Path) -> Callable[[Source], Preview]:
    """Return a function that harvests a source of one item and previews its record."""

    def show(source: Source) -> Preview:
        store.ledger.add_source(source)
        harvest(source)
        return preview_record(store, record_id("s", "c", "x"), client=client, folder=tmp_path)

    return show


def paths(preview: Preview) -> dict[str, tuple[str, ...]]:
    return {each.field: each.paths for each in preview.rows}


def values(preview: Preview) -> dict[str, Any]:
    return {each.field: each.value for each in preview.rows}


def test_each_field_names_the_parts_it_came_from(
    shown: Callable[[Source], Preview], lines: Lines, make_item: Make
) -> None:
    item = make_item(
        "x",
        geometry={"type": "Polygon", "coordinates": [[[0, 0], [4, 0], [4, 4], [0, 0]]]},
        properties={
            "datetime": None,
            "start_datetime": "2020-01-01T00:00:00Z",
            "end_datetime": "2020-02-01T00:00:00Z",
            "title": "Crab",
            "keywords": ["nebula", "pulsar"],
            "eo:cloud_cover": 17.5,
            "instruments": ["msi"],
        },
        assets={"a": {"href": "https://x.org/a.tif"}, "b": {"href": "https://x.org/b.tif"}},
        nonsense={"deep": [1, 2]},
    )
    preview = shown(lines(item, provider="ESA", domain="earth-observation"))
    found = paths(preview)
    assert found["title"] == ("properties.title",)
    assert found["keywords"] == ("properties.keywords",)
    assert found["extent.start"] == ("properties.start_datetime",)
    assert found["extent.end"] == ("properties.end_datetime",)
    assert found["extent.geometry"] == ("geometry",)
    assert found["numbers.cloud_cover"] == ("properties.eo:cloud_cover",)
    assert found["assets"] == ("assets",)
    assert found["provider"] == ("--set provider",)
    assert found["kind"] == ()
    assert "nonsense" in preview.unused
    assert values(preview)["extent.start"] == "2020-01-01T00:00:00Z"
    assert values(preview)["provider"] == "ESA"
    assert orjson.dumps(preview.to_dict())


def test_what_is_odd_stands_beside_the_field_it_is_odd_for(
    shown: Callable[[Source], Preview], lines: Lines, make_item: Make
) -> None:
    preview = shown(lines(make_item("x", properties={"eo:cloud_cover": "17.5", "created": "soon"})))
    issues = {each.field: each.issue for each in preview.rows if each.issue}
    assert "number-as-text" in issues["numbers.cloud_cover"]
    assert "bad-date" in issues[""]  # It became no field at all.


def test_a_row_is_told_by_its_columns(store: Store, client: Client, tmp_path: Path) -> None:
    from discovery.model.source import RawRecord
    from harvesters.preview import _preview

    row = {
        "obs_publisher_did": "ivo://x/1",
        "target_name": "M31",
        "t_min": "59000.5",
        "t_max": "59001.5",
        "s_ra": "10.5",
    }
    row |= {"s_dec": "41.25", "obs_collection": "HST", "dataproduct_type": "image", "access_url": "https://x.org/1"}
    source = Source("s", "tap", "http://127.0.0.1/tap")
    found = paths(_preview(source, RawRecord("ivoa.ObsCore", "ivo://x/1", orjson.dumps(row)), client, tmp_path))
    assert found["targets"] == ("target_name",)
    assert found["product_type"] == ("dataproduct_type",)
    assert found["extent.start"] == ("t_min",)
    assert found["assets"] == ("access_url",)
    assert set(found["extent.geometry"]) == {"s_ra", "s_dec"}


def test_a_document_of_xml_is_told_by_its_elements(client: Client, tmp_path: Path) -> None:
    from discovery.model.record import Record
    from discovery.model.source import Mapped, RawRecord
    from harvesters.preview import _rows, _Trials

    class Tiny:
        def parse(self, raw: RawRecord) -> Any:
            from harvesters import xml

            return xml.parse(raw.body)

        def map(self, raw: RawRecord, root: Any) -> Mapped:
            title = root.findtext("{urn:m}t") or "untitled"
            words = tuple(each.text for each in root.iter("{urn:m}k"))
            return Mapped(Record("s", "c", "x", "dataset", title, keywords=words, level=root.get("v", "")), raw)

    body = b'<m:r xmlns:m="urn:m" v="1"><m:t>T</m:t><m:ks><m:k>a</m:k><m:k>b</m:k></m:ks><m:o/></m:r>'
    raw = RawRecord("c", "x", body, "application/xml")
    tiny = Tiny()
    record = tiny.map(raw, tiny.parse(raw)).record
    trials = _Trials(tiny, raw, record)  # type: ignore[arg-type]
    found = {each.field: each.paths for each in _rows(record, trials.found)}
    assert (found["title"], found["keywords"], found["level"]) == (("m:t",), ("m:ks",), ("@v",))
    assert trials.unused == ["m:o"]


def test_the_first_elements_of_a_source_are_shown_and_nothing_is_stored(
    store: Store, client: Client, lines: Lines, make_item: Make, tmp_path: Path
) -> None:
    source = lines(make_item("a"), b"{broken", make_item("b"), make_item("c"), page=2)
    found = list(preview_source(source, 3, client=client, folder=tmp_path))
    assert len(found) == 3
    assert [each.source_id for each in found if each.id] == ["a", "b"]
    (broken,) = (each for each in found if not each.id)
    assert broken.reason is not None
    assert broken.reason.code == "broken-json"
    assert list(store.catalogue.export()) == []
    assert store.ledger.quarantined() == []


def test_parts_without_which_there_is_no_record_are_said(client: Client, tmp_path: Path) -> None:
    body = {"type": "Feature", "id": "a", "geometry": None, "properties": {"type": "dataset", "title": "A"}}
    (tmp_path / "r.ndjson").write_bytes(orjson.dumps(body) + b"\n")
    source = Source("s", "records-file", "file:r.ndjson")
    (found,) = preview_source(source, 5, client=client, folder=tmp_path)
    assert "properties" in " ".join(paths(found)[NEEDED])


def test_what_is_not_there_or_does_not_answer_is_said(store: Store, client: Client, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        preview_record(store, "nothing", client=client)
    with pytest.raises(SourceUnavailableError):
        list(preview_source(Source("s", "stac-api", "http://127.0.0.1:9/"), 1, client=client, folder=tmp_path))


def test_the_name_of_an_element_came_from_where_it_stands_in_the_document(
    shown: Callable[[Source], Preview], lines: Lines, make_item: Make
) -> None:
    preview = shown(lines(make_item("x", properties={"datetime": "2020-01-01T00:00:00Z", "other": "x"})))
    assert paths(preview)["source_id"] == ("id",)
    assert "id" not in preview.unused


def test_the_name_of_an_xml_document_came_from_the_element_that_holds_it(
    store: Store, client: Client, harvest: Harvest, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.xml").write_text(
        '<gmd:MD_Metadata xmlns:gmd="http://www.isotc211.org/2005/gmd" xmlns:gco="http://www.isotc211.org/2005/gco">'
        "<gmd:fileIdentifier><gco:CharacterString> u-1 </gco:CharacterString></gmd:fileIdentifier></gmd:MD_Metadata>"
    )
    source = Source("s", "folder", folder.as_uri())
    store.ledger.add_source(source)
    harvest(source)
    (row,) = store.catalogue.export()
    preview = preview_record(store, row["id"], client=client, folder=tmp_path)
    assert preview.source_id == "u-1"
    assert paths(preview)["source_id"] == ("gmd:fileIdentifier/gco:CharacterString",)
    assert preview.unused == ()
