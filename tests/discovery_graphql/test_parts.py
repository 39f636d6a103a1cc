from __future__ import annotations

import pytest

from discovery.model import record as model
from discovery.model.extent import Extent
from discovery.store.elsewhere import Place
from discovery_graphql import parts


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Ann Lee <ann@example.org>", "Ann Lee"),
        ("ann@example.org", None),
        ("Lee, Ann (ann@example.org)", "Lee, Ann"),
        ("", None),
    ],
)
def test_a_contact_has_no_mail_wherever_it_stands(name: str, shown: str | None) -> None:
    made = parts.contact(model.Contact(name, name, ("host",), "mailto:ann@example.org"))
    assert (made.name, made.organization, made.roles, made.url) == (shown, shown, ["host"], None)


def test_a_contact_keeps_its_page() -> None:
    assert parts.contact(model.Contact("A", url="https://a.example/me")).url == "https://a.example/me"
    assert parts.contact(model.Contact("A", url="https://me@a.example/")).url is None


def test_numbers_have_the_label_and_unit_of_the_field_table() -> None:
    known, other = parts.number("cloud_cover", 3.5), parts.number("of_its_own", 1.0)
    assert (known.label, known.unit, known.value) == ("Cloud cover", "%", 3.5)
    assert (other.label, other.unit) == ("of_its_own", None)


def test_what_is_not_known_is_null() -> None:
    empty = parts.extent(Extent())
    assert (empty.geometry, empty.bbox, empty.start, empty.end) == (None, None, None, None)
    file = parts.asset(model.Asset("https://a.example/x"))
    assert (file.key, file.title, file.media_type, file.size, file.roles) == (None, None, None, None, [])
    assert parts.link(model.Link("https://a.example", rel="about")).record_id is None
    place = parts.place(
        Place(id="a", source="s", source_title="S", container="", source_id="1", title="T", url="", seen=0)
    )
    assert (place.url, place.why, place.seen) == (None, None, 0)
