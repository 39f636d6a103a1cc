from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson
import pytest

from discovery.errors import SourceUnavailableError
from discovery.http import Client, Policy
from discovery.model.source import COMPLETE, FAILED, HELD, PARTIAL, RawRecord, Report, Source
from discovery.store.ingest import now
from discovery.store.store import Store
from harvesters import folder, run
from harvesters.base import Position
from harvesters.registry import harvester
from harvesters.schedule import agenda

Harvest = Callable[..., Report]
Make = Callable[..., dict[str, Any]]
Answer = tuple[int, bytes, Mapping[str, str]]
FIXTURES = Path(__file__).parents[2] / "fixtures" / "sources"

pytestmark = pytest.mark.slow

ISO = b"""<?xml version="1.0"?>
<gmd:MD_Metadata xmlns:gmd="http://www.isotc211.org/2005/gmd" xmlns:gco="http://www.isotc211.org/2005/gco">
<gmd:fileIdentifier><gco:CharacterString>iso-1</gco:CharacterString></gmd:fileIdentifier>
<gmd:identificationInfo><gmd:MD_DataIdentification><gmd:citation><gmd:CI_Citation><gmd:title>
<gco:CharacterString>Ice</gco:CharacterString></gmd:title></gmd:CI_Citation></gmd:citation>
</gmd:MD_DataIdentification></gmd:identificationInfo></gmd:MD_Metadata>"""


def record(id: str) -> dict[str, Any]:
    return {"type": "Feature", "id": id, "geometry": None, "properties": {"type": "dataset", "title": id}, "links": []}


@pytest.fixture
def files(make_item: Make) -> dict[str, bytes]:
    """Return documents whose names say nothing, and files that are none."""
    return {
        "a/one.dat": orjson.dumps(make_item("i1", collection="c")),
        "a/two": orjson.dumps({"type": "FeatureCollection", "features": [record("r1"), record("r2")]}),
        "b/three.json.gz": gzip.compress(orjson.dumps(record("r3"))),
        "b/c/four.txt": ISO,
        "b/five.jsonld": (FIXTURES / "dcat" / "dcat-us.json").read_bytes(),
        "lines": b"\n".join(orjson.dumps(record(f"l{n}")) for n in range(3)),
        "picture.json": b"\x89PNG\r\n\x1a\n{",
        "README.md": b"# {Read} <me>",
        "page.html": b"<!DOCTYPE html><html><a href='x'>x</a></html>",
        ".hidden/six.json": orjson.dumps(record("hidden")),
    }


FOUND = {
    ("observation", "c", "i1"),
    *(("dataset", "records", name) for name in ("r1", "r2", "r3", "l0", "l1", "l2")),
    ("dataset", "metadata", "iso-1"),
    *(("dataset", "datasets", f"http://dx.doi.org/10.7927/{each}") for each in ("H4PZ56R2", "H4K64G12", "H49P2ZKM")),
}


def listing(files: Mapping[str, bytes], path: str) -> bytes:
    """Return an index page as Apache writes it."""
    below = [name.removeprefix(path) for name in files if name.startswith(path)]
    names = dict.fromkeys(name.partition("/")[0] + ("/" if "/" in name else "") for name in below)
    links = ["?C=N;O=D", "/", "../", *(name for name in names if not name.startswith("."))]
    return b"<html><body>" + "".join(f'<a href="{each}">{each}</a>' for each in links).encode() + b"</body></html>"


class Web:
    """A web server's folder /waf/ with index pages."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.wrong: Callable[[str], Answer | None] = lambda path: None
        self.asked: list[str] = []

    def __call__(self, path: str, headers: Mapping[str, str]) -> Answer:
        self.asked.append(path)
        spoilt = self.wrong(path)
        if spoilt is not None:
            return spoilt
        if path == "/waf":
            return 301, b"", {"Location": "/waf/"}
        name = path.removeprefix("/waf/")
        if path.startswith("/waf/") and (not name or name.endswith("/")):
            return 200, listing(self.files, name), {"Content-Type": "text/html"}
        return (200, self.files[name], {}) if name in self.files else (404, b"", {})


@pytest.fixture
def web(files: dict[str, bytes]) -> Web:
    return Web(files)


def write(root: Path, files: Mapping[str, bytes]) -> None:
    for name, body in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)


@pytest.fixture(params=["file", "file with a slash", "http", "http without a slash", "http to the page"])
def source(
    request: pytest.FixtureRequest, tmp_path: Path, files: dict[str, bytes], web: Web, served: Callable[..., str]
) -> Source:
    if request.param.startswith("file"):
        write(tmp_path / "waf", files)
        return Source("s", "folder", "file:waf/" if "slash" in request.param else "file:waf")
    end = {"http": "/", "http without a slash": "", "http to the page": "/index.html"}[request.param]
    files |= {"index.html": listing(files, "")} if end == "/index.html" else {}
    return Source("s", "folder", f"{served(web)}waf{end}")


@pytest.fixture
def waf(web: Web, served: Callable[..., str]) -> Source:
    return Source("s", "folder", f"{served(web)}waf/")


def ids(store: Store) -> set[tuple[str, str, str]]:
    return {(row["kind"], row["container"], row["source_id"]) for row in store.catalogue.export()}


def test_every_document_is_told_by_what_is_in_it(source: Source, store: Store, harvest: Harvest) -> None:
    report = harvest(source)
    assert (report.status, report.message, report.counts.quarantined) == (COMPLETE, "", 0)
    assert ids(store) == FOUND
    second = harvest(source)
    assert (second.counts.unchanged, second.counts.deleted) == (len(FOUND), 0)


def test_the_index_pages_of_a_server_that_is_not_ours_are_read(
    files: dict[str, bytes], tmp_path: Path, store: Store, harvest: Harvest
) -> None:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    write(tmp_path / "a b", files)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        report = harvest(Source("s", "folder", f"http://127.0.0.1:{server.server_port}/a%20b"))
        server.shutdown()
        thread.join()
    assert (report.status, report.message, report.counts.quarantined) == (COMPLETE, "", 0)
    assert ids(store) == FOUND


def test_a_walk_may_be_resumed_at_every_page(
    source: Source, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "PAGE", 1)
    straight = [raw for page in harvester(source, client, tmp_path).pages(None) for raw in page.raws]
    pieces: list[RawRecord] = []
    position: Position | None = None
    while True:
        page = next(harvester(source, client, tmp_path).pages(position))
        pieces += page.raws
        position = page.position
        if position is None:
            break
    assert pieces == straight
    assert list(harvester(source, client, tmp_path).ids()) == [(raw.container, raw.source_id) for raw in straight]


def test_a_document_that_has_gone_is_deleted_and_one_that_cannot_be_read_is_not(
    web: Web, waf: Source, store: Store, harvest: Harvest
) -> None:
    harvest(waf)
    del web.files["b/c/four.txt"]
    for _ in range(2):
        harvest(waf)
    assert ids(store) == FOUND - {("dataset", "metadata", "iso-1")}
    # Listed, but broken: whatever was in it stays.
    web.files["b/three.json.gz"] = web.files["b/three.json.gz"][:20]
    for _ in range(2):
        report = harvest(waf)
        assert (report.status, report.counts.deleted) == (COMPLETE, 0)
    assert [each.issue.code for each in store.ledger.quarantined()] == ["broken-archive"]


@pytest.mark.parametrize(
    ("path", "answer", "status"),
    [
        ("/waf/", (500, b"", {}), FAILED),
        ("/waf/", (404, b"", {}), FAILED),
        ("/waf/", (200, b"<html>maintenance</html>", {}), HELD),
        ("/waf/b/", (200, b"<html></html>", {}), COMPLETE),
        ("/waf/lines", (503, b"", {}), COMPLETE),
        ("/waf/lines", (200, b'{"type": "Feature"', {}), COMPLETE),
        ("/waf/lines", (200, b"x", {"Content-Length": "900", "Connection": "close"}), COMPLETE),
        ("/waf/lines", (200, b"<html>maintenance</html>", {}), COMPLETE),
    ],
)
def test_a_fault_of_the_server_deletes_nothing_at_once(
    path: str, answer: Answer, status: str, web: Web, waf: Source, store: Store, harvest: Harvest
) -> None:
    harvest(waf)
    web.wrong = lambda asked: answer if asked == path else None
    report = harvest(waf)
    assert (report.status, report.counts.deleted) == (status, 0)
    assert ids(store) == FOUND


def test_a_server_that_goes_away_ends_the_run_and_the_next_one_goes_on(
    web: Web, waf: Source, store: Store, harvest: Harvest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "PAGE", 2)
    web.wrong = lambda path: (503, b"", {}) if len(web.asked) > 6 else None
    report = harvest(waf)
    assert (report.status, report.counts.deleted) == (PARTIAL, 0)
    web.wrong = lambda path: None
    while (report := harvest(waf)).status == PARTIAL:
        pass
    # What failed before it was clear that the server was away waits for the next walk.
    assert report.status == COMPLETE
    assert harvest(waf).status == COMPLETE
    assert ids(store) == FOUND


def test_folders_that_list_each_other_and_links_out_of_them_end(
    web: Web, waf: Source, store: Store, harvest: Harvest
) -> None:
    links = [
        "/waf/",
        "/waf/b/",
        "http://127.0.0.1:9/waf/x.json",
        "/elsewhere.json",
        "mailto:x",
        "http://[x",
        "a/../../../up",
    ]
    page = "<HTML>" + "".join(f"<A HREF='{each}'>x</A>" for each in links)
    web.wrong = lambda path: (200, page.encode(), {}) if path == "/waf/b/" else None
    assert harvest(waf).status == COMPLETE
    assert not any("elsewhere" in each or "up" in each for each in web.asked)
    assert web.asked.count("/waf/b/") == 1


def test_an_empty_folder_is_empty_and_one_that_is_not_there_is_none(
    store: Store, harvest: Harvest, client: Client, tmp_path: Path
) -> None:
    source = Source("s", "folder", "file:there")
    with pytest.raises(SourceUnavailableError, match="is no folder"):
        harvester(source, client, tmp_path).probe()
    assert harvest(source).status == FAILED
    (tmp_path / "there").mkdir()
    assert harvest(source).status == COMPLETE
    write(tmp_path / "there", {f"{n}.json": orjson.dumps(record(f"r{n}")) for n in range(3)})
    assert harvester(source, client, tmp_path).probe().matched == 3
    assert harvest(source).counts.added == 3
    for path in (tmp_path / "there").iterdir():
        path.unlink()
    assert harvest(source).status == HELD


def test_large_documents_make_small_pages(client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "MAX_PAGE", 500)
    write(tmp_path / "waf", {f"{n}": orjson.dumps([record(f"{n}-{m}") for m in range(9)]) for n in range(4)})
    pages = list(harvester(Source("s", "folder", "file:waf"), client, tmp_path).pages(None))
    assert [len(page.raws) for page in pages] == [9, 9, 9, 9]


def test_no_link_leads_out_of_the_folder(store: Store, harvest: Harvest, tmp_path: Path) -> None:
    (tmp_path / "outside.json").write_bytes(orjson.dumps(record("secret")))
    write(tmp_path / "waf", {"in.json": orjson.dumps(record("in"))})
    (tmp_path / "waf" / "out.json").symlink_to(tmp_path / "outside.json")
    assert harvest(Source("s", "folder", "file:waf")).status == COMPLETE
    assert {each[2] for each in ids(store)} == {"in"}
    assert [each.issue.code for each in store.ledger.quarantined()] == ["refused"]


def test_relative_links_start_from_where_a_folder_is_published(store: Store, harvest: Harvest, tmp_path: Path) -> None:
    given = {**record("r"), "links": [{"rel": "enclosure", "href": "data.csv"}]}
    write(tmp_path / "waf", {"a b/r.json": orjson.dumps(given)})
    harvest(Source("s", "folder", "file:waf", settings={"published": "https://example.org/waf/"}))
    found = store.catalogue.find("s", "records", "r").record
    assert found.assets[0].href == "https://example.org/waf/a%20b/data.csv"


@pytest.mark.parametrize("path", ["/waf/", "/waf/lines"])
def test_a_source_that_wants_to_be_left_alone_is_not_harvested_before(
    path: str, web: Web, waf: Source, store: Store, harvest: Harvest
) -> None:
    waf = replace(waf, settings={**waf.settings, "schedule": "*/15 * * * *"})
    store.ledger.add_source(waf)
    web.wrong = lambda asked: (429, b"", {"Retry-After": "200000"}) if asked == path else None
    began = now()
    report = harvest(waf)
    assert report.not_before is not None
    assert 200_000_000 <= report.not_before - began < 200_060_000
    assert "wants to be left alone until" in report.message
    (entry,) = agenda(store.ledger)
    assert entry.next is not None
    assert entry.next.at == report.not_before
    web.wrong = lambda asked: None
    with Client(Policy().allowing(waf.url)) as another_day:
        assert run.harvest(store, waf, client=another_day).not_before is None
    (entry,) = agenda(store.ledger)
    assert entry.next is not None
    assert entry.next.at < began + 3_600_000
