"""The file of zones: what it says, and everything that it may not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from discovery.errors import ConfigError
from discovery.launch import zones
from discovery.model.volume import Volume

IMAGE = f"registry.example/lab@sha256:{'0' * 64}"
TEXT = f"""
[zones.sci]
title = "SCI-CLOUD"
about = "Beside the archives."
volumes = ["pla_legacy"]
[zones.sci.targets.hub]
kind = "hub"
title = "The hub"
url = "https://hub.example/base/"
token_file = "hub.token"
log = "hub.log"
user = "email"
sign_in = "hub"
servers = 2
hours = 3
images = ["{IMAGE}"]
[zones.sci.targets.hub.sizes.small]
title = "Small"
cpu = 1
memory = "2G"
[zones.eo]
volumes = ["*"]
[zones.eo.targets.binder]
kind = "binder"
url = "https://binder.example"
repository = "org/repo"
path = "a b/start.ipynb"
[zones.eo.targets.pull]
kind = "nbgitpuller"
url = "https://hub.example"
repository = "https://git.example/org/repo.git"
ref = "v1/x"
path = "start.ipynb"
"""


def load(folder: Path, text: str, token: str = "7" * 32) -> zones.Zones:
    (folder / "hub.token").write_text(f"{token}\n")
    (folder / "zones.toml").write_text(text)
    return zones.load(folder / "zones.toml")


def test_a_file_says_zones_targets_and_sizes(tmp_path: Path) -> None:
    found = load(tmp_path, TEXT)
    assert [each.name for each in found.zones] == ["sci", "eo", "here"]
    sci = found.zone("sci")
    assert sci is not None
    hub = sci.place("hub")
    assert hub is not None
    assert (hub.url, hub.token, hub.servers, hub.hours) == ("https://hub.example/base", "7" * 32, 2, 3)
    assert hub.sizes[0].label == "Small: 1 CPU, 2GB"
    assert hub.log == tmp_path / "hub.log"
    assert hub.runs
    assert "7" * 32 not in repr(found)
    assert found.zone("nowhere") is None


def test_the_zone_that_has_the_volumes_comes_first_and_ones_own_computer_last(tmp_path: Path) -> None:
    found = load(tmp_path, TEXT)
    planck = Volume("a" * 16, "Planck", "/media/data/pla_legacy")
    other = Volume("b" * 16, "Other", "/media/data/other", zones=("sci",))
    assert [each.name for each in found.ranked([])] == ["sci", "eo", "here"]
    assert [each.name for each in found.ranked([planck])] == ["sci", "eo", "here"]
    assert [each.name for each in found.ranked([Volume("c" * 16, "C", "/media/data/c")])] == ["eo", "sci", "here"]
    assert found.zones[0].has(other)
    assert not zones.HERE.has(other)


def test_without_a_file_there_is_ones_own_computer() -> None:
    assert [each.kind for each in zones.Zones().zones[0].places] == ["lab", "download"]


WRONG = [
    (TEXT.replace("[zones.sci]", "[zones.Sci]"), "is not of its form"),
    (TEXT.replace("zones.eo", "zones.here"), "everybody's own computer"),
    (TEXT.replace('volumes = ["pla_legacy"]', 'volumes = ["../x"]'), "volumes"),
    (TEXT.replace('volumes = ["pla_legacy"]', 'volumes = "x"'), "volumes"),
    (TEXT.replace('kind = "binder"', 'kind = "shell"'), "is not one of"),
    (TEXT.replace("https://hub.example/base/", "ftp://hub.example"), "is not an address"),
    (TEXT.replace("https://hub.example/base/", "https://ada:pw@hub.example"), "is not an address"),
    (TEXT.replace("https://hub.example/base/", "https://hub.example/?next=x"), "is not an address"),
    (TEXT.replace("https://hub.example/base/", "https://hub.example:x/"), "is not an address"),
    (TEXT.replace("https://hub.example/base/", "javascript:alert(1)"), "is not an address"),
    (TEXT.replace('token_file = "hub.token"', 'token = "secret"'), "token is not known"),
    (TEXT.replace('token_file = "hub.token"', 'token_file = "none"'), "cannot be read"),
    (TEXT.replace('token_file = "hub.token"', ""), "names no file"),
    (TEXT.replace('user = "email"', 'user = "name"'), "is not one of"),
    (TEXT.replace('sign_in = "hub"', 'sign_in = "none"'), "is not one of"),
    (TEXT.replace("servers = 2", "servers = 0"), "whole number"),
    (TEXT.replace("servers = 2", "servers = true"), "whole number"),
    (TEXT.replace("hours = 3", "hours = 1000"), "whole number"),
    (TEXT.replace(f'"{IMAGE}"', '"registry.example/lab:latest"'), "digest"),
    (TEXT.replace('memory = "2G"', 'memory = "all"'), "is not of its form"),
    (TEXT.replace("cpu = 1", "cpu = -1"), "no number of cores"),
    (TEXT.replace("org/repo", "../../x"), "is not of its form"),
    (TEXT.replace("a b/start.ipynb", "../start.ipynb"), "no path inside"),
    (TEXT.replace("v1/x", "../x"), "is not of its form"),
    (TEXT.replace('title = "Small"', 'title = "Small\\nBig"'), "no line"),
    ("[zones.x]\n[zones.x.targets]\n", "targets"),
    ("zones = 3", "no table"),
    ("other = 3", "not known"),
    ("[zones", "cannot be read"),
]


@pytest.mark.parametrize(("text", "words"), WRONG, ids=range(len(WRONG)))
def test_what_cannot_be_is_said_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as refused:
        load(tmp_path, text)
    assert str(refused.value).startswith("zones.toml")


def test_a_short_token_and_a_file_that_is_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="openssl") as refused:
        load(tmp_path, TEXT, "tooshort")
    assert "tooshort" not in str(refused.value)
    with pytest.raises(ConfigError, match="cannot be read"):
        zones.load(tmp_path / "none.toml")
