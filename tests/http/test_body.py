from __future__ import annotations

import gzip
import io
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from lxml import etree

from discovery.errors import SourceUnavailableError
from discovery.http import Body, Client, Policy

if TYPE_CHECKING:
    from tests.http.conftest import Exchange, Server

GZIP = {"Content-Encoding": "gzip"}
TEXT = b"".join(b"line %d of a page\n" % number for number in range(20_000))


def bomb(decoded: int) -> bytes:
    """Return gzip of that many zeros."""
    packer = zlib.compressobj(9, wbits=31)
    step = bytes(1 << 22)
    return b"".join([*(packer.compress(step) for _ in range(decoded // len(step))), packer.flush()])


@pytest.fixture(scope="module")
def gibibyte() -> bytes:
    # A member of 64 MiB, sixteen times: made in a sixteenth of the time, and members are a way round a careless count.
    return bomb(1 << 26) * 16


def refused(client: Client, url: str) -> str:
    with pytest.raises(SourceUnavailableError) as caught:
        client.get(url, attempts=1)
    return caught.value.detail


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP", "identity, gzip", " gzip ,"])
def test_gzip_is_decompressed(server: Server, client: Client, encoding: str) -> None:
    url = server.answer("/", gzip.compress(TEXT), headers={"Content-Encoding": encoding})
    response = client.get(url)
    assert response.content == TEXT
    assert response.bytes_read == len(gzip.compress(TEXT))
    assert server.seen[0].headers["accept-encoding"] == "gzip"


def test_members_padding_and_large_pieces_are_all_decompressed(server: Server, client: Client) -> None:
    packed = gzip.compress(TEXT) + gzip.compress(b"") + gzip.compress(TEXT) + bytes(512)
    assert client.get(server.answer("/", packed, headers=GZIP)).content == TEXT + TEXT


def test_every_split_of_the_wire_gives_the_same_bytes(server: Server, client: Client) -> None:
    packed = gzip.compress(TEXT[:50_000]) + gzip.compress(b"end")
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    pieces = [packed[at : at + 997] for at in range(0, len(packed), 997)]
    assert client.get(server.raw("/", head, *pieces)).content == TEXT[:50_000] + b"end"


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "deflate", "zstd", "gzip, br", "compress", "x" * 500])
def test_other_and_stacked_encodings_are_refused(server: Server, client: Client, encoding: str) -> None:
    assert (
        refused(client, server.answer("/", gzip.compress(b"x"), headers={"Content-Encoding": encoding})) == "encoding"
    )


def test_a_bomb_of_a_gibibyte_is_cut_early_and_in_little_memory(
    server: Server, client: Client, gibibyte: bytes
) -> None:
    url = server.answer("/", gibibyte, headers=GZIP)
    tracemalloc.start()
    assert refused(client, url) == "ratio"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert client.counters.bytes < len(gibibyte) / 4
    assert peak < 50 << 20


def test_a_bomb_under_the_ratio_is_cut_at_the_cap(server: Server, hasty: Policy, gibibyte: bytes) -> None:
    url = server.answer("/", gibibyte, headers=GZIP)
    with Client(replace(hasty, max_ratio=10**6, max_bytes=2 << 20)) as client:
        tracemalloc.start()
        assert refused(client, url) == "too_large"
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
        tracemalloc.stop()


def test_a_bomb_read_as_a_stream_is_cut_too(server: Server, client: Client, gibibyte: bytes) -> None:
    read = 0

    def read_all(body: Body) -> None:
        nonlocal read
        for chunk in body.chunks():
            assert len(chunk) <= 65_536
            read += len(chunk)

    with client.stream(server.answer("/", gibibyte, headers=GZIP)) as body:
        with pytest.raises(SourceUnavailableError, match="compressed more than 100 to 1"):
            read_all(body)
        with pytest.raises(SourceUnavailableError):
            body.read(1)  # what broke off never looks as if it had ended
    assert read < 10 << 20


def test_blocks_that_decompress_to_nothing_count_as_sent(server: Server, hasty: Policy) -> None:
    nothing = gzip.compress(b"") * 20_000
    with Client(replace(hasty, max_bytes=100_000)) as client:
        assert (
            refused(client, server.raw("/", b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", nothing))
            == "too_large"
        )


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (gzip.compress(TEXT)[:-20], "cut"),
        (gzip.compress(TEXT)[:500], "cut"),
        (gzip.compress(TEXT)[:-8] + bytes(8), "encoding"),
        (b"not gzip at all", "encoding"),
        (gzip.compress(b"x", mtime=0) + b"garbage", "encoding"),
        (b"\x1f", "cut"),
    ],
)
def test_damaged_gzip_is_an_error(server: Server, client: Client, content: bytes, detail: str) -> None:
    assert refused(client, server.answer("/", content, headers=GZIP)) == detail


def test_an_empty_body_that_claims_gzip_is_empty(server: Server, client: Client) -> None:
    assert client.get(server.answer("/", b"", headers=GZIP)).content == b""


def test_a_length_over_the_cap_is_refused_unread(server: Server, client: Client) -> None:
    # Whoever waited for more of it than its head would say that it is slow.
    url = server.raw("/", b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n", b"x", pause=60)
    assert refused(client, url) == "too_large"
    assert client.counters.bytes == 0


def test_an_endless_stream_is_cut_at_the_cap(server: Server, hasty: Policy) -> None:
    def endless(exchange: Exchange) -> None:
        exchange.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not server.done.is_set():
            exchange.wfile.write(bytes(65_536))

    server.routes["/"] = endless
    with Client(replace(hasty, max_bytes=1 << 20)) as client:
        assert refused(client, server.url()) == "too_large"
        assert client.counters.bytes < 2 << 20


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n",
    ],
)
def test_a_drip_is_cut(server: Server, hasty: Policy, head: bytes) -> None:
    drops = [b"1\r\nx\r\n" if b"chunked" in head else b"x" for _ in range(2000)]
    with Client(replace(hasty, total=0.4, grace=0.2)) as client:
        started = time.monotonic()
        assert refused(client, server.raw("/", head, *drops, pause=0.02)) in ("slow", "timeout")
        assert time.monotonic() - started < 20


def test_a_body_below_the_least_rate_is_cut_long_before_the_time_is_up(server: Server, hasty: Policy) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"
    with Client(replace(hasty, grace=0.1)) as client:
        started = time.monotonic()
        assert refused(client, server.raw("/", head, *[b"x"] * 2000, pause=0.02)) == "slow"
        assert time.monotonic() - started < hasty.total / 2


@pytest.mark.parametrize(
    "parts",
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", b"only this"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"5\r\nhello\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"ff\r\nhello"),
        (b"HTTP/1.1 200 OK\r\n",),
        (b"",),
    ],
)
def test_a_body_that_ends_before_its_end_is_an_error(server: Server, client: Client, parts: tuple[bytes, ...]) -> None:
    assert refused(client, server.raw("/", *parts)) == "cut"


@pytest.mark.parametrize(
    "parts", [(b"garbage\r\n\r\n",), (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",)]
)
def test_what_is_not_http_is_an_error(server: Server, client: Client, parts: tuple[bytes, ...]) -> None:
    assert refused(client, server.raw("/", *parts)) == "protocol"


def test_chunks_without_a_length_are_put_together(server: Server, client: Client) -> None:
    parts = [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"5\r\nhello\r\n",
        b"6;x=y\r\n there\r\n",
        b"0\r\n\r\n",
    ]
    assert client.get(server.raw("/", *parts)).content == b"hello there"


def test_a_stream_is_a_file_for_lxml_and_for_lines(server: Server, client: Client) -> None:
    xml = b"<rows>" + b"<row>1</row>" * 50_000 + b"</rows>"
    with client.stream(server.answer("/xml", gzip.compress(xml), headers=GZIP)) as body:
        assert sum(1 for _ in etree.iterparse(body, tag="row")) == 50_000
    with client.stream(server.answer("/lines", TEXT)) as body:
        assert list(io.BufferedReader(body)) == TEXT.splitlines(keepends=True)
    with client.stream(server.answer("/all", TEXT)) as body:
        assert body.peek() == TEXT[:1024]
        assert body.read(5) + body.read() == TEXT
        assert body.read(5) == b""


@pytest.mark.slow
def test_the_callers_own_work_does_not_count_as_the_sources_time(server: Server, hasty: Policy) -> None:
    url = server.raw("/", b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n", b"abc", b"def", pause=0.02)
    with Client(replace(hasty, total=1, grace=0.5, min_rate=10)) as client, client.stream(url) as body:

        def slowly() -> Iterator[bytes]:
            for chunk in body.chunks():
                time.sleep(1.2)
                yield chunk

        assert b"".join(slowly()) == b"abcdef"
