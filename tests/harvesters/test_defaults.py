from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from discovery.http import Client
from discovery.model.record import Record
from discovery.model.source import Source
from harvesters import registry
from harvesters.base import SourceContext
from harvesters.defaults import Defaults


def defaults(client: Client, fallback: str = "", **settings: str) -> Defaults:
    source = Source("s", "stac-items", "file:x", settings=settings)
    read = registry.read_settings(registry.find("stac-items"), settings)
    return Defaults.of(SourceContext(source, client, Path(), read), fallback)


def record(**more: Any) -> Record:
    return Record("s", "c", "a", "dataset", "A", **more)


def test_what_a_record_says_is_kept(client: Client) -> None:
    said = record(domain="navigation", provider="P", missions=("astronomy/hubble",))
    filled = defaults(client, domain="earth-observation", provider="Q", mission="envisat").fill(said)
    assert (filled.domain, filled.provider, filled.missions) == ("navigation", "P", ("astronomy/hubble",))


def test_what_a_record_lacks_comes_from_its_source(client: Client) -> None:
    filled = defaults(client, domain="space-science", provider="Q").fill(record())
    assert (filled.domain, filled.provider, filled.missions) == ("space-science", "Q", ())


@pytest.mark.parametrize("said", [(), ("Some balloon",)])
def test_a_mission_that_nobody_knows_gives_way_to_the_sources(said: tuple[str, ...], client: Client) -> None:
    assert defaults(client, mission="HST").fill(record(missions=said)).missions == ("astronomy/hubble",)
    assert defaults(client, mission="My balloon").fill(record(missions=said)).missions == ("My balloon",)


@pytest.mark.parametrize(
    ("own", "set_to", "mission", "expected"),
    [
        ("navigation", "earth-observation", "astronomy/hubble", "navigation"),
        ("", "earth-observation", "astronomy/hubble", "earth-observation"),
        ("", "", "astronomy/hubble", "space-science"),
        ("", "", "Some balloon", "navigation"),
    ],
)
def test_the_nearest_word_about_the_domain_counts(
    own: str, set_to: str, mission: str, expected: str, client: Client
) -> None:
    found = defaults(client, "navigation", domain=set_to).fill(record(domain=own, missions=(mission,)))
    assert found.domain == expected


def test_marks_stand_on_every_record(client: Client) -> None:
    filled = defaults(client, attribution="ESA", synthetic="true").fill(record(properties={"x": "1"}))
    assert filled.properties == {"x": "1", "attribution": "ESA", "synthetic": "true"}
