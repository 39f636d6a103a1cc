"""While a store is brought to a newer schema every request has an answer at once, and none is lost behind it."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx
import pytest

from discovery import starting


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def address(listening: socket.socket) -> str:
    return f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_programs_and_people_are_told_to_come_again(listening: socket.socket) -> None:
    with starting.answering(listening), httpx.Client(base_url=address(listening)) as client:
        page = client.get("/search", headers={"Accept": "text/html,*/*"})
        words = client.get("/stac/search")
        health = client.get("/health?x=1")
        sent = client.post("/graphql", json={"query": "x" * 10_000})
        looked = client.head("/")
    answers = (page, words, health, sent, looked)
    assert {each.status_code for each in answers} == {503}
    assert {each.headers["retry-after"] for each in answers} == {str(starting.AGAIN)}
    assert "<p>The catalogue is being brought to the form of a new version, for 0 seconds so far;" in page.text
    assert words.json()["error"]["kind"] == "unavailable"
    assert health.json()["status"] == "down"
    assert looked.content == b""


def test_the_socket_is_as_it_was_for_whoever_serves_next(listening: socket.socket) -> None:
    for _ in range(2):
        with starting.answering(listening):
            assert httpx.get(address(listening)).status_code == 503
    with socket.create_connection(listening.getsockname()), listening.accept()[0]:
        pass


def test_who_says_nothing_or_nonsense_keeps_nobody_waiting(listening: socket.socket) -> None:
    with starting.answering(listening):
        silent = socket.create_connection(listening.getsockname())
        with socket.create_connection(listening.getsockname(), timeout=10) as odd:
            odd.sendall(b"\x00\xff nonsense\r\n\r\n")
            assert b"400" in odd.recv(1000)
        assert httpx.get(address(listening)).status_code == 503
    silent.close()
