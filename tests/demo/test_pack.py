"""The data pack is complete, is what its provenance says, and survives a half-done unpacking."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import tomllib
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from discovery.demo.load import MADE
from discovery.demo.pack import pack_dir, sources, unpack
from discovery.errors import ConfigError
from discovery.making import files, kind
from discovery.model import terms
from discovery.model.source import Source

TAP = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack(pack_dir(), tmp_path_factory.mktemp("home with space") / "pack")


def applied(unpacked: Path) -> list[Source]:
    """Return the sources of the demo as `source apply` would read them."""
    document = tomllib.loads(sources(pack_dir(), unpacked, TAP))
    return [Source(**entry) for entry in document["source"]]


def path_of(url: str) -> Path:
    return Path(unquote(urlsplit(url).path))


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_pack_is_small_enough_to_travel_in_the_wheel() -> None:
    assert sum(path.stat().st_size for path in pack_dir().rglob("*") if path.is_file()) < 3_000_000


def test_every_file_of_the_pack_is_named_by_its_provenance() -> None:
    pack = pack_dir()
    text = (pack / "SOURCE.md").read_text(encoding="utf-8")
    for folder in ("open-science-catalog", "earth-search", "planetary-computer", "tap", "examples"):
        told = text + (pack / folder / "SOURCE.md").read_text(encoding="utf-8")
        for path in (pack / folder).rglob("*"):
            if path.is_file() and path.name != "SOURCE.md":
                assert str(path.relative_to(pack / folder)) in told


def test_unchanged_files_have_the_digest_that_their_provenance_states() -> None:
    stated = {
        line.split("`")[1]: line.split("`")[3]
        for path in pack_dir().rglob("SOURCE.md")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith("- `") and "sha256 `" in line
    }
    assert len(stated) == 5
    for name, digest in stated.items():
        assert hashlib.sha256((pack_dir() / name).read_bytes()).hexdigest() == digest


def test_every_source_leads_to_a_file_or_to_the_replay_server(unpacked: Path) -> None:
    found = applied(unpacked)
    kinds = ["stac-static", *["stac-items"] * 2, *["tap"] * 2, *["records-file"] * 2]
    assert [source.kind for source in found] == kinds
    for source in found:
        assert all(isinstance(value, str) for value in source.settings.values())
        assert source.settings["attribution"]
        for url in (source.url, source.settings.get("collections", source.url)):
            assert url.startswith(f"{TAP}/") or path_of(url).is_file()
        assert source.settings.get("domain", "navigation") in ("earth-observation", "space-science", "navigation")
        assert "mission" not in source.settings or terms.mission(source.settings["mission"]) is not None


def test_the_files_hold_what_the_demo_promises(unpacked: Path) -> None:
    catalogue = unpacked / "open-science-catalog"
    counts = {
        "products": len(list(catalogue.glob("products/*/collection.json"))),
        "projects": len(list(catalogue.glob("projects/*/collection.json"))),
        "workflows": len(list(catalogue.glob("workflows/*/record.json"))),
        "experiments": len(list(catalogue.glob("experiments/*/record.json"))),
    }
    assert counts == {"products": 351, "projects": 208, "workflows": 17, "experiments": 9}
    assert len(list(catalogue.rglob("*.json"))) == 2224
    scenes = json.loads((unpacked / "earth-search" / "sentinel-s2-l2a-cogs_0_100.json").read_bytes())
    assert len(scenes["features"]) == 100
    assert len(lines(unpacked / "planetary-computer" / "data" / "naip" / "items.ndjson")) == 1000
    assert len(lines(unpacked / "planetary-computer" / "collections.ndjson")) == 3


def test_every_example_says_so_and_uses_our_terms(unpacked: Path) -> None:
    records = lines(unpacked / "examples" / "records.ndjson")
    assert len({str(record["id"]) for record in records}) == len(records) == 8
    for record in records:
        properties = record["properties"]
        assert isinstance(properties, dict)
        assert properties["type"] == "dataset"
        assert properties["discovery:example"] is True
        assert properties["description"].endswith("Example entry, after public presentations of ESA Datalabs.")
        assert properties["discovery:domain"] == "navigation"
        assert properties["discovery:mission"] in terms.values("mission")


@pytest.mark.parametrize(("name", "count"), [("volume", 23), ("datalab", 38)])
def test_every_example_that_is_as_if_made_here_says_so_and_uses_our_terms(
    unpacked: Path, name: str, count: int
) -> None:
    known = kind(name)
    text = (unpacked / MADE[name]).read_text(encoding="utf-8")
    documents = [known.read(each) for each in files.read_toml(text, known)]
    assert len({each[known.slug] for each in documents}) == len(documents) == count
    for each in documents:
        assert each["example"] is True
        assert "Example entry, after" in (each.get("abstract") or each["description"])
        assert set(each.get("missions", ())) <= set(terms.values("mission"))
        assert {terms.domain_of(mission) for mission in each.get("missions", ())} <= {each["domain"]}
        assert all(terms.instrument(instrument) for instrument in each.get("instruments", ()))
        assert "@" not in each.get("contact", {}).get("email", "").removesuffix("@example.org")


def test_a_second_unpacking_touches_nothing(unpacked: Path) -> None:
    before = (unpacked / "sources.toml").stat()
    assert unpack(pack_dir(), unpacked) == unpacked
    assert (unpacked / "sources.toml").stat() == before


def small_pack(folder: Path) -> Path:
    """Return a pack with one archive and one plain file."""
    (folder / "one").mkdir(parents=True)
    (folder / "plain.txt").write_text("plain")
    add_archive(folder / "one" / "data.tar.gz", "inside.txt")
    return folder


def add_archive(path: Path, member: str) -> None:
    with tarfile.open(path, "w:gz") as archive:
        info = tarfile.TarInfo(member)
        info.size = 4
        archive.addfile(info, io.BytesIO(b"text"))


def test_a_folder_that_was_cut_short_is_replaced(tmp_path: Path) -> None:
    into = tmp_path / "pack"
    into.mkdir()
    (into / "half").write_text("written before the kill")
    unpack(small_pack(tmp_path / "source"), into)
    assert sorted(path.name for path in into.iterdir()) == [".complete", "one", "plain.txt"]
    assert (into / "one" / "inside.txt").read_text() == "text"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pack", "source"]


def test_another_pack_replaces_the_one_before(tmp_path: Path) -> None:
    pack, into = small_pack(tmp_path / "source"), tmp_path / "pack"
    unpack(pack, into)
    (pack / "plain.txt").write_text("other")
    assert (unpack(pack, into) / "plain.txt").read_text() == "other"


@pytest.mark.parametrize("member", ["../outside.txt", "/outside.txt/../../x"])
def test_an_archive_that_leads_outside_leaves_the_old_folder_whole(tmp_path: Path, member: str) -> None:
    pack, into = small_pack(tmp_path / "source"), tmp_path / "pack"
    unpack(pack, into)
    add_archive(pack / "one" / "data.tar.gz", member)
    with pytest.raises(ConfigError, match="cannot be unpacked"):
        unpack(pack, into)
    assert (into / "one" / "inside.txt").read_text() == "text"
    assert not list(tmp_path.rglob("outside.txt"))


def test_a_link_in_an_archive_is_refused(tmp_path: Path) -> None:
    pack = small_pack(tmp_path / "source")
    with tarfile.open(pack / "one" / "data.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("passwords")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(ConfigError, match=r"'passwords' in data\.tar\.gz is no file within it"):
        unpack(pack, tmp_path / "pack")


def test_a_broken_archive_is_a_clear_error(tmp_path: Path) -> None:
    pack = small_pack(tmp_path / "source")
    archive = pack / "one" / "data.tar.gz"
    archive.write_bytes(archive.read_bytes()[:40])
    with pytest.raises(ConfigError, match="cannot be unpacked"):
        unpack(pack, tmp_path / "pack")
    assert not (tmp_path / "pack").exists()
