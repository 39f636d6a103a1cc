"""Every sample of the Virtual Observatory and what becomes of it: it maps, or it is named with its reason."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from discovery.errors import RecordError, SourceUnavailableError
from discovery.http import Client
from discovery.model.extent import SKY
from discovery.query.cover import cover
from discovery.query.stc import footprint
from harvesters import datalink, obscore, regtap, votable
from harvesters.defaults import Defaults
from harvesters.table_map import shipped
from harvesters.table_rows import to_record
from harvesters.tap_service import Service

FIXTURES = Path(__file__).parents[2] / "fixtures"
VO = FIXTURES / "sources" / "vo"
DEFAULTS = Defaults("s", fallback_domain="space-science")


def body(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def table(path: Path) -> votable.Table:
    return votable.read(body(path), most=100_000)


def as_obscore(path: Path) -> int:
    found = table(path)
    rows = [
        obscore.to_record(row, found.units(), found.xtypes(), "t", row["obs_publisher_did"], DEFAULTS)
        for row in found.rows
    ]
    assert all(record.extent.geometry for record in rows)
    return len(rows)


def by_map(name: str) -> Callable[[Path], int]:
    def mapped(path: Path) -> int:
        rows = list(csv.DictReader(body(path).decode().splitlines())) if path.suffix == ".csv" else table(path).rows
        made = shipped()[name]
        return len([to_record(made, row, {}, {}, made.table, row[made.id], DEFAULTS) for row in rows])

    return mapped


def as_links(path: Path) -> int:
    return len(datalink.parse(body(path), "http://a.example/links").links)


def as_registry(path: Path) -> int:
    return len({row["ivoid"] for row in table(path).rows if regtap.services("obscore", [row]) or row["access_urls"]})


MAPPED: dict[str, tuple[Path, Callable[[Path], int], int]] = {
    "pyvo/obscore-image.xml": (FIXTURES / "demo/tap/gavo/obscore.xml", as_obscore, 10),
    "pyvo/datalink-obscore.xml": (FIXTURES / "sources/tap/cadc/obscore.xml", as_obscore, 3),
    "pyvo/sia2-dataset.xml": (FIXTURES / "sources/tap/cadc/sia2.xml", as_obscore, 1),
    "pyvo/datalink.xml": (VO / "pyvo/datalink.xml", as_links, 4),
    "pyvo/proc.xml": (VO / "pyvo/proc.xml", as_links, 5),
    "pyvo/cutout1.xml": (VO / "pyvo/cutout1.xml", as_links, 6),
    "pyvo/regtap.xml": (VO / "pyvo/regtap.xml.gz", as_registry, 30),
    "astroquery/alma-datalink.xml": (VO / "astroquery/alma-datalink.xml", as_links, 9),
    "astroquery/alma-datalink-recurse-this.xml": (VO / "astroquery/alma-datalink-recurse-this.xml", as_links, 8),
    "astroquery/ehst-cone_search.vot": (VO / "astroquery/ehst-cone_search.vot.gz", by_map("ehst"), 317),
    "astroquery/ehst-m31.vot": (VO / "astroquery/ehst-m31.vot", by_map("ehst"), 119),
    "astroquery/euclid-product_list.vot": (VO / "astroquery/euclid-product_list.vot", by_map("euclid"), 4),
    "astroquery/eso-main_sgra.csv": (VO / "astroquery/eso-main_sgra.csv", by_map("eso-raw"), 23),
}
"""What maps: by its name among the samples where it lies here, how it is read, and what comes of it."""

NAMED = {
    "pyvo/ssa-result.xml": "SSA has columns of its own and is no source kind; ObsCore has the same spectra",
    "pyvo/datalink-ssa.xml": "the same",
    "pyvo/tap-tables.xml": "VOSI tables; TAP_SCHEMA says the same and can be asked for one table",
    "astroquery/gaia-tables.xml": "the same; the map gaia makes datasets of TAP_SCHEMA.tables",
    "pyvo/tap-examples.htm": "a page for people; it is not among the fixtures",
    "astroquery/irsa-polygon.xml": "a catalogue of stars in VOTable 1.0 with a DTD, which is refused",
    "astroquery/mast-products.json": "an answer of MAST's own API, which is no source kind",
    "synthetic/obscore-500.csv": "what the demo's 505 rows were made of (fixtures/demo/tap/synthetic)",
    "synthetic/dachs-q.rd": "a recipe for DaCHS; tests/peers/dachs has its own",
    "synthetic/dachs-up.sh": "the same",
}
"""What does not map, with the reason; the tests below hold those that can be held."""

READ = {
    "pyvo/tap-capabilities.xml": VO / "pyvo/tap-capabilities.xml",
    "pyvo/registry-capabilities.xml": VO / "pyvo/registry-capabilities.xml",
    "astroquery/cadc-tap_caps.xml": VO / "astroquery/cadc-tap_caps.xml",
}
"""What a service says of itself: the limit of rows is read from it, where it states one."""


@pytest.mark.parametrize("name", MAPPED)
def test_a_sample_becomes_as_much_as_it_holds(name: str) -> None:
    path, read, count = MAPPED[name]
    assert read(path) == count


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("pyvo/tap-capabilities.xml", 10_000_000), ("pyvo/registry-capabilities.xml", 16_000_000),
        ("astroquery/cadc-tap_caps.xml", None),
    ],
)  # fmt: skip
def test_the_limit_that_a_service_states_is_read(
    name: str, limit: int | None, client: Client, served: Callable[..., str]
) -> None:
    url = served(lambda path, headers: (200, body(READ[name]), {}))
    assert Service(client, f"{url}tap").limits().rows == limit


def test_every_file_that_we_hold_is_in_a_table() -> None:
    held = {path.relative_to(VO).as_posix().removesuffix(".gz") for path in VO.rglob("*") if path.is_file()}
    assert held - (MAPPED.keys() | NAMED.keys() | READ.keys()) == {"SOURCE.md", "astroquery/alma-shapes.xml"}
    assert not (MAPPED.keys() & NAMED.keys())


@pytest.mark.parametrize("name", ["pyvo/ssa-result.xml", "pyvo/datalink-ssa.xml"])
def test_what_is_ssa_has_no_column_of_obscore(name: str) -> None:
    assert "obs_publisher_did" not in {each.name for each in table(VO / name).columns}


def test_a_votable_with_a_dtd_is_refused() -> None:
    with pytest.raises(RecordError, match="DTD"):
        table(FIXTURES / "launch" / "irsa-2mass.xml")


@pytest.mark.parametrize("name", ["pyvo/ssa-result.xml", "pyvo/tap-tables.xml", "astroquery/mast-products.json"])
def test_what_is_no_links_document_is_refused(name: str) -> None:
    with pytest.raises(SourceUnavailableError, match="no DataLink document"):
        as_links(VO / name)


# Footprints


def regions() -> dict[str, str]:
    """Return every footprint in the samples, by where it is."""
    found: dict[str, str] = {}
    columns = {
        "gavo": (FIXTURES / "demo/tap/gavo/obscore.xml", "s_region"),
        "cadc": (FIXTURES / "sources/tap/cadc/obscore.xml", "s_region"),
        "cadc-sia2": (FIXTURES / "sources/tap/cadc/sia2.xml", "s_region"),
        "alma": (VO / "astroquery/alma-shapes.xml", "s_region"),
        "euclid": (VO / "astroquery/euclid-product_list.vot", "stc_s"),
    }
    for name, (path, column) in columns.items():
        for number, row in enumerate(table(path).rows):
            if column in row:
                found[f"{name}-{number}"] = row[column]
    rows = csv.DictReader(body(VO / "astroquery/eso-main_sgra.csv").decode().splitlines())
    found |= {f"eso-{number}": row["s_region"] for number, row in enumerate(rows) if row["s_region"]}
    rows = csv.DictReader(body(FIXTURES / "demo/tap/synthetic/obscore.csv").decode().splitlines())
    found |= {f"synthetic-{number}": row["s_region"] for number, row in enumerate(rows) if row["s_region"]}
    # Of files too long to be here: astroquery 2e8c636b, mast/tests/data/caom.json, casda/tests/data/cone.xml.
    found["mast-gsc1"] = "POLYGON GSC1  23.17474785  60.66012593  23.15424076  60.61702967  23.06645518  60.62703769"
    found["mast-j2000"] = "POLYGON J2000 23.13965292 60.64216884 23.14376800 60.65069300 23.12756523 60.65256961"
    found["casda"] = "POLYGON ICRS 339.768 -49.4436 326.6523 -49.5029 327.5038 -40.839 338.7584 -40.7882"
    return found


def test_every_footprint_of_the_samples_is_read_and_can_be_searched() -> None:
    found = regions()
    assert len(found) > 500
    wider = []
    for name, text in found.items():
        read = footprint(text)
        assert read.geometry is not None, name
        wider += [name.partition("-")[0]] if read.wider else []
        if not name.startswith("synthetic"):
            assert cover(read.geometry, frame=SKY)
    assert set(wider) == {"alma"}


def test_products_of_mast_are_told_apart_from_answers_of_tap() -> None:
    assert set(json.loads(body(VO / "astroquery/mast-products.json"))) >= {"data"}
