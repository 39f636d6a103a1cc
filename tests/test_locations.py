"""Where records are, over a real store and a real engine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from discovery.errors import BadQueryError, NotFoundError
from discovery.model.record import Asset, Link, Record
from discovery.portal import Portal


def record(name: str, kind: str = "dataset", **more: object) -> Record:
    return Record("s", "c", name, kind, "Title", **more)  # type: ignore[arg-type]


def test_a_record_is_found_by_each_of_its_names(portal: Portal, put: Callable[..., None]) -> None:
    made = record("ivo://org.gavo.dc/~?a", doi="10.5281/zenodo.1234", external_ids=("ivo://esavo/hst",))
    put(made, record("other"))
    for name in (
        made.id,
        f" {made.id}\n",
        "10.5281/zenodo.1234",
        "doi:10.5281/ZENODO.1234",
        "https://doi.org/10.5281/zenodo.1234",
        "ivo://esavo/hst",
        "ivo://org.gavo.dc/~?a",
        f"https://portal.example/records/{made.id}",
        f"http://127.0.0.1:8000/open?id={made.id}&f=json",
    ):
        found = portal.locations.record(name)
        assert found is not None
        assert found.id == made.id, name


@pytest.mark.parametrize(
    "name", ["nothing", "", "10.5281/none", "ivo://nobody/x", "aaaaaaaaaaaaaaaa", "ivo://\x00", "10.5281/\ud800"]
)
def test_a_name_that_no_record_has_is_not_found(name: str, portal: Portal) -> None:
    with pytest.raises(NotFoundError):
        portal.locations.record(name)


def test_an_address_is_no_name_and_is_resolved_by_rules(portal: Portal, put: Callable[..., None]) -> None:
    volume = record(
        "v", "volume", properties={"mount_path": "/media/data/pub"}, links=(Link("https://x.example/p", "twin"),)
    )
    put(volume)
    assert portal.locations.record("https://x.example/p/a.nc") is None
    assert [(each.kind, each.address) for each in portal.locations.address("https://x.example/p/a.nc")] == [
        ("volume", "/media/data/pub/a.nc"),
        ("https", "https://x.example/p/a.nc"),
    ]
    assert [each.address for each in portal.locations.address("/eodata/a.jp2")] == [
        "/eodata/a.jp2",
        "s3://eodata/a.jp2",
    ]
    assert portal.locations.address("/etc/passwd") == ()
    assert [each.id for each in portal.locations.volumes()] == [volume.id]


@pytest.mark.parametrize("text", ["", "file:///etc/passwd", "javascript:1", "a b", "s3:" * 1_000])
def test_what_is_no_address_is_refused(text: str, portal: Portal) -> None:
    with pytest.raises(BadQueryError, match="neither a record nor an address"):
        portal.locations.address(text)


def test_a_dataset_with_observations_is_a_collection(portal: Portal, put: Callable[..., None]) -> None:
    parent = record("p")
    put(parent, record("lone"))
    assert portal.locations.of(parent).reason is not None
    assert portal.locations.of(parent).to_dict()["reason"]["code"] == "no-assets"
    put(record("o", "observation", dataset=parent.id, assets=(Asset("https://x.example/a.nc"),)))
    assert portal.locations.of(parent).to_dict()["reason"]["code"] == "collection"
    told = portal.locations.report().to_dict()
    assert (told["records"], told["located"], told["explained"], told["share"]) == (3, 1, 2, 1.0)
    assert told["by_source"]["s"]["reasons"] == {"collection": 1, "no-assets": 1}


def test_an_address_that_an_archive_gave_is_a_place_of_the_record(portal: Portal) -> None:
    (place,) = portal.locations.places(record("r"), "https://x.example/a.fits")
    assert place.address == "https://x.example/a.fits"
    assert portal.locations.places(record("r"), "https://x.example/a.fits?X-Amz-Signature=1") == ()


def test_the_places_of_a_record_follow_the_volumes(portal: Portal, put: Callable[..., None]) -> None:
    data = record("d", assets=(Asset("https://x.example/p/a.nc"),))
    put(data)
    assert [each.kind for each in portal.opening(data.id).files[0].places] == ["https"]
    put(record("v", "volume", properties={"mount_path": "/media/data/p"}, links=(Link("https://x.example/p", "twin"),)))
    assert [each.kind for each in portal.opening(data.id).files[0].places] == ["volume", "https"]
    assert portal.locations.of(data).files == portal.opening(data.id).files


def test_a_count_is_kept_until_it_is_old(portal: Portal, put: Callable[..., None]) -> None:
    put(record("a"))
    first = portal.locations.counted()
    assert first is not None
    assert first.report.total.records == 1
    put(record("b"))
    assert portal.locations.counted() is first


def test_nobody_waits_for_a_long_count_and_closing_ends_it(
    portal: Portal, put: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(record("a"))
    let_go, pages = threading.Event(), portal.store.catalogue.walk

    def slow() -> Iterator[list[Record]]:
        yield from pages()
        let_go.wait(20)
        yield []

    monkeypatch.setattr(portal.store.catalogue, "walk", slow)
    assert portal.locations.counted(patience=0.01) is None
    assert portal.locations.counted(patience=0.01) is None
    let_go.set()
    portal.locations.close()
    assert not [each for each in threading.enumerate() if each.name.endswith("(_count)")]
