from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.errors import ConfigError, NotFoundError
from discovery.model.source import Source
from harvesters import sources

ONE = '[[source]]\nid = "a"\nkind = "tap"\nurl = "https://example.org/tap"\n'


def test_a_file_gives_its_sources_in_their_order() -> None:
    text = ONE + 'enabled = false\n[source.settings]\npage = 7\n[[source]]\nid="b"\nkind="stac-items"\nurl="file:x"\n'
    assert sources.read(text + 'title = "B"') == [
        Source("a", "tap", "https://example.org/tap", "a", {"page": "7"}, enabled=False),
        Source("b", "stac-items", "file:x", "B"),
    ]


def test_the_sources_of_the_demo_are_right() -> None:
    text = (Path(__file__).parents[2] / "fixtures" / "demo" / "sources.toml").read_text()
    text = text.replace("{pack}", "file:pack").replace("{tap}", "http://127.0.0.1:9")
    assert len(sources.read(text)) > 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[source", "not TOML"),
        ("sources = 1", "found sources"),
        ('source = "a"', "found source"),
        ('[[source]]\nid = "a"\nkind = "tap"\n', "source a has no url"),
        (ONE + 'ulr = "x"', "ulr"),
        (ONE + ONE, "source a is there twice"),
        (ONE.replace('"a"', '"A b"'), "use 1 to 64 of"),
        (ONE.replace('"a"', f'"{"a" * 65}"'), "use 1 to 64 of"),
        (ONE.replace("tap", "oai"), "no source kind 'oai'"),
        (ONE.replace("https:", "ftp:"), "not a file:, http: or https: address"),
        (ONE.replace("https://", "https://u:secret@"), "shown to everybody"),
        (ONE + 'settings = {tabel = "x"}', "did you mean table"),
    ],
)
def test_a_file_that_is_wrong_says_where(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        sources.read(text)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "url", "settings", "said"),
    [
        ("csw", "file:///srv/csw", {}, "not an http: or https: address"),
        ("tap", "file:///srv/tap", {}, "not an http: or https: address"),
        ("epntap", "file:///srv/tap", {}, "not an http: or https: address"),
        ("stac-static", "http://", {}, "with a host"),
        ("folder", "https://[::1", {}, "not a URL"),
        ("tap", "https://example.org/tap", {"modified": "a b"}, "the name of a column"),
        ("tap", "https://example.org/tap", {"table": "a b"}, "such as ivoa.ObsCore"),
    ],
)
def test_a_source_that_could_not_be_harvested_cannot_be_added(
    kind: str, url: str, settings: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        sources.checked(Source("s", kind, url, "S", settings))


def test_no_source_is_called_as_what_is_made_here() -> None:
    with pytest.raises(ConfigError, match="'portal' is that of what is made here"):
        sources.read('[[source]]\nid = "portal"\nkind = "stac-api"\nurl = "https://x.example/"\n')


def test_a_source_without_a_title_is_called_by_its_id() -> None:
    assert sources.checked(Source("a", "tap", "https://example.org/tap")).title == "a"


def test_every_fault_of_a_file_is_told_with_its_line() -> None:
    text = """# sources
[[source]]
id = "a"
kind = "tap"
url = "https://example.org/tap"
enabled = "yes"
titel = "A"

[[source]]
id = "b"
kind = "tap"
[source.settings]
page = 1.5
table = ["x"]

[[source]]
id = "c"
kind = "tap"
url = "https://example.org/tap"
settings = 7
"""
    with pytest.raises(ConfigError) as caught:
        sources.read(text)
    assert sorted(str(caught.value).splitlines()) == sorted(
        [
            "line 6: source a has enabled = yes, which is not true or false",
            "line 7: source a has no name 'titel'; did you mean title?",
            "line 9: source b has no url",
            "line 13: source b has settings.page = 1.5; allowed: a text, a whole number, true, false",
            "line 14: source b has settings.table = ['x']; allowed: a text, a whole number, true, false",
            "line 20: source c has settings that are no table of names and values",
        ]
    )


def test_a_setting_that_its_kind_does_not_take_is_told_with_its_line() -> None:
    text = """[[source]]
id = "a"
kind = "stac-api"
url = "https://example.org/"
[source.settings]
domain = "moon"
schedule = "61 2 * * *"
paralel = 2
[[source]]
id = "b"
kind = "stac-apy"
url = "https://example.org/"

[[source]]
id = "a"
kind = "stac-api"
url = "https://example.org/"
"""
    with pytest.raises(ConfigError) as caught:
        sources.read(text)
    domain, schedule, name, kind, twice = str(caught.value).splitlines()
    assert domain.startswith("line 6: stac-api: setting domain is 'moon'; allowed: ")
    assert schedule == "line 7: schedule '61 2 * * *': Bad minute"
    assert name.startswith("line 8: stac-api has no setting 'paralel'; did you mean parallel")
    assert kind.startswith("line 9: there is no source kind 'stac-apy'; did you mean stac-api")
    assert twice == "line 14: source a is there twice, first in line 1"


def test_a_file_of_a_thousand_faults_is_told_in_twenty_lines() -> None:
    with pytest.raises(ConfigError) as caught:
        sources.read("[[source]]\nid = 1\n" * 1000)
    assert len(str(caught.value).splitlines()) == 21


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(title=TEXTS, provider=TEXTS, enabled=st.booleans(), page=st.integers(1, 9999))
def test_what_is_written_is_read_back_the_same(title: str, provider: str, enabled: bool, page: int) -> None:
    settings = {"provider": provider, "page": str(page), "schedule": "@daily"}
    source = Source("a", "tap", "https://example.org/tap?x=%22", title or "a", settings, enabled)
    assert sources.read(sources.write([source, Source("b", "stac-items", "file:x", "b")])) == [
        source,
        Source("b", "stac-items", "file:x", "b"),
    ]


def test_the_known_sources_are_right_asleep_and_say_where_they_were_read() -> None:
    found = sources.known()
    assert {"emds", "cdse", "ehst", "euclid", "gaia", "xmm", "psa"} <= {each.source.id for each in found}
    assert [each.source.id for each in found] == sorted({each.source.id for each in found})
    for each in found:
        assert not each.source.enabled
        assert each.read_in
        assert each.note
        assert not each.verified or date.fromisoformat(each.verified) <= date(2026, 12, 31)
    assert sources.read(sources.write([each.source for each in found])) == [each.source for each in found]
    with pytest.raises(NotFoundError, match="did you mean emds"):
        sources.known_source("emdss")


def test_differences_are_told_setting_by_setting() -> None:
    old = Source("a", "tap", "https://example.org/tap", "A", {"page": "5", "table": "t"})
    new = Source("a", "tap", "https://example.org/other", "A", {"page": "7", "schedule": "@daily"}, enabled=False)
    assert {(each.name, each.before, each.after) for each in sources.differences(old, new)} == {
        ("url", "https://example.org/tap", "https://example.org/other"),
        ("enabled", "true", "false"),
        ("settings.page", "5", "7"),
        ("settings.table", "t", ""),
        ("settings.schedule", "", "@daily"),
    }
    assert sources.differences(old, old) == []
