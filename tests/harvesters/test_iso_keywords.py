from __future__ import annotations

from lxml import etree

from harvesters import iso_keywords
from harvesters import iso_tree as tree


def group(thesaurus: str, kind: str, *words: str) -> tree.Group:
    title = f"<thesaurusName><C><title><S>{thesaurus}</S></title></C></thesaurusName>" if thesaurus else ""
    type = f'<type><C codeListValue="{kind}"/></type>' if kind else ""
    inside = "".join(f"<keyword><S>{word.replace('>', '&gt;')}</S></keyword>" for word in words)
    return tree.group(etree.fromstring(f"<MD_Keywords>{inside}{type}{title}</MD_Keywords>"))


def test_science_keywords_are_variables_and_every_step_is_a_word() -> None:
    path = "EARTH SCIENCE > Oceans > Sea Ice > Ice Extent"
    found = iso_keywords.read([group("GCMD Science Keywords", "theme", path)])
    assert (found.keywords, found.variables) == (("Oceans", "Sea Ice", "Ice Extent"), ("Ice Extent",))


def test_platforms_and_instruments_are_named_by_what_we_know_them_as() -> None:
    found = iso_keywords.read(
        [
            group("NASA/GCMD Platforms", "", "Earth Observation Satellites > Sentinel-2 > Sentinel-2A"),
            group("", "instrument", "MSI > Multispectral Imager"),
        ]
    )
    assert (found.platforms, found.instruments) == (["Sentinel-2"], ["MSI"])


def test_themes_are_of_thesauri_of_themes_of_topics_and_of_our_own_words() -> None:
    found = iso_keywords.read(
        [group("GEMET - INSPIRE themes, version 1.0", "theme", "Elevation"), group("", "", "Cryosphere", "roads")]
    )
    assert found.themes(["oceans", "society"]) == ("Elevation", "cryosphere", "oceans")
    assert found.keywords == ("Elevation", "Cryosphere", "roads")


def test_thesauri_and_the_addresses_of_concepts_are_kept() -> None:
    place = etree.fromstring(
        '<K xmlns:x="http://www.w3.org/1999/xlink"><keyword><Anchor x:href="http://e/c1">wind</Anchor></keyword></K>'
    )
    found = iso_keywords.read([tree.group(place), group("CF Standard Names", "", "sea_ice_area")])
    assert (list(found.thesauri), list(found.concepts), found.variables) == (
        ["CF Standard Names"],
        ["http://e/c1"],
        ("sea_ice_area",),
    )


def test_too_many_keywords_are_cut() -> None:
    found = iso_keywords.read([group("", "", *(f"word {n}" for n in range(5000)))])
    assert len(found.keywords) == 500
