"""Buckets of a real S3 service on this machine: what a place says is enough to look there, and to read from there."""

from __future__ import annotations

import re
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from discovery.http import Client, Policy
from discovery.launch.existence import Checker
from discovery.launch.resolver import Place, resolve
from discovery.launch.rules import read
from discovery.model.record import Asset, Record

pytestmark = [pytest.mark.slow, pytest.mark.peer]
VENV = Path(__file__).parents[2] / ".cache" / "peers" / "moto"
RUNNING = re.compile(r"http://127\.0\.0\.1:[0-9]+")
Peer = Callable[[bool, str], None]


@pytest.fixture(scope="module")
def service(peer: Peer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a service with a bucket of one open object and one that is not."""
    peer((VENV / ".installed").is_file(), "moto is not here; tests/peers/moto.sh builds it")
    log = tmp_path_factory.mktemp("moto") / "log"
    # The system chooses the port, and the service says which one.
    command: list[str | Path] = [VENV / "bin" / "python", "-u", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with log.open("wb") as out:
        running = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        deadline = time.monotonic() + 60
        while not ((said := RUNNING.search(log.read_text())) and _answers(f"{said[0]}/moto-api/")):
            assert running.poll() is None, f"moto ended: {log.read_text()}"
            assert time.monotonic() < deadline, "moto does not answer"
            time.sleep(0.1)
        url = said[0]
        _put(f"{url}/our-bucket")
        _put(f"{url}/our-bucket/Sentinel-2/%C3%A4%2Bb.jp2", b"12345", "public-read")
        _put(f"{url}/our-bucket/closed.jp2", b"1234567", "private")
        yield url
    finally:
        running.terminate()
        running.wait(20)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except OSError:
        return False


def _put(url: str, body: bytes = b"", acl: str = "") -> None:
    headers = {"Content-Type": "application/octet-stream", "x-amz-acl": acl or "private"}
    request = urllib.request.Request(url, body, headers, method="PUT")
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 200


def found(service: str, key: str, store: str = "anonymous = true") -> Place:
    """Return the place that a rule with the service's endpoint makes of a key."""
    rules = read(
        f"""
        [[rule]]
        name = "ours"
        give = ["s3://our-bucket/{{key}}"]
        store = {{ endpoint = "{service}", region = "us-east-1", {store} }}
        when = [{{ of = "href", match = "^archive:(?P<key>.+)$" }}]
        """,
        "x",
    )
    record = Record("s", "c", "r", "observation", "T", assets=(Asset(f"archive:{key}", "a"),))
    (file,) = resolve(record, rules, ())
    return file.places[0]


@pytest.mark.parametrize(
    ("key", "store", "state", "size"),
    [
        ("Sentinel-2/ä+b.jp2", "anonymous = true", "there", 5),
        ("Sentinel-2/none.jp2", "anonymous = true", "missing-file", None),
        ("closed.jp2", "anonymous = true", "refused", None),
        ("closed.jp2", "anonymous = false", "keys-needed", None),
        ("closed.jp2", "requester_pays = true", "keys-needed", None),
    ],
)
def test_an_object_is_there_for_everybody_for_others_or_not_at_all(
    key: str, store: str, state: str, size: int | None, service: str
) -> None:
    with Client(Policy(connect=5, read=5, total=5).allowing(service)) as client:
        seen = Checker(client=client, patience=5).check(found(service, key, store))
    assert (seen.state, seen.size) == (state, size)


def test_an_endpoint_that_is_not_allowed_is_not_asked(service: str) -> None:
    with Client(Policy(connect=5, read=5, total=5)) as client:
        assert Checker(client=client).check(found(service, "closed.jp2")).state == "unreachable"


def test_what_a_place_says_is_enough_for_a_client_to_read_it(service: str) -> None:
    obstore = pytest.importorskip("obstore")
    place = found(service, "Sentinel-2/ä+b.jp2")
    assert place.store is not None
    bucket, _, key = place.address.removeprefix("s3://").partition("/")
    opened = obstore.store.S3Store(
        bucket,
        endpoint=place.store.endpoint,
        region=place.store.region,
        skip_signature=bool(place.store.anonymous),
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )
    assert bytes(obstore.get(opened, key).bytes()) == b"12345"
