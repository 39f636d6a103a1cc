"""No document of a stranger reaches beyond itself or makes more of itself than it is."""

from __future__ import annotations

import io
import resource
import socket
import time
from pathlib import Path

import pytest

from discovery.errors import RecordError
from harvesters import xml

LAUGHS = '<!DOCTYPE r [<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))


BOMBS = {
    "billion laughs": (f"{LAUGHS}]><r>&a11;</r>".encode(), "dtd"),
    "laughs in an attribute": (f"{LAUGHS}]><r x='&a11;'/>".encode(), "dtd"),
    "quadratic": (b'<!DOCTYPE r [<!ENTITY a "' + b"a" * 50_000 + b'">]><r>' + b"&a;" * 50_000 + b"</r>", "dtd"),
    "external entity": (b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>', "dtd"),
    "external subset": (b'<!DOCTYPE r SYSTEM "http://127.0.0.1:9/x.dtd"><r/>', "dtd"),
    "parameter entity": (b'<!DOCTYPE r [<!ENTITY % p SYSTEM "http://127.0.0.1:9/p"> %p;]><r/>', "dtd"),
    "behind a comment": (b"<?xml version='1.0'?>\n<!-- x -->\n<?y z?><!DOCTYPE r []><r/>", "dtd"),
    "in small letters": (b"<!doctype html><html></html>", "dtd"),
    "in UTF-16": (f"{LAUGHS}]><r>&a11;</r>".encode("utf-16"), "dtd"),
    "in UTF-16 without a mark": (f"{LAUGHS}]><r>&a11;</r>".encode("utf-16-be"), "dtd"),
    "in UTF-7": (b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE r []>+ADw-r/+AD4-', "broken-xml"),
    "in EBCDIC": (b'<?xml version="1.0" encoding="cp037"?><r/>', "broken-xml"),
    "in an encoding nobody knows": (b'<?xml version="1.0" encoding="x-none"?><r/>', "broken-xml"),
    "behind a long comment": (b"<!--" + b"x" * 100_000 + b"--><!DOCTYPE r [<!ENTITY a 'b'>]><r>&a;</r>", "dtd"),
    "a hundred thousand levels": (b"<a>" * 100_000 + b"</a>" * 100_000, "broken-xml"),
    "a million small elements": (b"<r>" + b"<a/>" * 1_000_001 + b"</r>", "too-large"),
    "attributes of one name": (b"<r " + b"a='' " * 1000 + b"/>", "broken-xml"),
    "an entity that is none": (b"<r>&nbsp;</r>", "broken-xml"),
    "half a document": (b"<r><a>", "broken-xml"),
    "nothing": (b"", "broken-xml"),
    "a control character": (b"<r>\x0b</r>", "broken-xml"),
    "broken UTF-8": (b"<r>\xff\xfe</r>", "broken-xml"),
    "JSON": (b'{"a": 1}', "broken-xml"),
}


@pytest.mark.parametrize("name", sorted(BOMBS))
def test_a_bomb_is_refused_at_once_and_reaches_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("the network was asked"))
    body, code = BOMBS[name]
    began, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(RecordError) as caught:
        xml.parse(body)
    assert caught.value.code == code
    assert time.process_time() - began < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024


def test_a_document_larger_than_an_answer_may_be_is_not_looked_into() -> None:
    with pytest.raises(RecordError) as caught:
        xml.parse(b" " * (xml.MAX_BYTES + 1))
    assert caught.value.code == "too-large"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1", "windows-1252", "us-ascii"])
def test_a_document_is_read_in_the_encoding_it_says(encoding: str) -> None:
    text = "Plan" if encoding == "us-ascii" else "Météo"
    declared = encoding.removesuffix("-sig")
    body = f'<?xml version="1.0" encoding="{declared}"?>\n<r a="1"><!-- no --><t>{text}</t></r>'.encode(encoding)
    assert [each.text for each in xml.parse(body)] == [text]
    assert xml.to_utf8(body).strip() == f'<r a="1"><!-- no --><t>{text}</t></r>'.encode()


def test_a_document_in_utf_8_keeps_its_broken_bytes() -> None:
    assert xml.to_utf8(b"<r><a>\xff</a><b/></r>") == b"<r><a>\xff</a><b/></r>"


def test_a_doctype_in_a_text_is_no_dtd() -> None:
    assert xml.parse(b"<r><![CDATA[<!DOCTYPE html>]]></r>").text == "<!DOCTYPE html>"


def test_a_document_of_two_encodings_is_refused() -> None:
    with pytest.raises(RecordError, match="not XML"):
        xml.to_utf8(b"\xff\xfe<\0r\0>")


def test_a_stream_yields_elements_while_it_is_read() -> None:
    body = b"<r>" + b"<a>1</a>" * 10_000 + b"</r>"
    file = io.BytesIO(body)
    found = xml.stream(file, tag="a")
    assert next(found)[1].text == "1"
    assert file.tell() < len(body)
    assert sum(1 for _ in found) == 9_999


@pytest.mark.parametrize(
    ("body", "code"), [(b"<r><a/>", "broken-xml"), (f"{LAUGHS}]><r><a/></r>".encode(), "dtd"), (b"", "broken-xml")]
)
def test_a_stream_that_is_broken_or_brings_a_dtd_ends_with_the_reason(body: bytes, code: str) -> None:
    with pytest.raises(RecordError) as caught:
        list(xml.stream(io.BytesIO(body)))
    assert caught.value.code == code


def test_nothing_of_a_file_on_this_machine_gets_into_a_document(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("canary")
    body = f'<!DOCTYPE r [<!ENTITY x SYSTEM "{secret.as_uri()}">]><r>&x;</r>'.encode()
    with pytest.raises(RecordError):
        xml.parse(body)
    with pytest.raises(RecordError):
        list(xml.stream(io.BytesIO(body)))
