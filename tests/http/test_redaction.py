from __future__ import annotations

import time

import pytest

from discovery.http import has_credentials, is_signed, redact

S3 = "https://b.s3.amazonaws.com/k.tif?X-Amz-Credential=AKIA%2Fx&X-Amz-Signature=CANARY&X-Amz-Expires=600"
SAS = "https://a.blob.core.windows.net/c/k.tif?st=1&se=2030-01-01&sp=r&sv=2021-06-08&sr=c&sig=CANARY%3D"
CLOUDFRONT = "https://d.cloudfront.net/k?Policy=x&Signature=CANARY&Key-Pair-Id=CANARY"
SECRET = [
    S3,
    SAS,
    CLOUDFRONT,
    "https://me:CANARY@example.org/tap",
    "https://CANARY@example.org/tap",
    "https://me:CAN@CANARY@example.org/tap",
    "https://me:p/CANARY@example.org/tap",
    "https://me:p?CANARY@example.org/tap",
    "https:\\\\me:CANARY@example.org/tap",
    "//me:CANARY@example.org/tap",
    "me:CANARY@example.org/tap",
    "s3://key:CANARY@bucket/k",
    "https://example.org/a?token=CANARY",
    "https://example.org/a?x=1&amp;token=CANARY",
    "https://example.org/a?x=1;api_key=CANARY",
    "https://example.org/a?API%5FKEY=CANARY",
    "https://example.org/a?key=CANARY",
    "https://example.org/a?password=CANARY&x=1",
    "https://example.org/a#access_token=CANARY&x=1",
    "https://example.org/proxy?url=https%3A%2F%2Fme%3ACANARY%40other.org%2F",
    "https://example.org/proxy?url=https%3A%2F%2Fother.org%2F%3Fsig%3DCANARY",
    "http://[::1?token=CANARY",
    "https://example.org/a?token=CANARY\r\nInjected: line",
]


@pytest.mark.parametrize("url", SECRET)
def test_no_secret_is_left_and_the_line_stays_one_line(url: str) -> None:
    shown = redact(url)
    assert "CANARY" not in shown
    assert "\n" not in shown
    assert "\r" not in shown


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/tap/sync?QUERY=SELECT+1&LANG=ADQL",
        "https://example.org/a?st=1&se=2",
        "mailto:me@example.org",
        "https://example.org/@user/page",
        "https://example.org:8080/a?b=c#part",
    ],
)
def test_what_is_no_secret_stays_readable(url: str) -> None:
    assert redact(url) == url
    assert not has_credentials(url)
    assert not is_signed(url)


@pytest.mark.parametrize("url", [S3, SAS, CLOUDFRONT, "https://e.org/?u=https%3A%2F%2Fo.org%2F%3Fsig%3DX"])
def test_signed_links_are_known(url: str) -> None:
    assert is_signed(url)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://me:pw@example.org/", True),
        ("https://me@example.org/", True),
        ("s3://key:secret@bucket/", True),
        ("https://example.org/a?token=eyJhbGciOi", True),
        ("https://example.org/a?key=AIzaSyD-1234567890abcdef", True),
        ("https://example.org/a?key=path/to/file.tif", False),
        ("https://example.org/search?token=next:item-17", False),
        ("https://example.org/a?token=", False),
    ],
)
def test_credentials_are_told_from_addresses_and_page_tokens(url: str, expected: bool) -> None:
    assert has_credentials(url) is expected


@pytest.mark.parametrize(
    "url", ["u=http://?" * 4000, "&token=x" * 4000, "@" * 30000, "a:" * 15000, "http://" + "[" * 9999]
)
def test_hostile_text_costs_little(url: str) -> None:
    started = time.process_time()
    redact(url), is_signed(url), has_credentials(url)
    assert time.process_time() - started < 2
