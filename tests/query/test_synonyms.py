"""The synonyms file: what it may hold, and that what it holds works."""

from __future__ import annotations

import pytest

from discovery.errors import ConfigError
from discovery.query import synonyms
from discovery.query.synonyms import Synonyms


def test_two_way_terms_find_each_other_and_one_way_terms_do_not() -> None:
    read = Synonyms.read('[x]\nterms = ["hst = hubble space telescope", "dust > aerosol"]')
    assert read.alternatives(("hst",)) == (("hubbl", "space", "telescop"),)
    assert read.alternatives(("hubbl", "space", "telescop")) == (("hst",),)
    assert read.alternatives(("dust",)) == (("aerosol",),)
    assert read.alternatives(("aerosol",)) == ()
    assert read.longest == 3


def test_spellings_of_a_designation_share_one_entry() -> None:
    assert synonyms.key("Sentinel-2") == synonyms.key("sentinel 2") == synonyms.key("SENTINEL2")


@pytest.mark.parametrize(
    "text",
    [
        "terms = [",
        "x = 1",
        "[x]\nterm = []",
        "[x]\nterms = [1]",
        '[x]\nterms = ["alone"]',
        '[x]\nterms = ["a = ?"]',
        '[x]\nterms = ["a > b > c"]',
        '[x]\nterms = ["a = b = c = d = e = f = g = h = i"]',
    ],
)
def test_a_broken_file_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="synonyms"):
        Synonyms.read(text)


def test_the_bundled_file_covers_every_domain_and_no_entry_is_idle() -> None:
    bundled = synonyms.bundled()
    assert len(bundled.table) > 500
    for source, target in synonyms.pairs():
        assert set(synonyms.forms(target)) <= {*synonyms.forms(source), *bundled.alternatives(synonyms.key(source))}
        assert bundled.alternatives(synonyms.key(source)), source
