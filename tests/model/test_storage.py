from __future__ import annotations

import pytest

from discovery.model.record import Record
from discovery.model.storage import MAX_BUCKETS, PROPERTY, Storage, bucket_of, buckets, endpoint, said


def record(*texts: str) -> Record:
    return Record("s", "c", "r", "dataset", "R", properties={PROPERTY: texts})


def test_what_is_known_of_buckets_is_read_back_from_a_record() -> None:
    known = {
        "EarthCODE": Storage("https://s3.waw4-1.cloudferro.com", requester_pays=False),
        "usgs-landsat": Storage("", "us-west-2", False, True),
    }
    assert buckets(record(*said(known))) == known


def test_nothing_is_kept_of_a_bucket_that_nobody_says_anything_of() -> None:
    assert said({"some-bucket": Storage()}) == ()
    assert buckets(Record("s", "c", "r", "dataset", "R")) == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "[]",
        "1",
        '{"bucket": 1}',
        '{"bucket": "a/b", "region": "x"}',
        '{"bucket": ".."}',
        '{"region": "x"}',
    ],
)
def test_texts_that_name_no_bucket_are_left_out(text: str) -> None:
    assert buckets(record(text)) == {}


def test_a_record_names_so_many_buckets_and_no_more() -> None:
    texts = [f'{{"bucket": "bucket-{n}", "region": "here"}}' for n in range(2 * MAX_BUCKETS)]
    assert len(buckets(record(*texts))) == MAX_BUCKETS


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("https://s3.example", "https://s3.example"),
        ("https://s3.example/", "https://s3.example"),
        ("http://s3.example:9000", "http://s3.example:9000"),
        ("https://user:word@s3.example", ""),
        ("https://s3.example/path", ""),
        ("https://s3.example?key=1", ""),
        ("https://{bucket}.s3.{region}.amazonaws.com", ""),
        ("https://s3.example:port", ""),
        ("https://[broken", ""),
        ("https://", ""),
        ("ftp://s3.example", ""),
        ("AWS", ""),
        (None, ""),
        (1, ""),
    ],
)
def test_an_endpoint_is_a_host_and_nothing_else(given: object, expected: str) -> None:
    assert endpoint(given) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("s3://eodata/a/b", "eodata"),
        ("S3://EarthCODE/a", "EarthCODE"),
        ("s3://eodata", "eodata"),
        ("s3:///a", ""),
        ("s3://user@bucket/a", ""),
        ("https://eodata/a", ""),
        ("", ""),
    ],
)
def test_the_bucket_of_an_address(address: str, expected: str) -> None:
    assert bucket_of(address) == expected


def test_what_is_said_here_goes_before_what_is_said_elsewhere() -> None:
    here = Storage("https://a.example", "", None, False)
    there = Storage("https://b.example", "region", True, True)
    assert here.over(there) == Storage("https://a.example", "region", True, False)


def test_values_that_cannot_be_are_as_if_nobody_had_said_them() -> None:
    values = {"endpoint": "x", "region": "a b", "anonymous": "maybe", "requester_pays": 1.5}
    assert Storage.of(values) == Storage()
    assert Storage.of({"anonymous": "false", "requester_pays": True}) == Storage("", "", False, True)
