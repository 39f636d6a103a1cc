from __future__ import annotations

import pytest

from discovery.documents import addresses


@pytest.mark.parametrize(
    "href",
    [
        *("javascript:alert(1)", "JavaScript://x.example/%0aalert(1)", "data:text/html,x", "file:///etc/passwd"),
        *("//x.example/", "https://", "https://x.example/a b", "https://x.example/\u202egnp", "https://x.example/>"),
        *("https://[::1", "x", "https://x.example/\ud800", "mailto:a@x.example", "https://u:p@x.example/"),
    ],
)
def test_nothing_but_the_web_is_an_address(href: str) -> None:
    assert addresses.web(href) == ""
    assert addresses.web(href, addresses.STORES) == ""


def test_a_password_is_left_out_and_a_signature_makes_an_address_useless() -> None:
    assert addresses.published("https://ada:secret@x.example/a.nc") == "https://x.example/a.nc"
    assert addresses.published("https://x.example/a.nc?X-Amz-Signature=abc") == ""
    assert addresses.published("https://x.example/a?api_key=0123456789abcdef") == ""
    assert addresses.published("https://x.example/a?page=2") == "https://x.example/a?page=2"


def test_an_object_store_is_an_address_of_files_alone() -> None:
    assert addresses.published("s3://bucket/a.zarr", addresses.STORES) == "s3://bucket/a.zarr"
    assert addresses.published("s3://bucket/a.zarr") == ""


@pytest.mark.parametrize("given", ["10.5281/zenodo.1", "doi:10.5281/zenodo.1", "http://dx.doi.org/10.5281/zenodo.1"])
def test_a_doi_has_one_name_and_one_address(given: str) -> None:
    assert addresses.doi_name(given) == "10.5281/zenodo.1"
    assert addresses.doi(given) == "https://doi.org/10.5281/zenodo.1"
    assert addresses.web("doi:10.5281/zenodo.1") == "https://doi.org/10.5281/zenodo.1"


@pytest.mark.parametrize("given", ["", "10.5281", "11.5281/x", "10.5281/a\u202eb", '10.5281/"><script>', "x" * 10_000])
def test_what_is_no_doi_has_none(given: str) -> None:
    assert addresses.doi(given) == addresses.doi_name(given) == ""


def test_a_header_takes_addresses_in_ascii() -> None:
    assert addresses.ascii("https://x.example/Å?q=é#é") == "https://x.example/%C3%85?q=%C3%A9#%C3%A9"
    assert addresses.ascii("https://x.example/%C3%85") == "https://x.example/%C3%85"
    assert addresses.ascii("https://müller.example/") == "https://xn--mller-kva.example/"
    assert addresses.ascii("https://" + "ü" * 100 + ".example/") == ""
