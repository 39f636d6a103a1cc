from __future__ import annotations

from pathlib import Path

import pytest

from discovery.errors import ConfigError
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


def test_a_source_without_a_title_is_called_by_its_id() -> None:
    assert sources.checked(Source("a", "tap", "https://example.org/tap")).title == "a"
