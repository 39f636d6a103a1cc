from __future__ import annotations

from pathlib import Path

import pytest

from discovery.errors import ConfigError
from discovery.http import Client
from discovery.model.source import Source
from harvesters import registry

SERVICES = ("tap", "epntap", "sia2", "stac-api", "ogc-records", "ogc-collections", "opensearch", "csw", "oai-pmh")
URLS = {kind: f"http://127.0.0.1/{kind}" for kind in SERVICES}


@pytest.mark.parametrize("kind", registry.KINDS)
def test_every_kind_is_made_without_asking_its_source(kind: str, client: Client, tmp_path: Path) -> None:
    made = registry.harvester(Source("s", kind, URLS.get(kind, "file:nothing-there.json")), client, tmp_path)
    assert made.bytes_read == 0
    assert client.counters.requests == 0


@pytest.mark.parametrize("kind", registry.KINDS)
def test_every_setting_has_a_sentence_and_a_default_that_it_allows(kind: str) -> None:
    for setting in registry.find(kind).settings:
        assert setting.help.endswith(".")
        assert isinstance(setting.default, setting.type)
        assert not setting.allowed or setting.default in setting.allowed


@pytest.mark.parametrize("kind", registry.KINDS)
def test_every_kind_takes_what_all_sources_may_say(kind: str) -> None:
    names = {setting.name for setting in registry.find(kind).settings}
    assert {setting.name for setting in registry.COMMON} <= names


def test_an_unknown_kind_names_the_near_ones() -> None:
    with pytest.raises(ConfigError, match="no source kind 'stac-item'; did you mean stac-items"):
        registry.find("stac-item")
    with pytest.raises(ConfigError, match="known: stac-"):
        registry.find("zzz")


def test_an_unknown_setting_names_the_near_ones() -> None:
    with pytest.raises(ConfigError, match="tap has no setting 'tables'; did you mean table"):
        registry.read_settings(registry.find("tap"), {"tables": "x"})


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many", "", str(1 << 31)])
def test_a_number_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(ConfigError, match=r"setting page is .*; allowed: a whole number above 0"):
        registry.read_settings(registry.find("tap"), {"page": value})


def test_a_word_that_is_not_allowed_is_refused_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match="setting follow is 'all'; allowed: inside, external"):
        registry.read_settings(registry.find("stac-static"), {"follow": "all"})


@pytest.mark.parametrize(("text", "value"), [("true", True), ("Yes", True), ("0", False), (" no ", False)])
def test_words_for_true_and_false(text: str, value: bool) -> None:
    assert registry.Setting("x", bool, False, "X.").read(text, "kind") is value


def test_settings_that_are_not_given_have_their_defaults() -> None:
    read = registry.read_settings(registry.find("tap"), {"page": " 7 "})
    assert (read["page"], read["table"], read["domain"]) == (7, "ivoa.ObsCore", "")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [("schedule", "often", "neither five fields"), ("allow_hosts", "http://a/", "allow_hosts has 'http://a/'")],
)
def test_texts_with_a_form_of_their_own_are_checked(name: str, value: str, message: str) -> None:
    kind = registry.find("tap")
    with pytest.raises(ConfigError, match=message):
        registry.read_settings(kind, {name: value})
    assert registry.read_settings(kind, {name: ""})[name] == ""
