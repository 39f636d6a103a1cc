"""Signposts in headers and in link sets."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from discovery.documents.site import Site
from discovery.model.record import Asset, Record
from ui import signposts


@pytest.fixture
def record(full: Record) -> Record:
    """Return the full record with files whose names and types want care in a header."""
    return replace(
        full,
        assets=(
            Asset("https://x.example/Å.nc", media_type='application/x-netcdf; a="b"', roles=("data",)),
            Asset("https://u:secret@x.example/b", media_type='text/plain\r\nSet-Cookie: x"', roles=("data",)),
            Asset("javascript:alert(1)"),
        ),
    )


def links(record: Record, site: Site) -> list[tuple[str, dict[str, str]]]:
    """Return the links of the header as RFC 8288 reads them."""
    told = signposts.header(list(signposts.signposts(record, site)))
    assert told.isascii()
    assert "\n" not in told
    found = re.findall(r'<([^>]*)>((?:; \w+="[^"]*")*)(?:, |$)', told)
    assert ", ".join(f"<{href}>{rest}" for href, rest in found) == told
    return [(href, dict(re.findall(r'(\w+)="([^"]*)"', rest))) for href, rest in found]


def test_a_record_says_how_to_cite_it_what_it_is_and_what_describes_it(record: Record, site: Site) -> None:
    found = links(record, site)
    by_rel: dict[str, list[str]] = {}
    for href, said in found:
        by_rel.setdefault(said["rel"], []).append(href)
    assert by_rel["cite-as"] == ["https://doi.org/10.5281/zenodo.1234567"]
    assert by_rel["type"] == ["https://schema.org/AboutPage", "https://schema.org/Dataset"]
    assert by_rel["license"] == ["https://creativecommons.org/licenses/by/4.0/"]
    assert by_rel["collection"] == ["https://portal.example/records/aaaaaaaaaaaaaaaa"]
    assert by_rel["author"] == ["https://orcid.org/0000-0002-1825-0097"]
    assert by_rel["item"] == ["https://x.example/%C3%85.nc", "https://x.example/b"]
    assert f"https://portal.example/records/{record.id}?f=ttl" in by_rel["describedby"]


def test_a_type_of_a_stranger_is_told_only_where_it_is_one(record: Record, site: Site) -> None:
    assert [said.get("type") for _, said in links(record, site) if said["rel"] == "item"] == [
        "application/x-netcdf",
        None,
    ]


def test_many_files_stay_within_what_servers_take(site: Site) -> None:
    files = tuple(Asset(f"https://x.example/{'y' * 900}{n}") for n in range(400))
    many = Record("s", "", "x", "dataset", "T", assets=files)
    posts = list(signposts.signposts(many, site))
    assert len(signposts.header(posts)) <= signposts.MAX_HEADER
    assert sum(said["rel"] == "item" for _, said in links(many, site)) <= signposts.MAX_ITEMS
    (whole,) = json.loads(signposts.linkset(posts, site.record(many.id)))["linkset"]
    assert whole["anchor"] == site.record(many.id)
    assert len(whole["item"]) == 400


def test_without_a_doi_the_page_itself_is_cited(site: Site) -> None:
    bare = Record("s", "", "x", "datalab", "T")
    found = {said["rel"]: href for href, said in reversed(links(bare, site))}
    assert found["cite-as"] == site.record(bare.id)
    assert signposts.describes(bare, site) == f'<{site.record(bare.id)}>; rel="describes"; type="text/html"'
