"""The vocabularies cover what our real samples say, and one name never means two things."""

from __future__ import annotations

import csv
import json
import re
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lxml import etree

from discovery.errors import ConfigError
from discovery.model import terms

DEMO = Path(__file__).parents[2] / "fixtures" / "demo"
CATALOGUE = DEMO / "open-science-catalog" / "open-science-catalog.tar.gz"


def eo_missions() -> list[tuple[str, str]]:
    """Return id and title of every EO mission of the Open Science Catalog."""
    found = []
    with tarfile.open(CATALOGUE) as archive:
        for member in archive:
            parts = member.name.removeprefix("./").split("/")
            stream = archive.extractfile(member) if len(parts) == 3 and parts[0] == "eo-missions" else None
            if stream is not None:
                document = json.load(stream)
                found.append((document["id"], document["title"]))
    return found


def test_every_mission_of_the_open_science_catalog_is_known_by_id_and_title() -> None:
    missions = eo_missions()
    assert len(missions) == 81
    unlike = [(id_, title) for id_, title in missions if terms.mission(id_) is None or terms.mission(title) is None]
    assert unlike == []
    assert all(terms.mission(id_) == terms.mission(title) for id_, title in missions)
    assert len({terms.mission(id_) for id_, _ in missions}) == 81


def test_every_facility_and_instrument_of_the_obscore_samples_is_known() -> None:
    with (DEMO / "tap" / "synthetic" / "obscore.csv").open(encoding="utf-8") as stream:
        pairs = {(row["facility_name"], row["instrument_name"]) for row in csv.DictReader(stream)}
    root = etree.parse(DEMO / "tap" / "gavo" / "obscore.xml")
    namespaces = {"v": "http://www.ivoa.net/xml/VOTable/v1.3"}
    names = [field.get("name") for field in root.iterfind(".//v:FIELD", namespaces)]
    for line in root.iterfind(".//v:TR", namespaces):
        row = dict(zip(names, [cell.text or "" for cell in line], strict=True))
        pairs.add((row["facility_name"], row["instrument_name"]))
    assert len(pairs) == 8
    assert [pair for pair in pairs if terms.mission(pair[0]) is None or terms.instrument(pair[1]) is None] == []


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("HST", "astronomy/hubble"),
        ("eHST", "astronomy/hubble"),
        ("hubble space telescope", "astronomy/hubble"),
        ("astronomy/hubble", "astronomy/hubble"),
        ("gnss", "navigation/gnss"),
        ("sentinel-2b", "earth-observation/sentinel-2"),
        ("SENTINEL 2A", "earth-observation/sentinel-2"),
        ("Landsat_8", "earth-observation/landsat/landsat-8"),
        ("Ørsted", "earth-observation/oersted"),
        ("planetary", "planetary"),
    ],
)
def test_a_mission_is_found_under_its_many_names(text: str, path: str) -> None:
    term = terms.mission(text)
    assert term is not None
    assert term.value == path


@pytest.mark.parametrize("text", ["", "   ", "-/-", "Sentinel-99", "x" * 1_000_000, "\x00"])
def test_what_is_no_name_is_no_term(text: str) -> None:
    assert terms.mission(text) is None
    assert terms.instrument(text) is None
    assert terms.theme(text) is None
    assert terms.license(text) is None


def test_ancestors_are_broadest_first_also_for_unknown_paths() -> None:
    assert terms.ancestors("astronomy/hubble") == ("astronomy", "astronomy/hubble")
    assert terms.ancestors("a/b/c") == ("a", "a/b", "a/b/c")
    assert terms.ancestors("") == ()


def test_the_path_of_a_term_is_its_ancestors() -> None:
    term = terms.mission("Landsat 9")
    assert term is not None
    assert term.path == terms.ancestors(term.value)
    assert len(term.path) == 3


@pytest.mark.parametrize(
    ("path", "domain"),
    [
        ("astronomy/hubble", "space-science"),
        ("planetary", "space-science"),
        ("heliophysics/soho", "space-science"),
        ("navigation/gnss", "navigation"),
        ("earth-observation/landsat/landsat-8", "earth-observation"),
        ("elsewhere/thing", ""),
        ("", ""),
    ],
)
def test_the_first_part_of_a_path_decides_the_domain(path: str, domain: str) -> None:
    assert terms.domain_of(path) == domain


def test_every_mission_has_a_domain_and_known_ancestors() -> None:
    known = set(terms.values("mission"))
    for path in known:
        assert terms.domain_of(path)
        assert set(terms.ancestors(path)) <= known


@pytest.mark.parametrize(
    ("kind", "value", "label"),
    [
        ("mission", "astronomy/hubble", "Hubble Space Telescope"),
        ("mission", "astronomy", "Astronomy"),
        ("theme", "solid-earth", "Solid Earth"),
        ("license", "CC-BY-4.0", "Creative Commons Attribution 4.0"),
        ("domain", "space-science", "Space Science"),
        ("mission", "elsewhere/thing", "elsewhere/thing"),
        ("format", "application/fits", "application/fits"),
    ],
)
def test_a_value_has_a_label_and_an_unknown_one_is_its_own(kind: str, value: str, label: str) -> None:
    assert terms.label(kind, value) == label


@pytest.mark.parametrize(
    ("text", "spdx"),
    [
        ("CC-BY-4.0", "CC-BY-4.0"),
        ("cc-by-4.0", "CC-BY-4.0"),
        ("CC-BY.4.0", "CC-BY-4.0"),
        (" CC BY 4.0 ", "CC-BY-4.0"),
        ("Creative Commons Attribution 4.0 International", "CC-BY-4.0"),
        ("https://creativecommons.org/licenses/by/4.0/", "CC-BY-4.0"),
        ("http://creativecommons.org/licenses/by-nc-sa/4.0/legalcode", "CC-BY-NC-SA-4.0"),
        ("https://creativecommons.org/licenses/by-sa/3.0/igo/", "CC-BY-SA-3.0-IGO"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("https://spdx.org/licenses/MIT.html", "MIT"),
        ("cc-by-nc-4.0", "CC-BY-NC-4.0"),
        ("proprietary", "proprietary"),
        ("GPL-3.0", "GPL-3.0-only"),
        ("GPL-3.0+", "GPL-3.0-or-later"),
        ("CC-BY", None),
        ("https://example.org/licenses/by/4.0/", None),
        ("https://evil.example/https://creativecommons.org/licenses/by/4.0/", None),
        ("All rights reserved", None),
    ],
)
def test_spellings_of_a_licence_become_its_identifier(text: str, spdx: str | None) -> None:
    assert terms.license(text) == spdx


def test_every_licence_of_the_open_science_catalog_is_known() -> None:
    found = set()
    with tarfile.open(CATALOGUE) as archive:
        for member in archive:
            stream = archive.extractfile(member)
            if stream is not None:
                document = json.load(stream)
                found.add(document.get("license") or document.get("properties", {}).get("license"))
    assert len(found) > 10
    assert {text for text in found if text and terms.license(text) is None} == set()


def test_stac_words_for_no_listed_licence_are_not_spdx() -> None:
    assert terms.is_spdx("CC-BY-4.0")
    assert not any(terms.is_spdx(value) for value in ("proprietary", "various", "other", "nonsense"))


def test_themes_are_found_by_id_title_and_the_misspelling_that_is_in_use() -> None:
    assert len(terms.values("theme")) == 6
    assert [term.value for text in ("Oceans", "ocean", "oceans") if (term := terms.theme(text))] == ["oceans"] * 3


def test_one_name_for_two_terms_is_refused_at_the_start() -> None:
    document = {"terms": {"a": {"label": "One", "names": ["x"]}, "b": {"label": "Two", "names": ["X"]}}}
    with pytest.raises(ConfigError, match=r"'X' names both 'a' and 'b'"):
        terms._build("test.toml", document)


def test_a_path_without_its_parent_is_refused_at_the_start() -> None:
    document = {"domains": {"a": "navigation"}, "terms": {"a/b": {"label": "B", "names": []}}}
    with pytest.raises(ConfigError, match="before its parent"):
        terms._build("test.toml", document)


def test_an_unknown_vocabulary_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="allowed: mission, instrument, theme, license, platform"):
        terms.values("planet")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("ACS/WFC", "ACS"),
        ("acs/sbc", "ACS"),
        ("NIRCAM/IMAGE", "NIRCam"),
        ("HST/STIS", "STIS"),
        ("Multi-Spectral Imager (MSI)", "MSI"),
        ("GOES-East Advanced Baseline Imager (ABI)", "ABI"),
        ("EPIC/OM", None),
        ("one/two", None),
        ("/", None),
        ("(MSI)", "MSI"),
    ],
)
def test_an_instrument_is_found_by_its_part_or_its_acronym(text: str, value: str | None) -> None:
    found = terms.instrument(text)
    assert (found.value if found else None) == value


def test_the_steps_of_a_path_that_we_do_not_know_are_no_mission() -> None:
    assert terms.mission("astronomy/my-mission") is None
    assert terms.mission("Far Infrared Telescope (HSO)") == terms.mission("Herschel")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("sentinel-2a", "Sentinel-2A"),
        ("S2A", "Sentinel-2A"),
        ("LANDSAT_8", "Landsat 8"),
        ("hst", "Hubble Space Telescope"),
        ("XMM", "XMM-Newton"),
        ("astronomy", None),
        ("my balloon", None),
    ],
)
def test_a_platform_is_itself_and_else_its_mission(text: str, value: str | None) -> None:
    found = terms.platform(text)
    assert (found.value if found else None) == value


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Callable[[str], None]]:
    """Return what puts an operator's own terms into use, until the test ends."""

    def put(text: str) -> None:
        path = tmp_path / "own.toml"
        path.write_text(text, encoding="utf-8")
        terms.use(terms.read(path))

    yield put
    terms.use({})


def test_an_operators_terms_stand_beside_ours(own: Callable[[str], None]) -> None:
    assert terms.instrument("MYCAM") is None
    own(
        """
        [instrument]
        "MyCam" = { label = "My camera", names = ["MYCAM 2"] }
        "ACS" = { names = ["Camera of cameras"] }
        [mission]
        "astronomy/mine" = {}
        """
    )
    assert [terms.instrument(each) for each in ("MYCAM", "my-cam 2")] == [
        terms.Term("MyCam", "My camera", ("MyCam",))
    ] * 2
    assert terms.instrument("camera of cameras") == terms.instrument("ACS/WFC")
    assert terms.label("instrument", "ACS") == "ACS"
    assert terms.mission("Mine") == terms.Term("astronomy/mine", "mine", ("astronomy", "astronomy/mine"))
    assert terms.names("instrument", "MyCam") == ("mycam", "mycam2", "mycamera")
    terms.use({})
    assert terms.instrument("MYCAM") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[planet]\n", "no vocabulary 'planet'; allowed: mission"),
        ("instrument = 3\n", "no vocabulary 'instrument'"),
        ('[instrument]\n"X" = { title = "x" }\n', "instrument 'X' is not of the form"),
        ('[instrument]\n"X" = { names = "x" }\n', "names is not a list"),
        ('[instrument]\n"X" = { names = [1] }\n', "'1' is no name"),
        ('[instrument]\n"X" = { names = [""] }\n', "'' is no name"),
        ('[instrument]\n"-" = {}\n', "is no value"),
        ('[instrument]\n"X" = { names = ["MSI"] }\n', "'MSI' names both"),
        ('[mission]\n"astronomy/a/b" = {}\n', "stands before its parent"),
        ("[instrument", "cannot be read"),
    ],
)
def test_own_terms_that_cannot_be_are_refused_and_change_nothing(
    own: Callable[[str], None], text: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        own(text)
    assert terms.instrument("MSI") is not None


def test_a_file_of_terms_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.toml cannot be read"):
        terms.read(tmp_path / "gone.toml")
