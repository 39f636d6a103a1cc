"""What was meant where hardly anything has all of the words, over a real store and a real engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from discovery.config import Settings
from discovery.indexer import follow
from discovery.model.record import OBSERVATIONS, Record
from discovery.model.source import Mapped, RawRecord
from discovery.portal import Page, Portal
from discovery.query.query import Comparison, FacetRequest, Query, Region, Sort, Understood
from discovery.understanding import FEW
from discovery.wiring import open_portal

RECORDS = (
    Record("s", "c", "greenland", "dataset", "Glacier velocity of Greenland", doi="10.5270/esa-gv"),
    Record("s", "c", "alps", "dataset", "Glacier velocity of the Alps"),
    Record("s", "c", "lakes", "dataset", "Lakes of Greenland", keywords=("hydrology",)),
    Record("s", "c", "rain", "project", "Rain over the Alps", description="Precipitation by radar"),
    *(Record("s", "c", f"sea{number}", "dataset", f"Salinity of the sea {number}") for number in range(FEW + 5)),
    Record("s", "c", "slip", "dataset", "Salinty by a careless writer"),
    Record("s", "o", "scene", "observation", "Velocity 7"),
)


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    opened = open_portal(Settings(tmp_path_factory.mktemp("home")))
    opened.store.ingest.page("s", 1, [Mapped(each, RawRecord("c", each.source_id, b"{}")) for each in RECORDS])
    follow(opened.store, opened.index)
    yield opened
    opened.close()


def ask(portal: Portal, text: str, **more: object) -> tuple[list[str], Page]:
    page = portal.search(Query(text=text, lenient=True, **more))  # type: ignore[arg-type]
    return [found.record.source_id for found in page.records], page


def test_what_many_records_have_is_looked_for_as_it_was_typed(portal: Portal) -> None:
    found, page = ask(portal, "salinity sea")
    assert (len(found), page.total.value, page.understood) == (FEW + 5, FEW + 5, None)


def test_some_of_the_words_are_enough_where_few_records_have_all_and_these_stay_first(portal: Portal) -> None:
    found, page = ask(portal, "greenland velocity")
    assert found[0] == "greenland"
    assert set(found) == {"greenland", "alps", "lakes"}
    assert page.total.value == 3
    assert page.understood == Understood("greenland velocity", least=1, words=2, complete=1)
    strict = portal.search(Query(text="greenland velocity"))
    assert ([each.record.source_id for each in strict.records], strict.understood) == (["greenland"], None)


def test_as_many_of_the_words_are_wanted_as_find_anything(portal: Portal) -> None:
    found, page = ask(portal, "glacier velocity greenland hydrology")
    assert page.understood is not None
    assert (page.understood.least, page.understood.words, page.understood.complete) == (2, 4, 0)
    assert set(found) == {"greenland", "alps", "lakes"}
    assert found[0] == "greenland"


def test_words_that_no_record_has_are_named_and_left_out(portal: Portal) -> None:
    found, page = ask(portal, "zyzzyva lakes greenland")
    assert page.understood is not None
    assert page.understood.unknown == ("zyzzyva",)
    assert found[0] == "lakes"
    found, page = ask(portal, "zyzzyva")
    assert (found, page.understood) == ([], None)


@pytest.mark.parametrize(
    ("typed", "meant", "first"),
    [
        ("greenlnad lakes", "greenland lakes", "lakes"),
        ("Glacier-velocty", "Glacier-velocity", "alps"),
        ("hydrolgy", "hydrology", "lakes"),
        ("hydrol", "hydrology", "lakes"),
    ],
)
def test_misspelt_words_are_mended_by_the_words_of_the_catalogue(
    portal: Portal, typed: str, meant: str, first: str
) -> None:
    found, page = ask(portal, typed)
    assert page.understood is not None
    assert page.understood.corrected == meant
    assert first in found


def test_of_a_rare_word_it_is_only_asked_whether_a_common_one_was_meant(portal: Portal) -> None:
    found, page = ask(portal, "salinty")
    assert found == ["slip"]
    assert page.understood == Understood("salinty", words=1, complete=1, suggestion="salinity")
    found, page = ask(portal, "salinty oceaan greenlnad")
    assert page.understood is not None
    assert page.understood.corrected == "salinty oceaan greenland"
    assert page.understood.suggestion == "salinity oceaan greenland"
    assert ask(portal, "careless")[1].understood is None


def test_words_that_the_catalogue_or_its_field_knows_are_never_mended(portal: Portal) -> None:
    # "rain" is there, "tomography" is not and is near to nothing, "rainfall" is known to the field.
    for text in ("lakes rain", "tomography", "rainfall lakes", "-greenlnad lakes", "seas"):
        understood = ask(portal, text)[1].understood
        assert understood is None or understood.corrected == "", text


def test_no_more_than_four_words_of_a_text_are_mended(portal: Portal) -> None:
    understood = ask(portal, "greenlnad lakse velocitty glaceir hydrolgy")[1].understood
    assert understood is not None
    assert understood.corrected == "greenland lakes velocity glacier hydrolgy"


def test_an_identifier_is_nothing_but_that(portal: Portal) -> None:
    for text in ("https://doi.org/10.5270/ESA-gv", "10.5270/esa-gv"):
        found, page = ask(portal, text)
        assert (found, page.understood) == (["greenland"], None)
    found, page = ask(portal, "https://doi.org/10.5270/esa-glacier")
    assert (found, page.understood) == ([], None)


def test_phrases_that_programs_ask_for_are_left_alone(portal: Portal) -> None:
    found, page = ask(portal, "greenlnad lakes", phrases=("glacier velocity",))
    assert (found, page.understood) == ([], None)


def test_quoted_words_are_never_left_out(portal: Portal) -> None:
    found, page = ask(portal, '"glacier velocity" greenland alps')
    assert set(found) == {"greenland", "alps"}
    assert page.understood == Understood('"glacier velocity" greenland alps', least=1, words=2, complete=0)
    assert ask(portal, '"velocity glacier" greenland')[0] == []


def test_counts_and_facets_are_of_what_is_listed(portal: Portal) -> None:
    page = ask(portal, "rain lakes", facets=(FacetRequest("kind"),))[1]
    (kinds,) = page.facets
    assert page.total.value == len(page.records) == sum(bucket.count for bucket in kinds.buckets)
    narrowed = ask(portal, "rain lakes", filter=Comparison("=", "kind", "project"))
    assert narrowed[0] == ["rain"]


def test_pages_of_what_was_understood_walk_all_of_it_once(portal: Portal) -> None:
    for sort in (None, Sort("title")):
        after, walk = "", []
        while True:
            found, page = ask(portal, "salinity greenland velocity", size=4, after=after, sort=sort)
            walk += found
            after = page.next
            if not after:
                break
        assert len(walk) == len(set(walk)) == page.total.value


def test_the_other_scope_is_counted_by_the_mended_words(portal: Portal) -> None:
    page = portal.search(Query(text="velocitty", lenient=True), elsewhere=True)
    assert page.elsewhere is not None
    assert page.elsewhere.value == 1


def test_observations_are_widened_only_where_none_has_all_of_the_words(portal: Portal) -> None:
    assert ask(portal, "velocity 7", scope=OBSERVATIONS)[1].understood is None
    found, page = ask(portal, "velocity 8 zyzzyva", scope=OBSERVATIONS)
    assert found == ["scene"]
    assert page.understood is not None


def test_a_region_narrows_what_is_understood(portal: Portal) -> None:
    here = Region({"type": "Circle", "center": [0.0, 0.0], "radius": 5.0})
    found, page = ask(portal, "greenland velocity", region=here)
    assert (found, page.understood) == ([], None)


def test_engines_give_the_same(tmp_path: Path, engine: Mapping[str, str], portal: Portal) -> None:
    other = open_portal(Settings(tmp_path, **engine))  # type: ignore[arg-type]
    try:
        other.store.ingest.page("s", 1, [Mapped(each, RawRecord("c", each.source_id, b"{}")) for each in RECORDS])
        follow(other.store, other.index)
        for text in ("greenland velocity", "glacier velocity greenland hydrology", "greenlnad lakes", "zyzzyva alps"):
            ours, theirs = ask(portal, text), ask(other, text)
            assert (set(ours[0]), ours[1].total, ours[1].understood) == (
                set(theirs[0]),
                theirs[1].total,
                theirs[1].understood,
            )
    finally:
        other.close()
