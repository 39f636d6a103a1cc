from __future__ import annotations

from discovery.portal import Portal
from ui import home, sources
from ui.rendering import Renderer


def test_the_domains_stand_in_their_order_with_both_counts(portal: Portal) -> None:
    found = home.home_page(portal, Renderer("T").site(), sources.read(portal))
    counts = {each.value: (each.resources.value, each.observations.value) for each in found.domains}
    assert list(counts) == ["earth-observation", "space-science", "navigation"]
    assert counts["earth-observation"] == (16, 12)
    assert sum(resources for resources, _ in counts.values()) == 36


def test_the_newest_datasets_stand_first(portal: Portal) -> None:
    found = home.home_page(portal, Renderer("T").site(), sources.read(portal))
    titles = ["".join(piece.text for piece in each.title) for each in found.shelves[0].cards]
    assert titles[0] == "Sea ice thickness from CryoSat"
    assert titles[1].endswith("29")
    assert len(titles) == home.SHELF


def test_what_the_catalogue_has_none_of_is_not_counted_out(portal: Portal) -> None:
    found = home.home_page(portal, Renderer("T").site(), sources.read(portal))
    assert [each.note for each in found.numbers] == ["datasets", "observations", "datalabs", "data volumes", "sources"]
