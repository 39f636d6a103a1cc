"""The processes of a portal: they share the work, outlive each other's deaths, and end together."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

import pytest

from discovery import server, wiring
from discovery.config import Settings
from discovery.errors import ConfigError, UnavailableError
from discovery.model.record import Record
from discovery.model.source import Mapped, RawRecord
from discovery.store import schema
from discovery.store.connection import Database, sqlite_url

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
WAIT = 150
"""Seconds that something may take on a machine that is busy with other things."""

Start = Callable[..., tuple["subprocess.Popen[str]", str]]


def write(home: Path, name: str) -> None:
    """Store a dataset as a harvest beside the portal would."""
    store = wiring.open_store(Settings(home))
    record = Record("archive", "", name, "dataset", name)
    store.ingest.page("archive", 1, [Mapped(record, RawRecord("", name, b"{}"))])
    store.close()


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=WAIT) as response:
        return json.load(response)


def found(url: str, text: str, *, seconds: float = WAIT) -> int:
    """Return how many records a text finds, waiting for the first."""
    until = time.monotonic() + seconds
    while True:
        count: int = get(f"{url}search?f=json&q={text}")["total"]["value"]
        if count or time.monotonic() > until:
            return count
        time.sleep(0.05)


def children(pid: int) -> list[int]:
    """Return the processes that a process has started; the tracker of multiprocessing, which does nothing, is none."""
    listed = [each for path in Path(f"/proc/{pid}/task").glob("*/children") for each in path.read_text().split()]
    return [int(each) for each in listed if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes()]


def all_children(pid: int, count: int = 3) -> list[int]:
    """Return them when there are as many as there should be."""
    until = time.monotonic() + WAIT
    while len(found := children(pid)) < count and time.monotonic() < until:
        time.sleep(0.05)
    assert len(found) == count
    return found


def gone(pids: list[int], *, seconds: float = WAIT) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return what starts `discovery` with a home and says at which address."""
    started = []

    def run(*arguments: str) -> tuple[subprocess.Popen[str], str]:
        environment = {**os.environ, "DISCOVERY_LOG": "info", "DISCOVERY_LOG_FORMAT": "json", "COLUMNS": "200"}
        command = [sys.executable, "-m", "discovery", "--home", str(tmp_path), *arguments]
        with (tmp_path / "log").open("a") as log:
            process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
        started.append(process)
        assert process.stdout is not None
        line = process.stdout.readline() if arguments[0] == "serve" else ""
        match = re.search(r"http://\S+", line)
        return process, match[0] if match else ""

    yield run
    for process in started:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def test_workers_answer_while_one_of_them_and_the_steward_are_killed(start: Start, tmp_path: Path) -> None:
    process, url = start("serve", "--port", "0", "--workers", "2")
    write(tmp_path, "Crab")
    assert found(url, "crab") == 1
    before = all_children(process.pid)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    # Who is just being killed may still take a connection, and never answer it.
    assert gone(before)
    write(tmp_path, "Vela")
    assert found(url, "vela") == 1
    last = all_children(process.pid)
    assert not set(last) & set(before)
    process.send_signal(signal.SIGTERM)
    assert process.wait(WAIT) == 0
    assert gone(last)


def test_no_process_outlives_a_parent_that_is_killed(start: Start) -> None:
    process, url = start("serve", "--port", "0", "--workers", "2")
    assert get(f"{url}health")["status"] == "ok"
    left = all_children(process.pid)
    process.kill()
    process.wait()
    assert gone(left)
    port = int(url.rsplit(":", 1)[1].strip("/"))
    with socket.create_server(("127.0.0.1", port)):
        pass


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_request_under_way_is_finished_after_sigterm(start: Start, workers: str) -> None:
    process, url = start("serve", "--port", "0", "--workers", workers)
    host, port = url.removeprefix("http://").strip("/").split(":")
    assert get(f"{url}health")["status"] == "ok"
    body = json.dumps({"query": "{ search { totalCount { value } } }"}).encode()
    head = f"POST /graphql HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    head += f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=WAIT) as under_way:
        under_way.sendall(head.encode())
        # Said when the portal asks for the body: until then the request may still wait to be begun.
        assert under_way.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        under_way.sendall(body[:5])
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        under_way.sendall(body[5:])
        answer = b""
        while chunk := under_way.recv(65536):
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 200")
    assert b'"totalCount":{"value":0}' in answer.replace(b" ", b"")
    assert process.wait(WAIT) == 0
    with pytest.raises((URLError, ConnectionError)):
        get(f"{url}health")


def test_a_steward_of_its_own_indexes_for_readers(start: Start, tmp_path: Path) -> None:
    _, url = start("serve", "--port", "0", "--no-steward")
    write(tmp_path, "Crab")
    time.sleep(0.6)
    assert get(f"{url}health")["scopes"]["resources"]["waiting"] == 1
    steward, _ = start("steward")
    assert found(url, "crab") == 1
    steward.send_signal(signal.SIGTERM)
    assert steward.wait(WAIT) == 0


def test_each_request_is_a_line_without_what_was_asked(start: Start, tmp_path: Path) -> None:
    process, url = start("serve", "--port", "0")
    asked = urllib.request.Request(f"{url}search?q=secret+wish&f=json", headers={"X-Request-ID": "proxy-7"})
    with urllib.request.urlopen(asked, timeout=WAIT) as response:
        assert response.headers["X-Request-ID"] == "proxy-7"
    process.send_signal(signal.SIGTERM)
    process.wait(WAIT)
    log = (tmp_path / "log").read_text()
    (line,) = [json.loads(each) for each in log.splitlines()]
    assert (line["request"], line["path"], line["status"], line["level"]) == ("proxy-7", "/search", 200, "info")
    assert "wish" not in log


def test_the_demo_takes_a_free_port_where_that_of_the_settings_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("DISCOVERY_PORT", str(port))
        command = [sys.executable, "-m", "discovery", "--home", str(tmp_path), "demo"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            try:
                assert process.stdout is not None
                said = []
                for line in process.stdout:
                    said.append(line)
                    if match := re.search(r"Discovery is at (http://\S+)", line):
                        break
                assert match is not None, "".join(said)
                assert f":{port}/" not in match[1]
                assert any(line.startswith(f"port {port} of 127.0.0.1 cannot be had (Address") for line in said)
                assert get(f"{match[1]}health")["status"] == "ok"
            finally:
                process.kill()


def test_whoever_comes_while_the_store_is_brought_to_a_new_schema_is_told(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "catalogue.sqlite"
    monkeypatch.setattr(schema, "HEAD", "0009")
    Database(sqlite_url(path)).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # So that bringing it to its schema takes a while.
        _, url = start("serve", "--port", "0")
        with pytest.raises(HTTPError, match="503") as told:
            get(f"{url}health")
        assert told.value.headers["Retry-After"]
        assert "the form of a new version" in json.load(told.value)["problem"]
        other.execute("ROLLBACK")
    until = time.monotonic() + WAIT
    while True:
        try:
            assert get(f"{url}health")["status"] == "ok"
            return
        except HTTPError as error:
            error.close()
            assert time.monotonic() < until
            time.sleep(0.1)


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UnavailableError, match=f"port {port} of 127.0.0.1 cannot be had"):
            server.serve(Settings(tmp_path, port=port), ready=lambda _: None)


def test_no_worker_is_no_portal(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="workers = 0"):
        server.serve(Settings(tmp_path, workers=0), ready=lambda _: None)


def test_keeping_ends_when_asked(tmp_path: Path) -> None:
    """Signals reach the main thread only, so the steward runs there and is asked from another."""
    before = signal.getsignal(signal.SIGTERM)

    def end() -> None:
        # Nobody would be left to say what went wrong, if the signal came before it is listened for.
        while signal.getsignal(signal.SIGTERM) is before:
            time.sleep(0.01)
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGTERM)

    asking = threading.Thread(target=end, daemon=True)
    asking.start()
    server.keep(Settings(tmp_path))
    asking.join()
    assert signal.getsignal(signal.SIGTERM) is before
