from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from discovery.errors import NotFoundError, SourceRefusedError
from discovery.http import Client, Policy, is_public
from discovery.http.address import check, checked_addresses

if TYPE_CHECKING:
    from tests.http.conftest import Server

PRIVATE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.171",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.1.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%lo",
    "fec0::1",
    "ff02::1",
    "4000::1",
    "not-an-address",
]
PUBLIC = ["8.8.8.8", "193.147.153.130", "1.1.1.1", "2606:4700::1111", "2a00:1450:4001:806::200e"]

# P stands for the port of a listener that counts; each of these must leave it at 0.
HOSTILE = [
    # the address itself, as people, C libraries and browsers write it
    *(
        f"http://{host}:P/"
        for host in [
            "127.0.0.1",
            "127.1",
            "127.0.1",
            "0",
            "0.0.0.0",
            "0x7f.1",
            "0x7f.0.0.1",
            "0x7f000001",
            "0X7F000001",
            "0x",
            "2130706433",
            "017700000001",
            "0177.0.0.1",
            "0177.0.0.01",
            "127.0.0.1.",
            "127.000.000.001",
            "00127.0.0.1",
            "127.0.0.0x1",
            "127.0.0.1.0x1",
            "1.2.3",
            "256.256.256.256",
            "4294967297",
            "127。0。0。1",
            "127\uff0e0\uff0e0\uff0e1",
            "127｡0｡0｡1",
            "\uff11\uff12\uff17.0.0.1",
            "①②⑦.⓪.⓪.①",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::127.0.0.1]",
            "[0:0:0:0:0:0:0:1]",
            "[::]",
            "[64:ff9b::127.0.0.1]",
            "[2002:7f00:1::]",
            "[fe80::1%25lo]",
            "[::1%25lo]",
            "[::1%lo]",
            "[v1.x]",
            "[127.0.0.1]",
            "[localhost]",
            "localhost",
            "LOCALHOST",
            "localhost.",
            "\uff4cocalhost",
            "lo\xadcalhost",
            "127.0.0.1%00.example.org",
            "127.0.0.1%2eexample.org",
            "%31%32%37.0.0.1",
            "localhost%2f",
            "-localhost",
            "localhost-",
            "169.254.169.254",
            "metadata..example",
        ]
    ),
    # user parts and other confusions about where the host is
    "http://example.org@127.0.0.1:P/",
    "http://example.org:80@127.0.0.1:P/",
    "http://example.org#@127.0.0.1:P/",
    "http://example.org?@127.0.0.1:P/",
    "http://127.0.0.1:P\\@example.org/",
    "http://example.org\\@127.0.0.1:P/",
    "http://127.0.0.1:P#@example.org/",
    "http://@127.0.0.1:P/",
    "http://:@127.0.0.1:P/",
    "http://a@b@127.0.0.1:P/",
    "http://127.0.0.1 :P/",
    "http://127.0.0.1\t:P/",
    "http://127.0.0.1\r\nHost: example.org:P/",
    "http://127.0.0.1:P\x00.example.org/",
    " http://127.0.0.1:P/",
    "http:127.0.0.1:P/",
    "http:/127.0.0.1:P/",
    "http:///127.0.0.1:P/",
    "//127.0.0.1:P/",
    "127.0.0.1:P/",
    "hTTp://127.0.0.1:P/",
    "http:\\\\127.0.0.1:P\\",
    "https://127.0.0.1:P/",
    "ftp://127.0.0.1:P/",
    "file://127.0.0.1:P/etc/passwd",
    "gopher://127.0.0.1:P/_GET",
    "ws://127.0.0.1:P/",
    "javascript:alert(1)",
    "http://127.0.0.1:+P/",
    "http://127.0.0.1:-P/",
    "http://127.0.0.1:P0000000/",
    "http://127.0.0.1:0/",
    "http://127.0.0.1:/",
    "http://",
    "http://:P/",
    "http://[::1:P/",
    "http://" + "a" * 300 + ":P/",
    "http://" + "a." * 200 + "org:P/",
    "http://127.0.0.1:P/" + "a" * 70_000,
    "",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_or_special_address_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_global_address_is_public(address: str) -> None:
    assert is_public(address)


def test_no_hostile_form_of_a_url_reaches_loopback(server: Server) -> None:
    # The port is allowed here, so that nothing but the checks of form and address stands in between.
    policy = Policy(ports=frozenset({80, 443, server.port}), connect=0.5, attempts=1)
    assert len(HOSTILE) >= 90
    with Client(policy, resolver=lambda host, port: ["127.0.0.1"]) as client:
        for shape in HOSTILE:
            with pytest.raises(SourceRefusedError) as caught:
                client.get(shape.replace("P", str(server.port)) if shape.count("P") == 1 else shape)
            assert caught.value.detail == "address", shape
    assert server.connections == 0


def test_no_redirect_to_a_hostile_form_reaches_loopback(server: Server, start: Callable[[], Server]) -> None:
    victim = start()
    policy = Policy(allow_hosts=frozenset({server.host}), ports=frozenset({80, 443, victim.port}), connect=0.5)
    shapes = [shape.replace("P", str(victim.port)) for shape in HOSTILE if shape.isascii() and shape.isprintable()]
    with Client(policy, resolver=lambda host, port: ["127.0.0.1"]) as client:
        for shape in filter(str.strip, shapes):
            # A 404 of the same server: some of these are relative, and so harmless.
            with pytest.raises((SourceRefusedError, NotFoundError)):
                client.get(server.answer("/leads", b"", 302, {"Location": shape}))
    assert victim.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://me:secret@example.org/",
        "http://me@example.org/",
        "http://@[2606:4700::1111%25lo]/",
        "http://[2606:4700::1111%25lo]/",
        "http://example.org./",
        "http://0x8.8.8.8.0x8/",
    ],
)
def test_a_bad_form_is_refused_before_any_look_up(url: str) -> None:
    with pytest.raises(SourceRefusedError) as caught:
        check(url, Policy())
    assert "secret" not in str(caught.value)


def test_a_port_that_nobody_named_is_refused() -> None:
    with pytest.raises(SourceRefusedError, match="port 9200"):
        check("http://example.org:9200/", Policy())
    assert check("https://example.org/", Policy()).port == 443


def test_a_named_host_may_be_private() -> None:
    assert check("http://127.0.0.1:8000/", Policy().allowing("http://127.0.0.1:8000/")).allowed
    assert checked_addresses("peer", 80, Policy(allow_hosts=frozenset({"peer"})), lambda h, p: ["10.0.0.1"], 1)


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "0.0.0.0", "224.0.0.1", "x"]
)
def test_a_named_host_never_leads_to_where_clouds_keep_secrets(address: str) -> None:
    with pytest.raises(SourceRefusedError):
        checked_addresses("peer", 80, Policy(allow_hosts=frozenset({"peer"})), lambda h, p: [address], 1)


def test_one_private_address_among_public_ones_refuses_all() -> None:
    with pytest.raises(SourceRefusedError, match=r"10\.0\.0\.1"):
        checked_addresses("mixed.example", 80, Policy(), lambda h, p: ["8.8.8.8", "10.0.0.1"], 1)


def test_a_look_up_that_hangs_is_given_up() -> None:
    let_go = threading.Event()

    def slow(host: str, port: int) -> list[str]:
        let_go.wait(60)
        return ["8.8.8.8"]

    try:
        with pytest.raises(OSError, match="longer than"):
            checked_addresses("slow.example", 80, Policy(), slow, 0.05)
    finally:
        let_go.set()


def test_international_names_are_looked_up_in_their_ascii_form() -> None:
    assert check("http://bücher.example/", Policy()).host == "xn--bcher-kva.example"
