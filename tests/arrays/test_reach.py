from __future__ import annotations

import pytest

from discovery.arrays.reach import PATIENCE, Reach, above, file_of, joined, policy_of, policy_to_dict, reaches
from discovery.http import Policy
from discovery.launch.resolver import Place
from discovery.model.storage import Storage
from discovery.model.volume import Volume

VOLUME = Volume("vol", "Volume", mount_path="/media/data/sentinel")


def test_an_address_of_the_web_is_asked_as_it_is() -> None:
    place = Place("https", "https://a.example/x.zarr")
    assert reaches([place], (), {}) == (Reach(place.address, url=place.address),)


@pytest.mark.parametrize(
    ("store", "url"),
    [
        (None, "https://bucket.s3.amazonaws.com/a%20b/x.zarr"),
        (Storage(region="eu-west-1"), "https://bucket.s3.eu-west-1.amazonaws.com/a%20b/x.zarr"),
        (Storage("https://s3.example"), "https://s3.example/bucket/a%20b/x.zarr"),
        (Storage(anonymous=False), ""),
        (Storage(requester_pays=True), ""),
    ],
)
def test_an_open_bucket_is_asked_over_the_web_and_one_that_wants_keys_is_not(store: Storage | None, url: str) -> None:
    place = Place("s3", "s3://bucket/a b/x.zarr", store=store)
    assert [each.url for each in reaches([place], (), {})] == ([url] if url else [])


def test_a_path_is_read_beneath_its_volume_or_where_the_operator_says_it_is() -> None:
    place = Place("volume", "/media/data/sentinel/x.zarr", "vol")
    (found,) = reaches([place], (VOLUME,), {})
    assert (found.root, found.tail, found.url) == ("/media/data/sentinel", "x.zarr", "")
    (found,) = reaches([place], (VOLUME,), {"/media/data": "/here"})
    assert (found.root, found.tail) == ("/here", "sentinel/x.zarr")


@pytest.mark.parametrize("path", ["/srv/secret/x.zarr", "/etc/x.zarr", "/media/data/sentinel/../../x", "relative"])
def test_a_path_that_no_volume_offers_is_not_read(path: str) -> None:
    assert reaches([Place("volume", path), Place("volume", path, "vol")], (VOLUME,), {}) == ()


@pytest.mark.parametrize(
    ("url", "key", "made"),
    [
        ("https://a.example/x.zarr", "a/zarr.json", "https://a.example/x.zarr/a/zarr.json"),
        ("https://a.example/x.zarr/", ".zmetadata", "https://a.example/x.zarr/.zmetadata"),
        ("https://a.example/x.zarr?v=1#top", "a b/0.0", "https://a.example/x.zarr/a%20b/0.0?v=1"),
        ("https://a.example/x.zarr", "a?b#c", "https://a.example/x.zarr/a%3Fb%23c"),
    ],
)
def test_keys_are_joined_to_the_path_of_an_address(url: str, key: str, made: str) -> None:
    assert joined(url, key) == made


def test_a_policy_travels_to_another_process_with_the_patience_of_a_look() -> None:
    given = Policy(contact="ops@a.example").with_hosts("127.0.0.1:9")
    made = policy_of(policy_to_dict(given), PATIENCE, 1 << 20)
    assert (made.contact, made.allow_hosts, made.ports) == (given.contact, given.allow_hosts, given.ports)
    assert (made.attempts, made.total, made.max_bytes) == (1, PATIENCE, 1 << 20)


def test_a_file_is_told_by_the_end_of_its_name() -> None:
    assert file_of(Reach("", url="https://a.example/x.zarr"), ".json") is None
    assert file_of(Reach("", root="/v", tail="x.zarr"), ".json") is None
    for name in ("x.json", "X.JSON"):
        assert file_of(Reach("a", root="/v", tail=name), ".json") == (Reach("a", root="/v"), name)
    assert file_of(Reach("a", root="/v", tail="d/x.zarr.zip"), ".zip") == (
        Reach("a", root="/v", tail="d"),
        "x.zarr.zip",
    )


def test_an_address_of_a_file_stands_for_itself() -> None:
    for url in ("https://a.example/d/x.json?v=1", "https://a.example/d/a%20b.json"):
        assert file_of(Reach("a", url=url), ".json") == (Reach("a", url=url), "")


def test_what_is_above_a_folder_is_still_in_its_volume() -> None:
    assert above(Reach("a", root="/v", tail="d/x.parq/")) == Reach("a", root="/v", tail="d")
    assert above(Reach("a", root="/v", tail="x.parq")) == Reach("a", root="/v")
    assert above(Reach("a", root="/v")) == Reach("a", root="/v")
    assert above(Reach("a", url="https://a.example/x")) == Reach("a", url="https://a.example/x")
