from __future__ import annotations

import pytest

from discovery.errors import UnknownFieldError
from discovery.model.extent import Extent
from discovery.model.record import Record
from discovery.portal import Portal
from discovery.query import fields
from discovery.query.query import Bucket, Facet, Histogram, Sort
from discovery.query.text import TextQuery, parse
from ui import listing, sources
from ui.contexts import SearchContext
from ui.rendering import Renderer


def context(portal: Portal, *pairs: tuple[str, str]) -> SearchContext:
    asked = listing.request(pairs)
    page = portal.search(asked.query, elsewhere=True)
    return listing.search_page(portal, asked, page, Renderer("T").site(), sources.read(portal))


def test_every_facet_that_a_page_shows_is_one() -> None:
    for names in listing.SHOWN.values():
        assert set(names) <= set(fields.FACETS)
        assert len(names) == len(set(names))


def test_a_question_asks_for_the_facets_of_its_scope_and_for_what_is_ticked() -> None:
    asked = listing.request([("scope", "observations"), ("facet.theme", "x"), ("more", "target"), ("more", "nonsense")])
    sizes = {each.name: each.size for each in asked.query.facets}
    assert set(sizes) == {*listing.SHOWN["observations"], "theme"}
    assert sizes["target"] == listing.FULL
    assert sizes["format"] == listing.CAP
    assert asked.more == ("target",)
    assert asked.query.histogram == Histogram("auto", 48)
    assert {each.name: bool(each.bins) for each in asked.query.numbers}["cloud_cover"]
    assert asked.query.heat is None


def test_a_question_with_an_unknown_name_is_refused() -> None:
    with pytest.raises(UnknownFieldError):
        listing.request([("facet.nothing", "x")])


def test_a_facet_that_splits_nothing_is_not_shown(portal: Portal) -> None:
    names = [each.name for each in context(portal, ("facet.provider", "NASA"), ("facet.kind", "dataset")).facets]
    assert "access" not in names
    assert {"provider", "kind"} <= set(names)


def test_a_ticked_value_without_a_match_stays_so_that_it_can_be_unticked(portal: Portal) -> None:
    found = context(portal, ("facet.provider", "Nobody"))
    box = next(each for each in found.facets if each.name == "provider")
    assert [(each.value, each.count) for each in box.values if each.selected] == [("Nobody", 0)]


def bucket(path: str, count: int, *, selected: bool = False) -> Bucket:
    steps = path.split("/")
    lineage = tuple("/".join(steps[: at + 1]) for at in range(len(steps)))
    return Bucket(path, count, steps[-1], selected, lineage)


def missions(*ticked: str, full: bool = False) -> list[str]:
    """Return the nodes that are shown of a tree of two roots with twenty and two leaves."""
    leaves = [f"earth/m{n:02d}" for n in range(20)]
    counts = {"earth": 400, "sky": 9, **{each: 40 - at for at, each in enumerate(leaves)}, "sky/a": 6, "sky/b": 3}
    buckets = tuple(bucket(path, count, selected=path in ticked) for path, count in counts.items())
    box = Facet("mission", "Mission", buckets, exact=True, other=0)
    return [each.value for each in listing.tree(box, full=full)]


def test_a_tree_shows_its_roots_and_what_is_most_common_beneath_each() -> None:
    assert missions() == ["earth", "earth/m00", "earth/m01", "earth/m02", "sky", "sky/a", "sky/b"]


def test_a_ticked_branch_is_open_and_the_others_are_closed() -> None:
    assert missions("sky") == ["earth", "sky", "sky/a", "sky/b"]
    assert missions("earth/m17") == ["earth", *(f"earth/m{n:02d}" for n in range(listing.CAP)), "earth/m17", "sky"]


def test_a_tree_in_full_has_every_node_beneath_its_parent() -> None:
    assert missions(full=True) == ["earth", *(f"earth/m{n:02d}" for n in range(20)), "sky", "sky/a", "sky/b"]


def test_a_dataset_that_was_not_harvested_is_called_so() -> None:
    facet = Facet("dataset", "Dataset", (Bucket("abc", 3, "abc"), Bucket("def", 2, "Ice")), exact=True, other=0)
    (named,) = listing.boxes([facet], sources.Sources({}))
    assert [each.label for each in named.buckets] == ["Dataset not in the catalogue (abc)", "Ice"]


def test_sources_are_called_by_their_titles(portal: Portal) -> None:
    box = next(each for each in context(portal).facets if each.name == "source")
    assert {each.label for each in box.values} == {"Open Science", "Datalabs"}


def test_a_chip_says_what_its_facet_says(portal: Portal) -> None:
    (chip,) = context(portal, ("facet.source", "open-science")).chips
    assert (chip.name, chip.text) == ("Harvest source", "Open Science")


def test_ways_out_are_ranked_by_what_they_give(portal: Portal) -> None:
    ways = context(portal, ("q", "survey"), ("facet.kind", "datalab")).ways
    counts = [int(each.count) for each in ways]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == 30


def test_an_order_that_is_not_in_the_menu_is_named_there(portal: Portal) -> None:
    found = context(portal, ("sort", "-resolution"))
    assert [each.text for each in found.sorts if each.selected] == ["Ground resolution, falling"]
    assert listing.request([("sort", "-resolution")]).query.sort == Sort("resolution", descending=True)


def test_an_order_by_several_fields_is_said_in_full_and_kept(portal: Portal) -> None:
    found = context(portal, ("sort", "-updated,title"))
    assert [(each.value, each.text) for each in found.sorts if each.selected] == [
        ("-updated,title", "Updated, falling; then Title, rising")
    ]


@pytest.mark.parametrize(("q", "first"), [("ice", "Best match"), ("", "Newest first")])
def test_the_own_order_is_called_what_it_is(portal: Portal, q: str, first: str) -> None:
    assert context(portal, ("q", q)).sorts[0].text == first


def test_the_form_keeps_what_its_fields_do_not_hold(portal: Portal) -> None:
    found = context(portal, ("q", "ice"), ("facet.kind", "dataset"), ("polygon", "0,0,9,0,9,9"), ("sort", "title"))
    assert set(found.form.hidden) == {("facet.kind", "dataset"), ("polygon", "0,0,9,0,9,9"), ("sort", "title")}


def test_a_card_has_no_more_than_a_card_can_hold() -> None:
    record = Record(
        "s", "c", "1", "dataset", "t" * 5000, description="d " * 9000, provider="p" * 900,
        formats=("f" * 900,) * 50, missions=("m",) * 50, license="l" * 900,
    )  # fmt: skip
    card = listing.card(record, TextQuery(), sources.Sources({}))
    assert sum(map(len, (card.mission, card.provider, card.formats, card.license))) < 600
    assert sum(len(each.text) for each in (*card.title, *card.description)) < 700


def test_a_record_without_a_title_is_called_by_its_identifier() -> None:
    card = listing.card(Record("s", "c", "granule-7", "observation", ""), parse("x"), sources.Sources({}))
    assert "".join(each.text for each in card.title) == "granule-7"


def test_a_card_shows_where_its_record_is_and_nothing_for_one_that_is_nowhere() -> None:
    here = Record("s", "", "a", "observation", "A", extent=Extent(bbox=(10, 50, 11, 51)))
    shown = listing.card(here, TextQuery(), sources.Sources({})).map
    assert shown is not None
    assert (shown.ring, shown.label) == ((190.5, 39.5), "10.00° E, 50.00° N to 11.00° E, 51.00° N")
    assert listing.card(Record("s", "", "b", "project", "B"), TextQuery(), sources.Sources({})).map is None


def test_an_order_by_overlap_is_offered_with_a_region_and_goes_with_it(portal: Portal) -> None:
    box, order = ("bbox", "-10,-10,40,40"), ("sort", "-overlap")
    found = context(portal, box, order)
    assert [each.text for each in found.sorts if each.selected] == ["Most overlap with the region"]
    assert not any("overlap" in each.url for each in found.chips)
    assert "-overlap" not in [each.value for each in context(portal, ("q", "ice")).sorts]
    for emptied in ((order,), (("bbox", " "), order)):
        assert listing.request(emptied).query.sort is None
    rising = context(portal, box, ("sort", "overlap"))
    assert [each.text for each in rising.sorts if each.selected] == ["Overlap, rising"]
