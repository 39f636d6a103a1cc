"""What an archive's page points at is found by any of its names, and leads nowhere else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from discovery import pointers
from discovery.errors import BadQueryError
from discovery.index.tantivy import TantivyIndex
from discovery.indexer import follow
from discovery.model.record import Asset, Link, Record
from discovery.model.source import Mapped, RawRecord, Source
from discovery.portal import Portal
from discovery.store.store import Store

DATASET = Record(
    "pla",
    "",
    "COM_PCCS_SZ-Catalogs",
    "dataset",
    "Planck catalogue of clusters",
    doi="10.5270/ESA-pla1",
    external_ids=("ivo://esavo/planck/sz", "urn:uuid:1"),
    links=(Link("https://pla.example/sz", "describedby", "About"),),
    assets=(Asset("https://pla.example/files/sz.fits", "data", "", "image/fits", ("data",)),),
)
TWIN = Record("other", "", "sz", "dataset", "Planck clusters again", doi="10.5270/ESA-pla1")
SCENE = Record(
    "cdse",
    "sentinel-2-l2a",
    "S2A_MSIL2A_20240101T000000",
    "observation",
    "A scene",
    external_ids=("ivo://cdse/s2?S2A_MSIL2A_20240101T000000",),
    assets=(Asset("https://cdse.example/eodata/S2A_MSIL2A_20240101T000000.zip?x=1&y=2", "product"),),
)
COLLECTION = Record("cdse", "", "sentinel-2-l2a", "dataset", "Sentinel-2 Level-2A")


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    home = tmp_path_factory.mktemp("pointers")
    made = Portal(Store(f"sqlite:///{home / 'store.db'}"), TantivyIndex(home / "index"))
    for record in (DATASET, TWIN, SCENE, COLLECTION):
        if record.source not in {each.id for each in made.store.ledger.sources()}:
            made.store.ledger.add_source(Source(record.source, "records-file", "https://x.example/", record.source))
        run = made.store.ledger.begin(record.source).id
        raw = RawRecord(record.container, record.source_id, b"{}")
        made.store.ingest.page(record.source, run, [Mapped(record, raw)])
    follow(made.store, made.index)
    yield made
    made.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "value", "wanted"),
    [
        ("ivoid", "ivo://esavo/planck/sz", [DATASET]),
        ("ivoid", "IVO://ESAVO/planck/sz", [DATASET]),
        ("ivoid", "ivo://cdse/s2?S2A_MSIL2A_20240101T000000", [SCENE]),
        ("url", "https://pla.example/sz", [DATASET]),
        ("url", "http://pla.example/files/sz.fits", [DATASET]),
        ("url", "https://cdse.example/eodata/S2A_MSIL2A_20240101T000000.zip?x=1&y=2", [SCENE]),
        ("doi", "10.5270/ESA-pla1", [DATASET, TWIN]),
        ("doi", "https://doi.org/10.5270/esa-PLA1", [DATASET, TWIN]),
        ("doi", "doi:10.5270/esa-pla1", [DATASET, TWIN]),
        ("collection", "sentinel-2-l2a", [COLLECTION]),
        ("collection", "COM_PCCS_SZ-Catalogs", [DATASET]),
        ("ivoid", "ivo://esavo/planck", []),
        ("url", "https://pla.example/", []),
        ("url", "https://evil.example/sz", []),
        ("doi", "10.5270/other", []),
        ("collection", "sentinel", []),
        ("collection", '"', []),
        ("collection", "-", []),
        ("url", f"https://pla.example/{'a-b/' * 200}", []),
    ],
)
def test_a_name_finds_its_records_and_no_others(portal: Portal, how: str, value: str, wanted: list[Record]) -> None:
    said = pointers.given([(how, value), ("f", "json")])
    assert said == (how, value)
    assert {each.id for each in pointers.pointed(portal, *said)} == {each.id for each in wanted}


def test_nothing_is_pointed_at_without_a_parameter_for_it() -> None:
    assert pointers.given([("id", "x"), ("f", "json")]) is None


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ([("ivoid", "ivo://a/b"), ("url", "https://a.example/")], "give one of"),
        ([("url", "https://a.example/"), ("url", "https://b.example/")], "give one of"),
        ([("url", "")], "one line"),
        ([("url", "https://a.example/\r\nLocation: https://evil.example")], "one line"),
        ([("url", "https://a.example/" + "a" * 900)], "one line"),
        ([("url", "javascript:alert(1)")], "begins with"),
        ([("url", "//evil.example")], "begins with"),
        ([("ivoid", "https://evil.example")], "begins with"),
        ([("doi", "ivo://a/b")], "begins with"),
    ],
)
def test_what_cannot_be_a_name_is_refused(pairs: list[tuple[str, str]], words: str) -> None:
    with pytest.raises(BadQueryError, match=words):
        pointers.given(pairs)
