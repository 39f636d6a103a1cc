"""A small server on loopback that plays TAP services from recorded answers.

The demo harvests it with the same harvester that harvests an archive, so it behaves as DaCHS does where that
matters to a harvester: a hard limit on rows, OVERFLOW said after the table, errors as a VOTable with HTTP 200.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, unquote, urlsplit

from lxml import etree

from discovery.demo.adql import parse
from discovery.demo.votable import Field, Table, answer, failure, read
from discovery.errors import (
    BadQueryError,
    ConfigError,
    NotFoundError,
    UnknownFieldError,
)

_LOG = logging.getLogger(__name__)
_MAX_BODY = 1_000_000  # bytes of a POST; a harvester's query has a few thousand
_IDLE = 30.0  # seconds that a silent connection may hold a thread
_VOTABLE = "application/x-votable+xml;serialization=tabledata"
_FORMATS = frozenset({"", "votable", "votable/td", "text/xml", "application/x-votable+xml", _VOTABLE})
_ANSWERED = frozenset({"ivo://ivoa.net/std/TAP", "ivo://ivoa.net/std/VOSI#capabilities"})
_INDEXED = frozenset({"obs_publisher_did", "t_min"})  # what a real ObsCore table is indexed by


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that the server has answered, for tests that count pages."""

    path: str
    parameters: Mapping[str, str]  # names in upper case
    rows: int  # rows in the answer; 0 for documents and errors


@dataclass(frozen=True, slots=True)
class Service:
    """One TAP service: its tables, TAP_SCHEMA among them, by name in lower case."""

    tables: Mapping[str, Table]

    @classmethod
    def over(cls, data: Table) -> Service:
        """Return the service that offers one table and describes it in TAP_SCHEMA."""
        tables = {table.name.lower(): table for table in (data, *_tap_schema(data))}
        return cls(tables)

    def query(self, parameters: Mapping[str, str], limit: int) -> tuple[bytes, int]:
        """Return the VOTable that answers a synchronous query, and how many rows it holds.

        Raises:
            BadQueryError: A parameter or the query is not one that this service answers.
        """
        maxrec = _maxrec(parameters.get("MAXREC", ""), limit)
        select = parse(parameters["QUERY"])
        table = self.tables.get(select.table)
        if table is None:
            raise UnknownFieldError(select.table, self.tables, what="table", parameter="QUERY")
        select.check(table.columns)
        found = select.select(table.rows)
        if select.count is not None:
            fields, rows = (
                [Field(select.count, "long", None, ucd="meta.number")],
                [[str(len(found))]],
            )
        else:
            fields, rows = table.project(select.outputs, found[: maxrec + 1])
        overflow = len(rows) > maxrec
        rows = rows[:maxrec]
        return answer(fields, rows, overflow=overflow, description=table.description), len(rows)


class ReplayServer:
    """The recorded TAP services of a pack, answering while the `with` block lasts.

    Each folder of the pack's `tap` that holds `obscore.xml` is a service of its own at `{url}/{folder}/tap`.
    """

    def __init__(self, pack_dir: Path, *, port: int = 0, limit: int = 100) -> None:
        """Read the pack; port 0 lets the system choose, `limit` is the hard limit of rows in one answer.

        Raises:
            ConfigError: The pack has no recorded TAP service, or one that cannot be read.
        """
        if limit < 1:
            raise ConfigError(f"the replay server's limit is {limit}; it must be at least 1")
        folder = pack_dir / "tap"
        recorded = sorted(folder.glob("*/obscore.xml"))
        if not recorded:
            raise ConfigError(f"{folder} holds no recorded TAP service")
        self.services = {path.parent.name: Service.over(read(path, "ivoa.ObsCore")) for path in recorded}
        self.asked: list[Asked] = []
        self._capabilities = (folder / "capabilities.xml").read_bytes()
        self._limit = limit
        self._port = port
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where the server listens, without a slash at the end."""
        if self._server is None:
            raise ConfigError("the replay server is not running; use it as a context manager")
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._server = _Server(self, self._port)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="replay", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        server, thread = self._server, self._thread
        self._server = self._thread = None
        if server is not None and thread is not None:
            server.shutdown()
            thread.join()
            server.server_close()

    def answer(self, path: str, parameters: Mapping[str, str]) -> tuple[int, str, bytes]:
        """Return status, media type and body for one request.

        Raises:
            NotFoundError: No service or resource is at that path.
        """
        name, _, resource = path.strip("/").partition("/")
        service = self.services.get(name)
        if service is None or resource not in ("tap/sync", "tap/capabilities"):
            known = ", ".join(f"/{known}/tap/sync" for known in self.services)
            raise NotFoundError(f"nothing is at {path[:200]!r}; known: {known} and capabilities beside them")
        if resource == "tap/capabilities":
            self.asked.append(Asked(path, parameters, 0))
            return (
                200,
                "text/xml",
                _capabilities(self._capabilities, f"{self.url}/{name}/tap", self._limit),
            )
        status, body, rows = 200, b"", 0
        try:
            _check(parameters)
        except BadQueryError as error:
            status, body = 400, failure(str(error))
        else:
            try:
                body, rows = service.query(parameters, self._limit)
            except BadQueryError as error:  # DaCHS answers 200 and says ERROR inside
                body = failure(str(error))
        self.asked.append(Asked(path, parameters, rows))
        return status, _VOTABLE, body


class _Server(ThreadingHTTPServer):
    """The listening socket; it knows which recordings its handlers answer from."""

    daemon_threads = True  # a client that hangs must not keep the demo from ending
    block_on_close = False

    def __init__(self, replay: ReplayServer, port: int) -> None:
        self.replay = replay
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Note a connection that broke; a client may go away at any time, as in a killed harvest."""
        _LOG.debug("connection from %s broke", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    """One connection; GET and POST mean the same, as DALI has it."""

    disable_nagle_algorithm = True  # Else each answer in two parts waits 40 ms for a late ACK.
    protocol_version = "HTTP/1.1"
    timeout = _IDLE
    server: _Server
    server_version = "DiscoveryReplay"

    def do_GET(self) -> None:
        self._reply(urlsplit(self.path).query)

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > _MAX_BODY:
            self.close_connection = True  # the body stays unread, so the next request could not be found
            self._send(
                413,
                _VOTABLE,
                failure(f"the body must say its length, at most {_MAX_BODY} bytes"),
            )
            return
        kind = self.headers.get_content_type()
        body = self.rfile.read(int(length))
        if kind != "application/x-www-form-urlencoded":
            self._send(
                415,
                _VOTABLE,
                failure(f"{kind} is not read here; send application/x-www-form-urlencoded"),
            )
            return
        self._reply(body.decode("utf-8", "replace"))

    def _reply(self, query: str) -> None:
        path = unquote(urlsplit(self.path).path)
        try:
            parameters = {name.upper(): value for name, value in parse_qsl(query, True, max_num_fields=50)}
            self._send(*self.server.replay.answer(path, parameters))
        except NotFoundError as error:
            self._send(404, _VOTABLE, failure(str(error)))
        except ValueError:  # more fields than allowed
            self._send(400, _VOTABLE, failure("more than 50 parameters"))

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        _LOG.debug(format, *args)


def _check(parameters: Mapping[str, str]) -> None:
    """Refuse what a TAP service refuses before it looks at the query."""
    if parameters.get("REQUEST", "doQuery") != "doQuery":
        raise BadQueryError(f"REQUEST={parameters['REQUEST'][:40]!r} is not answered; allowed: doQuery")
    language = parameters.get("LANG", "")
    if language.partition("-")[0] != "ADQL":
        raise BadQueryError(f"LANG={language[:40]!r} is not answered; allowed: ADQL, ADQL-2.0")
    if not parameters.get("QUERY"):
        raise BadQueryError("QUERY is missing")
    wanted = parameters.get("RESPONSEFORMAT", parameters.get("FORMAT", ""))
    if wanted.replace(" ", "").lower() not in _FORMATS:
        allowed = ", ".join(sorted(_FORMATS - {""}))
        raise BadQueryError(f"RESPONSEFORMAT={wanted[:60]!r} is not answered; allowed: {allowed}")
    _maxrec(parameters.get("MAXREC", ""), 1)


def _maxrec(text: str, limit: int) -> int:
    """Return how many rows one answer may hold: what was asked for, never above the hard limit."""
    if not text:
        return limit
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise BadQueryError(f"MAXREC={text[:40]!r} is not a number of rows; allowed: 0 and above")
    return min(int(text), limit)


def _tap_schema(data: Table) -> tuple[Table, Table, Table]:
    """Return the TAP_SCHEMA tables that describe one table."""
    schema = data.name.partition(".")[0]
    text = [
        Field(name)
        for name in (
            "column_name",
            "table_name",
            "datatype",
            "description",
            "unit",
            "ucd",
            "utype",
        )
    ]
    flags = [Field(name, "int", None) for name in ("principal", "indexed", "std")]
    columns = tuple(
        (
            field.name,
            data.name,
            field.datatype,
            field.description,
            field.unit or "",
            field.ucd or "",
            field.utype or "",
            field.xtype or "",
            field.arraysize or "",
            "1",
            str(int(field.name in _INDEXED)),
            "1",
        )
        for field in data.fields
    )
    tables = tuple(Field(name) for name in ("schema_name", "table_name", "table_type", "description", "utype"))
    schemas = tuple(Field(name) for name in ("schema_name", "description", "utype"))
    utype = "ivo://ivoa.net/std/ObsCore#table-1.1"
    return (
        Table(
            "TAP_SCHEMA.columns",
            (*text, Field("xtype"), Field("arraysize"), *flags),
            columns,
        ),
        Table(
            "TAP_SCHEMA.tables",
            tables,
            ((schema, data.name, "table", data.description, utype),),
        ),
        Table("TAP_SCHEMA.schemas", schemas, ((schema, "", ""),)),
    )


def _capabilities(recorded: bytes, base: str, limit: int) -> bytes:
    """Return the recorded capabilities as this server keeps them: its address, its limit, its one format."""
    root = etree.fromstring(recorded, etree.XMLParser(resolve_entities=False, no_network=True))
    for capability in root.findall("capability"):
        if capability.get("standardID") not in _ANSWERED:
            root.remove(capability)
    for url in root.iter("accessURL"):
        url.text = base if url.get("use") == "base" else f"{base}/capabilities"
    for tag in ("languageFeatures", "uploadMethod"):
        for element in list(root.iter(tag)):
            _remove(element)
    for element in list(root.iter("outputFormat")):
        if element.findtext("alias") != "votable/td":
            _remove(element)
    for element in root.iterfind(".//outputLimit/*"):
        element.text = str(limit)
    return etree.tostring(root, xml_declaration=True, encoding="utf-8")


def _remove(element: etree._Element) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)
