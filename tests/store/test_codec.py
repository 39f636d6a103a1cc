"""Packing bodies: smaller where it helps, whole when read, and honest about damage."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from discovery.errors import DiscoveryError
from discovery.store.codec import pack, storable, unpack


@given(st.binary(max_size=600) | st.binary(max_size=8).map(lambda part: part * 100))
def test_any_body_comes_back_and_costs_at_most_one_byte_more(body: bytes) -> None:
    stored = pack(body)
    assert unpack(stored) == body
    assert len(stored) <= len(body) + 1


def test_a_body_of_repeats_is_stored_smaller() -> None:
    assert len(pack(b'{"type":"Feature"}' * 100)) < 100


def test_a_body_of_a_store_that_is_older_is_read() -> None:
    body = b'{"type":"Feature"}' * 100
    assert unpack(b"\x01" + zstandard.ZstdCompressor(write_checksum=True).compress(body)) == body


def test_what_bodies_have_in_common_never_changes() -> None:
    # Whatever is packed by it could not be read any more.
    known = (files("discovery.store") / "data" / "bodies-2.zdict").read_bytes()
    assert hashlib.sha256(known).hexdigest() == "0861f4f8dd277190dc3ff393d2a8fb822fa1acf16b8c28d13f06f7e8e1eecaa0"


def test_many_threads_pack_and_unpack_at_once() -> None:
    bodies = [bytes([n]) * 5000 + bytes(range(256)) for n in range(64)]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda body: unpack(pack(body)), bodies)) == bodies


def test_every_flipped_byte_of_a_packed_body_is_noticed() -> None:
    body = b'{"type":"Feature"}' * 100
    stored = pack(body)
    for at in range(len(stored)):
        damaged = stored[:at] + bytes([stored[at] ^ 0x40]) + stored[at + 1 :]
        with pytest.raises(DiscoveryError, match=r"damaged|does not know"):
            unpack(damaged)


@pytest.mark.parametrize("stored", [b"", b"\x02new way", b"\x01", pack(b"x" * 500)[:-3]])
def test_a_body_cut_short_or_of_a_newer_version_is_refused(stored: bytes) -> None:
    with pytest.raises(DiscoveryError, match="a stored body"):
        unpack(stored)


def test_a_text_loses_only_what_no_database_takes() -> None:
    plain = "Wörter, 中文 \U0001f30d\nand\ta\x01line"
    assert storable(plain) == plain
    assert storable("a\0b\ud83d\udf0d") == "a\ufffdb\ufffd\ufffd"
