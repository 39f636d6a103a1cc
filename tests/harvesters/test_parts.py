"""A document without one of its parts, and whole again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from discovery.errors import RecordError
from harvesters.parts import Part, document

JSON = b'{"a":{"b":1,"c":[1,2],"d":[{"e":1},{"e":2}]},"f":null}'
XML = b'<m:r xmlns:m="urn:m" v="1"><m:k>a</m:k><m:k>b</m:k><t x="2">c</t></m:r>'


def every(parts: list[Part]) -> Iterator[Part]:
    for part in parts:
        yield part
        yield from every(part.parts())


def test_parts_of_json_are_named_by_their_place() -> None:
    paths = [each.path for each in every(document(JSON, "application/json").parts)]
    assert paths == ["a", "a.b", "a.c", "a.d", "a.d[0]", "a.d[0].e", "a.d[1]", "a.d[1].e", "f"]


def test_parts_of_xml_are_named_by_tags_and_attributes() -> None:
    paths = [each.path for each in every(document(XML, "application/xml").parts)]
    assert paths == ["@v", "m:k[1]", "m:k[2]", "t", "t/@x"]


@pytest.mark.parametrize(("body", "media_type"), [(JSON, "application/json"), (XML, "text/xml"), (XML, "")])
def test_a_part_is_out_while_the_block_runs_and_back_in_its_place_afterwards(body: bytes, media_type: str) -> None:
    found = document(body, media_type)
    whole = found.write()
    seen = set()
    for part in every(found.parts):
        with part.out():
            seen.add(found.write())
        assert found.write() == whole
    assert whole not in seen
    assert len(seen) == len(list(every(found.parts)))


def test_a_part_comes_back_when_the_block_fails() -> None:
    found = document(JSON, "")
    with pytest.raises(ZeroDivisionError), found.parts[0].out():
        raise ZeroDivisionError
    assert found.write() == JSON


@pytest.mark.parametrize("body", [b"{", b"[1]", b"<a", b"7", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'])
def test_what_has_no_parts_is_refused(body: bytes) -> None:
    with pytest.raises(RecordError):
        document(body, "application/json")


def test_a_deep_document_is_looked_into_only_so_far() -> None:
    deep = b'{"a":' * 200 + b"1" + b"}" * 200
    assert len(list(every(document(deep, "").parts))) < 100
    with pytest.raises(RecordError, match="cannot be written"):
        document(b'{"a":' * 500 + b"1" + b"}" * 500, "")
