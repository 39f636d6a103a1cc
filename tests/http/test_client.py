from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest

from discovery.errors import ConfigError, NotFoundError, RunError, SourceRefusedError, SourceUnavailableError
from discovery.http import Client, Gates, Policy

if TYPE_CHECKING:
    from tests.http.conftest import Exchange, Server


def failing(server: Server, times: int, status: int = 503, headers: dict[str, str] | None = None) -> str:
    """Let `/` fail so many times and then answer."""
    left = iter(range(times))

    def answer(exchange: Exchange) -> None:
        if next(left, None) is None:
            exchange.send(200, b"at last")
        else:
            exchange.send(status, b"busy", headers)

    server.routes["/"] = answer
    return server.url()


class InFlight:
    """Lets `/` answer slowly, and counts the requests until their answers begin.

    Not longer: a client may have all of one, and ask again, before the thread that has sent it hears of that.
    """

    def __init__(self, server: Server) -> None:
        self.now = self.most = 0
        self._lock = threading.Lock()
        server.routes["/"] = self._slowly

    def _slowly(self, exchange: Exchange) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.01)
        with self._lock:
            self.now -= 1
        exchange.send(200, b"x" * 100)


def chain(server: Server, hops: int) -> str:
    for hop in range(hops):
        server.answer(f"/{hop}", b"", 302, {"Location": f"/{hop + 1}"})
    server.answer(f"/{hops}", b"end")
    return server.url("/0")


def test_an_answer_comes_whole_with_what_it_cost(server: Server, client: Client) -> None:
    url = server.answer("/a", b'{"a": 1}', headers={"Content-Type": "Application/JSON; charset=utf-8", "X-Two": "1"})
    response = client.get(url)
    assert (response.status, response.url, response.content) == (200, url, b'{"a": 1}')
    assert response.media_type == "application/json"
    assert response.headers["x-two"] == "1"
    assert (response.requests, response.bytes_read) == (1, 8)
    assert client.json(url) == (b'{"a": 1}', {"a": 1})
    assert server.seen[0].headers["user-agent"] == client.policy.user_agent
    assert server.connections == 1


def test_parameters_are_added_and_those_of_the_url_stay_as_they_are(server: Server, client: Client) -> None:
    server.answer("/a", b"")
    client.get(
        server.url("/a?map=%2Fx%7e&service=WMS"), params={"service": "CSW", "n": 3, "ok": True, "id": ["a b", "c&d"]}
    )
    client.get(server.url("/a?sig=%2b%2F~&x#fragment"))
    assert [seen.path for seen in server.seen] == [
        "/a?map=%2Fx%7e&service=CSW&n=3&ok=true&id=a+b&id=c%26d",
        "/a?sig=%2b%2F~&x",
    ]


def test_a_post_sends_forms_json_and_bytes(server: Server, client: Client) -> None:
    url = server.answer("/", b"")
    client.post(url, data={"LANG": "ADQL", "QUERY": "SELECT 1"})
    client.post(url, json={"limit": 10})
    client.post(url, content=b"<GetRecords/>", headers={"Content-Type": "application/xml"})
    assert [(seen.headers["content-type"], seen.body) for seen in server.seen] == [
        ("application/x-www-form-urlencoded", b"LANG=ADQL&QUERY=SELECT+1"),
        ("application/json", b'{"limit":10}'),
        ("application/xml", b"<GetRecords/>"),
    ]


@pytest.mark.parametrize("hops", [1, 2, 3, 4, 5])
def test_up_to_five_redirects_are_followed(server: Server, client: Client, hops: int) -> None:
    response = client.get(chain(server, hops))
    assert (response.content, response.requests, response.url) == (b"end", hops + 1, server.url(f"/{hops}"))


def test_the_sixth_redirect_is_refused_and_not_tried_again(server: Server, client: Client) -> None:
    with pytest.raises(SourceRefusedError, match="more than 5 times") as caught:
        client.get(chain(server, 6))
    assert caught.value.detail == "redirects"
    assert len(server.seen) == 6


@pytest.mark.parametrize(
    ("status", "method", "body"), [(303, "GET", b""), (302, "GET", b""), (307, "POST", b"q=1"), (308, "POST", b"q=1")]
)
def test_a_post_becomes_a_get_or_stays_as_the_status_says(
    server: Server, client: Client, status: int, method: str, body: bytes
) -> None:
    server.answer("/job", b"done")
    url = server.answer("/", b"", status, {"Location": "job"})
    response = client.post(url, data={"q": 1})
    assert (response.content, response.url) == (b"done", server.url("/job"))
    assert (server.seen[1].method, server.seen[1].body) == (method, body)


def test_a_redirect_to_a_private_host_that_nobody_named_sees_no_connection(
    server: Server, client: Client, start: Callable[[], Server]
) -> None:
    victim = start()
    for location in (
        victim.url(),
        f"http://localhost:{victim.port}/",
        f"//127.0.0.1:{victim.port}/",
        "http://10.0.0.1/",
    ):
        for status in (301, 302, 303, 307, 308):
            with pytest.raises(SourceRefusedError) as caught:
                client.get(server.answer("/", b"", status, {"Location": location}))
            assert caught.value.detail == "address"
    assert victim.connections == 0


def test_credentials_go_to_their_own_host_only(server: Server, hasty: Policy, start: Callable[[], Server]) -> None:
    other = start()
    other.answer("/", b"end")
    server.answer("/same", b"", 302, {"Location": other.url()})
    url = server.answer("/", b"", 302, {"Location": "/same"})
    secret = {"Authorization": "Bearer CANARY", "Cookie": "CANARY", "X-Api-Key": "CANARY", "Prefer": "wait=1"}
    with Client(hasty.with_hosts(other.host)) as client:
        client.get(url, headers=secret)
    assert [seen.headers.get("authorization") for seen in server.seen] == ["Bearer CANARY"] * 2
    assert "CANARY" not in str(other.seen[0].headers)
    assert other.seen[0].headers["prefer"] == "wait=1"


def test_a_redirect_from_https_to_http_is_refused() -> None:
    def leads(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/":
            return httpx.Response(302, headers={"location": f"http://{request.url.host}/plain"})
        return httpx.Response(200, content=b"plain")

    with (
        Client(Policy(), transport=httpx.MockTransport(leads)) as client,
        pytest.raises(SourceRefusedError, match="from https to http"),
    ):
        client.get("https://archive.example/")
    named = Policy(allow_hosts=frozenset({"archive.example"}))
    with Client(named, transport=httpx.MockTransport(leads)) as client:
        assert client.get("https://archive.example/").content == b"plain"


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_source_is_asked_again(server: Server, client: Client, status: int) -> None:
    response = client.get(failing(server, 2, status))
    assert (response.content, response.requests) == (b"at last", 3)
    assert client.counters.retries == 2


@pytest.mark.slow
def test_retry_after_is_waited_for_by_this_thread_and_by_all_others(server: Server, hasty: Policy) -> None:
    asked: list[tuple[str, float]] = []

    def answer(exchange: Exchange) -> None:
        asked.append((exchange.path, time.monotonic()))
        if len(asked) == 1:
            exchange.send(503, b"busy", {"Retry-After": "1"})
        else:
            exchange.send(200, b"at last")

    server.routes |= {"/": answer, "/other": answer}
    gates = Gates(2)
    with Client(hasty, gates=gates) as client, ThreadPoolExecutor(2) as pool:
        first = pool.submit(client.get, server.url())
        # Until it has read what the server says: whoever asks before that cannot know.
        while not gates.of("127.0.0.1")._not_before:
            time.sleep(0.005)
        client.get(server.url("/other"))
        assert first.result().content == b"at last"
        assert client.counters.waited >= 1
    assert sorted(path for path, _ in asked) == ["/", "/", "/other"]
    assert min(moment for _, moment in asked[1:]) - asked[0][1] >= 1


def test_a_source_that_wants_an_hour_is_left_alone(server: Server, client: Client) -> None:
    with pytest.raises(SourceUnavailableError) as caught:
        client.get(failing(server, 9, 503, {"Retry-After": "3600"}))
    assert caught.value.retry_after == 3600
    assert len(server.seen) == 1


def test_a_host_that_wants_an_hour_is_asked_for_nothing_else_either(server: Server, client: Client) -> None:
    """Who can do without the first answer, such as that of /capabilities, goes on to the next question."""
    url = failing(server, 9, 503, {"Retry-After": "3600"})
    with pytest.raises(SourceUnavailableError):
        client.get(url)
    started = time.monotonic()
    for ask in (lambda: client.get(f"{url}/other"), lambda: client.stream(f"{url}/sync", method="POST")):
        with pytest.raises(SourceUnavailableError) as caught:
            ask()
        assert caught.value.detail == "rate_limited"
        assert 3500 < (caught.value.retry_after or 0) <= 3600
    assert len(server.seen) == 1
    assert time.monotonic() - started < 5


def test_after_all_attempts_the_last_reason_is_given(server: Server, client: Client) -> None:
    with pytest.raises(SourceUnavailableError) as caught:
        client.get(failing(server, 99, 429))
    assert (caught.value.detail, caught.value.answer_status, caught.value.content) == ("rate_limited", 429, b"busy")
    assert len(server.seen) == client.policy.attempts == 5


def test_a_body_that_broke_off_is_fetched_again(server: Server, client: Client) -> None:
    left = iter([True, True])

    def answer(exchange: Exchange) -> None:
        if next(left, False):
            exchange.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
            exchange.close_connection = True
        else:
            exchange.send(200, b"all of it!")

    server.routes["/"] = answer
    assert client.get(server.url()).content == b"all of it!"
    assert client.counters.bytes == 18


def test_a_post_is_sent_again_only_if_it_may_be(server: Server, client: Client) -> None:
    with pytest.raises(SourceUnavailableError):
        client.post(failing(server, 2), json={})
    assert len(server.seen) == 1
    assert client.post(server.url(), json={}, idempotent=True).content == b"at last"


def test_a_closed_port_is_tried_again_and_then_reported(server: Server, hasty: Policy) -> None:
    with Client(replace(hasty.with_hosts("127.0.0.1:1"), attempts=3)) as client:
        with pytest.raises(SourceUnavailableError) as caught:
            client.get("http://127.0.0.1:1/")
        assert (caught.value.detail, client.counters.requests, client.counters.retries) == ("connect", 3, 2)


def test_silence_ends_in_time(server: Server, hasty: Policy) -> None:
    server.routes["/"] = lambda exchange: exchange.hang()
    with Client(replace(hasty, read=0.2, attempts=2)) as client:
        started = time.monotonic()
        with pytest.raises(SourceUnavailableError) as caught:
            client.get(server.url())
        assert time.monotonic() - started < hasty.read
        assert (caught.value.detail, client.counters.requests) == ("timeout", 2)


def test_never_more_than_two_requests_at_once_reach_a_host(server: Server, hasty: Policy) -> None:
    in_flight = InFlight(server)
    with Client(hasty) as client, ThreadPoolExecutor(12) as pool:
        assert all(pool.map(lambda _: client.get(server.url()).content, range(60)))
        assert client.counters.requests == 60
    assert in_flight.most == 2


def test_clients_that_share_their_gates_are_together_as_polite_as_one(server: Server, hasty: Policy) -> None:
    in_flight = InFlight(server)
    gates = Gates(2)
    clients = [Client(hasty, gates=gates) for _ in range(6)]
    with ThreadPoolExecutor(12) as pool:
        assert all(pool.map(lambda n: clients[n % 6].get(server.url()).content, range(60)))
    for each in clients:
        each.close()
    assert (len(server.seen), in_flight.most) == (60, 2)


def test_an_open_stream_holds_its_place_and_gives_it_back(server: Server, hasty: Policy) -> None:
    url = server.answer("/", b"x" * 1_000_000)
    with Client(replace(hasty, slot_wait=0.1)) as client:
        with client.stream(url), client.stream(url):
            with pytest.raises(SourceUnavailableError) as caught:
                client.get(url)
            assert caught.value.detail == "busy"
        for _ in range(5):
            with pytest.raises(NotFoundError):
                client.get(server.url("/none"))
            with pytest.raises(SourceUnavailableError):
                client.get(url, max_bytes=10)
        assert len(client.get(url).content) == 1_000_000


@pytest.mark.parametrize("where", ["backoff", "silence", "drip"])
def test_stop_ends_every_wait_at_once(server: Server, hasty: Policy, where: str) -> None:
    stop = threading.Event()
    if where == "backoff":
        failing(server, 9, 503, {"Retry-After": "30"})
    elif where == "silence":
        server.routes["/"] = lambda exchange: exchange.hang()
    else:
        server.raw("/", b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", *[b"x"] * 999, pause=0.05)

    def end() -> None:
        # A request that is still on its way when all is over would be seen afterwards.
        while not server.seen:
            time.sleep(0.005)
        time.sleep(0.1)
        stop.set()

    with Client(replace(hasty, min_rate=0, backoff_cap=60), stop=stop) as client:
        threading.Thread(target=end, daemon=True).start()
        started = time.monotonic()
        with pytest.raises(RunError):
            client.get(server.url())
        assert time.monotonic() - started < hasty.read / 2
        seen = len(server.seen)
        with pytest.raises(RunError):
            client.get(server.url())
        assert len(server.seen) == seen


def test_the_log_has_every_request_and_no_secret(server: Server, hasty: Policy) -> None:
    lines: list[Mapping[str, object]] = []
    failing(server, 1)
    with Client(hasty, log=lines.append) as client:
        client.get(server.url("/?token=CANARY&q=1"), headers={"Authorization": "CANARY"})
    assert [(line["status"], line["attempt"]) for line in lines] == [(503, 1), (200, 2)]
    assert lines[0]["url"] == server.url("/?token=REDACTED&q=1")
    assert "CANARY" not in str(lines)


def test_counters_tell_a_run_from_the_one_before(server: Server, client: Client) -> None:
    url = server.answer("/", b"12345")
    client.get(url)
    before = client.counters
    client.get(url)
    spent = client.counters.since(before)
    assert (spent.requests, spent.bytes, spent.retries) == (1, 5, 0)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "x"},
        {"accept-encoding": "br"},
        {"X": "a\r\nY: b"},
        {"X": "é"},
        {"a b": "c"},
        {"Transfer-Encoding": "chunked"},
    ],
)
def test_headers_that_would_undo_a_protection_are_refused(
    server: Server, client: Client, headers: dict[str, str]
) -> None:
    with pytest.raises(ConfigError):
        client.get(server.url(), headers=headers)
    assert server.connections == 0


def test_deleting_a_job_follows_to_the_list(server: Server, client: Client) -> None:
    server.answer("/jobs", b"[]")
    assert client.delete(server.answer("/jobs/1", b"", 303, {"Location": "/jobs"})).content == b"[]"
    assert [seen.method for seen in server.seen] == ["DELETE", "GET"]
