"""Notebooks of several records: what is in them, that they run on real data, and that nothing gets into their code."""

from __future__ import annotations

import ast
import json
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest

from discovery.launch import notebook
from discovery.launch.notebook import Choice, Notebook, Told, build_for
from discovery.launch.opening import Opening
from discovery.model.record import Asset, Link, Record

ROOT = Path(__file__).parents[2]
DATA = ROOT / "fixtures" / "launch"
SOURCES = ROOT / "fixtures" / "sources"
SITE = "https://portal.example"
Open = Callable[[Record], Opening]
Make = Callable[..., Record]
Run = Callable[..., dict[str, Any]]

PARTS = [
    "'",
    '"',
    "'''",
    '"""',
    "\\",
    "\\'",
    "\n",
    "\r",
    "\u2028",
    "\x00",
    "\x1b[31m",
    "%%bash\n",
    "!touch owned\n",
    "{{ 7*7 }}",
    "{% raise %}",
    "$(touch owned)",
    "`touch owned`",
    "#",
    ");open('owned','w')#",
    "''');open('owned','w');(r'''",
    "${x}",
    "%s",
    "{0}",
    "```\n",
    "```python\n",
    "</script>",
    "\ud83d",
    "\u202e",
    "\U0001f6f0",
    "__import__('os').system('touch owned')",
    "$x^2$",
    "[a](b)",
    "\N{RIGHT SINGLE QUOTATION MARK}",
    "\\u0027",
    "\\N{APOSTROPHE}",
    "\\x27",
    "a",
    "Z",
    "0",
    "-",
    "/../",
    "name",
]


def hostile(number: int) -> str:
    some = random.Random(number)
    return "".join(some.choice(PARTS) for _ in range(some.randrange(1, 9)))


def code(made: Notebook) -> list[str]:
    cells = nbformat.reads(made.content.decode(), as_version=4).cells
    return [cell.source for cell in cells if cell.cell_type == "code"]


def data_of(made: Notebook) -> dict[str, Any]:
    found: dict[str, Any] = {}
    exec(compile(code(made)[0], "data", "exec"), found)
    data: dict[str, Any] = found["DATA"]
    return data


def shape(source: str) -> str:
    """Return the syntax of code with every constant taken out."""
    tree = ast.parse(source)
    for each in ast.walk(tree):
        if isinstance(each, ast.Constant):
            each.value = None
    return ast.dump(tree)


def named(make: Make, name: str, *assets: Asset, **more: Any) -> Record:
    return replace(make(*assets, **more), id="", source_id=name)


@pytest.mark.slow
def test_a_thousand_hostile_texts_change_nothing_but_constants(
    open_: Open, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def built(texts: list[str]) -> Notebook:
        openings = []
        for number, text in enumerate(texts):
            asset = Asset("https://data.example/a.fits", text, text, "image/fits", alternates=(text,))
            said = dict.fromkeys(("title", "provider", "license", "doi"), text)
            record = named(make, f"{number}{text}", asset, properties={"file_name": text}, **said)
            openings += [open_(record), open_(named(make, f"{text}2", links=(Link("https://x.example/", text, text),)))]
        stac, tap = {"url": SITE, "search": {"ids": texts}}, {"url": SITE, "table": "ivoa.ObsCore", "ids": texts}
        cited = dict.fromkeys((each.record.id for each in openings), texts[0])
        told = Told(texts[0], f"{SITE}/selection", f"{SITE}/again", tuple(texts), cited, stac, tap)
        return build_for(openings, site=SITE, told=told)

    plain = built([f"plain{number}" for number in range(20)])
    benign, fixed = shape(code(plain)[0]), code(plain)[1:]
    for start in range(0, 1_000, 20):
        texts = [hostile(number) for number in range(start, start + 20)]
        made = built(texts)
        cells = code(made)
        assert cells[1:] == fixed
        assert shape(cells[0]) == benign
        assert all(each.isascii() for each in cells)
        data = data_of(made)
        assert data["tap"]["ids"] == texts
        assert all(each["title"].isprintable() for each in (data, *data["records"], *data["files"]))
        assert set(made.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", range(12))
def test_hostile_texts_are_printed_and_not_run(
    number: int, open_: Open, make: Make, serve: Callable[[Path], str], run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "".join(hostile(each) for each in range(number * 20, number * 20 + 20))
    asset = Asset(f"{serve(DATA)}/irsa-2mass.xml", text, text, "application/x-votable+xml")
    record = named(make, text, asset, title=text, provider=text, license=text, doi=text)
    run(build_for([open_(record)], site=SITE, told=Told(text, citations={record.id: text}, said=(text,))))
    assert not Path("owned").exists()
    assert "7 rows" in capsys.readouterr().out


@pytest.mark.slow
def test_real_files_of_every_kind_are_opened_and_drawn_by_one_notebook(
    open_: Open, make: Make, serve: Callable[[Path], str], run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import xarray
    from matplotlib import pyplot

    folder = tmp_path / "files"
    shutil.copytree(DATA, folder)
    for place in ("stac-geoparquet/naip-rustac.parquet", "stac-items/earth-search/items.json", "vo/pyvo/datalink.xml"):
        shutil.copy(SOURCES / place, folder)
    shutil.copy(DATA / "SOURCE.md", folder / "source.unheard-of")
    (folder / "items.json").rename(folder / "items.geojson")
    with xarray.open_dataset(DATA / "basins.nc") as basins:
        basins.load().to_zarr(folder / "basins.zarr", zarr_format=2)
    site = serve(folder)
    kinds = {
        "o4sp040b0_raw.fits.gz": "",
        "irsa-2mass.xml": "application/x-votable+xml",
        "image_51px.tif": "image/tiff; application=geotiff; profile=cloud-optimized",
        "basins.nc": "",
        "basins.zarr": "application/vnd.zarr",
        "naip-rustac.parquet": "application/vnd.apache.parquet",
        "items.geojson": "application/geo+json",
        "datalink.xml": "application/x-votable+xml;content=datalink",
        "source.unheard-of": "",
    }
    records = [
        named(make, name, Asset(f"{site}/{name}", "data", media_type=kind), title=f"The record of {name}")
        for name, kind in kinds.items()
    ]
    pyplot.close("all")
    names = run(build_for(list(map(open_, records)), site=SITE))
    assert names["shown"](names["fits_files"]["o4sp040b0_raw.fits.gz"]).data.shape == (44, 62)
    assert len(names["tables"]["irsa-2mass.xml"]) == 7
    assert names["rasters"]["image_51px.tif"].shape == (3, 51, 51)
    assert (
        float(names["netcdfs"]["basins.nc"]["basin"].max()) == float(names["zarrs"]["basins.zarr"]["basin"].max()) == 56
    )
    assert names["parquets"]["naip-rustac.parquet"].num_rows > 0
    assert len(names["collections"]["items.geojson"]) > 1
    assert "#this" in set(map(str, names["linked"]["datalink.xml"]["semantics"]))
    assert names["beginnings"]["source.unheard-of"].startswith(b"# Small real files")
    drawn = [axes for number in pyplot.get_fignums() for axes in pyplot.figure(number).axes]
    assert {axes.get_title() for axes in drawn} == set(kinds) - {"datalink.xml", "source.unheard-of"}
    for axes in drawn:
        assert axes.has_data(), axes.get_title()
    pyplot.close("all")
    out = capsys.readouterr().out
    assert "9 records" in out
    assert "The record of basins.nc" in out
    assert "matplotlib is not installed" not in out


@pytest.mark.slow
def test_one_of_several_that_cannot_be_opened_is_said_and_the_others_go_on(
    open_: Open, make: Make, serve: Callable[[Path], str], run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    site = serve(DATA)
    kind = "application/x-votable+xml"
    there = named(make, "a", Asset(f"{site}/irsa-2mass.xml", "t", media_type=kind))
    gone = named(make, "b", Asset(f"{site}/missing.xml", "t", media_type=kind))
    names = run(build_for([open_(there), open_(gone)], site=SITE))
    assert list(names["tables"]) == ["irsa-2mass.xml"]
    assert "missing.xml: HTTP Error 404" in capsys.readouterr().out


@pytest.mark.slow
def test_the_hub_says_where_a_volume_is_and_its_own_path_comes_second(
    open_: Open, hubble: Record, mounted: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    ways = open_(hubble)
    made = build_for([ways], site=SITE)
    (volume,) = {place["volume"] for file in data_of(made)["files"] for place in file["places"] if place["volume"]}
    assert data_of(made)["volumes"][volume]["mount_path"] == "/media/data/hst_stis"
    names = run(made, {volume: str(mounted)})
    assert names["find"](names["DATA"]["files"][0]).startswith(f"{mounted}/o/4sp/04/")
    assert f": {mounted}\n" in capsys.readouterr().out
    with pytest.raises(FileNotFoundError, match="no volume with this file is mounted here"):
        run(made, {"another-volume": str(mounted)})


def test_files_of_the_same_name_keep_apart(open_: Open, make: Make) -> None:
    records = [named(make, name, Asset(f"https://{name}.example/image.fits", "k")) for name in ("a", "b", "c")]
    data = data_of(build_for(list(map(open_, records)), site=SITE))
    assert data["begin"] == ["image.fits", "image.fits (2)", "image.fits (3)"]
    assert [each["record"] for each in data["files"]] == [each.id for each in records]


def test_a_notebook_knows_500_files_and_says_how_many_are_left_out(open_: Open, make: Make) -> None:
    assets = [Asset(f"https://d.example/{number}.fits", f"k{number}") for number in range(6)]
    records = [named(make, f"r{number}", *assets) for number in range(100)]
    made = build_for(list(map(open_, records)), site=SITE)
    data = data_of(made)
    assert len(data["files"]) == notebook.MAX_FILES == 500
    assert {each["record"] for each in data["files"]} == {each.id for each in records}
    assert data["said"] == ["100 more files are left out: a notebook knows 500 at most"]
    assert made.name == "100-records-selection.ipynb"


@pytest.mark.slow
def test_what_is_said_of_a_selection_is_in_its_notebook(
    open_: Open, make: Make, serve: Callable[[Path], str], run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "again.ndjson").write_text('{"id": "a"}\n{"id": "b"}\n', encoding="utf-8")
    site = serve(tmp_path)
    records = [named(make, name, links=(Link(f"https://{name}.example/", "about"),)) for name in ("a", "b")]
    told = Told(
        "My volume",
        f"{SITE}/selections/x",
        f"{site}/again.ndjson",
        ("c was deleted at its source",),
        {records[0].id: "A. Author (2020)"},
    )
    names = run(build_for(list(map(open_, records)), site=SITE, told=told))
    assert names["ask_portal"]() == [{"id": "a"}, {"id": "b"}]
    out = capsys.readouterr().out
    assert "My volume\nfrom https://portal.example/selections/x" in out
    assert "c was deleted at its source" in out
    assert "citation: A. Author (2020)" in out
    assert "https://a.example/" in out


@pytest.mark.slow
def test_an_empty_selection_makes_a_notebook_that_runs(run: Run) -> None:
    made = build_for([], site=SITE)
    run(made)
    assert made.name == "no-records-selection.ipynb"
    assert json.loads(made.content)["nbformat"] == 4


def test_a_choice_is_of_the_first_record(open_: Open, make: Make) -> None:
    files = [Asset("https://d.example/a.fits", "a"), Asset("https://d.example/b.nc", "b")]
    both = [open_(named(make, name, *files)) for name in ("one", "two")]
    data = data_of(build_for(both, site=SITE, choice=Choice("b")))
    assert data["begin"] == ["b.nc", "a.fits (2)"]
