"""What is similar, on every way in: each hit says its record, where that is in a volume and how to launch it.

And what cannot be asked is said on each of them, in words and by the status that its kind has there.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from fastapi.testclient import TestClient
from nbclient import NotebookClient

from discovery import wiring
from discovery.app import create_app
from discovery.cli import main
from discovery.config import Settings
from discovery.embeddings.building import Wanted
from discovery.testing import tiles
from discovery.testing.vectors import nearest

pytestmark = pytest.mark.slow
ROW, SIZE = 5, 4
GONE, CHANGED = "gone", "changed"
FIELDS = "row record { id } places { kind address volume } launch"


@dataclass(frozen=True)
class Catalogue:
    """Scenes with tiles in a home, asked over HTTP and by commands."""

    client: TestClient
    home: Path
    files: Path

    def post(self, path: str, body: Any) -> Any:
        return self.client.post(f"/embeddings/{path}", content=json.dumps(body))

    def graphql(self, query: str, **variables: Any) -> Any:
        body = json.dumps({"query": query, "variables": variables})
        return self.client.post("/graphql", content=body, headers={"Content-Type": "application/json"}).json()

    def command(self, *arguments: str) -> tuple[int, str, str]:
        """Return the status of a command and what it printed on both streams."""
        raw, complaints, status = io.BytesIO(), io.StringIO(), 0
        with (
            redirect_stdout(io.TextIOWrapper(raw, encoding="utf-8", write_through=True)) as out,
            redirect_stderr(complaints),
        ):
            try:
                main(["--home", str(self.home), *arguments])
            except SystemExit as end:
                status = int(end.code or 0)
            out.flush()
            return status, raw.getvalue().decode(), complaints.getvalue()

    def vector(self, name: str, numbers: Any) -> str:
        path = self.files / f"{name}.npy"
        np.save(path, np.asarray(numbers))
        return str(path)


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    folder = tmp_path_factory.mktemp("faces")
    settings = Settings(folder / "home")
    portal = wiring.open_portal(settings)
    path = tiles.fill(portal, folder)
    for name in (GONE, CHANGED):
        shutil.copy(path, folder / f"{name}.parquet")
        portal.spaces.add(name, Wanted((str(folder / f"{name}.parquet"),), record=tiles.DATASET.id))
    (folder / f"{GONE}.parquet").unlink()
    (folder / f"{CHANGED}.parquet").write_bytes(path.read_bytes() + b"\n")
    with TestClient(create_app(settings, portal, steward=False), base_url="http://127.0.0.1") as client:
        yield Catalogue(client, folder / "home", folder)
    portal.spaces.close()
    portal.close()


def told(hit: Any) -> tuple[int, str, str, str, str]:
    """Return what a hit of JSON says: its row, its record, the path in which volume, and where it is launched."""
    place = hit["places"][0]
    assert place["kind"].lower() == "volume"
    return hit["row"], hit["record"]["id"], place["address"], place["volume"], hit["launch"]


def wanted(row: int) -> tuple[int, str, str, str, str]:
    """Return what a hit is to say."""
    scene = tiles.scene(row)
    path = f"{tiles.FOLDER}/{scene.source_id}.tif"
    return row, scene.id, path, tiles.VOLUME.id, f"/launch?id={scene.id}"


def similar() -> list[tuple[int, str, str, str, str]]:
    found = tiles.vectors()
    return [wanted(each) for each in nearest(found, found[ROW], SIZE + 1) if each != ROW][:SIZE]


def changed() -> list[tuple[int, str, str, str, str]]:
    return [wanted(row) for each in tiles.CHANGED for row in (each, each + tiles.PLACES)]


def pairs(found: Any) -> list[tuple[int, str, str, str, str]]:
    return [told(each[side]) for each in found["changes"] for side in ("earlier", "later")]


def odd(hits: Any) -> bool:
    """Say whether hits are the two odd rows with all that is to be said of them."""
    return sorted(told(each) for each in hits) == sorted(wanted(row) for row in (tiles.ODD, tiles.ODD + tiles.PLACES))


def test_by_json(catalogue: Catalogue) -> None:
    body = {"like": {"rows": [ROW]}, "size": SIZE}
    assert [told(each) for each in catalogue.post("tiles/similar", body).json()["hits"]] == similar()
    several = {"queries": [{"like": {"rows": [ROW]}}] * 2, "size": SIZE}
    for answer in catalogue.post("tiles/similar", several).json()["answers"]:
        assert [told(each) for each in answer["hits"]] == similar()
    asked = {"row": ROW, "size": SIZE, "f": "json"}
    page = catalogue.client.get("/embeddings/tiles", params=asked).json()
    assert [told(each) for each in page["hits"]] == similar()
    assert pairs(catalogue.post("tiles/change", {"size": 3}).json()) == changed()
    assert odd(catalogue.post("tiles/outliers", {"size": 2}).json()["hits"])


def test_by_graphql(catalogue: Catalogue) -> None:
    asked = f'{{ similar(space: "tiles", like: {{rows: [{ROW}]}}, first: {SIZE}) {{ hits {{ {FIELDS} }} }} }}'
    assert [told(each) for each in catalogue.graphql(asked)["data"]["similar"]["hits"]] == similar()
    # Row 0 is the first of scene 0; the files of the spaces before this one cannot be read.
    scene = tiles.SCENES[0].id
    asked = (
        f'{{ record(id: "{scene}") {{ ... on Observation {{ similar(first: {SIZE}) {{ hits {{ {FIELDS} }} }} }} }} }}'
    )
    found = tiles.vectors()
    rows = [each for each in nearest(found, found[0], SIZE + 1) if each][:SIZE]
    hits = catalogue.graphql(asked)["data"]["record"]["similar"]["hits"]
    assert [told(each) for each in hits] == list(map(wanted, rows))
    sides = f"earlier {{ {FIELDS} }} later {{ {FIELDS} }}"
    asked = f'{{ embeddingChanges(space: "tiles", first: 3) {{ changes {{ {sides} }} }} }}'
    assert pairs(catalogue.graphql(asked)["data"]["embeddingChanges"]) == changed()
    asked = f'{{ embeddingOutliers(space: "tiles", first: 2) {{ hits {{ {FIELDS} }} }} }}'
    assert odd(catalogue.graphql(asked)["data"]["embeddingOutliers"]["hits"])


def test_on_the_command_line(catalogue: Catalogue) -> None:
    status, out, _ = catalogue.command("similar", "tiles", "--row", str(ROW), "--size", str(SIZE), "--json")
    assert (status, [told(each) for each in json.loads(out)["hits"]]) == (0, similar())
    status, out, _ = catalogue.command("embeddings", "change", "tiles", "--size", "3", "--json")
    assert (status, pairs(json.loads(out))) == (0, changed())
    status, out, _ = catalogue.command("embeddings", "outliers", "tiles", "--size", "2", "--json")
    assert (status, odd(json.loads(out)["hits"])) == (0, True)


def test_on_pages(catalogue: Catalogue) -> None:
    page = catalogue.client.get("/embeddings/tiles", params={"row": ROW, "size": SIZE}).text
    for row, id, path, volume, launch in similar():
        card = page.split(f"<h3>tile-{row}</h3>")[1].split("</li>\n<li class=")[0]
        assert f'href="/records/{id}"' in card
        assert f'<a href="/records/{volume}">{path}</a>' in card
        assert f'href="{launch}"' in card


def test_in_files(catalogue: Catalogue) -> None:
    asked = {"row": ROW, "size": SIZE}
    table = catalogue.client.get("/embeddings/tiles", params={**asked, "f": "csv"}).text
    rows = [
        (
            int(each["row"]),
            each["record"],
            each["place"],
            each["volume"],
            each["launch"].removeprefix("http://127.0.0.1"),
        )
        for each in csv.DictReader(io.StringIO(table))
    ]
    assert rows == similar()
    lines = catalogue.client.get("/embeddings/tiles", params={**asked, "f": "ndjson"}).text.splitlines()
    found = [json.loads(each) for each in lines]
    assert [told({**each, "launch": each["launch"].removeprefix("http://127.0.0.1")}) for each in found] == similar()


def test_the_notebook_of_hits_opens_their_files_in_the_volume(
    catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rasterio = pytest.importorskip("rasterio")
    told = catalogue.post("tiles/similar", {"like": {"rows": [ROW]}, "size": SIZE}).json()
    answer = catalogue.client.get(told["notebook"])
    assert answer.status_code == 200
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    names = [Path(path).name for _, _, path, _, _ in similar()]
    about = {"driver": "GTiff", "width": 40, "height": 30, "count": 1, "dtype": "uint8", "crs": "EPSG:4326",
             "transform": rasterio.Affine(1 / 40, 0, 0, 0, -1 / 30, 1)}  # fmt: skip
    for name in names:
        with rasterio.open(mounted / name, "w", **about) as out:
            out.write(np.arange(1200, dtype=np.uint8).reshape(1, 30, 40))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("MPLCONFIGDIR", os.environ.get("MPLCONFIGDIR", str(tmp_path / "mpl")))
    monkeypatch.setenv("DISCOVERY_VOLUMES", json.dumps({tiles.FOLDER: str(mounted)}))
    made = nbformat.reads(answer.text, as_version=4)
    ran = NotebookClient(made, timeout=100, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in ran.cells for output in cell.get("outputs", ())]
    said = "".join(output.get("text", "") for output in outputs)
    for name in set(names):
        assert f"{name}: {mounted / name}" in said
    assert said.count("40 x 30 pixels, 1 bands, EPSG:4326") == len(set(names))
    assert any("image/png" in output.get("data", {}) for output in outputs)


Case = Callable[[Catalogue], tuple[bool, str]]
"""Asks what cannot be asked; returns whether it was refused as it is to be there, and in what words."""


def posted(body: Any, space: str = "tiles", status: int = 400) -> Case:
    def ask(catalogue: Catalogue) -> tuple[bool, str]:
        found = catalogue.post(f"{space}/similar", body)
        return found.status_code == status and "error" in found.json(), found.text

    return ask


def shown(params: dict[str, Any], space: str = "tiles", status: int = 400) -> Case:
    def ask(catalogue: Catalogue) -> tuple[bool, str]:
        found = catalogue.client.get(f"/embeddings/{space}", params=params)
        return found.status_code == status and "<main" in found.text, found.text

    return ask


def queried(arguments: str, space: str = "tiles", **variables: Any) -> Case:
    def ask(catalogue: Catalogue) -> tuple[bool, str]:
        given = "($v: [[Float!]!])" if variables else ""
        asked = f'query{given} {{ similar(space: "{space}", {arguments}) {{ hits {{ row }} }} }}'
        found = catalogue.graphql(asked, **variables)
        return "errors" in found or "error" in found, json.dumps(found)

    return ask


def commanded(*arguments: str, numbers: Any = None) -> Case:
    def ask(catalogue: Catalogue) -> tuple[bool, str]:
        more = [] if numbers is None else ["--vector", catalogue.vector("asked", numbers)]
        status, out, complaints = catalogue.command("similar", *arguments, *more)
        return status != 0 and not out and "Traceback" not in complaints, " ".join(complaints.split())

    return ask


LONG, ZERO = [1.0] * (tiles.SIZE + 1), [0.0] * tiles.SIZE
NAN = [math.nan] * tiles.SIZE
LIKE = {"like": {"rows": [ROW]}}
VECTOR = "like: {vectors: $v}"
REFUSED: dict[str, tuple[str, dict[str, Case]]] = {
    "a vector of another length": (
        f"{tiles.SIZE + 1} numbers",
        {"json": posted({"like": {"vectors": [LONG]}}), "graphql": queried(VECTOR, v=[LONG]),
         "command": commanded("tiles", numbers=LONG)},
    ),
    "not a number": (
        "",
        {"json": posted({"like": {"vectors": [NAN]}}), "graphql": queried(VECTOR, v=[NAN]),
         "command": commanded("tiles", numbers=NAN)},
    ),
    "zero": (
        "points nowhere",
        {"json": posted({"like": {"vectors": [ZERO]}}), "graphql": queried(VECTOR, v=[ZERO]),
         "command": commanded("tiles", numbers=ZERO)},
    ),
    "more rows than there may be": (
        "1 to 10",
        {"json": posted({**LIKE, "size": 1001}), "graphql": queried(f"like: {{rows: [{ROW}]}}, first: 1001"),
         "command": commanded("tiles", "--row", str(ROW), "--size", "1001"), "page": shown({"row": ROW, "size": 1001})},
    ),
    "a row of another space": (
        "no row 300",
        {"json": posted({"like": {"rows": [300]}}, status=404), "graphql": queried("like: {rows: [300]}"),
         "command": commanded("tiles", "--row", "300"), "page": shown({"row": 300}, status=404)},
    ),
    "a space that is not there": (
        "no space",
        {"json": posted(LIKE, "none", 404), "graphql": queried(f"like: {{rows: [{ROW}]}}", "none"),
         "command": commanded("none", "--row", str(ROW)), "page": shown({"row": ROW}, "none", 404)},
    ),
    "a source that is gone": (
        "gone.parquet",
        {"json": posted(LIKE, GONE, 503), "graphql": queried(f"like: {{rows: [{ROW}]}}", GONE),
         "command": commanded(GONE, "--row", str(ROW)), "page": shown({"row": ROW}, GONE, 503)},
    ),
    "a source that has changed": (
        "changed.parquet has changed",
        {"json": posted(LIKE, CHANGED, 503), "graphql": queried(f"like: {{rows: [{ROW}]}}", CHANGED),
         "command": commanded(CHANGED, "--row", str(ROW)), "page": shown({"row": ROW}, CHANGED, 503)},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("what", "face"), [(what, face) for what, (_, faces) in REFUSED.items() for face in faces])
def test_what_cannot_be_answered_is_refused_in_words(catalogue: Catalogue, what: str, face: str) -> None:
    words, faces = REFUSED[what]
    refused, said = faces[face](catalogue)
    assert refused, said[:2000]
    # GraphQL never says why something does not answer: that is the operator's.
    assert ("unavailable" if face == "graphql" and ".parquet" in words else words).lower() in said.lower()
    # Where files are is the operator's, too.
    assert str(catalogue.files) not in said or face == "command"
