"""A hit says what it is like, what it was made of, and where that can be opened."""

from __future__ import annotations

from discovery.hits import MAX_PLACES, Hit, records
from discovery.launch.locating import locate
from discovery.launch.resolver import Resolver
from discovery.model.record import Asset, Record

SCENE = Record(
    "s", "", "S2", "observation", "Scene", assets=(Asset("https://data.example/s2/a.tif", media_type="image/tiff"),)
)
EMPTY = Record("s", "", "none", "observation", "Nothing")


def hit(record: Record | None) -> Hit:
    located = locate(record, Resolver((), ())) if record is not None else None
    return Hit(3, "three", 0.9, record=record, located=located)


def test_a_hit_leads_to_the_places_of_its_record_and_to_a_launch() -> None:
    told = hit(SCENE).to_dict()
    assert [(each["kind"], each["address"]) for each in told["places"]] == [("https", "https://data.example/s2/a.tif")]
    assert (told["launch"], told["open"]) == (f"/launch?id={SCENE.id}", f"/open?id={SCENE.id}")
    assert told["nowhere"] is None


def test_a_record_that_is_nowhere_says_why_and_is_not_launched() -> None:
    told = hit(EMPTY).to_dict()
    assert (told["places"], told["launch"]) == ([], None)
    assert told["nowhere"] == "Its source names neither a file nor a page. Ask its provider."
    assert told["open"] == f"/open?id={EMPTY.id}"


def test_a_volume_is_where_it_is_mounted() -> None:
    volume = Record("s", "", "v", "volume", "Volume", properties={"mount_path": "/data/v"})
    (place,) = hit(volume).places
    assert (place.kind, place.address, place.volume) == ("volume", "/data/v", volume.id)
    assert hit(volume).launch


def test_of_many_files_the_first_places_are_told() -> None:
    assets = tuple(
        Asset(f"https://data.example/{each}.tif", key=str(each), media_type="image/tiff") for each in range(9)
    )
    assert len(hit(Record("s", "", "many", "observation", "Many", assets=assets)).places) == MAX_PLACES


def test_a_hit_without_a_record_leads_nowhere() -> None:
    told = hit(None).to_dict()
    assert (told["record"], told["places"], told["nowhere"], told["launch"], told["open"]) == (
        None,
        [],
        None,
        None,
        None,
    )


def test_records_of_hits_are_named_once_in_their_order() -> None:
    assert records([hit(SCENE), hit(None), hit(EMPTY), hit(SCENE)]) == (SCENE.id, EMPTY.id)
