from __future__ import annotations

import datetime
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from discovery.errors import SourceRefusedError
from discovery.http import Client, Policy

if TYPE_CHECKING:
    from tests.http.conftest import Server

NAME = "archive.example"


def certificate(folder: Path) -> Path:
    """Write a key and a certificate for NAME, valid today."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "tls.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def test_the_name_goes_into_host_and_sni_and_the_connection_to_the_checked_address(tmp_path: Path) -> None:
    pem = certificate(tmp_path)
    told: dict[str, str | None] = {}

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told["host"] = self.headers["host"]
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    class Quiet(HTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A client that refuses the certificate is part of the test."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    context.sni_callback = lambda sock, name, ctx: told.update(sni=name)
    with Quiet(("127.0.0.1", 0), Answer) as http:
        http.socket = context.wrap_socket(http.socket, server_side=True)
        port = http.server_address[1]
        thread = threading.Thread(target=lambda: http.serve_forever(poll_interval=0.005))
        thread.start()
        url = f"https://{NAME}:{port}/"
        try:
            policy = Policy(ca_file=str(pem)).allowing(url)
            with Client(policy, resolver=lambda host, port: ["127.0.0.1"]) as client:
                assert client.get(url).status == 204
            assert told == {"host": f"{NAME}:{port}", "sni": NAME}
            strict = Policy().allowing(url)
            with (
                Client(strict, resolver=lambda host, port: ["127.0.0.1"]) as client,
                pytest.raises(SourceRefusedError) as caught,
            ):
                client.get(url)
            assert caught.value.detail == "tls"
            assert client.counters.requests == 1
        finally:
            http.shutdown()
            thread.join()


def test_a_name_that_turns_private_after_the_first_look_up_gains_nothing(
    server: Server, start: Callable[[], Server]
) -> None:
    # Public first, private when connecting: what was checked is what is connected to, so the first answer is used up
    # by the first connection and the second is refused.
    victim = start()
    answers = iter([["192.0.2.0"], ["127.0.0.1"]])
    asked = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    policy = Policy(allow_hosts=frozenset({server.host}), ports=frozenset({80, victim.port}), attempts=1)
    url = server.answer("/", b"", 302, {"Location": f"http://rebinding.example:{victim.port}/"})
    with Client(policy, resolver=rebinding) as client:
        for _ in range(2):
            with pytest.raises(SourceRefusedError, match="not a public address"):
                client.get(url)
    assert asked == ["rebinding.example", "rebinding.example"]
    assert victim.connections == 0


def test_each_connection_is_made_to_the_very_address_that_was_checked(server: Server) -> None:
    asked: list[str] = []

    def once(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    url = f"http://peer.example:{server.port}/"
    server.answer("/", b"here")
    with Client(Policy().allowing(url), resolver=once) as client:
        assert client.get(url).content == b"here"
        assert client.get(url).content == b"here"
    assert asked == ["peer.example"]
    assert server.connections == 1


def test_the_second_address_is_tried_when_the_first_is_closed(server: Server) -> None:
    url = f"http://peer.example:{server.port}/"
    server.answer("/", b"here")
    with Client(Policy(connect=2).allowing(url), resolver=lambda host, port: ["127.0.0.2", "127.0.0.1"]) as client:
        assert client.get(url).content == b"here"
        assert client.counters.retries == 0


def test_proxies_of_the_environment_are_not_used(
    server: Server, client: Client, start: Callable[[], Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = start()
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://{proxy.host}")
    with Client(client.policy) as opened:
        assert opened.get(server.answer("/", b"direct")).content == b"direct"
    assert proxy.connections == 0
