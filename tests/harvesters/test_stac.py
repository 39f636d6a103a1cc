from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.model.record import Asset, Link
from harvesters import stac
from harvesters.document import Notes

BASE = "https://example.org/c/item.json"


def codes(notes: Notes) -> list[str]:
    return [each.code for each in notes.issues]


def link(href: Any, rel: str = "via", **more: Any) -> dict[str, Any]:
    return {"rel": rel, "href": href, **more}


def test_links_are_absolute_and_those_of_the_catalogue_left_out() -> None:
    notes = Notes()
    given = [link("./doc.pdf", "describedby"), link("x", "self"), link("x", "Parent"), link("https://a.org", title="A")]
    assert stac.links(given, BASE, notes) == (
        Link("https://example.org/c/doc.pdf", "describedby", "", ""),
        Link("https://a.org", "via", "A", ""),
    )
    assert codes(notes) == []


@pytest.mark.parametrize(
    ("href", "expected", "code"),
    [
        ("www.esa.int", "https://www.esa.int", "link-without-scheme"),
        ("https://u:p@a.org/x", "https://a.org/x", "secret-in-link"),
        ("https://a.org/x?X-Amz-Signature=1", None, "signed-link"),
        ("", None, "bad-link"),
        (7, None, "bad-link"),
    ],
)
def test_a_link_is_kept_as_far_as_it_may_be(href: Any, expected: str | None, code: str) -> None:
    notes = Notes()
    found = [each.href for each in stac.links([link(href)], BASE, notes)]
    assert found == ([] if expected is None else [expected])
    assert codes(notes) == [code]


def test_a_related_thing_is_known_by_the_word_before_its_title() -> None:
    found = stac.links(
        [link("v.json", "related", title="Variable: Sea ice"), link("m", "related", title="X: y")], BASE, Notes()
    )
    assert stac.titles(found, "variable") == ("Sea ice",)
    assert [each.rel for each in found] == ["variable", "related"]


def test_assets_keep_order_size_and_other_places() -> None:
    given = {
        "b": {"href": "b.tif", "type": "image/tiff", "roles": ["data"], "file:size": 7},
        "a": {"href": "s3://x/a", "alternate": {"h": {"href": "https://x/a"}, "s": {"href": "https://x/a"}, "n": 1}},
    }
    notes = Notes()
    first, second = stac.assets(given, BASE, notes)
    assert (first.key, first.href, first.size) == ("b", "https://example.org/c/b.tif", 7)
    assert (second.key, second.alternates) == ("a", ("https://x/a",))
    assert codes(notes) == []


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ([], "wrong-type"),
        ({"a": "x"}, "bad-asset"),
        ({"a": {"href": " "}}, "bad-asset"),
        ({"a": {"href": "https://x/a?sig=abc&se=2020"}}, "signed-asset"),
    ],
)
def test_assets_that_lead_nowhere_are_an_issue(given: Any, code: str) -> None:
    notes = Notes()
    assert (stac.assets(given, BASE, notes), codes(notes)) == ((), [code])


def test_where_a_document_is_published_is_what_it_says_itself() -> None:
    assert stac.self_url({"links": [1, link("https://a.org/x", "self")]}) == "https://a.org/x"
    assert stac.self_url({"links": [link("./x", "self")]}) == ""
    assert stac.self_url({"links": "none"}) == ""


def test_people_and_providers_are_named_once_and_never_by_their_address() -> None:
    notes = Notes()
    document = {
        "contacts": [{"name": "Ada", "organization": "ESA", "emails": [{"value": "ada@esa.int"}], "roles": ["author"]}],
        "providers": [{"name": "ESA", "roles": ["host"], "url": "https://esa.int"}, {"name": "Ada"}, {"roles": []}],
    }
    found = stac.contacts(document, {}, notes)
    assert [(each.name, each.organization) for each in found] == [("Ada", "ESA"), ("ESA", "ESA")]
    assert "ada@esa.int" not in repr(found)


def test_the_provider_is_who_made_the_data() -> None:
    both = {"providers": [{"name": "Host", "roles": ["host"]}, {"name": "Maker", "roles": ["producer"]}]}
    assert stac.provider(both, {}, Notes()) == "Maker"
    assert stac.provider({}, {"providers": both["providers"][:1]}, Notes()) == "Host"
    assert stac.provider({}, {}, Notes()) == ""


def test_missions_are_paths_and_others_stand_for_themselves() -> None:
    assert stac.missions(["HST", "Some/balloon"]) == ("astronomy/hubble", "Some-balloon")
    known = stac.missions(["sentinel-1, sentinel-2"])
    assert len(known) == 2
    assert all("sentinel" in each for each in known)


def test_themes_are_read_in_both_forms() -> None:
    notes = Notes()
    assert stac.themes([{"scheme": "x", "concepts": [{"id": "Odd theme"}]}], notes) == ("Odd theme",)
    assert stac.themes(["Odd theme"], notes) == ("Odd theme",)
    assert stac.themes(None, notes) == ()
    assert codes(notes) == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [("CC-BY-4.0", "CC-BY-4.0"), ("cc-by-4.0", "CC-BY-4.0"), ("our own terms", "our own terms"), (None, "")],
)
def test_a_licence_has_its_spdx_name_where_it_has_one(value: Any, expected: str) -> None:
    assert stac.license_of(value, Notes()) == expected


@pytest.mark.parametrize(
    "value", ["10.5270/S5P-abc", "https://doi.org/10.5270/s5p-ABC", "doi:10.5270/S5P-abc", " 10.5270/s5p-abc "]
)
def test_a_doi_is_written_in_one_way(value: str) -> None:
    assert stac.doi((value,), ()) == "10.5270/s5p-abc"
    assert stac.doi((None, 7), (Link(value.strip(), "cite-as"),)) == "10.5270/s5p-abc"
    assert stac.doi(("11.5/x",), (Link(value.strip(), "via"),)) == ""


def test_formats_are_those_of_the_data() -> None:
    data = Asset("x", "d", media_type="image/tiff; application=geotiff; profile=cloud-optimized", roles=("data",))
    thumb = Asset("y", "t", media_type="image/png", roles=("thumbnail",))
    assert stac.formats([thumb, data]) == ("COG",)
    assert stac.formats([thumb]) == ("PNG",)
    assert stac.format_name("netcdf") == "NetCDF"
    assert stac.format_name("application/x-own; a=b") == "application/x-own"


def test_numbers_worth_filtering_have_our_names() -> None:
    notes = Notes()
    assets = [Asset("x", size=3), Asset("y", size=4), Asset("z")]
    found = stac.numbers({"eo:cloud_cover": 5, "gsd": "10", "view:off_nadir": None}, assets, notes)
    assert found == {"cloud_cover": 5.0, "resolution": 10.0, "size": 7.0}
    assert codes(notes) == ["number-as-text"]


_TEXTS = ["", "x", " x ", "a\0b", "é", "x" * 1001, "../x.tif", "https://[::1]/x", "s3://b/k"]
_ADDRESSES = ["https://b.org/x", "https://b.org/ ", "https://b.org/?a=1", "https://u:p@h.org/x"]
_OTHERS: list[Any] = [None, 1, 2.5, -1, 1 << 60, True, [], ["x"], [" x"], ["x", "y"], [1], {}]
_VALUES = st.sampled_from([*_TEXTS, *_ADDRESSES, *_OTHERS])
_MEMBERS = dict.fromkeys(("href", "title", "type", "roles", "file:size", "alternate"), _VALUES)


@given(st.dictionaries(st.sampled_from(["a", " b", "c\0"]), st.fixed_dictionaries({}, optional=_MEMBERS)))
def test_the_short_way_to_an_asset_leads_to_the_same(given_assets: dict[str, Any]) -> None:
    short, long = Notes(), Notes()
    found = stac.assets(given_assets, "https://h.org/", short)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stac, "_plain_asset", lambda key, each: None)
        assert stac.assets(given_assets, "https://h.org/", long) == found
    assert long.issues == short.issues


@pytest.mark.parametrize(
    "link",
    [
        {"rel": "license", "href": "https://example.org/l", "type": "text/html"},
        {"rel": "License", "href": "https://example.org/l"},
        {"rel": " license ", "href": "licence.html", "title": None},
        {"rel": "related", "href": "https://example.org/t", "title": "Theme: Oceans"},
        {"rel": "via", "href": "https://example.org/v?token=secret"},
        {"rel": "via", "href": "https://bucket.example.org/v?X-Amz-Signature=abc"},
        {"rel": "via", "href": " "},
        {"rel": "Self", "href": "https://example.org/s"},
    ],
)
def test_a_link_that_comes_again_is_read_and_told_of_as_at_first(link: dict[str, Any]) -> None:
    base = "https://example.org/items/one"
    first, again = Notes(), Notes()
    found = stac.links([link], base, first)
    assert stac.links([{**link}], base, again) == found
    assert again.issues == first.issues
    assert stac.links([link] * 3, base, Notes()) == found * 3
