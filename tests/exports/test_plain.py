"""Records as JSON: nothing of people's addresses and nothing secret."""

from __future__ import annotations

from collections.abc import Mapping

from discovery.exports.plain import record_json
from discovery.model.record import Asset, Contact, Link, Record


def plain(**fields: object) -> Record:
    return Record("s", "c", "1", "dataset", "T", **fields)  # type: ignore[arg-type]  # each test gives its own field


def test_people_keep_their_addresses_to_themselves() -> None:
    record = plain(contacts=(Contact("ada@ice.example", "Ice", url="mailto:ada@ice.example"),))
    contact: Mapping[str, str] = record_json(record)["contacts"][0]
    assert contact == {"name": "", "organization": "Ice"}


def test_json_holds_no_secret_of_a_link() -> None:
    signed = "https://a.example/x?X-Amz-Signature=deadbeef&X-Amz-Credential=me"
    record = plain(assets=(Asset(signed, alternates=(signed,)),), links=(Link("https://me:pass@a.example/"),))
    text = str(record_json(record))
    assert "deadbeef" not in text
    assert "pass@" not in text


def test_a_link_without_secrets_is_sent_as_it_is() -> None:
    href = "https://a.example/a b?x=1,2&y=ü"
    assert record_json(plain(links=(Link(href),)))["links"][0]["href"] == href
