"""What every test may rely on: no network beyond loopback, and peers that are either here or said to be missing."""

from __future__ import annotations

import fcntl
import gc
import io
import ipaddress
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from discovery.documents.site import Site
from discovery.model import instant
from discovery.model.extent import Extent
from discovery.model.record import Asset, Contact, Link, Record
from discovery.store.connection import sqlite_url
from discovery.store.store import Store

if TYPE_CHECKING:
    from discovery.portal import Portal
    from tests.people.provider import Provider

ROOT = Path(__file__).parents[1]
STORES = ("sqlite", pytest.param("postgresql", marks=pytest.mark.peer))
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# jsonschema builds forty grammars, for 2 s of each process, for a format that no schema here asks for.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
# Whatever is imported and collected stays to the end; to look through it for garbage took a tenth of all time.
gc.disable()


def pytest_collection_finish() -> None:
    """Leave everything that is there before the first test out of the collector's way."""
    gc.freeze()
    gc.enable()


class NetworkError(AssertionError):
    """A test wanted to leave this machine."""


def _refuse_beyond_loopback(family: int, address: Any) -> None:
    if family not in {socket.AF_INET, socket.AF_INET6}:
        return
    host = str(address[0]).partition("%")[0]
    if host in {"", "localhost"}:
        return
    try:
        ip = ipaddress.ip_address(host)
    except ValueError as error:
        raise NetworkError(f"a test looked up {host!r}; tests stay on loopback") from error
    mapped = getattr(ip, "ipv4_mapped", None)
    if not (mapped or ip).is_loopback and not ip.is_unspecified:
        raise NetworkError(f"a test connected to {host}; tests stay on loopback")


@pytest.fixture(scope="session", autouse=True)
def loopback_only() -> Iterator[None]:
    """Refuse every connection and every look-up that would leave this machine."""
    real_socket = socket.socket
    connect, connect_ex, sendto = real_socket.connect, real_socket.connect_ex, real_socket.sendto
    getaddrinfo = socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        _refuse_beyond_loopback(self.family, address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        _refuse_beyond_loopback(self.family, address)
        return connect_ex(self, address)

    def guarded_sendto(self: socket.socket, data: Any, *rest: Any) -> int:
        _refuse_beyond_loopback(self.family, rest[-1])
        return sendto(self, data, *rest)

    def guarded_getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        _refuse_beyond_loopback(socket.AF_INET, (name or "localhost",))
        return getaddrinfo(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(real_socket, "connect", guarded_connect)
        patch.setattr(real_socket, "connect_ex", guarded_connect_ex)
        patch.setattr(real_socket, "sendto", guarded_sendto)
        patch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
        yield


@pytest.fixture(scope="session")
def peer() -> Callable[[bool, str], None]:
    """Return `peer(present, reason)`: a missing peer skips, or fails where DISCOVERY_REQUIRE_PEERS=1."""

    def require(present: bool, reason: str) -> None:
        if present:
            return
        if os.environ.get("DISCOVERY_REQUIRE_PEERS") == "1":
            pytest.fail(f"{reason} (DISCOVERY_REQUIRE_PEERS=1)", pytrace=False)
        pytest.skip(reason)

    return require


@pytest.fixture(scope="session")
def full() -> Record:
    """Return the record that documents, signposts and pages show; it says everything, also what may not be told."""
    return Record(
        source="ice",
        container="products",
        source_id="cryosat-ice",
        kind="dataset",
        title="Sea ice thickness from CryoSat",
        description="Thickness of **Arctic** sea ice.\n\nMonthly, on a grid of 5 km, with its uncertainty.",
        domain="earth-observation",
        missions=("earth-observation/cryosat-2",),
        instruments=("SIRAL",),
        themes=("cryosphere",),
        keywords=("ice", "arctic"),
        variables=("sea_ice_thickness",),
        provider="Ice Institute",
        license="CC-BY-4.0",
        dataset="aaaaaaaaaaaaaaaa",
        extent=Extent(
            bbox=(170.0, 60.0, -150.0, 89.0), start=instant.instant("2010-07-01"), end=instant.instant("2020-12-31")
        ),
        assets=(
            Asset("https://ice.example/data.nc", "data", "All years", "application/x-netcdf", ("data",), 1_234_567_890),
            Asset("s3://bucket/data.zarr", "zarr", "As Zarr", "application/vnd+zarr", ("data",)),
            Asset("https://ice.example/t.png", "thumb", "", "image/png", ("thumbnail",)),
            Asset("https://ada:secret@ice.example/b.tif", "b", "", "image/tiff; application=geotiff", ("data",)),
            Asset("https://ice.example/c.nc?X-Amz-Signature=abc", "c", "", "application/x-netcdf", ("data",)),
        ),
        links=(
            Link("https://ice.example/about", "about", "About the product"),
            Link("https://ice.example/guide", "describedby", "Guide"),
        ),
        contacts=(
            Contact("Frost, Ada", "Ice Institute", ("principalInvestigator",), "https://orcid.org/0000-0002-1825-0097"),
            Contact("Łukasz Öberg", "Ice Institute", ("author",), "mailto:lukasz@ice.example"),
            Contact("someone@ice.example", "", ("author",)),
            Contact("Ice Institute", "Ice Institute", ("publisher", "pointOfContact"), "https://ice.example/"),
        ),
        doi="10.5281/zenodo.1234567",
        external_ids=("ESA-ICE-1", "https://x.example/d?token=abcdef"),
        created=instant.instant("2021-01-02"),
        updated=instant.instant("2021-02-03"),
        numbers={"resolution": 5000.0},
        properties={"version": "2.1", "attribution": "Thanks to the Ice Institute"},
    )


@pytest.fixture(scope="session")
def site() -> Site:
    """Return the portal that documents speak of."""
    return Site("Portal & Co", "https://portal.example")


@pytest.fixture(scope="session")
def chromium(peer: Callable[[bool, str], None]) -> Path:
    """Return the path of a Chromium for Playwright; `apt-get install chromium` brings one on Debian."""
    found = next((path for path in map(shutil.which, BROWSERS) if path), None)
    peer(found is not None, f"no Chromium here; looked for {', '.join(BROWSERS)}")
    assert found is not None
    return Path(found)


@pytest.fixture(scope="session")
def axe_core(peer: Callable[[bool, str], None]) -> Path:
    """Return the path of axe-core's script, which `make assets` brings into node_modules."""
    path = ROOT / "node_modules" / "axe-core" / "axe.min.js"
    peer(path.is_file(), "axe-core is not here; `make assets` brings it and needs npm")
    return path


@pytest.fixture(scope="session")
def elasticsearch(peer: Callable[[bool, str], None], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of an Elasticsearch node, one for all workers of this run; it ends with the last of them."""
    home = ROOT / ".cache" / "peers" / "elasticsearch"
    recipe = ROOT / "tests" / "peers" / "elasticsearch"
    peer((home / ".installed").is_file(), "Elasticsearch is not here; tests/peers/elasticsearch/prepare.sh builds it")
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "elasticsearch"
    folder.mkdir(exist_ok=True)
    with (folder / "users").open("a") as users, (folder / "starting").open("a") as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)
        fcntl.flock(users, fcntl.LOCK_SH)
        if not (folder / "address").exists():
            subprocess.run([sys.executable, recipe / "keep.py", home, folder], stdin=subprocess.DEVNULL, check=True)
        deadline = time.monotonic() + 100
        while not (folder / "address").exists():
            assert not (folder / "failed").exists(), (folder / "failed").read_text()
            assert time.monotonic() < deadline, f"Elasticsearch does not come up; see {folder / 'log'}"
            time.sleep(0.1)
        address = (folder / "address").read_text()
        # Its first answer takes seconds on a busy machine, for which nothing that is tested waits.
        urllib.request.urlopen(f"{address}/_cluster/health", timeout=60).close()
        fcntl.flock(starting, fcntl.LOCK_UN)
        yield address


@pytest.fixture
def elasticsearch_prefix(elasticsearch: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return a beginning for the names of indexes, under which there is nothing yet and afterwards."""
    # The short question that comes first is too short for a server that shares its cores with all these tests.
    monkeypatch.setattr("discovery.index.elasticsearch.server.PROBE", 30.0)
    prefix = f"test-{os.environ.get('PYTEST_XDIST_WORKER', 'gw')}"
    yield prefix
    # Without the index of states: what it says of indexes that are gone counts for no other.
    request = urllib.request.Request(f"{elasticsearch}/{prefix}-*-g*", method="DELETE")
    urllib.request.urlopen(request, timeout=30).close()


@pytest.fixture(params=["tantivy", pytest.param("elasticsearch", marks=pytest.mark.peer)])
def engine(request: pytest.FixtureRequest) -> Mapping[str, str]:
    """Return the settings of each engine in turn: what a test says of the one must be true of the other."""
    if request.param == "tantivy":
        return {}
    prefix = request.getfixturevalue("elasticsearch_prefix")
    return {"index": f"elasticsearch={request.getfixturevalue('elasticsearch')}", "index_prefix": prefix}


@pytest.fixture(scope="session")
def postgresql(peer: Callable[[bool, str], None], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a PostgreSQL server, one for all workers of this run; it ends with the last of them.

    Its database `template` is a store without records.
    """
    keeper: list[str | Path] = [sys.executable, ROOT / "tests" / "peers" / "postgresql" / "keep.py"]
    here = subprocess.run([*keeper, "--here"], stdin=subprocess.DEVNULL, check=False).returncode == 0
    peer(here, "PostgreSQL is not here; tests/peers/postgresql/prepare.sh installs it")
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "postgresql"
    folder.mkdir(exist_ok=True)
    with (folder / "users").open("a") as users, (folder / "starting").open("a") as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)
        fcntl.flock(users, fcntl.LOCK_SH)
        fresh = not (folder / "address").exists()
        if fresh:
            subprocess.run([*keeper, folder], stdin=subprocess.DEVNULL, check=True)
        deadline = time.monotonic() + 100
        while not (folder / "address").exists():
            assert not (folder / "failed").exists(), (folder / "failed").read_text()
            assert time.monotonic() < deadline, f"PostgreSQL does not come up; see {folder / 'log'}"
            time.sleep(0.05)
        address = (folder / "address").read_text().rsplit("/", 1)[0]
        if fresh:
            _on_server(address, "CREATE DATABASE template")
            Store(f"{address}/template").close()
        fcntl.flock(starting, fcntl.LOCK_UN)
        yield address


def _on_server(address: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
        connection.execute(statement.encode())


@pytest.fixture
def postgresql_url(postgresql: str) -> Iterator[str]:
    """Return the address of a store without records on the server."""
    name = f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'gw')}"
    _on_server(postgresql, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    # Copying files is four times as quick as writing everything to the log first.
    _on_server(postgresql, f"CREATE DATABASE {name} TEMPLATE template STRATEGY FILE_COPY")
    yield f"{postgresql}/{name}"
    _on_server(postgresql, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store without records: copying its file is much quicker than migrating a new one for every test."""
    path = tmp_path_factory.mktemp("store") / "empty.sqlite"
    Store(sqlite_url(path)).close()
    return path


@pytest.fixture
def store_url(request: pytest.FixtureRequest, tmp_path: Path, empty: Path) -> str:
    """Return the address of a store without records: on SQLite, and under the mark `stores` on PostgreSQL as well."""
    if getattr(request, "param", "sqlite") == "postgresql":
        url: str = request.getfixturevalue("postgresql_url")
        return url
    shutil.copyfile(empty, tmp_path / "catalogue.sqlite")
    return sqlite_url(tmp_path / "catalogue.sqlite")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what is marked `stores` and has a store once on each, or on those that the mark names."""
    mark = metafunc.definition.get_closest_marker("stores")
    if mark is not None and "store_url" in metafunc.fixturenames:
        metafunc.parametrize("store_url", mark.args or STORES, indirect=True)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """Return a store without records."""
    opened = Store(store_url)
    yield opened
    opened.close()


Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a way to call the command in a home of its own; it gives the exit status and what was printed."""
    from discovery.cli import main

    def call(*arguments: str) -> tuple[int, str]:
        raw = io.BytesIO()
        out = io.TextIOWrapper(raw, encoding="utf-8", write_through=True)
        monkeypatch.setattr(sys, "stdout", out)
        status = 0
        try:
            main(["--home", str(tmp_path / "home"), *arguments])
        except SystemExit as end:
            status = int(end.code or 0)
        return status, raw.getvalue().decode()

    return call


@pytest.fixture
def portal(tmp_path: Path, engine: Mapping[str, str]) -> Iterator[Portal]:
    """Return a portal without records, on each engine in turn."""
    from discovery.config import Settings
    from discovery.wiring import open_portal

    opened = open_portal(Settings(tmp_path, **engine))  # type: ignore[arg-type]
    yield opened
    opened.close()


@pytest.fixture
def put(portal: Portal) -> Callable[..., None]:
    """Return a function that stores records and makes them findable."""
    from discovery.indexer import follow
    from discovery.model.source import Mapped, RawRecord

    def store(*given: Record) -> None:
        portal.store.ingest.page("s", 1, [Mapped(each, RawRecord("c", each.source_id, b"{}")) for each in given])
        follow(portal.store, portal.index)

    return store


@pytest.fixture(scope="module")
def vouching() -> Iterator[Provider]:
    """Return a provider of OpenID Connect that listens on loopback."""
    from tests.people.provider import running

    with running() as started:
        yield started


@pytest.fixture
def provider(vouching: Provider) -> Provider:
    """Return a provider of OpenID Connect that is honest until a test has it lie."""
    vouching.reset()
    return vouching


@pytest.fixture
def pycsw(peer: Callable[[bool, str], None], tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Return the address of a pycsw with a thousand records, and its database, which the test may change."""
    home, recipe = ROOT / ".cache" / "peers" / "pycsw", ROOT / "tests" / "peers" / "pycsw"
    peer((home / "catalogue.db").is_file(), "pycsw is not here; tests/peers/pycsw/prepare.sh builds it")
    folder = tmp_path / "pycsw"
    folder.mkdir()
    database = folder / "catalogue.db"
    shutil.copyfile(home / "catalogue.db", database)
    python, serve = str(home / "bin" / "python"), str(recipe / "serve.py")
    command = [python, "-W", "ignore", serve, "run", str(database), str(folder), "100"]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True) as server,
    ):
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        assert address, (folder / "log").read_text()[-2000:]
        yield address, database
        server.kill()


@pytest.fixture(scope="session")
def pygeoapi(peer: Callable[[bool, str], None], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a pygeoapi with a thousand records, one for all workers; it ends with the last of them."""
    home, recipe = ROOT / ".cache" / "peers" / "pygeoapi", ROOT / "tests" / "peers" / "pygeoapi"
    peer((home / ".installed").is_file(), "pygeoapi is not here; tests/peers/pygeoapi/prepare.sh builds it")
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "pygeoapi"
    folder.mkdir(exist_ok=True)
    with (folder / "users").open("a") as users, (folder / "starting").open("a") as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)
        fcntl.flock(users, fcntl.LOCK_SH)
        if not (folder / "address").exists():
            records = folder / "records.ndjson"
            subprocess.run([sys.executable, recipe / "records.py", records], check=True)
            serve = [home / "bin" / "python", recipe / "serve.py", folder, records]
            keeper = ROOT / "tests" / "peers" / "keep.py"
            subprocess.run([sys.executable, keeper, folder, *serve], stdin=subprocess.DEVNULL, check=True)
        deadline = time.monotonic() + 60
        while not (folder / "address").exists():
            assert not (folder / "failed").exists(), (folder / "failed").read_text()
            assert time.monotonic() < deadline, f"pygeoapi does not come up; see {folder / 'log'}"
            time.sleep(0.05)
        fcntl.flock(starting, fcntl.LOCK_UN)
        yield (folder / "address").read_text()


@pytest.fixture(scope="session")
def pgstac(
    peer: Callable[[bool, str], None], postgresql: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Return the address of a stac-fastapi upon pgstac with a thousand items, one for all workers of this run."""
    home, recipe = ROOT / ".cache" / "peers" / "pgstac", ROOT / "tests" / "peers" / "pgstac"
    peer((home / ".installed").is_file(), "pgstac is not here; tests/peers/pgstac/prepare.sh builds it")
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "pgstac"
    folder.mkdir(exist_ok=True)
    with (folder / "users").open("a") as users, (folder / "starting").open("a") as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)
        fcntl.flock(users, fcntl.LOCK_SH)
        if not (folder / "address").exists():
            files = [folder / "collections.ndjson", folder / "items.ndjson"]
            subprocess.run([sys.executable, recipe / "items.py", *files], check=True)
            _on_server(postgresql, "DROP DATABASE IF EXISTS pgstac WITH (FORCE)")
            _on_server(postgresql, "CREATE DATABASE pgstac")
            serve = [home / "bin" / "python", recipe / "serve.py", f"{postgresql}/pgstac", *files]
            keeper = ROOT / "tests" / "peers" / "keep.py"
            subprocess.run([sys.executable, keeper, folder, *serve], stdin=subprocess.DEVNULL, check=True)
        deadline = time.monotonic() + 100
        while not (folder / "address").exists():
            assert not (folder / "failed").exists(), (folder / "failed").read_text()
            assert time.monotonic() < deadline, f"pgstac does not come up; see {folder / 'log'}"
            time.sleep(0.05)
        fcntl.flock(starting, fcntl.LOCK_UN)
        yield (folder / "address").read_text()


DACHS = ROOT / "tests" / "peers" / "dachs"


@dataclass(frozen=True, slots=True)
class Dachs:
    """A running DaCHS: where TAP is, and its database, which a test may look into and change."""

    url: str
    socket: str

    def fill(self, table: str, rows: int) -> None:
        """Fill an empty table with made-up observations, the same ones each time."""
        self.sql(f"\\set table {table}\n\\set rows {rows}\n{(DACHS / 'rows.sql').read_text()}")

    def sql(self, statement: str) -> list[list[str]]:
        """Return the rows that a statement gives, NULL as an empty text."""
        command = [
            "psql",
            "-X",
            "-q",
            "-A",
            "-t",
            "-F",
            "\t",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            self.socket,
            "-U",
            "disco",
        ]
        done = subprocess.run(
            [*command, "gavo"], input=statement, stdout=subprocess.PIPE, text=True, check=True, timeout=600
        )
        return [line.split("\t") for line in done.stdout.splitlines() if line]


@contextmanager
def running_dachs(folder: Path, rows: int) -> Iterator[Dachs]:
    """Have the DaCHS of a folder running, which is started with so many rows when nobody has done so."""
    folder.mkdir(exist_ok=True)
    with (folder / "users").open("a") as users, (folder / "starting").open("a") as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)
        fcntl.flock(users, fcntl.LOCK_SH)
        if not (folder / "address").exists():
            keeper: list[str | Path] = [sys.executable, DACHS / "keep.py", folder, str(rows)]
            subprocess.run(keeper, stdin=subprocess.DEVNULL, check=True)
        deadline = time.monotonic() + 120 + rows / 2000
        while not (folder / "address").exists():
            assert not (folder / "failed").exists(), (folder / "failed").read_text()
            assert time.monotonic() < deadline, f"DaCHS does not come up; see {folder / 'log'}"
            time.sleep(0.05)
        fcntl.flock(starting, fcntl.LOCK_UN)
        yield Dachs(*(folder / "address").read_text().splitlines())


@pytest.fixture(scope="session")
def dachs_here(peer: Callable[[bool, str], None]) -> None:
    """Make sure that a DaCHS can be started."""
    keeper: list[str | Path] = [sys.executable, DACHS / "keep.py", "--here"]
    here = subprocess.run(keeper, stdin=subprocess.DEVNULL, check=False).returncode == 0
    peer(here, "DaCHS is not here; tests/peers/dachs/prepare.sh installs it")


@pytest.fixture
def dachs_of(dachs_here: None, tmp_path: Path) -> Callable[[int], AbstractContextManager[Dachs]]:
    """Return `dachs_of(rows)`, which has a DaCHS of its own running in a `with`."""
    return lambda rows: running_dachs(tmp_path / "dachs", rows)


@pytest.fixture(scope="session")
def dachs(dachs_here: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dachs]:
    """Return a DaCHS with 50,000 rows and a limit of 5,000, one for all workers; it ends with the last of them.

    The rows of `ivoa.ObsCore` stay as they are. `disco.changing` is the table of one test at a time.
    """
    base = tmp_path_factory.getbasetemp()
    with running_dachs((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "dachs", 50_000) as running:
        yield running
