"""Rows as pages show them: on a map that shows them from near, and with what can be done with their records."""

from __future__ import annotations

from discovery.hits import Hit
from discovery.model.extent import SKY, Extent
from discovery.model.record import Record
from ui import rows


def hit(row: int, lon: float | None, lat: float | None, record: Record | None = None) -> Hit:
    return Hit(row, f"<{row}>", 0.5, lon, lat, record=record)


def scene(name: str, **more: object) -> Record:
    return Record("s", "", name, "observation", name, extent=Extent(**more))  # type: ignore[arg-type]


def test_rows_that_lie_together_are_drawn_from_near_and_all_of_them_are_seen() -> None:
    found = rows.spots([hit(1, 10.0, 50.0), hit(2, 11.0, 50.5)])
    assert found is not None
    assert found.near
    assert found.width < 3
    assert found.height == found.width / 2
    for each in found.dots:
        assert found.x < each.x < found.x + found.width
        assert found.y < each.y < found.y + found.height
    assert 2 < len(found.grid) < 20
    assert "49." in found.label
    assert [each.title for each in found.dots] == ["Row 1", "Row 2"]


def test_rows_from_everywhere_are_drawn_on_the_whole_map() -> None:
    found = rows.spots([hit(1, -179.0, 80.0), hit(2, 179.0, -80.0)])
    assert found is not None
    assert (found.near, found.view, found.earth) == (False, "0 0 360 180", True)


def test_coasts_are_not_drawn_where_they_are_too_coarse() -> None:
    wide, narrow = (rows.spots([hit(1, 0.0, 0.0), hit(2, each, 0.0)]) for each in (10.0, 1.0))
    assert wide is not None
    assert narrow is not None
    assert (wide.earth, narrow.earth) == (True, False)


def test_a_corner_of_the_map_is_not_left() -> None:
    found = rows.spots([hit(1, -180.0, 90.0)])
    assert found is not None
    assert (found.x, found.y) == (0.0, 0.0)
    assert found.width > 0


def test_what_has_no_place_is_on_no_map() -> None:
    assert rows.spots([]) is None
    assert rows.spots([hit(1, None, None)]) is None
    found = rows.spots([hit(1, None, None), hit(2, 5.0, 5.0)])
    assert found is not None
    assert len(found.dots) == 1


def test_footprints_of_scenes_are_drawn_once_and_not_that_of_a_whole_dataset() -> None:
    one, other = scene("a", bbox=(10, 50, 11, 51)), scene("b", bbox=(12, 50, 13, 51))
    whole = Record("s", "", "d", "dataset", "D", extent=Extent(bbox=(-180, -90, 180, 90)))
    found = rows.spots(
        [hit(1, 10.5, 50.5, one), hit(2, 10.6, 50.5, one), hit(3, 12.5, 50.5, other), hit(4, 12, 50, whole)]
    )
    assert found is not None
    assert [(each.x, each.width) for each in found.boxes] == [(190, 1), (192, 1)]
    assert found.near


def test_the_sky_is_seen_from_inside() -> None:
    found = rows.spots([hit(1, 20.0, 0.0, scene("a", frame=SKY, bbox=(10, -1, 30, 1)))], SKY)
    assert found is not None
    assert found.dots[0].x == 160
    assert (found.boxes[0].x, found.boxes[0].width) == (150, 20)
    assert "RA" in found.label
    assert not found.earth


def test_records_of_rows_are_selected_and_opened_together() -> None:
    one, other = scene("a"), scene("b")
    hits = [hit(1, 0, 0, one), hit(2, 0, 0, other), hit(3, 0, 0, one)]
    told = rows.leading({"n": 3}, hits)
    assert told["selection"] == f"/selection?id={one.id}&id={other.id}"
    assert told["notebook"].startswith("/selection/notebook?")
    assert rows.leading({}, [hit(1, 0, 0)]) == {"selection": None, "notebook": None}
    ways = rows.ways(hits, "/embeddings/x", [("row", "5")])
    assert [each.url for each in ways.exports] == ["/embeddings/x?row=5&f=csv", "/embeddings/x?row=5&f=ndjson"]
    assert rows.ways(hits, "/embeddings/x", [], files=False).exports == ()


def test_a_card_says_what_there_is() -> None:
    card = rows.card("x", Hit(7, "", 0.5, 10.0, 20.0, product="P"), "Score 0.5")
    assert (card.title, card.score, card.facts, card.record) == ("Row 7", "Score 0.5", ("10.000, 20.000", "P"), None)
    assert card.similar == "/embeddings/x?row=7"


def test_a_number_alone_is_no_title() -> None:
    numbered, named = Hit(7, "24", 0.5, 10.0, 20.0), Hit(7, "tile-24", 0.5, 10.0, 20.0)
    assert (rows.title(numbered), rows.title(named), rows.title(Hit(7, "", 0.5))) == ("Row 7", "tile-24", "Row 7")
    assert rows.card("x", numbered, "").facts[0] == "called 24 in its file"
    assert (
        rows.card("x", named, "").facts
        == rows.card("x", Hit(24, "24", 0.5, 10.0, 20.0), "").facts
        == ("10.000, 20.000",)
    )


def test_a_record_that_all_rows_have_is_said_once() -> None:
    one, other = scene("a"), scene("b")
    cards = [rows.card("x", each, "") for each in (hit(1, 0, 0, one), hit(2, 0, 0, one))]
    bare, shared = rows.gathered(cards)
    assert shared == cards[0]
    assert [(each.record, each.open, each.title) for each in bare] == [(None, "", "Row 1"), (None, "", "Row 2")]
    mixed = [*cards, rows.card("x", hit(3, 0, 0, other), "")]
    assert rows.gathered(mixed) == (tuple(mixed), None)
    assert rows.gathered(cards[:1]) == (tuple(cards[:1]), None)
    loose = [rows.card("x", hit(each, 0, 0), "") for each in (1, 2)]
    assert rows.gathered(loose) == (tuple(loose), None)


def test_a_map_from_near_says_where_on_earth_it_is() -> None:
    found = rows.spots([hit(1, -166.68, 65.743), hit(2, -166.0, 65.3)])
    assert found is not None
    assert found.world is not None
    assert found.world.ring is not None
    assert (round(found.world.ring[0]), round(found.world.ring[1])) == (14, 24)
    assert [each.text for each in found.across][:2] == ["166.8° W", "166.6° W"]
    assert all(each.text.endswith("° N") for each in found.up)
    for each in found.across:
        assert abs(found.x + each.at * found.width / 360 - 180 + float(each.text.split("°")[0])) < 1e-3
    everywhere = rows.spots([hit(1, -179.0, 80.0), hit(2, 179.0, -80.0)])
    assert everywhere is not None
    assert everywhere.world is None
    assert {"60° W", "0°", "60° E"} <= {each.text for each in everywhere.across}
    assert {"60° N", "30° N", "0°", "60° S"} <= {each.text for each in everywhere.up}


def test_labels_of_the_sky_are_right_ascensions_and_declinations() -> None:
    found = rows.spots([hit(1, 10.0, -5.0), hit(2, 14.0, -4.0)], SKY)
    assert found is not None
    assert found.world is None
    assert all(each.text.endswith("°") for each in (*found.across, *found.up))
    assert [float(each.text[:-1]) for each in found.across] == sorted(
        (float(each.text[:-1]) for each in found.across), reverse=True
    )
    assert all(each.text.startswith("-") for each in found.up)
