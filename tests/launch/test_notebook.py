"""Generated notebooks: what is in them, what cannot get into them, and that they run on real data."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from discovery.errors import UnknownFieldError
from discovery.launch import notebook
from discovery.launch.formats import families
from discovery.launch.notebook import Choice, Notebook, build_for, data_cell
from discovery.launch.opening import Opening
from discovery.model.record import Asset, Link, Record

pytestmark = pytest.mark.slow

DATA = Path(__file__).parents[2] / "fixtures" / "launch"
SITE = "https://portal.example/"
Open = Callable[[Record], Opening]
Make = Callable[..., Record]
Run = Callable[..., dict[str, Any]]

HOSTILE = [
    "'''); import os; os.system('touch /tmp/owned') #",
    '"""); raise SystemExit #',
    "\\",
    "\\'''",
    "''' + str(1) + r'''",
    "</script><script>alert(1)</script>",
    "{DATA} %s %(x)s {0}",
    "```\n\n```python\nraise SystemExit\n```",
    "# %%\nraise SystemExit",
    "%pip install evil\n!touch evil",
    "line\nbreak\r\u2028\x00\x1b[31m",
    "\ud83d half a character",
    "\U0001f6f0 orbit \u202e gnitirw",
    "$\\undefined$ [x](javascript:alert(1)) ![](http://spy.example/)",
]


def build(ways: Opening, *, site: str, choice: Choice | None = None) -> Notebook:
    return build_for([ways], site=site, choice=choice)


def opened(made: Notebook) -> Any:
    return nbformat.reads(made.content.decode(), as_version=4)


def code(made: Notebook) -> list[str]:
    return [cell.source for cell in opened(made).cells if cell.cell_type == "code"]


def data_of(made: Notebook) -> dict[str, Any]:
    found: dict[str, Any] = {}
    exec(compile(code(made)[0], "data", "exec"), found)
    data: dict[str, Any] = found["DATA"]
    return data


def test_a_notebook_is_valid_and_the_same_each_time(open_: Open, hubble: Record) -> None:
    made = build(open_(hubble), site=SITE)
    nbformat.validate(opened(made))
    assert made == build(open_(hubble), site="https://portal.example")
    assert made.name == f"stis-acquisition-of-hd101998-{hubble.id}.ipynb"
    assert [cell.id for cell in opened(made).cells] == [f"cell-{n + 1}" for n in range(len(opened(made).cells))]


@pytest.mark.parametrize("family", sorted(name for name, each in families().items() if each.data))
def test_every_family_has_cells_that_compile_and_know_their_names(family: str, open_: Open, make: Make) -> None:
    one = Asset("https://data.example/file", "k", media_type=next(iter(families()[family].media_types), ""))
    made = build(open_(make(one)), site=SITE)
    assert data_of(made)["files"][0]["family"] == family
    known = set(dir(__builtins__)) | set(__builtins__ if isinstance(__builtins__, dict) else ())
    for cell in code(made):
        tree = ast.parse(cell)
        stored = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        stored |= {(a.asname or a.name).partition(".")[0] for n in ast.walk(tree)
                   if isinstance(n, ast.Import | ast.ImportFrom) for a in n.names}  # fmt: skip
        stored |= {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ExceptHandler) and n.name}
        stored |= {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
        known |= stored
        asked = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
        assert asked <= known


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_text_of_a_record_becomes_code_or_markdown(text: str, open_: Open, make: Make) -> None:
    plain = build(open_(make(Asset("https://data.example/a.fits", "k", "t"), provider="p")), site=SITE)
    asset = Asset("https://data.example/a.fits", text, text, text, alternates=(text,))
    record = make(asset, title=text, provider=text, license=text, doi=text, properties={"file_name": text},
                  links=(Link(text, text, text),))  # fmt: skip
    made = build(open_(record), site=SITE)
    assert code(made)[1:3] == code(plain)[1:3]
    marked = [cell.source for cell in opened(made).cells if cell.cell_type == "markdown"]
    assert all(text not in cell for cell in (*marked, *code(made)[1:]))
    tree = ast.parse(code(made)[0])
    assert [type(each) for each in tree.body] == [ast.Import, ast.Assign]
    call = tree.body[1].value  # type: ignore[attr-defined]
    assert isinstance(call, ast.Call)
    assert [type(each) for each in call.args] == [ast.Constant]
    assert data_of(made)["title"].isprintable()
    assert all(each.isascii() for each in code(made))
    assert "/" not in made.name
    assert made.name.isascii()


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_data_come_out_of_their_cell_as_they_went_in(text: str) -> None:
    found: dict[str, Any] = {}
    exec(data_cell({"a": [text, {text: text}], "n": None}), found)
    assert found["DATA"] == {"a": [text, {text: text}], "n": None}


def test_what_was_chosen_comes_first(open_: Open, make: Make) -> None:
    record = make(
        Asset("https://data.example/a.fits", "a"),
        Asset("https://data.example/b.nc", "b"),
        missions=("astronomy/euclid",),
        properties={"datalabs_path": "/data/euclid_q1", "file_name": "b.nc"},
    )
    ways = open_(record)
    volume = ways.volumes[0].volume
    lab = ways.datalabs[0].datalab
    data = data_of(build(ways, site=SITE, choice=Choice("b", volume.id, lab.id)))
    assert data["begin"] == ["b.nc"]
    chosen = next(each for each in data["files"] if each["key"] == "b")
    assert chosen["places"][0] == {"kind": "volume", "address": "/media/data/euclid_q1/b.nc", "volume": volume.id}
    assert data["datalab"]["title"] == lab.title
    with pytest.raises(UnknownFieldError, match="unknown file 'c'"):
        build(ways, site=SITE, choice=Choice("c"))
    with pytest.raises(UnknownFieldError, match="unknown volume"):
        build(ways, site=SITE, choice=Choice(volume="nothing"))


def test_a_record_without_files_leads_to_its_links_and_tells_no_secret(
    open_: Open, make: Make, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    links = (Link("https://about.example/", "about", "About"), Link("https://u:secret@x.example/", "via"),
             Link("javascript:alert(1)", "via"), Link("http://[broken", "via"))  # fmt: skip
    run(build(open_(make(links=links)), site=SITE))
    out = capsys.readouterr().out
    assert "https://about.example/" in out
    assert "secret" not in out
    assert "javascript" not in out


def test_a_mounted_file_is_read_where_it_is(
    open_: Open, hubble: Record, mounted: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    names = run(build(open_(hubble), site=SITE), {"/media/data/hst_stis": str(mounted)})
    (hdus,) = names["fits_files"].values()
    image = names["shown"](hdus).data
    assert image.shape == (44, 62)
    assert (int(image.min()), int(image.max())) == (1487, 1515)
    assert f"{mounted}/o/4sp/04/o4sp040b0_raw.fits.gz" in capsys.readouterr().out
    assert not Path("data").exists()


def test_a_file_that_is_not_mounted_is_fetched_once(
    open_: Open, make: Make, serve: Callable[[Path], str], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = serve(DATA)
    made = build(open_(make(Asset(f"{site}/irsa-2mass.xml", "t", media_type="application/x-votable+xml"))), site=SITE)
    names = run(made)
    table = names["tables"]["irsa-2mass.xml"]
    assert len(table) == 7
    assert round(float(table["ra"][0]), 3) == 10.016
    (kept,) = Path("data").rglob("*.xml")
    assert kept.read_bytes() == (DATA / "irsa-2mass.xml").read_bytes()
    assert [each.name for each in kept.parent.iterdir()] == ["irsa-2mass.xml"]


def test_a_file_that_is_too_large_is_not_kept(open_: Open, make: Make, serve: Callable[[Path], str], run: Run) -> None:
    site = serve(DATA)
    made = build(open_(make(Asset(f"{site}/irsa-2mass.xml", "t", media_type="application/x-votable+xml"))), site=SITE)
    limited = made.content.replace(b"LARGEST = 500_000_000", b"LARGEST = 1_000")
    with pytest.raises(ValueError, match="larger than LARGEST"):
        run(Notebook(made.name, limited))
    assert [*Path("data").rglob("*.xml")] == []


def test_what_is_nowhere_says_so(open_: Open, hubble: Record, run: Run) -> None:
    with pytest.raises(FileNotFoundError, match="no volume with this file is mounted here"):
        run(build(open_(hubble), site=SITE))


@pytest.mark.parametrize("parts", [True, False])
def test_a_raster_is_read_in_part_where_the_server_can(
    parts: bool, open_: Open, make: Make, serve: Callable[..., str], run: Run, tmp_path: Path
) -> None:
    import rasterio
    from affine import Affine

    pixels = np.arange(3 * 900 * 1200, dtype="uint16").reshape(3, 900, 1200)
    with rasterio.open(tmp_path / "made.tif", "w", driver="GTiff", width=1200, height=900, count=3, dtype="uint16",
                       crs="EPSG:32633", transform=Affine(10, 0, 5e5, 0, -10, 5e6)) as out:  # fmt: skip
        out.write(pixels)
    site = serve(tmp_path, parts=parts)
    asset = Asset(f"{site}/made.tif", "b", media_type="image/tiff; application=geotiff; profile=cloud-optimized")
    names = run(build(open_(make(asset)), site=SITE))
    bands = names["rasters"]["made.tif"]
    assert bands.shape == (3, 900, 1200)
    assert int(bands[0, 0, 5]) == 5
    assert Path("data").exists() is not parts


@pytest.mark.slow
def test_a_netcdf_file_is_opened(
    open_: Open, make: Make, serve: Callable[[Path], str], run: Run, tmp_path: Path
) -> None:
    import xarray

    made = xarray.Dataset({"ice": (("time", "y", "x"), np.ones((3, 4, 5))), "name": ("time", ["a", "b", "c"])})
    made.to_netcdf(tmp_path / "made.nc", engine="h5netcdf")
    site = serve(tmp_path)
    names = run(build(open_(make(Asset(f"{site}/made.nc", "n"))), site=SITE))
    data = names["netcdfs"]["made.nc"]
    assert data["ice"].sizes == {"time": 3, "y": 4, "x": 5}
    assert names["wide"](data) == ["ice"]


@pytest.mark.parametrize("consolidated", [True, False])
def test_a_zarr_group_is_opened_over_the_network(
    consolidated: bool, open_: Open, make: Make, serve: Callable[[Path], str], run: Run, tmp_path: Path
) -> None:
    import xarray

    made = xarray.Dataset({"sst": (("time", "y", "x"), np.full((2, 3, 4), 7.0))})
    made.to_zarr(tmp_path / "made.zarr", zarr_format=2, consolidated=consolidated)
    site = serve(tmp_path)
    asset = Asset(f"{site}/made.zarr", "z", media_type="application/vnd.zarr")
    if consolidated:
        names = run(build(open_(make(asset)), site=SITE))
        assert float(names["zarrs"]["made.zarr"]["sst"].sum()) == 168.0
    mounts = make(asset, properties={"datalabs_path": "/data/user", "file_name": "made.zarr"})
    names = run(build(open_(mounts), site=SITE), {"/data/user": str(tmp_path)})
    assert names["find"](names["DATA"]["files"][0]) == str(tmp_path / "made.zarr")
    assert float(names["zarrs"]["made.zarr"]["sst"].sum()) == 168.0


def test_a_parquet_file_is_opened(
    open_: Open, make: Make, serve: Callable[[Path], str], run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.table({"id": list(range(30))}), tmp_path / "made.parquet")
    site = serve(tmp_path)
    names = run(build(open_(make(Asset(f"{site}/made.parquet", "p"))), site=SITE))
    assert names["parquets"]["made.parquet"].num_rows == 30
    assert "30 rows" in capsys.readouterr().out


def test_geojson_and_unknown_formats_are_shown(
    open_: Open, make: Make, serve: Callable[[Path], str], run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    feature = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}, "properties": {"name": "x"}}
    (tmp_path / "made.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    (tmp_path / "made.bin").write_bytes(b"beginning of something")
    site = serve(tmp_path)
    run(build(open_(make(Asset(f"{site}/made.geojson", "g"))), site=SITE))
    run(build(open_(make(Asset(f"{site}/made.bin", "o"))), site=SITE))
    out = capsys.readouterr().out
    assert "Point {'name': 'x'}" in out
    assert "22 bytes" in out


def test_a_datalink_document_is_listed(
    open_: Open, make: Make, serve: Callable[[Path], str], run: Run, tmp_path: Path
) -> None:
    (tmp_path / "links.xml").write_text(
        '<VOTABLE xmlns="http://www.ivoa.net/xml/VOTable/v1.3" version="1.3"><RESOURCE type="results"><TABLE>'
        + "".join(
            f'<FIELD name="{name}" datatype="char" arraysize="*"/>'
            for name in ("ID", "access_url", "service_def", "error_message", "description", "semantics", "content_type")
        )
        + '<FIELD name="content_length" datatype="long"/><DATA><TABLEDATA><TR><TD>a</TD><TD>https://d.example/f</TD><TD/>'
        "<TD/><TD/><TD>#this</TD><TD>image/fits</TD><TD>1</TD></TR></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
    )
    site = serve(tmp_path)
    asset = Asset(f"{site}/links.xml", "d", media_type="application/x-votable+xml;content=datalink")
    names = run(build(open_(make(asset)), site=SITE))
    assert list(names["linked"]["links.xml"]["semantics"]) == ["#this"]


def test_a_volume_is_looked_into(open_: Open, mounted: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    volume = Record("labs", "", "v", "volume", "STIS", properties={"mount_path": "/media/data/hst_stis"})
    made = build(open_(volume), site=SITE)
    run(made, {"/media/data/hst_stis": str(mounted)})
    assert "o/" in capsys.readouterr().out
    run(made)
    assert "is not mounted here" in capsys.readouterr().out


@pytest.mark.slow
def test_the_notebook_runs_in_a_real_kernel_on_a_real_file_of_hubble(
    open_: Open, hubble: Record, mounted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("MPLCONFIGDIR", os.environ.get("MPLCONFIGDIR", str(tmp_path / "mpl")))
    monkeypatch.setenv("DISCOVERY_VOLUMES", json.dumps({"/media/data/hst_stis": str(mounted)}))
    made = build(open_(hubble), site=SITE)
    ran = NotebookClient(opened(made), timeout=100, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in ran.cells for output in cell.get("outputs", ())]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    said = "".join(output.get("text", "") for output in outputs)
    assert "STIS acquisition of HD101998" in said
    assert "(62, 44)" in said
    assert notebook.MEDIA_TYPE == "application/x-ipynb+json"


@pytest.mark.slow
def test_no_grammars_are_built_for_the_first_notebook() -> None:
    code = (
        "import sys; from discovery.launch.notebook import _nbformat; made = _nbformat(); "
        "made.validate(made.v4.new_notebook()); print('rfc3987_syntax' in sys.modules, 'jsonschema' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["False", "True"]
