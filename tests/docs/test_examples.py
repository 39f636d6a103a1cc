"""The examples of the documentation are run, in the order of each page, on a small portal.

`console` blocks hold commands after `$ ` and what they print, where `...` stands for anything; `python` blocks are run
as scripts, and a `text` block right behind one is what it prints; `graphql` blocks are asked; `toml` blocks that begin
with `# NAME` are files. A block that cannot be run has a comment `<!-- not run: why -->` above it.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import io
import json
import os
import re
import shlex
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import uvicorn

from discovery import wiring
from discovery.app import create_app
from discovery.cli import main, output
from discovery.config import Settings
from discovery.demo import pack
from discovery.demo.load import publish
from discovery.demo.replay import ReplayServer
from discovery.indexer import settle
from harvesters import sources
from harvesters.run import harvest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))
FENCE = re.compile(r"(?ms)^(?:<!-- not run: (?P<why>[^\n]+) -->\n)?```(?P<kind>[a-z]*)\n(?P<body>.*?)^```$")
DEMO = ("earth-search-sentinel-2", "datalabs-examples")
PORTAL = "http://127.0.0.1:8000"
STATUS = {"discovery harvest kelp --dry-run --limit 3": 3}
"""Commands that do not end with 0, as their pages say."""


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    kind: str
    body: str
    why: str
    """Why it is not run; empty when it is."""


def blocks(page: str) -> list[Block]:
    found = FENCE.finditer((ROOT / page).read_text(encoding="utf-8"))
    return [Block(each["kind"], each["body"], each["why"] or "") for each in found]


@dataclass(frozen=True)
class Place:
    """Where examples run: a portal, and what stands in for the addresses of the pages."""

    home: Path
    addresses: dict[str, str]

    def here(self, text: str) -> str:
        for written, real in self.addresses.items():
            text = text.replace(written, real)
        return text


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Load a part of the demo, serve it, and play the servers that pages harvest."""
    home = tmp_path_factory.mktemp("portal")
    settings = Settings(home, proxies="127.0.0.1")
    where = pack.pack_dir()
    with contextlib.ExitStack() as stack:
        replay = stack.enter_context(ReplayServer(where))
        portal = stack.enter_context(contextlib.closing(wiring.open_portal(settings)))
        for source in sources.read(pack.sources(where, pack.unpack(where, home / "demo"), replay.url)):
            if source.id in DEMO:
                portal.store.ledger.add_source(source)
                with wiring.client(settings, source) as client:
                    harvest(portal.store, source, client=client)
        publish(portal, where)
        settle(portal.store, portal.index, wiring.index_lock(settings))
        served = stack.enter_context(_serving(create_app(settings, portal)))
        catalogue = tmp_path_factory.mktemp("catalogue")
        _python(_tutorials_own(), catalogue, {})
        files = stack.enter_context(_files(catalogue / "first"))
        yield Place(
            home,
            {
                PORTAL: served,
                "https://example.org/catalog.json": f"{files}/catalog.json",
                "https://example.org/tap": f"{replay.url}/gavo/tap",
            },
        )


def _tutorials_own() -> str:
    """Return the script of the tutorial that writes a catalogue."""
    (found,) = (each.body for each in blocks("docs/tutorials/first-hour.md") if "normalize_and_save" in each.body)
    return found


@contextlib.contextmanager
def _serving(app: object) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False, proxy_headers=False))  # type: ignore[arg-type]
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@contextlib.contextmanager
def _files(folder: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", [page for page in PAGES if any(each.kind for each in blocks(page))])
def test_examples_do_what_the_page_says(
    page: str, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # Some pages read what comes with the source.
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    for name, value in {"DISCOVERY_HOME": str(place.home), "PWD": str(tmp_path), "COLUMNS": "160"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(output.console, "_width", 160)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    try:
        _follow(page, place, tmp_path, monkeypatch)
    finally:
        # Each page begins with the demo alone.
        for each in json.loads(_called(["source", "list", "--json"], 0)):
            if each["id"] not in DEMO:
                _called(["source", "remove", each["id"]], 0)


def _follow(page: str, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    printed = ""
    for block in blocks(page):
        if block.why:
            continue
        body = place.here(block.body)
        if block.kind == "console":
            for command, expected in _commands(body):
                _agrees(command, _shell(command, tmp_path, monkeypatch), expected)
        elif block.kind == "python":
            printed = _python(body, tmp_path, {"PYTHONWARNINGS": "error"})
        elif block.kind == "text" and printed:
            assert printed.strip() == block.body.strip()
        elif block.kind == "graphql":
            answer = httpx.post(f"{place.addresses[PORTAL]}/graphql", json={"query": body}, timeout=60).json()
            assert answer.get("errors") is None
            assert answer["data"]
            assert [name for name, value in answer["data"].items() if not value] == []
            assert answer["data"].get("search", {}).get("totalCount", {}).get("value") != 0
        elif block.kind == "toml":
            tomllib.loads(body)
            if name := re.match(r"# ([\w.]+)\n", body):
                (tmp_path / name[1]).write_text(body, encoding="utf-8")
        if block.kind != "python":
            printed = ""


def _commands(body: str) -> Iterator[tuple[str, str]]:
    for part in re.split(r"(?m)^\$ ", body)[1:]:
        command, _, expected = part.partition("\n")
        yield command, expected


def _shell(command: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what a command prints; plain calls of ours run in this process, which saves their start."""
    if found := re.fullmatch(r"export (\w+)=(\S+)", command):
        monkeypatch.setenv(found[1], found[2])
        return ""
    if command.startswith("discovery ") and not re.search(r"[|;<>&]", command):
        return _called(shlex.split(os.path.expandvars(command))[1:], STATUS.get(_spoken(command), 0))
    for tool in ("curl", "jq"):
        if f"{tool} " in command and subprocess.run(["which", tool], check=False, capture_output=True).returncode:
            pytest.skip(f"{tool} is not here")
    done = subprocess.run(["bash", "-c", command], cwd=folder, check=False, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def _spoken(command: str) -> str:
    return " ".join(command.split())


def _called(arguments: list[str], status: int) -> str:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="utf-8", write_through=True)
    errors = io.StringIO()
    ended = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        try:
            main(arguments)
        except SystemExit as end:
            ended = int(end.code or 0)
    assert ended == status, f"discovery {' '.join(arguments)}: {errors.getvalue()}"
    return raw.getvalue().decode()


def _python(body: str, folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-c", body], cwd=folder, env={**os.environ, **environment}, check=False, capture_output=True,
        text=True, timeout=90,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def _agrees(command: str, printed: str, expected: str) -> None:
    """Assert that a command printed what its page says: `...` is anything, blanks before a line end nothing."""
    lines = [line.rstrip() for line in expected.strip().splitlines()]
    pattern = r"\n".join(".*" if line == "..." else _line(line) for line in lines)
    shown = "\n".join(line.rstrip() for line in printed.strip().splitlines())
    assert re.fullmatch(pattern, shown, re.DOTALL), f"$ {command}\n{shown}\n\nbut its page says\n\n{expected}"


def _line(line: str) -> str:
    return r"[^\n]*".join(re.escape(part) for part in line.split("..."))


def test_a_page_that_says_something_else_is_found() -> None:
    _agrees("x", "a  b  \nc\nd\n", "a ...\n...\nd\n")
    with pytest.raises(AssertionError, match="its page says"):
        _agrees("x", "one\ntwo\n", "one\n")


def test_whatever_is_not_run_says_why() -> None:
    kinds = {each.kind for page in PAGES for each in blocks(page)}
    assert kinds == {"console", "python", "graphql", "toml", "text", "yaml", "html"}
    assert [page for page in PAGES for each in blocks(page) if each.why and len(each.why) < 10] == []


def test_examples_of_json_are_what_the_portal_answers(place: Place) -> None:
    page = (ROOT / "docs/reference/parameters.md").read_text(encoding="utf-8")
    table = page.partition("## `/search?f=json`")[2].partition("\n## ")[0]
    answer = httpx.get(f"{place.addresses[PORTAL]}/search?f=json&size=1").json()
    assert re.findall(r"(?m)^\| `(\w+)`", table) == list(answer)
    wrong = httpx.get(f"{place.addresses[PORTAL]}/search?f=json&nothing=1").json()
    assert all(f'"{name}"' in page or f"`{name}`" in page for name in wrong["error"])


def test_stac_links_follow_the_proxy(place: Place) -> None:
    headers = {"Host": "data.example.org", "X-Forwarded-Proto": "https"}
    landing = httpx.get(f"{place.addresses[PORTAL]}/stac/", headers=headers).json()
    assert {link["href"].split("/stac")[0].rstrip("/") for link in landing["links"]} >= {"https://data.example.org"}
    assert [link["href"] for link in landing["links"] if not link["href"].startswith("https://data.example.org/")] == []


def test_not_is_two_valued_as_the_page_says(place: Place) -> None:
    url = f"{place.addresses[PORTAL]}/search"
    shown = {"f": "json", "size": "0"}

    def total(filter: str) -> int:
        return int(httpx.get(url, params={"filter": filter, **shown}).json()["total"]["value"])

    everything = total("kind IS NOT NULL")
    assert everything > 0
    assert total("NOT (cloud_cover > 10)") == everything
    assert total("NOT (cloud_cover > 10) AND cloud_cover IS NOT NULL") < everything
