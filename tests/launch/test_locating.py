"""A place or a reason for every record; what the reasons are stands in docs/reference/reasons.md."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from discovery.launch.locating import REASONS, Located, locate, report
from discovery.launch.resolver import Resolver
from discovery.launch.rules import shipped
from discovery.model.record import KINDS, Asset, Issue, Link, Record

Make = Callable[..., Record]
PLAIN = Resolver(shipped(), ())


def code(record: Record, *, is_parent: bool = False) -> str:
    found = locate(record, PLAIN, is_parent=is_parent)
    assert found.is_located == (found.reason is None)
    return found.reason.code if found.reason else "located"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("project", "project"), ("datalab", "datalab"), ("pipeline", "workflow"), ("experiment", "experiment"),
        ("service", "service"), ("document", "document"), ("volume", "unmounted"), ("dataset", "no-assets"),
        ("observation", "no-assets"),
    ],
)  # fmt: skip
def test_a_record_of_each_kind_that_names_nothing_has_its_reason(kind: str, expected: str, make: Make) -> None:
    assert code(make(kind=kind)) == expected


@pytest.mark.parametrize(
    ("asset", "expected"),
    [
        (Asset("https://x.example/a.nc"), "located"),
        (Asset("https://x.example/a.nc?X-Amz-Signature=abc"), "signed"),
        (Asset("s3://b/a.nc", alternates=("https://x.example/a?sig=abc&se=1",)), "located"),
        (Asset("https://user:word@x.example/a.nc"), "secret"),
        (Asset("https://x.example/a.nc?token=REDACTED"), "secret"),
        (Asset("s3://bucket/../a.nc"), "unsafe"),
        (Asset("https://x.example/a\u202e.nc"), "unsafe"),
        (Asset("https://x.example/" + "a" * 3_000 + ".nc"), "unsafe"),
        (Asset("abfs://items/naip.parquet", roles=("stac-items",)), "scheme"),
        (Asset("ftp://x.example/a.nc"), "scheme"),
        (Asset("vos://cadc.nrc.ca!vault/a.fits"), "scheme"),
        (Asset("butler://dr1/8a2bdd4d"), "scheme"),
        (Asset("../a.nc"), "unsafe"),
        (Asset("data/a.nc"), "broken"),
        (Asset("https:///a.nc"), "broken"),
        (Asset("http://[broken/a.nc"), "broken"),
        (Asset("https://x.example/ows?service=WMS&request=GetCapabilities"), "service-only"),
        (Asset("https://x.example/ows?service=WMS", media_type="text/xml"), "service-only"),
        (Asset("https://x.example/map", roles=("wmts",)), "service-only"),
        (Asset("https://x.example/map", media_type="application/vnd.ogc.wms_xml"), "service-only"),
        (Asset("https://x.example/get?service=WCS&coverage=a"), "service-only"),
        (Asset("https://x.example/get?service=files&name=a.nc"), "located"),
        (Asset("https://x.example/a.png", roles=("thumbnail",)), "preview-only"),
        (Asset("https://x.example/a.xml", roles=("metadata",)), "metadata-only"),
    ],
)
def test_an_asset_is_a_place_or_says_why_not(asset: Asset, expected: str, make: Make) -> None:
    assert code(make(asset)) == expected


def test_the_gravest_reason_of_several_assets_is_told(make: Make) -> None:
    picture, signed = Asset("https://x.example/a.png"), Asset("https://x.example/a.nc?Signature=x")
    assert code(make(picture, signed)) == "signed"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"issues": (Issue("signed-asset", "a location that is signed for a while is not kept"),)}, "signed"),
        ({"properties": {"file_path": "/data_03/repository_pvpr01/VIS/13"}}, "archive-path"),
        ({"access": "registered"}, "registered"),
        ({"access": "restricted"}, "restricted"),
        ({"doi": "10.5281/zenodo.1"}, "page-only"),
        ({"links": (Link("https://zenodo.org/records/1", "via"),)}, "page-only"),
        ({"links": (Link("../themes/ocean/catalog.json", "theme"),)}, "no-assets"),
    ],
)
def test_a_record_without_assets_says_why(fields: dict[str, object], expected: str, make: Make) -> None:
    assert code(make(**fields)) == expected


def test_a_dataset_with_records_beneath_it_is_a_collection(make: Make) -> None:
    link = (Link("https://x.example/", "about"),)
    assert code(make(kind="dataset", links=link), is_parent=True) == "collection"
    assert code(make(Asset("https://x.example/a.nc"), kind="dataset"), is_parent=True) == "located"


def test_a_volume_is_where_it_is_mounted_or_has_its_twin(make: Make) -> None:
    mounted = locate(make(kind="volume", properties={"mount_path": "/media/data/v"}), PLAIN)
    assert (mounted.is_located, mounted.mount_path) == (True, "/media/data/v")
    twin = locate(make(kind="volume", links=(Link("https://x.example/pub", "twin"),)), PLAIN)
    assert (twin.is_located, twin.twins) == (True, ("https://x.example/pub/",))


def test_every_reason_has_a_sentence_and_a_way_on() -> None:
    for name, each in REASONS.items():
        assert name == each.code
        assert each.sentence.endswith(".")
        assert each.instead.endswith(".")
        assert set(each.to_dict()) == {"code", "sentence", "instead"}


def test_every_reason_stands_in_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "reasons.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert rows == [f"| `{each.code}` | {each.sentence} | {each.instead} |" for each in REASONS.values()]


HOSTILE = st.text(st.sampled_from("a./:@?=&%#[]\\\u202e\ud800\x00 https3ftp~{}"), max_size=30)
HREFS = st.one_of(
    HOSTILE, st.builds("".join, st.tuples(st.sampled_from(["https://", "s3://", "//", "/eodata/"]), HOSTILE))
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.builds(Asset, HREFS, HOSTILE, media_type=HOSTILE, roles=st.tuples(HOSTILE)), max_size=3),
    st.lists(st.builds(Link, HREFS, st.sampled_from(["via", "self"])), max_size=2),
    st.sampled_from(KINDS),
    st.booleans(),
)
def test_every_record_has_a_place_or_a_reason(
    assets: list[Asset], links: list[Link], kind: str, is_parent: bool
) -> None:
    record = Record("s", "c", "r", kind, "T", assets=tuple(assets), links=tuple(links))
    found = locate(record, PLAIN, is_parent=is_parent)
    assert found.is_located != (found.reason is not None)


def test_the_report_counts_each_record_once(make: Make) -> None:
    pages = [
        [make(Asset("https://x.example/a.nc")), make()],
        [Record("other", "", "p", "project", "P"), Record("other", "", "d", "dataset", "D")],
    ]
    asked: list[list[str]] = []

    def parents(ids: object) -> set[str]:
        asked.append(list(ids))  # type: ignore[call-overload]
        return {pages[1][1].id}

    told = report(pages, PLAIN, parents).to_dict()
    assert told == {
        "records": 4,
        "located": 1,
        "explained": 3,
        "share": 1.0,
        "by_source": {
            "other": {
                "records": 2, "located": 0, "explained": 2, "share": 1.0, "reasons": {"collection": 1, "project": 1},
            },
            "src": {"records": 2, "located": 1, "explained": 1, "share": 1.0, "reasons": {"no-assets": 1}},
        },
    }  # fmt: skip
    assert asked == [[pages[1][1].id]]


def test_an_empty_catalogue_has_nothing_unexplained() -> None:
    empty = report([], PLAIN, lambda _: ()).to_dict()
    assert empty == {"records": 0, "located": 0, "explained": 0, "share": 1.0, "by_source": {}}


@pytest.mark.slow
def test_a_report_over_many_records_takes_no_more_memory_than_over_few(make: Make) -> None:
    def pages(count: int) -> Iterator[list[Record]]:
        for n in range(count):
            yield [make(Asset(f"https://x{n}.example/{n}-{m}.nc", f"k{m}")) for m in range(100)]

    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            assert report(pages(count), PLAIN, lambda _: ()).total.records == 100 * count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(5)
    assert peak(60) < 1.5 * peak(6) + 200_000


def test_what_was_located_is_told_as_json(make: Make) -> None:
    told = locate(make(Asset("s3://eodata/a.jp2", "a")), PLAIN).to_dict()
    assert told["located"] is True
    assert told["files"][0]["places"][1]["store"]["endpoint"] == "https://eodata.dataspace.copernicus.eu"
    assert told["reason"] is None
    assert Located("i").to_dict()["located"] is False
