"""What engines store of a record."""

from __future__ import annotations

from typing import Any

import pytest

from discovery.index.calendar import month_of
from discovery.index.document import MAX_TAIL, MAX_VALUES, document, title
from discovery.index.plans import MAX_TERM, checked
from discovery.model import terms
from discovery.model.extent import Extent
from discovery.model.record import Asset, Contact, Link, Record
from discovery.query import region
from discovery.query.fields import FIELDS, Type
from discovery.query.text import matches, parse

JULY_1969 = -14_182_940_000


def record(**fields: Any) -> Record:
    return Record(**{"source": "s", "container": "c", "source_id": "one", "kind": "dataset", "title": "T", **fields})


def said(text: str, found: Record) -> bool:
    prepared = document(found, 1).text
    assert prepared is not None
    return matches(parse(text), prepared.title.split(), prepared.body.split(), prepared.exact)


def test_keywords_are_the_values_of_the_field_table() -> None:
    found = document(
        record(missions=("astronomy/hubble",), instruments=("ACS", "ACS", " "), level="", license="MIT"), 5
    )
    assert found.key == 5
    assert found.keywords["mission"] == ("astronomy", "astronomy/hubble")
    assert found.keywords["instrument"] == ("ACS",)
    assert found.keywords["license"] == ("MIT",)
    assert found.keywords["kind"] == ("dataset",)
    assert "level" not in found.keywords
    assert "frame" not in found.keywords


def test_what_observations_share_is_kept_apart_by_everything_it_follows_from() -> None:
    words = ("one", "two")
    varied: dict[str, Any] = dict.fromkeys(("source", "container", "dataset", "domain", "provider"), "other")
    varied |= dict.fromkeys(("license", "level", "product_type", "access", "source_id", "doi", "title"), "other")
    varied |= dict.fromkeys(("missions", "instruments", "themes", "keywords", "variables", "formats"), words)
    varied |= {"targets": words, "external_ids": words, "numbers": {"size": 2.0}, "created": 5}
    tail = ("capability", "category", "collection", "organisation", "platform", "project", "unlisted")
    changes = [{name: value} for name, value in varied.items()]
    changes += [{"properties": {name: value}} for name in tail for value in ("other", words)]
    box = (0.0, 0.0, 1.0, 1.0)
    changes += [{"extent": Extent(frame, bbox=place)} for frame in ("earth", "sky", "mars") for place in (None, box)]
    for change in [{}, *changes] * 2:
        found = record(kind="observation", **change)
        plain = {
            each.name: tuple(dict.fromkeys(str(value) for value in each.values(found) if value))
            for each in FIELDS.values()
            if each.type is Type.KEYWORD
        }
        assert document(found, 1).keywords == {name: values for name, values in plain.items() if values}


def test_of_a_field_64_values_are_kept() -> None:
    found = document(record(keywords=tuple(f"k{number}" for number in range(500))), 1)
    assert found.keywords["keyword"] == tuple(f"k{number}" for number in range(MAX_VALUES))


def test_a_value_longer_than_an_engine_holds_is_left_out_and_never_cut() -> None:
    found = document(record(keywords=("x" * MAX_TERM, "x" * (MAX_TERM + 1), "é" * (MAX_TERM // 2 + 1), "short")), 1)
    assert found.keywords["keyword"] == ("x" * MAX_TERM, "short")


def test_numbers_that_are_none_are_left_out() -> None:
    numbers: dict[str, Any] = {"cloud_cover": float("nan"), "resolution": float("inf"), "size": -0.0, "exposure": None}
    found = document(record(numbers=numbers | {"unlisted": 1.0, "snow_cover": 10**400}), 1)
    assert found.numbers == {"size": 0.0}
    assert str(found.numbers["size"]) == "0.0"


def test_instants_outside_64_bits_are_left_out() -> None:
    found = document(record(extent=Extent(start=2**63, end=JULY_1969), created=-(2**70)), 1)
    assert found.instants == {"end": JULY_1969}
    assert found.month is None


def test_the_month_is_that_of_the_start() -> None:
    found = document(record(extent=Extent(start=JULY_1969)), 1)
    assert found.month == 1969 * 12 + 6 == month_of(JULY_1969)


def test_a_title_is_ordered_folded_and_by_what_a_cursor_holds() -> None:
    assert title("  Éta \n Carinæ ") == "eta carinae"
    assert len(title("é" * 5_000).encode()) <= 200
    assert document(record(title="HÉLLO"), 1).title == "hello"


def test_the_tail_holds_names_and_values() -> None:
    found = document(record(properties={"orbit": "12", "bands": ("B1", "B2"), "empty": ""}), 1)
    assert found.tail == ("orbit=12", "bands=B1", "bands=B2")
    many = document(record(properties={f"p{number}": "x" for number in range(1_000)}), 1)
    assert len(many.tail) == MAX_TAIL


@pytest.mark.parametrize(
    "words",
    ["title", "described", "keyworded", "variable", "hubble", "instrument", "provider", "linked", "asset", "target",
     "10.5270/esa-x", "one", "person", "lab", "platform"],
)  # fmt: skip
def test_words_of_every_kind_are_found(words: str) -> None:
    found = record(
        title="The title",
        description="As described",
        keywords=("keyworded",),
        variables=("variable",),
        missions=("astronomy/hubble",),
        instruments=("instrument",),
        provider="provider",
        links=(Link("https://example.org", title="linked"),),
        assets=(Asset("https://example.org", title="asset"),),
        targets=("target",),
        doi="10.5270/ESA-x",
        contacts=(Contact("person", organization="lab"),),
        properties={"platform": "platform"},
    )
    assert said(words, found)
    assert not said("absent", found)


def test_labels_of_missions_are_found_beside_their_paths() -> None:
    found = record(missions=("astronomy/hubble",))
    label = terms.label("mission", "astronomy/hubble")
    assert label != "astronomy/hubble"
    assert said(f'"{label}"', found)
    assert said("hubble", found)


def test_a_footprint_becomes_cells_and_their_ancestors() -> None:
    square = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}
    found = document(record(extent=Extent(geometry=square)), 1)
    (cover,) = region.covers([square])
    assert cover is not None
    assert found.cells == cover.cells + cover.anchors
    assert found.parents == cover.parents
    assert found.keywords["frame"] == ("earth",)


def test_a_box_alone_is_covered_in_its_frame() -> None:
    box = (170.0, -10.0, 190.0, 10.0)
    found = document(record(extent=Extent(frame="sky", bbox=box)), 1)
    cover = region.bbox_cover(box, frame="sky")
    assert (found.cells, found.parents) == (cover.cells + cover.anchors, cover.parents)
    assert found.keywords["frame"] == ("sky",)


def test_a_footprint_that_cannot_be_read_leaves_the_record_findable() -> None:
    found = document(record(extent=Extent(geometry={"type": "Polygon", "coordinates": "nonsense"})), 1)
    assert (found.cells, found.parents) == ((), ())
    assert found.title == "t"


def test_hostile_text_is_text() -> None:
    hostile = "\ud800 a\x00b \u202e ${jndi} ' OR 1=1 %_\\ " + "x" * 200_000
    found = document(record(title=hostile, description=hostile, keywords=(hostile[:50],), properties={"n": hostile}), 1)
    assert checked(found) is found
    assert found.keywords["keyword"][0].startswith("? a")
    assert said("jndi", record(title=hostile))


def test_values_written_in_two_ways_are_one_value() -> None:
    found = document(record(keywords=("Ünite", "U\u0308nite")), 1)
    assert found.keywords["keyword"] == ("Ünite",)


def test_a_resource_is_found_by_every_address_of_it_and_by_dois_within_them() -> None:
    links = (
        Link("https://doi.org/10.5270/ESA-y", "via"),
        Link("https://archive.example/dataset?persistentId=doi:10.22008/FK2/X#top", "via"),
        Link("../sibling.json", "self"),
        Link("https://example.org/home", "related"),
    )
    found = document(record(links=links, assets=(Asset("https://example.org/a.zarr"),)), 1).text
    assert found is not None
    assert {"10.5270/esa-y", "10.22008/fk2/x", "example.org/a.zarr"} <= set(found.exact)
    assert not {"../sibling.json", "example.org/home"} & set(found.exact)
    scene = document(record(kind="observation", links=links, assets=(Asset("https://example.org/a.zarr"),)), 1).text
    assert scene is not None
    assert {"10.5270/esa-y"} <= set(scene.exact)
    assert "example.org/a.zarr" not in scene.exact


def test_spellings_are_learnt_from_the_titles_and_terms_of_resources_alone() -> None:
    given = {"title": "Ice of Greenland", "keywords": ("glaciology", "S2A"), "variables": ("albedo",)}
    found = document(record(**given), 1).text
    assert found is not None
    assert {"ice", "greenland", "glaciology", "albedo"} <= set(found.words)
    assert "glaciology" not in found.prefix
    scene = document(record(kind="observation", **given), 1).text
    assert scene is not None
    assert (scene.words, scene.prefix, scene.title) == ((), "", found.title)


def test_observations_that_share_their_words_have_them_each() -> None:
    shared: dict[str, Any] = {
        "kind": "observation",
        "missions": ("earth-observation/sentinel-2",),
        "instruments": ("MSI",),
        "keywords": ("ocean colour",),
        "provider": "ESA",
        "assets": (Asset("https://a.example/1", title="near infrared"),),
        "links": (Link("https://a.example/about", title="Handbook"),),
    }
    for name in ("one", "two"):
        found = record(source_id=name, title=f"Scene {name}", targets=(f"Etna {name}",), **shared)
        for text in (
            f"scene {name}",
            f"etna {name}",
            "sentinel 2",
            "msi",
            '"ocean colour"',
            "esa",
            "infrared handbook",
        ):
            assert said(text, found), text
        assert not said("three", found)


@pytest.mark.parametrize("count", [3, 400])
def test_an_observation_with_many_keywords_is_found_as_one_with_few(count: int) -> None:
    found = record(
        kind="observation", keywords=tuple(f"word{number}x" for number in range(count)), provider="Institute"
    )
    assert said(f"word{min(count, 60) - 1}x institute", found)
    assert not said("word401x", found)
