"""Places by plain loops, each rule, volume and address in turn: the resolver's tables change only how long it takes."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from discovery.http.redaction import has_credentials, is_signed
from discovery.launch import formats
from discovery.launch.formats import Family, families
from discovery.launch.resolver import Place, Resolver
from discovery.launch.rules import MAX_VALUE, Rule, Template, read, shipped
from discovery.model.record import Asset, Record
from discovery.model.storage import Storage, bucket_of, buckets
from discovery.model.volume import Volume, absolute
from harvesters import stac_item
from harvesters.defaults import Defaults

ROOT = Path(__file__).parents[2]

KINDS = {"http": "https", "https": "https", "s3": "s3"}
ORDER = ("volume", "https", "s3")
VAGUE = (
    "",
    "application/octet-stream",
    "binary/octet-stream",
    "application/gzip",
    "application/x-gzip",
    "application/zip",
)


def family(media_type: str, address: str = "") -> Family:
    """Return the first family that has the media type, else the first that has the end of the name."""
    said = "".join(media_type.split()).lower()
    essence, *parameters = said.split(";")
    if essence not in VAGUE:
        for each in families().values():
            for kind in each.media_types:
                wanted, mark, parameter = kind.partition(";")
                if wanted == essence and (not mark or parameter in parameters):
                    return each
    try:
        path = urlsplit(address).path if "://" in address else address
    except ValueError:
        path = ""
    name = path.rstrip("/").rpartition("/")[2].lower()
    return next((each for each in families().values() if name.endswith(each.suffixes)), families()["other"])


def places(record: Record, hrefs: Sequence[str], rules: Sequence[Rule], volumes: Sequence[Volume]) -> tuple[Place, ...]:
    """Return the places of one file of a record, the nearest first."""
    asked = [each for each in hrefs if 0 < len(each) <= MAX_VALUE]
    fit = [each for each in asked if not has_credentials(each) and not is_signed(each)]
    found: list[Place] = []
    for href in fit:
        for volume in volumes:
            path = volume.path_of(href)
            found += [Place("volume", path, volume.id, "twin")] if path else []
        found += address(href)
    for rule in rules:
        if any(each.of == "href" for each in rule.when):
            for href in fit:
                found += made(rule, record, href, volumes)
    return ordered(record, found)


def of_rule(rule: Rule, record: Record, volumes: Sequence[Volume]) -> tuple[Place, ...]:
    """Return the places that a rule makes of the texts of a whole record."""
    if any(each.of == "href" for each in rule.when):
        return ()
    return ordered(record, made(rule, record, "", volumes))


def made(rule: Rule, record: Record, href: str, volumes: Sequence[Volume]) -> Iterator[Place]:
    """Yield the places that a rule makes."""
    if rule.sources and record.source not in rule.sources:
        return
    values: dict[str, str] = {}
    for condition in rule.when:
        matches = [found for text in texts(record, condition.of, href) if (found := condition.pattern.search(text))]
        if not matches:
            return
        for name, value in matches[0].groupdict().items():
            if value is not None:
                values[name] = unquote(value) if condition.of == "href" and href.startswith("http") else value
    for name, word in rule.words.items():
        if values.get(word.of) in word.values:
            values[name] = word.values[values[word.of]]
    store = Storage.of({name: filled(text, values) for name, text in rule.store.items()})
    for template in rule.give:
        text = filled(template, values)
        if text.startswith("/"):
            if path := absolute(text):
                holding = [each for each in volumes if each.holds(path)]
                volume = max(holding, key=lambda each: (len(each.mount_path), each.id), default=None)
                yield Place("volume", path, volume.id if volume else "", rule.name)
        else:
            for place in address(text, rule.name):
                yield Place("s3", text, "", rule.name, store) if place.kind == "s3" and store != Storage() else place


def texts(record: Record, of: str, href: str) -> list[str]:
    """Return what a condition is asked of."""
    if of == "href":
        every: tuple[str, ...] = (href,)
    elif of.startswith("properties."):
        value = record.properties.get(of.removeprefix("properties."), ())
        every = (value,) if isinstance(value, str) else value
    else:
        every = (str(getattr(record, of)),)
    return [each for each in every if 0 < len(each) <= MAX_VALUE]


def filled(template: Template, values: dict[str, str]) -> str:
    """Return a template with its values; empty where one is missing."""
    if not set(template.names) <= values.keys():
        return ""
    if template.text.startswith("http"):
        values = {name: quote(value, safe="/:", errors="replace") for name, value in values.items()}
    return template.text.format_map(values)


def address(text: str, rule: str = "") -> Iterator[Place]:
    """Yield the place of an address that anybody may ask for."""
    if not text.isprintable() or " " in text or has_credentials(text) or is_signed(text):
        return
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        return
    kind = KINDS.get(parts.scheme.lower())
    upwards = ".." in text.replace("?", "/").replace("#", "/").split("/")
    if kind and host and "@" not in parts.netloc and not (kind == "s3" and upwards):
        yield Place(kind, text, "", rule)


def ordered(record: Record, found: Iterator[Place] | list[Place]) -> tuple[Place, ...]:
    """Return each address once, the nearest first, with what the record and the rules say of its bucket."""
    every, own = list(found), buckets(record)
    out: list[Place] = []
    for place in every:
        if all(each.address != place.address for each in out):
            stores = [own.get(bucket_of(place.address))] if place.kind == "s3" else []
            stores += [each.store for each in every if each.address == place.address]
            said = [each for each in stores if each is not None]
            store = said[0] if said else None
            for each in said[1:]:
                store = store.over(each) if store else each
            out.append(Place(place.kind, place.address, place.volume, place.rule, store))
    out.sort(key=lambda each: (ORDER.index(each.kind), each.kind == "volume" and not each.volume))
    return tuple(out[:8])


HOSTS = st.sampled_from(
    ["https://heasarc.gsfc.nasa.gov/FTP/", "http://heasarc.gsfc.nasa.gov/FTP/", "s3://eodata/", "s3://nasa-heasarc/",
     "s3://EarthCODE/", "/eodata/", "https://s3.waw4-1.cloudferro.com/EarthCODE/", "https://x.example/pub/", "s3://other/",
     "https://b-u.s3.us-west-2.amazonaws.com/", "https://s3.amazonaws.com/b-u/", "mast:HST/", "https://x.example:8443/",
     "https://user@x.example/", "HTTPS://X.example/", "ftp://x.example/", "https://[::1]/", "https://[broken/", ""]
)  # fmt: skip
ENDS = st.text(st.sampled_from("ab./%2e20+ ?=#&~ü\u202e\\-_;:"), max_size=12)
HREFS = st.builds(lambda host, end, more: f"{host}{end}{more}", HOSTS, ENDS, st.sampled_from(
    ["", ".fits", "a.nc", ".tar.gz", ".fits.gz", "?X-Amz-Signature=1", "?token=abc", "?a=b"]))  # fmt: skip
VOLUMES = (
    Volume("inner", "I", "/FTP/a", twins=("https://x.example/pub/", "s3://other/")),
    Volume("outer", "O", "/FTP", twins=("https://x.example/", "https://x.example/pub/")),
    Volume("twice", "T", "/FTP/a"),
    Volume("eodata", "E", "/eodata", twins=("s3://eodata/",)),
    Volume("none", "N", ""),
)
PROPERTIES = st.fixed_dictionaries(
    {},
    optional={
        "file_path": st.sampled_from(["/hstdata/hstdata_i/i/b4x/04", "hstdata/hsla/x/", "/hstdata/hlsp/../x", "x"]),
        "file_name": st.sampled_from(["a.fits", "a.fits.gz", "b.jpg", "../c"]),
        "datalabs_path": st.sampled_from(["/data/euclid", "/media/data/euclid/", "/etc"]),
        "cloud_access": st.sampled_from(['{"aws": {"bucket_name": "other", "key": "k", "region": "r-1"}}', "{"]),
        "storage": st.sampled_from(['{"bucket": "other", "region": "x"}', '{"bucket": "eodata", "anonymous": true}']),
    },
)
OWN = read(
    """
[[rule]]
name = "ours"
sources = ["ours"]
give = ["/FTP/a/{tail}", "s3://other/{tail}"]
store = { region = "{tail}" }
when = [{ of = "href", match = "pub/(?P<tail>[ab.]+)" }]

[[rule]]
name = "either"
give = ["/other/{tail}"]
when = [{ of = "href", match = "^https://x|(?P<tail>b+)" }, { of = "source_id", match = "one" }]
""",
    "x",
)
RULES = (*OWN, *shipped())
COGS = "https://sentinel-cogs.s3.us-west-2.amazonaws.com/sentinel-s2-l2a-cogs/"
RESOLVER = Resolver(RULES, VOLUMES)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.lists(HREFS, min_size=1, max_size=3), PROPERTIES, st.sampled_from(["ours", "theirs"]))
def test_places_are_those_of_the_plain_loops(hrefs: list[str], properties: dict[str, str], source: str) -> None:
    record = Record(source, "c", "one", "observation", "T", properties=properties)
    assert RESOLVER.places(record, hrefs[0]) == places(record, hrefs[:1], RULES, VOLUMES)
    of_rules = [found for rule in RULES if (found := of_rule(rule, record, VOLUMES))]
    assert [each.places for each in RESOLVER.files(record)] == of_rules
    # An array of a format that nobody knows is neither a page nor named by a rule.
    asset = Asset(hrefs[0], "a", media_type="application/zarr", alternates=tuple(hrefs[1:]))
    files = RESOLVER.files(replace(record, assets=(asset,), properties={}))
    expected = places(replace(record, properties={}), hrefs, RULES, VOLUMES)
    assert [each.places for each in files] == ([expected] if expected else [])


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(
    HREFS,
    st.sampled_from(["", "image/fits", "application/zip", "TEXT / html", "image/tiff; application=geotiff", "x/y"]),
)
def test_families_are_those_of_the_plain_loops(href: str, media_type: str) -> None:
    assert formats.family(media_type, href) == family(media_type, href)


def test_real_items_are_where_they_are_by_the_plain_loops() -> None:
    with tarfile.open(ROOT / "fixtures" / "demo" / "earth-search" / "earth-search-sentinel-2-100.tar.gz") as archive:
        file = archive.extractfile("./sentinel-s2-l2a-cogs_0_100.json")
        assert file is not None
        items = orjson.loads(file.read())["features"][:20]
    volumes = (*VOLUMES, Volume("cogs", "C", "/media/data/cogs", twins=(COGS,)))
    resolver = Resolver(shipped(), volumes)
    for item in items:
        record = stac_item.to_record(item, "c", item["id"], Defaults("s"))
        assert len(record.assets) > 10
        for asset in record.assets:
            found = resolver.places(record, asset.href)
            assert [each.kind for each in found][:1] == (["volume"] if asset.href.startswith(COGS) else ["https"])
            assert found == places(record, (asset.href,), shipped(), volumes)
