"""Documents as they were sent, with our links in them."""

from __future__ import annotations

import orjson
import pytest

from discovery.exports.spliced import spliced
from tests.exports.sent import SENT, served

OURS = [{"rel": "self", "href": "https://a.org/x"}]


def test_a_document_with_its_own_names_changes_in_its_links_only() -> None:
    body = spliced(served(), OURS, "Feature", "c")
    assert body is not None
    start, end = SENT.index(b"[{"), SENT.index(b"}]") + 2
    assert body.startswith(SENT[:start])
    assert body.endswith(SENT[end:])
    assert orjson.loads(body)["links"] == [*OURS, {"rel": "license", "href": "https://b.org/l"}]


def test_a_document_that_is_called_otherwise_here_says_what_it_was_called() -> None:
    body = orjson.loads(spliced(served(stac_id="s.c.a"), OURS, "Feature", "s.c") or b"")
    assert (body["id"], body["discovery:original_id"]) == ("s.c.a", "a")
    assert (body["collection"], body["discovery:original_collection"]) == ("s.c", "c")
    assert body["n"] == 1.5


def test_an_item_whose_collection_is_not_here_names_none() -> None:
    body = orjson.loads(spliced(served(), OURS, "Feature", "") or b"")
    assert "collection" not in body
    assert body["discovery:original_collection"] == "c"


def test_an_item_that_names_no_collection_gets_the_one_it_has_here() -> None:
    bare = served(SENT.replace(b'"collection": "c",', b""))
    assert orjson.loads(spliced(bare, OURS, "Feature", "c") or b"")["collection"] == "c"
    assert "collection" not in orjson.loads(spliced(bare, OURS, "Feature", "") or b"")


@pytest.mark.parametrize(
    "body",
    [
        SENT.replace(b"Feature", b"Collection"),
        SENT.replace(b'"stac_version":"1.0.0",', b""),
        SENT.replace(b'"id":"a",', b""),
        SENT.replace(b'"type":"Feature",', b""),
    ],
)
def test_what_is_no_stac_document_of_its_type_is_not_served_as_one(body: bytes) -> None:
    assert spliced(served(body), OURS, "Feature", "c") is None
