"""What a registry says of TAP services; tests/harvesters/test_vo_peers.py asks one whose ADQL is not ours."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from discovery.errors import BadQueryError, SourceUnavailableError
from discovery.http import Client
from harvesters import regtap, votable
from harvesters.regtap import EPNTAP, OBSCORE, Found, discover, query, services
from harvesters.sources import checked

SAMPLE = Path(__file__).parents[2] / "fixtures" / "sources" / "vo" / "pyvo" / "regtap.xml.gz"
ROW = {
    "ivoid": "ivo://a.example/tap", "short_name": "A TAP", "res_title": "A service", "res_description": "of things",
    "standard_id": "ivo://ivoa.net/std/tap", "intf_role": "std", "access_url": "https://a.example/tap",
}  # fmt: skip


def sampled() -> list[dict[str, str]]:
    """Return what pyvo was sent, one row for each interface: it asks for them grouped, with this between them."""
    out = []
    for row in votable.read(gzip.decompress(SAMPLE.read_bytes()), most=1000).rows:
        lists = [row[name].split(":::py VO sep:::") for name in ("access_urls", "standard_ids", "intf_roles")]
        for url, standard, role in zip(*lists, strict=True):
            out.append({**row, "access_url": url, "standard_id": standard, "intf_role": role})
    return out


def test_services_are_told_from_the_other_interfaces_of_thirty_real_resources() -> None:
    rows = sampled()
    assert len({row["ivoid"] for row in rows}) == 30
    found = services(OBSCORE, rows)
    wanted = {row["access_url"].rstrip("/") for row in rows if row["standard_id"].startswith("ivo://ivoa.net/std/tap")}
    assert found
    assert {each.url for each in found} <= wanted
    assert len(found) < len(rows) / 5
    assert all(checked(each.source()).enabled is False for each in found)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, ["https://a.example/tap"]),
        ({"access_url": "https://a.example/tap/?"}, ["https://a.example/tap"]),
        ({"access_url": "https://a.example/tap/sync"}, ["https://a.example/tap"]),
        ({"standard_id": "ivo://ivoa.net/std/TAP#aux"}, ["https://a.example/tap"]),
        ({"standard_id": "ivo://ivoa.net/std/tapregext"}, []),
        ({"standard_id": "ivo://ivoa.net/std/sia"}, []),
        ({"intf_role": "mirror"}, []),
        ({"access_url": "ftp://a.example/tap"}, []),
        ({"access_url": "javascript:alert(1)"}, []),
        ({"access_url": "https://a.example/tap?key=1"}, []),
        ({"access_url": "https://me:secret@a.example/tap"}, []),
        ({"access_url": "https://[a.example/tap"}, []),
        ({"access_url": ""}, []),
    ],
)
def test_only_addresses_that_can_be_harvested_are_taken(more: dict[str, str], expected: list[str]) -> None:
    assert [each.url for each in services(OBSCORE, [{**ROW, **more}])] == expected


def test_a_service_with_and_without_encryption_is_one() -> None:
    rows = [{**ROW, "access_url": f"{scheme}://a.example/tap"} for scheme in ("http", "https", "http")]
    assert [each.url for each in services(OBSCORE, rows)] == ["https://a.example/tap"]


def test_a_table_of_epn_tap_is_a_source_of_its_own() -> None:
    rows = [{**ROW, "table_name": name} for name in ("omega.epn_core", "vvex.epn_core", "a; DROP TABLE b", "")]
    found = services(EPNTAP, rows)
    assert [each.table for each in found] == ["omega.epn_core", "vvex.epn_core"]
    source = checked(found[0].source())
    assert (source.id, source.kind, source.settings["table"], source.enabled) == (
        "omega",
        "epntap",
        "omega.epn_core",
        False,
    )


@pytest.mark.parametrize(
    ("found", "taken", "id"),
    [
        (Found(OBSCORE, "https://a.example/tap", "ivoa.ObsCore", name="GAVO DC TAP"), (), "gavo-dc-tap"),
        (
            Found(OBSCORE, "https://a.example/tap", "ivoa.ObsCore", name="GAVO DC TAP"),
            ("gavo-dc-tap",),
            "gavo-dc-tap-2",
        ),
        (Found(OBSCORE, "https://a.example/tap", "ivoa.ObsCore", ivoid="ivo://a.example/t~p?"), (), "a-example-t-p"),
        (Found(OBSCORE, "https://a.example/tap", "ivoa.ObsCore", name="ü"), (), "tap"),
        (Found(OBSCORE, "https://a.example/tap", "ivoa.ObsCore", name="x" * 100), (), "x" * 56),
    ],
)
def test_a_source_has_an_id_that_is_allowed_and_free(found: Found, taken: tuple[str, ...], id: str) -> None:
    assert checked(found.source(taken)).id == id


def test_words_are_quoted() -> None:
    asked = query(OBSCORE, ["o'brien", " ", "x\n"])
    assert asked.count("ivo_hasword(res_title") == 2
    assert "'o''brien'" in asked
    assert "\n" not in asked


# Asking


def answer(*rows: Mapping[str, str], status: str = "OK") -> bytes:
    names = [*ROW, "table_name"]
    fields = "".join(f'<FIELD name="{name}" datatype="char" arraysize="*"/>' for name in names)
    cells = "".join("<TR>" + "".join(f"<TD>{row.get(name, '')}</TD>" for name in names) + "</TR>" for row in rows)
    return (
        f"<VOTABLE><RESOURCE type='results'><TABLE>{fields}<DATA><TABLEDATA>{cells}</TABLEDATA></DATA></TABLE>"
        f"<INFO name='QUERY_STATUS' value='{status}'>said</INFO></RESOURCE></VOTABLE>"
    ).encode()


@pytest.fixture
def registry(tap_server: Callable[..., Any]) -> Callable[[bytes], str]:
    """Return a function that plays a registry which always answers the same, and gives its address."""

    def play(body: bytes) -> str:
        server = tap_server([])
        server.wrong = lambda query, most: (200, {}, body)
        return str(server.url)

    return play


def test_both_standards_are_looked_for(client: Client, registry: Callable[[bytes], str]) -> None:
    url = registry(answer(ROW, {**ROW, "table_name": "omega.epn_core"}))
    found = discover(client, url)
    assert [(each.standard, each.table) for each in found.found] == [
        (OBSCORE, "ivoa.ObsCore"), (EPNTAP, "omega.epn_core"),
    ]  # fmt: skip
    assert found.notes == ()
    assert [each.standard for each in discover(client, url, [EPNTAP]).found] == [EPNTAP]


def test_a_registry_that_gives_only_a_part_says_so(client: Client, registry: Callable[[bytes], str]) -> None:
    found = discover(client, registry(answer(ROW, status="OVERFLOW")), [OBSCORE])
    assert "more tables of obscore than it gives at once" in found.notes[0]


@pytest.mark.parametrize("body", [b"<html>hello</html>", answer(status="ERROR"), b""])
def test_what_is_no_registry_is_an_error(body: bytes, client: Client, registry: Callable[[bytes], str]) -> None:
    with pytest.raises(SourceUnavailableError):
        discover(client, registry(body))


def test_what_is_not_looked_for_is_named(client: Client) -> None:
    with pytest.raises(BadQueryError, match=r"'siap' is not one of obscore, epntap"):
        discover(client, "http://127.0.0.1:1/tap", ["siap"])
    with pytest.raises(BadQueryError, match="at most 10"):
        discover(client, "http://127.0.0.1:1/tap", words=["x"] * 11)
    assert regtap.DEFAULT.startswith("http")
