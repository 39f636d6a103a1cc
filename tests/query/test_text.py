"""What is found by what: the meaning of a typed text, which every engine must equal."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from discovery.errors import LimitError
from discovery.query import synonyms, tokens
from discovery.query import text as module
from discovery.query.text import (
    SEPARATOR,
    Group,
    PreparedText,
    TextQuery,
    any_of,
    body_text,
    document_text,
    highlight,
    identifier,
    matches,
    parse,
    score,
    shared_text,
    trigrams,
)
from discovery.query.tokens import lexicon


def found(query: str, document: str) -> bool:
    """Tell whether a record with this description matches the typed text."""
    return hit(parse(query), document_text({"title": "", "description": document}))


def hit(query: TextQuery, prepared: PreparedText) -> bool:
    """Tell whether an indexed record matches, from its white-space-separated tokens alone."""
    return matches(query, prepared.title.split(), prepared.body.split(), prepared.exact)


FINDS = [
    # one designation, all spellings
    ("sentinel-2", "Sentinel-2 reflectances"),
    ("sentinel 2", "Sentinel-2 reflectances"),
    ("sentinel2", "Sentinel-2 reflectances"),
    ("Sentinel-2", "from SENTINEL2 images"),
    ("sentinel2", "from Sentinel 2 images"),
    ("sentinel-2a", "the Sentinel 2A unit"),
    ("s2", "the Sentinel-2 mission"),
    ("sentinel-2", "S2 images"),
    ("S2A", "the Sentinel-2A unit"),
    ("sentinel 2a", "tile of S2A"),
    ("sentinel-02", "Sentinel-2"),
    ("S2A_MSIL2A_2020", "granule S2A_MSIL2A_2020 of January"),
    ("MSIL2A", "granule S2A_MSIL2A_20200101T100031_N0213_R122_T33UUP"),
    ("T33UUP", "granule S2A_MSIL2A_20200101T100031_N0213_R122_T33UUP"),
    ("level 2a", "an L2A product"),
    ("L2A", "Level-2A processing"),
    ("M31", "observations of M 31"),
    ("m 31", "observations of M31"),
    ("M31", "the Andromeda Galaxy"),
    ("NGC 224", "NGC0224 mosaic"),
    ("ngc224", "NGC 224 mosaic"),
    ("CO2", "CO\u2082 columns"),
    ("carbon dioxide", "XCO2 and CO2 columns"),
    ("co2", "atmospheric carbon dioxide"),
    ("h2o", "H\u2082O isotopologues"),
    ("PM2.5", "PM 2.5 at the surface"),
    ("pm25", "PM2.5 at the surface"),
    ("25km", "a grid of 25 km"),
    ("25 km", "a grid of 25km"),
    ("10.5270/esa-xyz", "cite as https://doi.org/10.5270/esa-xyz."),
    ("covid-19", "during COVID 19"),
    # accents, ligatures, other scripts
    ("orsted", "the \u00d8rsted satellite"),
    ("Andr\u00e9", "Andre"),
    ("angstrom", "\u00c5ngstr\u00f6m exponent"),
    ("field", "\ufb01eld of view"),
    ("strasse", "Stra\u00dfe"),
    ("h-alpha", "H\u03b1 imaging"),
    ("halpha", "H-alpha imaging"),
    ("\u6c34\u6e29", "\u6d77\u9762\u6c34\u6e29\u30c7\u30fc\u30bf"),
    ("\u0441\u043d\u0435\u0433", "\u0421\u043d\u0435\u0433 \u0438 \u043b\u0451\u0434"),
    # stems and plurals
    ("galaxies", "a spiral galaxy"),
    ("glacial", "glaciers of the Alps"),
    ("spectra", "the spectrum of Vega"),
    ("indices", "a vegetation index"),
    ("the temperature of the sea", "sea temperature"),
    # synonyms and acronyms, both ways
    ("HST", "images by the Hubble Space Telescope"),
    ("hubble space telescope", "HST images"),
    ("JWST spectra", "a spectrum by the James Webb Space Telescope"),
    ("XMM", "XMM-Newton source catalogue"),
    ("sst", "sea surface temperature"),
    ("sea surface temperatures", "monthly SST"),
    ("rain", "precipitation rates"),
    ("precipitation", "rainfall in Africa"),
    ("soil moisture", "soil wetness index"),
    ("climate change initiative", "Ozone CCI"),
    ("DEM", "digital elevation models"),
    ("earth observation", "EO data"),
    ("InSAR", "interferometric synthetic aperture radar"),
    ("gnss", "Global Navigation Satellite Systems"),
    ("colour", "ocean color"),
    ("x-ray", "X ray spectra"),
    ("xray", "X-ray spectra"),
    ("gamma ray burst", "GRB 221009A"),
    ("asteroids", "minor planets"),
    ("ocean temperature", "sea surface temperature"),
    # phrases and exclusion
    ('"sea ice"', "Arctic sea-ice thickness"),
    ('"sea ice" -lake', "Arctic sea ice"),
    ("\u201csea ice\u201d", "Arctic sea ice"),
    ("ice -sentinel-2", "ice from Sentinel-1, level 2"),
    ("", "anything"),
    ("?!", "anything"),
]

MISSES = [
    ("sentinel-2", "Sentinel-1 level 2 product"),
    ("sentinel 2", "Sentinel-1, 2 years"),
    ("sentinel-2", "Sentinel-20"),
    ("S2A", "S2B"),
    ("level 2", "Level 3 of 2 regions"),
    ("M31", "M 32 and 31 others"),
    ("M3", "M31"),
    ("PM2.5", "PM10 and 2.5 degrees"),
    ("2", "version 2.5"),
    ("mars", "mar"),
    ("integral", "integrated water vapour"),
    ("university", "the early universe"),
    ("planck", "plank"),
    ("sst", "temperature of the land surface near the sea"),
    ("HST", "a space telescope"),
    ("stereo", "STER"),
    ('"sea ice"', "ice on the sea"),
    ('"ice sea"', "sea ice"),
    ("ice -sea", "sea ice"),
    ('ice -"sea ice"', "the sea ice"),
    ("ice -sentinel-2", "ice from Sentinel 2"),
    ("temperature salinity", "temperature"),
    ("photograph", "photon"),
    ("co", "coordinates"),
    ("10.5270/esa-xyz", "10.5270/esa-abc"),
    ("\u6e29\u6c34", "\u6c34\u6e29"),
]


@pytest.mark.parametrize(("query", "document"), FINDS)
def test_query_finds(query: str, document: str) -> None:
    assert found(query, document)


@pytest.mark.parametrize(("query", "document"), MISSES)
def test_query_does_not_find(query: str, document: str) -> None:
    assert not found(query, document)


@given(st.text(max_size=60), st.lists(st.text(max_size=60), max_size=3), st.lists(st.text(max_size=30), max_size=3))
def test_text_that_is_shared_gives_what_it_would_give_alone(title: str, own: list[str], ids: list[str]) -> None:
    common = {"keywords": ["sea ice", "Sentinel-2A"], "provider": "ESA"}
    whole = {"title": title, "description": own, **common, "identifiers": ids}
    found = shared_text(title, own, ids, keys=["k7jv"], analysed=body_text(common))
    assert found == document_text(whole, keys=["k7jv"], heard=None)


def test_words_may_stand_in_different_fields_but_a_phrase_may_not() -> None:
    prepared = document_text({"title": "Sea", "description": "ice", "keywords": ["thick", "snow"]})
    assert hit(parse("sea ice snow"), prepared)
    assert not hit(parse('"sea ice"'), prepared)
    assert not hit(parse('"ice thick"'), prepared)
    assert not hit(parse('"thick snow"'), prepared)


@pytest.mark.parametrize(
    "typed",
    [
        "10.5270/ESA-qa4",
        "doi:10.5270/esa-qa4",
        "DOI: 10.5270/esa-qa4",
        "https://doi.org/10.5270/esa-qa4",
        "http://dx.doi.org/10.5270/esa-qa4/",
        "(https://doi.org/10.5270/esa-qa4).",
        "info:doi/10.5270/esa-qa4",
    ],
)
def test_a_doi_in_any_dress_finds_its_record_by_identifier(typed: str) -> None:
    prepared = document_text({"title": "Euclid Q1", "identifiers": ["https://doi.org/10.5270/esa-qa4"]})
    query = parse(typed)
    assert query.exact in prepared.exact
    assert hit(query, prepared)
    assert found(typed, "see doi 10.5270/esa-qa4")


def test_an_identifier_counts_more_than_any_number_of_words() -> None:
    query = parse("gaia-dr3")
    named = document_text({"title": "Catalogue", "identifiers": ["GAIA-DR3"]})
    wordy = document_text({"title": "Gaia DR3 " * 50, "description": "Gaia DR3 " * 500})
    scores = [score(query, each.title.split(), each.body.split(), each.exact) for each in (named, wordy)]
    assert scores[0] > scores[1] > 0


def test_a_title_counts_more_than_a_body_and_a_typed_word_more_than_its_synonym() -> None:
    query = parse("rain")
    assert score(query, ["rain"], [], ()) > score(query, ["precipit"], [], ()) > score(query, [], ["rain"], ()) > 0
    assert score(query, ["snow"], [], ()) == 0


def test_urls_and_ivoids_are_compared_without_scheme_and_case() -> None:
    assert identifier("IVO://ESAVO/Gaia/TAP") == identifier("ivo://esavo/gaia/tap") == "esavo/gaia/tap"
    assert identifier("https://www.Example.org/a/") == "example.org/a"
    assert identifier(" two words ") == "two_words"


def test_long_identifiers_that_begin_alike_stay_different() -> None:
    assert identifier("x" * 300 + "a") != identifier("x" * 300 + "b")
    assert len(identifier("x" * 100_000)) < 300


def test_a_word_finds_its_acronym_only_side_by_side_and_words_typed_apart_find_it_apart() -> None:
    assert parse("sst").groups[0].phrase
    assert parse("sea surface temperature").groups[0] == Group(
        (("sea", "surfac", "temperatur"), ("sst",), ("ocean", "surfac", "temperatur")), phrase=False
    )


def test_stop_words_are_left_out_only_beside_others() -> None:
    assert parse("the snow of ice").groups == parse("snow ice").groups
    assert [group.alternatives for group in parse("of the").groups] == [(("of",),), (("the",),)]
    assert parse('"of the sea"').groups[0].alternatives == (("of", "the", "sea"),)


def test_the_word_being_typed_is_known_for_suggestions() -> None:
    assert parse("ocean sentin").prefix == "sentin"
    assert parse("sentinel-2").prefix == "sentinel2"
    assert parse("precipitation of").words == ("precipitation", "of")
    assert parse("interferometric").prefix == "interferomet"
    for finished in ("ocean ", '"sea ice"', "sea -ic", "", "..."):
        assert parse(finished).prefix == ""


def test_a_title_is_indexed_by_the_beginnings_of_its_words_and_by_those_without_digits() -> None:
    prepared = document_text({"title": "Sentinel-2 Sea"})
    assert {"s", "sent", "sentinel", "sentinel2", "se", "sea"} <= set(prepared.prefix.split())
    assert prepared.words == ("sentinel", "sea")
    assert max(map(len, document_text({"title": "interferometrically"}).prefix.split())) == 12
    assert trigrams("a") == ["_a_"]


def test_a_key_is_found_whole_and_by_no_part() -> None:
    prepared = document_text({"title": "Sea"}, keys=["k7jvp46coba2oedz"])
    assert prepared.exact == ("k7jvp46coba2oedz",)
    assert "jvp" not in prepared.body


def test_a_text_too_long_or_with_too_many_words_is_refused_by_name() -> None:
    with pytest.raises(LimitError, match="text-characters"):
        parse("a" * 1025)
    with pytest.raises(LimitError, match="text-words"):
        parse(" ".join(f"word{n}" for n in range(33)))
    assert len(parse("sea " * 200).groups) == 1


def test_own_synonyms_replace_the_bundled_ones() -> None:
    own = synonyms.Synonyms.read('[a]\nterms = ["kraken > giant squid"]')
    assert hit(parse("kraken", synonyms=own), document_text({"title": "a giant squid"}))
    assert parse("rain", synonyms=own).groups == (Group((("rain",),)),)


def test_highlight_marks_the_original_text() -> None:
    text = "The Sentinel-2 \ufb01elds, Sentinel 2A and Mu\u0308ller\u2019s X-ray; <b>SST</b> of M 31"
    marked = [text[start:end] for start, end in highlight(text, parse("s2a field muller xray m31"))]
    assert marked == ["\ufb01elds", "Sentinel 2A", "Mu\u0308ller", "X-ray", "M 31"]
    assert [text[start:end] for start, end in highlight(text, parse("sea surface temperature"))] == ["SST"]
    assert highlight(text, parse("")) == []
    assert highlight("sea", parse("-sea")) == []


def highlighted_word_by_word(text: str, query: TextQuery) -> list[tuple[int, int]]:
    """The same without a sieve: every word is tried, alone, with those after it, and joined to them."""
    parts = {
        part
        for group in query.groups
        for alternative in group.alternatives
        for part in ([alternative] if group.phrase else [(token,) for token in alternative])
    }
    placed = list(module.placed(text))
    stems = [tokens.stem(word) for word, _, _ in placed]
    found: list[tuple[int, int]] = []
    for at, (_, start, _) in enumerate(placed):
        sizes = [len(part) for part in parts if tuple(stems[at : at + len(part)]) == part]
        sizes += [size for token, size in module._joins_at(placed, at, text) if (token,) in parts]
        if sizes:
            end = placed[at + max(sizes) - 1][2]
            if found and start <= found[-1][1]:
                found[-1] = found[-1][0], max(end, found[-1][1])
            else:
                found.append((start, end))
    return found


_SEPARATORS = st.sampled_from([" ", " ", " ", "", "-", "_", "/", ".", ", ", "  ", "\n", "'", "\u2013", "\u0301 ", "--"])
_SPOKEN = st.one_of(
    st.sampled_from(
        [
            "sentinel",
            "Sentinel",
            "2",
            "2a",
            "02",
            "S2A",
            "x",
            "ray",
            "X",
            "rays",
            "m",
            "31",
            "M31",
            "ngc",
            "0224",
            "sea",
            "ice",
            "L2A",
            "ﬁeld",
            "5",
            "p",
        ]
    ),
    st.sampled_from(
        ["X-ray", "Sentinel-2", "sentinel2a", "2019-2020", "PM2.5", "a-b-c", "xray", "muller", "Müller", "海面"]
    ),
    st.text("a1-\u0301 x", min_size=1, max_size=5),
)


@given(st.lists(st.tuples(_SPOKEN, _SEPARATORS), max_size=14), st.lists(_SPOKEN, min_size=1, max_size=5), st.booleans())
@example([("x", "-"), ("ray", " ")], ["xray"], False)
@example([("m", " "), ("31", " ")], ["m31"], False)
@example([("S2A", " ")], ["sentinel-2a"], False)
@example([("sentinel", " "), ("2", ""), ("a", " ")], ["sentinel2a"], False)
@example([("a", "-"), ("b", "-"), ("c", " ")], ["abc"], False)
def test_highlights_are_those_of_trying_every_word(
    spoken: list[tuple[str, str]], typed: list[str], quoted: bool
) -> None:
    text = "".join(word + separator for word, separator in spoken)
    words = " ".join(typed)
    query = parse(f'"{words}"' if quoted else words)
    assert highlight(text, query) == highlighted_word_by_word(text, query)


@given(st.text(st.characters(codec=None), max_size=300))
@example("\ud800")
@example('-"')
@example("\x00\x1f\x85")
@example("-" * 1024)
@example("\ufdfa" * 30)
@example("'s x's -'s")
def test_whatever_is_typed_is_valid(text: str) -> None:
    try:
        query = parse(text)
    except LimitError:
        return
    for group in query.groups + query.excluded:
        assert 1 <= len(group.alternatives) <= 8
        for token in (token for alternative in group.alternatives for token in alternative):
            assert token
            assert len(token) <= 64
            assert not any(map(str.isspace, token))
            assert token != SEPARATOR
            token.encode()
    spans = highlight(text, query)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(end < start for (_, end), (start, _) in itertools.pairwise(spans))


_QUOTATION_MARKS = dict.fromkeys(map(ord, '"\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033\uff02'), " ")
_SAMPLES = (
    "the of S2A Sentinel-2 10.5270/esa-x sea ice X-ray M 31 NGC 0224 PM2.5 Earth's H\u03b1 level 2a 25 km 5P & 3.14 "
    "Stra\u00dfe \u6d77\u9762\u6c34\u6e29 2019\u20132020 http://a-b.org/c1 (HST) doi:10.1/a v1.2.3 \u0661\u0662"
)
_WORDS = st.one_of(
    st.from_regex(r"[A-Za-z]{1,6}[-_./]?[0-9]{0,4}[a-zA-Z]?", fullmatch=True),
    st.sampled_from(_SAMPLES.split()),
    st.text(min_size=1, max_size=8),
)


@pytest.mark.slow
@given(st.lists(_WORDS, min_size=1, max_size=12), st.data())
def test_a_record_is_found_by_any_run_of_its_own_words(parts: list[str], data: st.DataObject) -> None:
    # A leading hyphen and a quotation mark mean something in a query, so the record does without them too.
    pieces = [each.translate(_QUOTATION_MARKS).strip().lstrip("-") for each in " ".join(parts).split()]
    pieces = " ".join(pieces).split()
    assume(pieces)
    start = data.draw(st.integers(0, len(pieces) - 1))
    end = data.draw(st.integers(start + 1, min(len(pieces), start + 8)))
    run = " ".join(pieces[start:end])
    for fields in ({"title": " ".join(pieces)}, {"description": ["other words", " ".join(pieces)]}):
        prepared = document_text(fields)
        assert hit(parse(run), prepared), (run, prepared)


@given(st.lists(_WORDS, min_size=1, max_size=6), st.lists(_WORDS, max_size=6))
def test_quoted_words_are_found_where_they_stand_side_by_side(parts: list[str], others: list[str]) -> None:
    text = (
        " ".join(parts)
        .replace('"', " ")
        .translate(dict.fromkeys(map(ord, "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033\uff02"), " "))
    )
    assert hit(parse(f'"{text}"'), document_text({"title": " ".join([*others, text, *others])}))


def test_every_term_of_the_synonyms_finds_every_document_that_says_one_it_stands_for() -> None:
    for source, target in synonyms.pairs():
        assert found(source, target), (source, target)


@given(st.text(max_size=60))
def test_an_identifier_is_found_by_itself(text: str) -> None:
    prepared = document_text({"title": "x", "identifiers": [text]})
    query = parse(text)
    if query.exact is not None:
        assert query.exact in prepared.exact


def test_ten_megabytes_and_endless_words_are_cut() -> None:
    prepared = document_text({"title": "x" * 10_000_000, "description": "a1" * 5_000_000, "k": "\u6c34" * 1_000_000})
    assert prepared.title == "x" * 64
    assert len(prepared.body) < 1_000_000
    few = document_text({"description": " ".join(f"word{n}" for n in range(100))}, limit=10).body.split()
    assert few.index(SEPARATOR) == 10
    assert len(few) <= 21


def test_stop_words_never_take_numbers() -> None:
    assert not lexicon().stop & lexicon().numbered


def test_any_of_some_phrases_is_enough_and_each_stands_as_it_is() -> None:
    group = any_of(["ocean", "Climate \t change", "!?"])
    assert group is not None
    for document, told in (
        ("Oceans", True),
        ("a climate change study", True),
        ("change of climate", False),
        ("the climate did change", False),
        ("glaciers", False),
    ):
        assert hit(TextQuery((group,)), document_text({"title": document})) is told, document
    assert any_of(["!?", ""]) is any_of([]) is None


@pytest.mark.parametrize("phrases", [["x"] * 33, ["x" * 1025]])
def test_too_many_phrases_are_refused(phrases: list[str]) -> None:
    with pytest.raises(LimitError) as caught:
        any_of(phrases)
    assert caught.value.parameter == "q"


def test_some_of_the_words_may_be_enough_and_quoted_ones_never_are_left_out() -> None:
    query = parse('lake glacier "snow depth" mass')
    assert not query.relaxed
    two = replace(query, least=2)
    assert two.relaxed
    assert hit(two, document_text({"title": "glacier mass", "description": "snow depth"}))
    assert not hit(two, document_text({"title": "lake glacier mass", "description": "depth of snow"}))
    assert not hit(two, document_text({"title": "lake", "description": "snow depth"}))
    assert not replace(query, least=3).relaxed


def test_what_has_all_of_the_words_comes_before_what_has_some_of_them_often() -> None:
    query = replace(parse("lake mass"), least=1)
    both, one = document_text({"title": "x", "description": "lake mass"}), document_text({"title": "lake " * 50})
    scores = [score(query, each.title.split(), each.body.split(), each.exact) for each in (both, one)]
    assert scores[0] > scores[1]


def test_words_around_a_question_are_left_out_as_they_are_typed() -> None:
    assert [group.typed for group in parse("how fast does the ice melt").groups] == ["fast", "ice melt"]
    assert [group.typed for group in parse("where was land use mapped").groups] == ["land use", "mapped"]
    assert [group.typed for group in parse("how").groups] == ["how"]


@pytest.mark.parametrize(
    ("typed", "title"),
    [
        ("rain", "Precipitation"),
        ("shrinking glaciers", "Glacier mass balance"),
        ("farming water use", "Irrigation"),
        ("forest fires", "Wildfires of 2020"),
        ("Gletscher", "Glaciers"),
        ("humedad del suelo", "Soil moisture"),
        ("Groenland", "Greenland"),
        ("seabed", "Bathymetry"),
        ("smog", "Air quality of cities"),
    ],
)
def test_everyday_words_and_other_languages_find_the_words_of_the_field(typed: str, title: str) -> None:
    assert hit(parse(typed), document_text({"title": title}))


@pytest.mark.parametrize(
    "document", ["Landsat - 8 scenes", "Landsat \u2013 8", "Landsat / 8", "Landsat-8", "LANDSAT8", "Landsat_8"]
)
@pytest.mark.parametrize("typed", ["Landsat 8", "landsat - 8", "landsat8", "Landsat-8"])
def test_words_and_numbers_belong_together_over_a_lonely_hyphen(typed: str, document: str) -> None:
    assert hit(parse(typed), document_text({"title": document}))
    assert not hit(parse(typed), document_text({"title": "Landsat of 8 bands"}))
