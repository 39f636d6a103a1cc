"""What is kept of a source, and when its server is asked only whether it is still the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from discovery.http import Client, Kept, Policy

if TYPE_CHECKING:
    from tests.http.conftest import Exchange, Server


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "source.sqlite"


@pytest.fixture
def keeping(server: Server, file: Path) -> Iterator[Client]:
    with Client(Policy().allowing(server.url("/")), kept=Kept(file)) as client:
        yield client


def publish(server: Server, body: bytes, **headers: str) -> str:
    """Serve a document that knows whether somebody has it already."""
    said = {name.replace("_", "-"): value for name, value in headers.items()}

    def answer(exchange: Exchange) -> None:
        known = {exchange.headers.get(name) for name in ("If-None-Match", "If-Modified-Since")}
        if known & set(said.values()):
            exchange.send(304, b"", said)
        else:
            exchange.send(200, body, said)

    server.routes["/a.json"] = answer
    return server.url("/a.json")


@pytest.mark.parametrize(
    "headers", [{"ETag": '"1"'}, {"ETag": 'W/"1"'}, {"Last_Modified": "Mon, 05 Jan 2026 10:00:00 GMT"}]
)
def test_a_document_that_is_as_it_was_is_not_sent_again(
    headers: dict[str, str], server: Server, keeping: Client, file: Path
) -> None:
    url = publish(server, b'{"a": 1}' * 100, **headers)
    first = keeping.document(url)
    read = keeping.counters.bytes
    assert keeping.document(url) == first == b'{"a": 1}' * 100
    assert keeping.counters.bytes == read
    with Client(keeping.policy, kept=Kept(file)) as another_day:
        assert another_day.document(url) == first
        assert another_day.counters.bytes == 0


def test_a_document_that_has_changed_takes_the_place_of_the_old_one(server: Server, keeping: Client) -> None:
    url = publish(server, b"old", ETag='"1"')
    keeping.document(url)
    publish(server, b"new", ETag='"2"')
    assert keeping.document(url) == b"new"
    publish(server, b"not sent", ETag='"2"')
    assert keeping.document(url) == b"new"


@pytest.mark.parametrize("said", ["", "yesterday", "just now"])
def test_what_might_change_unseen_is_read_each_time(said: str, server: Server, keeping: Client, file: Path) -> None:
    moment = format_datetime(datetime.now(UTC) - timedelta(seconds=10), usegmt=True)
    headers = {"Last_Modified": moment if said == "just now" else said} if said else {}
    url = publish(server, b"one", **headers)
    assert keeping.document(url) == b"one"
    publish(server, b"two", **headers)
    assert keeping.document(url) == b"two"
    assert not file.exists()


def test_a_damaged_file_is_forgotten(server: Server, keeping: Client, file: Path) -> None:
    url = publish(server, b"one", ETag='"1"')
    keeping.document(url)
    assert keeping.kept is not None
    keeping.kept.close()
    file.write_bytes(b"this was a database" * 500)
    assert keeping.document(url) == b"one"
    assert keeping.document(url) == b"one"
    assert [each.headers.get("if-none-match") for each in server.seen] == [None, None, '"1"']


def test_where_nothing_can_be_written_everything_is_read(server: Server, tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"no folder")
    with Client(Policy().allowing(server.url("/")), kept=Kept(tmp_path / "kept" / "source.sqlite")) as client:
        url = publish(server, b"one", ETag='"1"')
        assert [client.document(url), client.document(url)] == [b"one", b"one"]


def test_no_more_is_kept_than_may_be(server: Server, file: Path) -> None:
    kept = Kept(file, most=100)
    with Client(Policy().allowing(server.url("/")), kept=kept) as client:
        for name in ("/1", "/2"):
            server.answer(name, bytes(range(80)), headers={"ETag": '"1"'})
            client.document(server.url(name))
    assert kept.find(server.url("/1")) is not None
    assert kept.find(server.url("/2")) is None
    kept.close()


def test_no_address_is_written_down_and_all_can_be_forgotten(server: Server, keeping: Client, file: Path) -> None:
    url = publish(server, b"one", ETag='"1"')
    keeping.document(url)
    assert keeping.kept is not None
    keeping.kept.close()
    assert b"a.json" not in b"".join(each.read_bytes() for each in file.parent.iterdir())
    keeping.kept.forget()
    assert list(file.parent.iterdir()) == []
