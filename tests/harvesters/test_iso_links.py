from __future__ import annotations

import pytest
from lxml import etree

from harvesters import iso_links
from harvesters.document import Notes


@pytest.mark.parametrize(
    ("href", "protocol", "function", "expected"),
    [
        ("http://e/ows", "OGC:WMS", "", ("service", "OGC:WMS")),
        ("http://e/ows", "OGC:WMS-1.3.0-http-get-map", "", ("service", "OGC:WMS")),
        ("http://e/ows", "OGC:WMTS", "", ("service", "OGC:WMTS")),
        ("http://e/ows", "http://www.opengis.net/def/serviceType/ogc/wfs", "", ("service", "OGC:WFS")),
        ("http://e/ows?SERVICE=wcs&x=1", "", "", ("service", "OGC:WCS")),
        ("http://e/dods/x.nc", "OPENDAP:OPENDAP", "", ("service", "OPENDAP")),
        ("http://e/rest", "ESRI:REST", "", ("service", "ESRI:REST")),
        ("http://e/x.nc", "WWW:DOWNLOAD-1.0-http--download", "", ("data", "application/x-netcdf")),
        ("http://e/get?id=5", "WWW:DOWNLOAD-1.0-http--download", "", ("data", "")),
        ("http://e/x.nc", "", "", ("data", "application/x-netcdf")),
        ("http://e/x.pdf", "", "", ("related", "application/pdf")),
        ("ftp://e/x", "", "", ("data", "")),
        ("s3://b/x.zarr/", "", "", ("data", "application/vnd+zarr")),
        ("http://e/x", "", "download", ("data", "")),
        ("http://e/page", "WWW:LINK-1.0-http--link", "information", ("about", "")),
        ("http://e/page.html", "WWW:LINK", "", ("related", "text/html")),
        ("https://doi.org/10.5/x", "", "", ("cite-as", "")),
        ("10.5/x", "DOI", "", ("cite-as", "")),
        ("http://e/q", "image/png", "", ("related", "image/png")),
        ("http://e/x.png", "", "browseGraphic", ("preview", "image/png")),
        ("http://e/x", "WMS" * 1000, "", ("related", "")),
        ("http://e.wms/swmsx", "swmsx", "", ("related", "")),
    ],
)
def test_an_online_resource_is_what_its_words_say(
    href: str, protocol: str, function: str, expected: tuple[str, str]
) -> None:
    found = iso_links.online(href, protocol, "x", function)
    assert (found.rel, found.media_type) == expected


def test_what_a_service_is_reached_by_is_that_service() -> None:
    assert iso_links.online("http://e/x", "", "", "download", "OGC:WFS").media_type == "OGC:WFS"
    assert iso_links.online("http://e/x", "", "", "information", "OGC:WFS").rel == "about"


def test_files_become_assets_and_all_else_links() -> None:
    found = [
        iso_links.online("http://e/x.nc", "", "Data"),
        iso_links.online("http://e/x.nc", "", "Data"),
        iso_links.online("http://e/x.png", function="browseGraphic"),
        iso_links.online("http://e/ows", "OGC:WMS", "Map"),
        iso_links.online("mailto:a@example.org"),
        iso_links.online(""),
    ]
    assets, links = iso_links.files_and_links(found, "", Notes())
    assert [(each.key, each.href, each.roles) for each in assets] == [
        ("link-1", "http://e/x.nc", ("data",)),
        ("link-2", "http://e/x.png", ("overview",)),
    ]
    assert [(each.href, each.rel, each.media_type, each.title) for each in links] == [
        ("http://e/ows", "service", "OGC:WMS", "Map")
    ]


def test_secrets_in_addresses_are_not_kept() -> None:
    notes = Notes()
    found = [
        iso_links.online("http://user:pass@e/x.nc"),
        iso_links.online("http://e/p?token=abcdefghijklmnopqrstuvwxyz123456", "WWW:LINK"),
    ]
    assets, links = iso_links.files_and_links(found, "", notes)
    assert "pass" not in assets[0].href
    assert "abcdefghijklmnop" not in links[0].href
    assert {each.code for each in notes.issues} == {"secret-in-link"}


def test_a_resource_is_read_from_either_standard() -> None:
    part = etree.fromstring(
        "<CI_OnlineResource><linkage><URL>http://e/x.zip</URL></linkage><protocol><S>WWW:DOWNLOAD</S></protocol>"
        "<description><S>All of it</S></description></CI_OnlineResource>"
    )
    found = iso_links.read(part)
    assert (found.href, found.rel, found.name) == ("http://e/x.zip", "data", "All of it")
