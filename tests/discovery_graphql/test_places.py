from __future__ import annotations

from discovery.launch.locating import REASONS, Located
from discovery.launch.resolver import File, Place
from discovery.model.storage import Storage
from discovery_graphql import places
from discovery_graphql.enums import PlaceKind

FILES = tuple(
    File(
        f"f{number}",
        f"File {number}",
        f"f{number}.fits",
        "fits",
        "image/fits",
        number or None,
        (
            Place("volume", f"/media/data/x/f{number}.fits", "vol", "by path"),
            Place("s3", "s3://bucket/f", store=Storage("https://s3.example", "eu", anonymous=True)),
        ),
    )
    for number in range(3)
)


def test_files_come_with_their_places_and_no_more_than_wanted() -> None:
    made = places.locations(Located("x", FILES), 2)
    assert (made.located, made.reason, made.mount_path) == (True, None, None)
    assert [(each.key, each.size) for each in made.files] == [("f0", None), ("f1", 1)]
    volume, bucket = made.files[0].places
    assert (volume.kind, volume.volume, volume.rule, volume.anonymous) == (PlaceKind("volume"), "vol", "by path", None)
    assert (bucket.endpoint, bucket.region, bucket.anonymous) == ("https://s3.example", "eu", True)
    assert (bucket.volume, bucket.rule, bucket.requester_pays) == (None, None, None)


def test_what_is_nowhere_has_a_reason() -> None:
    for code, reason in REASONS.items():
        made = places.locations(Located("x", reason=reason), 10)
        assert made.located is False
        assert made.reason is not None
        assert (made.reason.code, made.reason.sentence, made.reason.instead) == (code, reason.sentence, reason.instead)


def test_a_kind_of_place_that_is_not_known_is_null() -> None:
    (made,) = places.places([Place("gopher", "gopher://x")])
    assert made.kind is None
