"""Whether a file is there: in real folders with real links, on a real server of loopback, and in a mount that hangs."""

from __future__ import annotations

import http.server
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from discovery.http import Client, Policy
from discovery.launch.existence import STATES, Checker, Finding, look_beneath
from discovery.launch.resolver import Place
from discovery.model.storage import Storage
from discovery.model.volume import Volume

SECRET = "canary"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a mounted volume: a file, a folder, links within it, links out of it, and a pipe."""
    root = tmp_path / "volume"
    (root / "a").mkdir(parents=True)
    (root / "a" / "b.fits").write_bytes(b"12345")
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "volume-other").mkdir()
    (tmp_path / "volume-other" / "x").write_text(SECRET)
    (root / "inside").symlink_to("a/b.fits")
    (root / "out").symlink_to("../secret")
    (root / "out-absolute").symlink_to(tmp_path / "secret")
    (root / "out-folder").symlink_to(tmp_path)
    (root / "out-twice").symlink_to("out")
    (root / "sibling").symlink_to("../volume-other/x")
    (root / "loop").symlink_to("loop")
    (root / "dangling").symlink_to("nowhere")
    os.mkfifo(root / "pipe")
    return root


@pytest.mark.parametrize(
    ("tail", "state", "size"),
    [
        ("a/b.fits", "there", 5),
        ("a", "there", None),
        ("inside", "there", 5),
        ("a/none.fits", "missing-file", None),
        ("dangling", "missing-file", None),
        ("loop", "missing-file", None),
        ("a/b.fits/c", "missing-file", None),
        ("out", "outside", None),
        ("out-absolute", "outside", None),
        ("out-folder/secret", "outside", None),
        ("out-twice", "outside", None),
        ("sibling", "outside", None),
        ("../secret", "outside", None),
        ("a/../../secret", "outside", None),
        ("pipe", "refused", None),
    ],
)
def test_a_look_beneath_a_folder_stays_beneath_it(tail: str, state: str, size: int | None, folder: Path) -> None:
    found = look_beneath(str(folder), tail)
    assert (found.state, found.size) == (state, size)
    assert SECRET not in str(found)


def test_a_folder_that_is_not_there_or_empty_is_not_mounted(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    for name in ("none", "empty", "file"):
        assert look_beneath(str(tmp_path / name), "a").state == "missing-mount"


def test_a_link_that_comes_in_between_is_not_followed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.path.realpath

    def swapped(path: str, **more: bool) -> str:
        found = real(path, **more)
        if str(path).endswith("a/b.fits"):
            # Somebody puts a link in place of the folder after it was looked at.
            (folder / "a").rename(folder / "gone")
            (folder / "a").symlink_to(folder.parent)
            (folder.parent / "b.fits").write_text(SECRET)
        return found

    monkeypatch.setattr(os.path, "realpath", swapped)
    assert look_beneath(str(folder), "a/b.fits").state == "outside"


def test_a_path_is_looked_for_where_its_volume_is_mounted_here(folder: Path) -> None:
    volume = Volume("v", "V", "/media/data/pub")
    place = Place("volume", "/media/data/pub/a/b.fits", "v")
    assert Checker([volume], mounts={"/media/data/pub": str(folder)}).check(place) == Finding("there", 5)
    assert Checker([volume], mounts={"/media/data": str(folder.parent)}).check(place).state == "missing-file"
    nested = {"/media/data": "/nowhere", "/media/data/pub": str(folder)}
    assert Checker([volume], mounts=nested).check(place).state == "there"
    assert Checker([volume]).check(place).state == "missing-mount"


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "/proc/self/environ", "/var/lib/id_rsa", "/dev/zero", "/passwd", "x", ""]
)
def test_a_record_cannot_have_the_folders_of_a_system_looked_into(path: str) -> None:
    root = path.rpartition("/")[0] or path
    assert Checker([Volume("v", "V", root)]).check(Place("volume", path, "v")).state == "unchecked"


def test_a_mount_that_hangs_costs_its_patience_once_and_one_thread() -> None:
    asleep, let_go = threading.Event(), threading.Event()

    def hang(_folder: str, _tail: str) -> Finding:
        asleep.set()
        let_go.wait(60)
        return Finding("there")

    checker = Checker(mounts={"/media/data/dead": "/dead"}, patience=0.2, look=hang)
    place = Place("volume", "/media/data/dead/a")
    began, threads = time.monotonic(), threading.active_count()
    states = {checker.check(place).state for _ in range(50)}
    assert states == {"slow"}
    assert asleep.is_set()
    assert time.monotonic() - began < 50 * 0.2
    assert threading.active_count() <= threads + 1
    let_go.set()
    deadline = time.monotonic() + 60
    while checker.check(place).state != "there" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert checker.check(place).state == "there"


def test_a_look_that_fails_is_an_answer_too() -> None:
    def fail(_folder: str, _tail: str) -> Finding:
        raise OSError("stale file handle")

    found = Checker(mounts={"/media/data/x": "/x"}, look=fail).check(Place("volume", "/media/data/x/a"))
    assert (found.state, found.detail) == ("missing-file", "stale file handle")


class Archive(http.server.BaseHTTPRequestHandler):
    """Answers by the first word of the path."""

    asked: list[tuple[str, str]] = []  # noqa: RUF012 - one a server, set by the fixture
    over = threading.Event()
    """Set when nobody asks any more."""

    def log_message(self, *_: object) -> None:
        """Stay silent."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.asked.append((self.command, self.path))
        word = self.path.split("/")[1]
        if word == "slow":
            self.over.wait(60)
        status = {"there": 200, "none": 404, "gone": 410, "keys": 403, "ill": 500, "slow": 200, "nohead": 405}[word]
        if word == "nohead" and self.command == "GET":
            status = 206
        self.send_response(status)
        if status == 206:
            self.send_header("Content-Range", "bytes 0-0/777")
        self.send_header("Content-Length", "1" if status == 206 else "12345")
        self.end_headers()
        if status == 206:
            self.wfile.write(b"x")


@pytest.fixture
def archive() -> Iterator[tuple[str, Client]]:
    """Return the address of a server, and a client that may ask it."""
    Archive.asked, Archive.over = [], threading.Event()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Archive)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    with Client(Policy().allowing(url)) as client:
        yield url, client
    Archive.over.set()
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("word", "state", "size"),
    [
        ("there", "there", 12345),
        ("none", "missing-file", None),
        ("gone", "missing-file", None),
        ("keys", "refused", None),
        ("ill", "unreachable", None),
        ("slow", "slow", None),
        ("nohead", "there", 777),
    ],
)
def test_an_address_is_asked_for_its_head(word: str, state: str, size: int | None, archive: tuple[str, Client]) -> None:
    url, client = archive
    patience = 0.2 if word == "slow" else 30
    found = Checker(client=client, patience=patience).check(Place("https", f"{url}/{word}/a.fits"))
    assert (found.state, found.size) == (state, size)
    if word != "slow":
        assert Archive.asked[0] == ("HEAD", f"/{word}/a.fits")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/a", "http://169.254.169.254/latest/meta-data", "http://[::1]/a", "https://localhost/a"]
)
def test_nothing_private_is_asked(url: str, loopback_only: None) -> None:
    with Client(Policy(connect=0.5, read=0.5, total=0.5)) as client:
        assert Checker(client=client).check(Place("https", url)).state == "unreachable"
        store = Storage(url.rpartition("/")[0].removesuffix("/latest"), anonymous=True)
        assert Checker(client=client).check(Place("s3", "s3://bucket/a", store=store)).state == "unreachable"


def test_an_open_bucket_is_asked_at_its_endpoint(archive: tuple[str, Client]) -> None:
    url, client = archive
    store = Storage(url, "default", True)
    checker = Checker(client=client, patience=30)
    assert checker.check(Place("s3", "s3://there/Sentinel 2/ä?#.jp2", store=store)) == Finding("there", 12345)
    assert Archive.asked == [("HEAD", "/there/Sentinel%202/%C3%A4%3F%23.jp2")]


@pytest.mark.parametrize("store", [Storage(anonymous=False), Storage(requester_pays=True)])
def test_a_bucket_that_wants_keys_or_money_is_not_asked(store: Storage, archive: tuple[str, Client]) -> None:
    found = Checker(client=archive[1]).check(Place("s3", "s3://usgs-landsat/a", store=store))
    assert found.state == "keys-needed"
    assert Archive.asked == []


def test_what_nobody_can_say_is_said() -> None:
    assert Checker().check(Place("https", "https://x.example/a")).state == "unchecked"
    with Client(Policy()) as client:
        assert Checker(client=client).check(Place("s3", "s3://bucket")).state == "unchecked"


def test_every_state_has_a_sentence() -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "locate.md").read_text(encoding="utf-8")
    assert all(f"| `{state}` | {sentence} |" in page for state, sentence in STATES.items())
    assert Finding("there", 5).to_dict() == {"state": "there", "message": STATES["there"], "size": 5}
    assert Finding("slow", detail="x").to_dict()["detail"] == "x"
