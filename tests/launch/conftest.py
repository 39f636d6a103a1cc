"""A catalogue in a few records: volumes and datalabs as the demo has them, and records with real archive paths."""

from __future__ import annotations

import functools
import http.server
import json
import re
import runpy
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from discovery.launch.notebook import Notebook
from discovery.launch.opening import Around, Opening, opening
from discovery.launch.rules import shipped
from discovery.making import files, kind
from discovery.model.record import Asset, Record

ROOT = Path(__file__).parents[2]
DATA = ROOT / "fixtures" / "launch"
STIS = "o4sp040b0_raw.fits"


def examples() -> list[Record]:
    """Return the volumes and datalabs of the demo, as they are published."""
    folder = ROOT / "fixtures" / "demo" / "examples"
    return [
        known.mapped(known.read(document), updated=None).record
        for known in map(kind, ("volume", "datalab"))
        for document in files.read_toml((folder / f"{known.container}.toml").read_text(encoding="utf-8"), known)
    ]


@pytest.fixture(scope="session")
def around() -> Around:
    return Around.of(examples())


Make = Callable[..., Record]


@pytest.fixture(scope="session")
def make() -> Make:
    """Return `make(*assets, **fields)`: an observation."""

    def made(*assets: Asset, **fields: object) -> Record:
        values: dict[str, object] = {"title": "An observation", "kind": "observation"} | fields
        return Record("src", "table", "one", assets=assets, **values)  # type: ignore[arg-type]

    return made


@pytest.fixture(scope="session")
def open_(around: Around) -> Callable[[Record], Opening]:
    """Return `open_(record)`: the ways to open it with the demo's volumes and datalabs."""
    return lambda record: opening(record, shipped(), around)


@pytest.fixture(scope="session")
def hubble(make: Make) -> Record:
    """Return a row of ehst.artifact as a record: the path is the archive's, the file is in our fixtures."""
    return make(
        title="STIS acquisition of HD101998",
        missions=("astronomy/hubble",),
        instruments=("STIS",),
        provider="ESA eHST",
        domain="space-science",
        properties={"file_path": "/hstdata/hstdata_o/o/4sp/04", "file_name": STIS},
    )


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    """Return the folder of the STIS volume with the real file where the archive's path says."""
    folder = tmp_path / "hst_stis"
    (folder / "o" / "4sp" / "04").mkdir(parents=True)
    shutil.copy(DATA / f"{STIS}.gz", folder / "o" / "4sp" / "04")
    return folder


Run = Callable[..., dict[str, Any]]


def code(made: Notebook) -> list[str]:
    cells = nbformat.reads(made.content.decode(), as_version=4).cells
    return [cell.source for cell in cells if cell.cell_type == "code"]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Return `run(notebook, volumes)`: what its names hold when all of its cells have run, in a folder of its own."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def ran(made: Notebook, volumes: dict[str, str] | None = None) -> dict[str, Any]:
        monkeypatch.setenv("DISCOVERY_VOLUMES", json.dumps(volumes or {}))
        script = folder / "cells.py"
        script.write_text("\n".join(code(made)), encoding="utf-8")
        return runpy.run_path(str(script))

    yield ran
    plt.close("all")


class Files(http.server.SimpleHTTPRequestHandler):
    """Serves files, and the part of one that is asked for."""

    def log_message(self, *_: object) -> None:
        """Stay silent."""

    def do_GET(self) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        path = Path(self.translate_path(self.path))
        if not asked or not path.is_file():
            super().do_GET()
            return
        whole = path.read_bytes()
        part = whole[int(asked[1]) : int(asked[2]) + 1]
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {asked[1]}-{int(asked[1]) + len(part) - 1}/{len(whole)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)


class WholeFiles(http.server.SimpleHTTPRequestHandler):
    """Serves files, and never a part of one."""

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Return `serve(folder, parts=True)`: the address of a server of its files on loopback."""
    servers: list[http.server.ThreadingHTTPServer] = []

    def started(folder: Path, *, parts: bool = True) -> str:
        handler = functools.partial(Files if parts else WholeFiles, directory=str(folder))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield started
    for server in servers:
        server.shutdown()
        server.server_close()
