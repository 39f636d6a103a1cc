"""Settings: who wins, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from discovery.config import load
from discovery.errors import ConfigError


def test_the_command_line_beats_the_environment_beats_the_file_beats_the_default(tmp_path: Path) -> None:
    (tmp_path / "discovery.toml").write_text('title = "File"\nport = 1\nhost = "file"\n')
    settings = load(tmp_path, {"DISCOVERY_PORT": "2", "DISCOVERY_HOST": "env"}).with_overrides(host="line", port=None)
    assert (settings.log, settings.title, settings.port, settings.host) == ("warning", "File", 2, "line")


@pytest.mark.parametrize(
    ("file", "environment", "says"),
    [
        ("prot = 1", {}, r"discovery\.toml: unknown setting 'prot'; did you mean port"),
        ("", {"DISCOVERY_PROT": "1"}, r"DISCOVERY_PROT: unknown setting 'prot'; did you mean port"),
        ("port = 'x'", {}, r"discovery\.toml: port = 'x' is not of type int"),
        ("port = true", {}, "port = True is not of type int"),
        ("port = 80.5", {}, r"port = 80\.5 is not of type int"),
        ("title = ['a']", {}, "is not of type str"),
        ("", {"DISCOVERY_PORT": "http"}, "DISCOVERY_PORT: port = 'http' is not of type int"),
        ("port = ", {}, r"discovery\.toml cannot be read"),
    ],
)
def test_what_is_no_setting_is_refused(tmp_path: Path, file: str, environment: dict[str, str], says: str) -> None:
    (tmp_path / "discovery.toml").write_text(file)
    with pytest.raises(ConfigError, match=says):
        load(tmp_path, environment)


def test_the_home_is_named_by_the_environment_and_its_tilde_means_a_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "place").mkdir()
    (tmp_path / "place" / "discovery.toml").write_text("port = 7")
    settings = load(None, {"DISCOVERY_HOME": "~/place"})
    assert (settings.home, settings.port) == (tmp_path.resolve() / "place", 7)
    assert settings.store_url == f"sqlite:///{settings.home}/catalogue.sqlite"
