from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from discovery.errors import SourceUnavailableError
from discovery.http import Client
from harvesters import csw_service

Served = Callable[..., str]
OPERATION = (
    '<ows:Operation name="GetRecords"><ows:DCP><ows:HTTP><ows:Post xlink:href="{post}">{encoding}</ows:Post></ows:HTTP>'
    '</ows:DCP><ows:Parameter name="outputSchema"><ows:AllowedValues><ows:Value>a</ows:Value><ows:Value>b</ows:Value>'
    '</ows:AllowedValues></ows:Parameter><ows:Parameter name="TypeNames"><ows:Value>t</ows:Value></ows:Parameter>'
    '<ows:Constraint name="SupportedISOQueryables"><ows:Value>apiso:Modified</ows:Value></ows:Constraint>'
    "</ows:Operation>"
)


def capabilities(operation: str, version: str = "2.0.2", space: str = "2.0.2") -> bytes:
    return (
        f'<csw:Capabilities xmlns:csw="http://www.opengis.net/cat/csw/{space}" xmlns:ows="http://www.opengis.net/ows" '
        f'xmlns:xlink="http://www.w3.org/1999/xlink" version="{version}"><ows:ServiceIdentification><ows:Title>The\n '
        f"title</ows:Title></ows:ServiceIdentification><ows:OperationsMetadata>{operation}</ows:OperationsMetadata>"
        "</csw:Capabilities>"
    ).encode()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://e/csw", "http://e/csw"),
        ("http://e/csw?", "http://e/csw"),
        ("http://e/csw?SERVICE=CSW&request=GetCapabilities&Version=2.0.2", "http://e/csw"),
        ("http://e/csw.py?config=a%20b&service=CSW#x", "http://e/csw.py?config=a+b"),
    ],
)
def test_the_parameters_of_a_request_are_no_part_of_an_address(url: str, expected: str) -> None:
    assert csw_service.bare(url) == expected


def test_a_service_is_known_by_its_capabilities(served: Served, client: Client) -> None:
    asked: list[str] = []

    def answer(path: str, headers: Any) -> Any:
        asked.append(path)
        return 200, capabilities(OPERATION.format(post="http://inside.example/post", encoding="")), {}

    url = served(answer)
    service = csw_service.describe(client, f"{url}csw?service=CSW", "")
    assert asked == ["/csw?service=CSW&request=GetCapabilities&acceptVersions=2.0.2%2C3.0.0"]
    assert (service.title, service.version, service.schemas, service.types) == (
        "The title",
        "2.0.2",
        ("a", "b"),
        ("t",),
    )
    # An address inside somebody's network is one that the service knows itself by, not we.
    assert (service.get, service.post) == (f"{url}csw", f"{url}csw")
    assert service.queryables == {"apiso:Modified"}


@pytest.mark.parametrize(
    ("post", "encoding", "expected"),
    [
        ("post?x=1&request=GetRecords", "", "post?x=1"),
        ("/soap", "<ows:Constraint name='PostEncoding'><ows:Value>SOAP</ows:Value></ows:Constraint>", ""),
        ("", "", "csw"),
    ],
)
def test_where_a_post_goes_is_said_by_the_service(
    served: Served, client: Client, post: str, encoding: str, expected: str
) -> None:
    body = capabilities(OPERATION.format(post=post.replace("&", "&amp;"), encoding=encoding))
    url = served(lambda path, headers: (200, body, {}))
    assert csw_service.describe(client, f"{url}csw", "").post == (f"{url}{expected}" if expected else "")


@pytest.mark.parametrize(
    ("given", "said", "spoken"), [("", "3.0.0", "3.0.0"), ("", "1.9", "2.0.2"), ("3.0.0", "2.0.2", "3.0.0")]
)
def test_the_version_is_the_operator_s_or_the_service_s(
    served: Served, client: Client, given: str, said: str, spoken: str
) -> None:
    url = served(lambda path, headers: (200, capabilities(OPERATION.format(post="", encoding=""), said, "3.0"), {}))
    assert csw_service.describe(client, url, given).version == spoken


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<Capabilities/>", "not what a CSW says"),
        (capabilities(""), "no GetRecords"),
        (b"not xml", "not XML"),
        (b"<ExceptionReport><ExceptionText>no</ExceptionText></ExceptionReport>", "exception: no"),
    ],
)
def test_what_is_no_catalogue_service_says_what_it_is(served: Served, client: Client, body: bytes, said: str) -> None:
    url = served(lambda path, headers: (200, body, {}))
    with pytest.raises(SourceUnavailableError, match=said):
        csw_service.describe(client, url, "")
