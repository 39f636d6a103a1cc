"""A real JupyterHub, asked by its REST API: started once, followed, opened, stopped; and every way that it can fail."""

from __future__ import annotations

import http.server
import json
import secrets
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from discovery.errors import BadQueryError, TooManyError, UnavailableError
from discovery.launch.targets import LaunchTarget, Order, made
from discovery.launch.zones import HUB, Place
from discovery.model.launch import FAILED, READY, STARTING, STOPPED, STOPPING, Asked, Launch, State
from discovery.model.person import Person
from discovery.store.launches import new_id

if TYPE_CHECKING:
    from tests.launch.targets.conftest import RunningHub

ADA = Person("adaadaadaadaadaa", "Ada", "ada@example.org", subject="s-1")
VOLUME, GONE = "a" * 16, "b" * 16
TOKEN = "7" * 40
At = Callable[..., LaunchTarget]
OWN = """
def broken(spawner):
    raise RuntimeError("nothing for other people, token=abcdefgh12345678")
hook = c.Spawner.pre_spawn_hook
def either(spawner):
    return broken(spawner) if spawner.user.name == "brokenbrokenbrok" else hook(spawner)
c.Spawner.pre_spawn_hook = either
c.JupyterHub.named_server_limit_per_user = 2
"""


def launch(person: Person = ADA, volumes: tuple[str, ...] = ()) -> Launch:
    return Launch(new_id(), person.id, "hub", "sci", asked=Asked(("r" * 16,), volumes, "Deep field"))


def moved(given: Launch, state: State) -> Launch:
    return replace(
        given,
        status=state.status,
        message=state.message,
        url=state.url or given.url,
        server=state.server or given.server,
    )


def until(target: LaunchTarget, given: Launch, wanted: str, seconds: float = 60) -> Launch:
    deadline = time.monotonic() + seconds
    while given.status != wanted and time.monotonic() < deadline:
        time.sleep(0.1)
        given = moved(given, target.state(given))
    assert given.status == wanted, given.message
    return given


@pytest.fixture(scope="module")
def hub(start_hub: Callable[..., RunningHub], tmp_path_factory: pytest.TempPathFactory) -> RunningHub:
    volume = tmp_path_factory.mktemp("volume")
    (volume / "here.txt").write_text("mounted")
    return start_hub("http://127.0.0.1:1", {VOLUME: ("here", volume), GONE: ("gone", volume / "none")}, OWN)


@pytest.fixture
def at() -> Iterator[At]:
    """Return `at(url)`: a target there, closed after the test."""
    made_here: list[LaunchTarget] = []

    def make(url: str, token: str = TOKEN, **more: Any) -> LaunchTarget:
        made_here.append(made(Place("hub", HUB, "The hub", url=url, token=token, **more)))
        return made_here[-1]

    yield make
    for each in made_here:
        each.close()


@pytest.fixture
def target(hub: RunningHub, at: At) -> LaunchTarget:
    return at(hub.url, hub.token, log=hub.folder / "hub.log")


@pytest.mark.peer
@pytest.mark.timeout(180)
def test_a_server_is_started_once_opened_by_a_token_of_its_own_and_stopped(
    hub: RunningHub, target: LaunchTarget, capsys: pytest.CaptureFixture[str]
) -> None:
    assert target.health().ok, target.health()
    wanted = launch(volumes=(VOLUME,))
    began = time.monotonic()
    first = moved(wanted, target.start(Order(wanted, ADA)))
    again = moved(wanted, target.start(Order(wanted, ADA)))
    assert first.status == again.status == STARTING
    assert first.server == again.server == f"{ADA.id}/lab-{wanted.id[:20]}"
    running = until(target, first, READY)
    with capsys.disabled():
        print(f"\nhub: launch -> ready in {time.monotonic() - began:.1f} s (mark 5 s)")  # noqa: T201
    assert target.start(Order(wanted, ADA)).status == STARTING
    assert until(target, first, READY).status == READY
    assert (hub.home(ADA.id) / "data" / "here" / "here.txt").read_text() == "mounted"

    url = target.url(running)
    parts = urlsplit(url)
    assert f"{parts.scheme}://{parts.netloc}" == hub.url
    assert hub.token not in url
    token = parts.query.removeprefix("token=")
    with urllib.request.urlopen(url, timeout=30) as page:
        assert b"jupyter" in page.read().lower()
    # It opens this server and nothing else: not the hub, not another server.
    asked = urllib.request.Request(f"{hub.url}/hub/api/users", headers={"Authorization": f"token {token}"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(asked, timeout=10)
    assert refused.value.code == 403
    refused.value.close()
    assert hub.token not in hub.log

    stopping = moved(running, target.stop(running))
    assert stopping.status in (STOPPING, STOPPED)
    assert until(target, stopping, STOPPED).status == STOPPED
    assert target.stop(running).status == STOPPED
    assert target.state(replace(running, status=READY)).status == STOPPED


@pytest.mark.peer
def test_a_volume_that_the_hub_has_not_is_refused_in_its_words(target: LaunchTarget) -> None:
    for id, words in ((GONE, "gone is not mounted on this hub just now"), ("c" * 16, "no volume 'cccccccccccccccc'")):
        wanted = launch(volumes=(id,))
        with pytest.raises(BadQueryError, match=words):
            target.start(Order(wanted, ADA))


@pytest.mark.peer
def test_a_server_that_does_not_start_says_why_without_secrets(hub: RunningHub, target: LaunchTarget) -> None:
    person = replace(ADA, id="brokenbrokenbrok")
    wanted = launch(person)
    failed = until(target, moved(wanted, target.start(Order(wanted, person))), FAILED)
    assert "nothing for other people" in failed.message
    assert "abcdefgh12345678" not in failed.message
    assert hub.token not in failed.message
    # Nothing of it is left that would count for a limit.
    assert target.stop(failed).status == STOPPED


@pytest.mark.peer
def test_a_notebook_that_the_portal_does_not_send_is_a_failure_in_words(target: LaunchTarget) -> None:
    wanted = launch()
    wanted = replace(wanted, asked=replace(wanted.asked, notebook="a.ipynb"))
    shown = f"{wanted.id}.{secrets.token_hex(16)}"
    failed = until(target, moved(wanted, target.start(Order(wanted, ADA, shown))), FAILED)
    assert "the portal did not send the notebook" in failed.message
    assert shown not in failed.message


@pytest.mark.peer
def test_a_wrong_token_is_said_to_be_the_operators_matter(hub: RunningHub, at: At) -> None:
    wrong = at(hub.url, "0" * 64)
    assert not wrong.health().ok
    assert "does not take this portal's token" in wrong.health().message
    with pytest.raises(UnavailableError, match="operator can help"):
        wrong.start(Order(launch(), ADA))


# Hubs that are none, or are ill: servers of our own say what no healthy hub says.


@contextmanager
def answering(status: int, body: bytes, headers: dict[str, str] | None = None) -> Iterator[tuple[str, list[Any]]]:
    """Serve one answer for everything but users, and remember what was asked."""
    asked: list[Any] = []

    class Ill(http.server.BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            asked.append((self.command, self.path, dict(self.headers), self.rfile.read(length)))
            known = self.command == "GET" and "/users/" in self.path and "/servers/" not in self.path
            self.send_response(200 if known else status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            content = b"{}" if known else body
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = _answer  # noqa: N815

        def log_message(self, *_: Any) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ill)
    # Its socket is closed where a test fails, too: what is left open is reported in the test that runs next.
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (400, b'{"message": "User ada already has the maximum of 5 named servers."}', BadQueryError, "maximum of 5"),
        (400, b"<html>what</html>", BadQueryError, "does not say why"),
        (400, b'{"message": "<script>alert(1)</script>\\u0007 no"}', BadQueryError, r"refuses this: alert\(1\) no"),
        (401, b"", UnavailableError, "operator can help"),
        (403, b'{"message": "x"}', UnavailableError, "operator can help"),
        (404, b"", UnavailableError, "nothing is lost"),
        (418, b"", UnavailableError, "nothing is lost"),
        (429, b'{"message": "Too many"}', TooManyError, "too many servers"),
        (500, b"boom", UnavailableError, "nothing is lost"),
        (503, b"", UnavailableError, "nothing is lost"),
        (302, b"", UnavailableError, "nothing is lost"),
    ],
)
def test_an_ill_hub_has_its_sentence(status: int, body: bytes, error: type[Exception], words: str, at: At) -> None:
    with answering(status, body, {"Location": "http://127.0.0.1:1/evil"} if status == 302 else None) as (url, _):
        with pytest.raises(error, match=words) as refused:
            at(url).start(Order(launch(), ADA))
        assert TOKEN not in str(refused.value)
        assert not at(url).health().ok or status == 200


@pytest.mark.slow
def test_nobody_at_the_address_loses_nothing(at: At) -> None:
    target = at("http://127.0.0.1:1")
    assert not target.health().ok
    assert "does not answer just now" in target.health().message
    running = replace(launch(), status=READY, server="ada/x")
    for act in (target.state, target.stop, target.url):
        with pytest.raises(UnavailableError, match="nothing is lost"):
            act(running)


@pytest.mark.slow
def test_a_hub_gets_ids_alone_and_a_name_that_can_be_one(at: At) -> None:
    with answering(202, b"{}") as (url, asked):
        wanted = launch(volumes=(VOLUME,))
        at(url).start(Order(wanted, ADA, "x" * 30))
        method, path, headers, body = asked[-1]
        assert (method, path) == ("POST", f"/hub/api/users/{ADA.id}/servers/lab-{wanted.id[:20]}")
        assert headers["authorization"] == f"token {TOKEN}"
        assert json.loads(body) == {
            "display_name": "Deep field",
            "user_options": {"launch": wanted.id, "volumes": [VOLUME]} | {"notebook": "x" * 30},
        }
        by_mail = at(url, user="email")
        by_mail.start(Order(wanted, ADA))
        assert asked[-1][1].startswith("/hub/api/users/ada%40example.org/servers/")
        for mail in ("", "../admin", "a b@x.org", "ada/../../x", "é@x.org"):
            with pytest.raises(BadQueryError, match="cannot be one"):
                by_mail.start(Order(wanted, replace(ADA, email=mail)))
        # A token that is none goes into no address.
        with pytest.raises(UnavailableError, match="no token"):
            at(url).url(replace(wanted, status=READY, server="ada/x", url=f"{url}/user/ada/x/lab"))
        signing = at(url, sign_in="hub")
        assert signing.url(replace(wanted, url=f"{url}/user/ada/x/lab")) == f"{url}/user/ada/x/lab"
