"""Selections as code; tests/ui/test_selection.py runs it against a server."""

from __future__ import annotations

import ast
import json
import shlex
from pathlib import Path

import pytest

from discovery.exports import code
from discovery.portal import Portal
from discovery.query.query import Query
from discovery.selection import Selection

HERE = "https://portal.example"
MEAN = "'; rm -rf / #\" $(id) `id` \\ \n </script> \u202e {{ice}} %s \U0001f600'''"


@pytest.mark.parametrize("words", ["ice", MEAN])
@pytest.mark.parametrize("scope", ["resources", "observations"])
def test_code_of_a_question_holds_its_words_as_constants(portal: Portal, words: str, scope: str) -> None:
    found = code.of_selection(portal, Selection.of_query(Query(text=words, scope=scope)), HERE)
    assert {"python", "astropy", "csv", "graphql", "json", "stac", "pystac"} == {each.tool for each in found}
    for each in found:
        if each.language == "shell":
            assert shlex.split(each.code)[:2] == ["curl", "-s"]
        else:
            assert each.code.isascii()
            calls = [node.func for node in ast.walk(ast.parse(each.code)) if isinstance(node, ast.Call)]
            assert {ast.unparse(call) for call in calls} <= {
                "urlopen",
                "json.loads",
                "print",
                "Table.read",
                "Client.open",
                "client.search",
                "client.collection_search",
                "found.items",
                "found.collections",
            }


def test_code_of_records_names_them(portal: Portal) -> None:
    found = {each.tool: each.code for each in code.of_selection(portal, Selection.of_ids(["a", "b"]), HERE)}
    assert set(found) == {"python", "astropy", "csv", "graphql"}
    assert f"{HERE}/selection?id=a&id=b&f=ndjson" in found["python"]
    assert '"ids":["a","b"]' in found["graphql"]


@pytest.mark.parametrize(
    ("name", "camel"), [("title", "title"), ("cloud_cover", "cloudCover"), ("source_id", "sourceId")]
)
def test_names_are_written_as_graphql_writes_them(name: str, camel: str) -> None:
    assert code._camel(name) == camel
    assert code.enum_name("earth-observation") == "EARTH_OBSERVATION"


@pytest.mark.slow
def test_the_code_for_a_manifest_opens_what_it_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "map.fits").write_bytes(b"SIMPLE  =" * 400)
    files = [
        {"name": "map.fits", "addresses": [(tmp_path / "map.fits").as_uri(), "https://nowhere.invalid/"]},
        {"name": "none.fits", "addresses": []},
    ]
    (tmp_path / "manifest.json").write_text(json.dumps({"files": files}))
    monkeypatch.chdir(tmp_path)
    exec(code.FSSPEC, {})
    assert capsys.readouterr().out == "map.fits 2880\n"
