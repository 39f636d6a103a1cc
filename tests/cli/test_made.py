"""Volumes, datalabs and pipelines from the command line, as people type it."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from discovery.cli import main
from discovery.making.workflows import INSTALLED, checked_by

pytestmark = pytest.mark.slow
Run = Callable[..., tuple[int, str, str]]
VOLUMES = """
[[volume]]
slug = "q1"
name = "Euclid Q1"
provider = "ESAC"
mount = "/media/data/{slug}"
size = "1.5 TB"

[[volume]]
slug = "eodata"
name = "CDSE"
provider = "ESA"
mount = "/eodata"
s3 = ["s3://eodata/"]
"""
LAB = """
title: JupyterLab for Euclid
alternateName: jl-euclid
abstract: Tools.
contactPoint: help@example.org
creator: Ada
version: 1.10
"""
CWL = """cwlVersion: v1.2
class: Workflow
inputs: {a: File}
outputs: {b: {type: File, outputSource: s/b}}
steps: {s: {run: t.cwl, in: {a: a}, out: [b]}}
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str) -> tuple[int, str, str]:
        raw = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="utf-8", write_through=True))
        status = 0
        try:
            main(["--home", str(tmp_path / "home"), *arguments])
        except SystemExit as end:
            status = int(end.code or 0)
        return status, raw.getvalue().decode(), capfd.readouterr().err

    return call


def test_volumes_of_a_file_are_found_like_everything_else(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "volumes.toml"
    file.write_text(VOLUMES)
    assert json.loads(run("volume", "apply", str(file), "--dry-run", "--json")[1])[0] == {
        "short": "q1",
        "change": "added",
    }
    assert "no volumes yet" in run("volume", "list")[1]
    assert run("volume", "apply", str(file))[0] == 0
    assert [row["short"] for row in json.loads(run("volume", "list", "--json")[1])] == ["eodata", "q1"]
    found = json.loads(run("search", "euclid", "--facet", "kind=volume", "--json")[1])
    assert [each["title"] for each in found["records"]] == ["Euclid Q1"]
    file.write_text(VOLUMES.replace("1.5 TB", "2 TB"))
    changes = json.loads(run("volume", "apply", str(file), "--json")[1])
    assert [each["change"] for each in changes] == ["changed: size", "as it was"]
    shown = run("volume", "show", "q1")[1]
    assert "size = 2000000000000" in shown
    (tmp_path / "again.toml").write_text(shown)
    assert "as it was" in run("volume", "apply", str(tmp_path / "again.toml"))[1]
    assert (
        run("volume", "add", "q2", "--name", "Q2", "--provider", "ESAC", "--set", "zones=a", "--set", "zones=b")[0] == 0
    )
    assert json.loads(run("volume", "show", "q2", "--json")[1])["document"]["zones"] == ["a", "b"]
    assert run("volume", "withdraw", "q2", "--reason", "moved")[0] == 0
    assert json.loads(run("search", "Q2", "--facet", "kind=volume", "--json")[1])["total"]["value"] == 0
    assert [row["what"] for row in json.loads(run("volume", "show", "q2", "--history", "--json")[1])] == [
        "withdrawn",
        "made",
    ]


def test_a_wrong_file_changes_nothing_and_says_everything(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "volumes.toml"
    file.write_text(VOLUMES.replace("/eodata", "/etc").replace("1.5 TB", "much"))
    status, _, complaint = run("volume", "apply", str(file))
    assert status == 2
    assert "volume q1: size 'much' is no size" in complaint
    assert json.loads(run("volume", "list", "--json")[1]) == []
    assert run("volume", "apply", str(tmp_path / "none.toml"))[0] == 2
    assert run("volume", "show", "nothing")[0] == 2
    assert run("volume", "deprecate", "nothing")[0] == 2
    assert run("volume", "list", "--state", "new")[0] == 2


def test_a_datalab_goes_from_a_file_to_the_catalogue(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "meta-data.yaml"
    file.write_text(LAB)
    made = json.loads(run("datalab", "import", str(file), "--json")[1])
    assert (made["short"], made["state"]) == ("jl-euclid", "draft")
    assert json.loads(run("search", "jl-euclid", "--json")[1])["total"]["value"] == 0
    assert run("datalab", "hand-in", made["id"])[0] == 0
    assert run("datalab", "reject", "jl-euclid")[0] == 2
    assert run("datalab", "reject", "jl-euclid", "--reason", "no licence")[0] == 0
    file.write_text(LAB + "license: MIT\n")
    again = json.loads(run("datalab", "import", str(file), "--json")[1])
    assert (again["id"], again["version"]) == (made["id"], 4)
    assert run("datalab", "hand-in", "jl-euclid")[0] == 0
    assert json.loads(run("datalab", "accept", "jl-euclid", "--json")[1])["state"] == "published"
    (found,) = json.loads(run("search", "jl-euclid", "--json")[1])["records"]
    assert (found["license"], found["properties"]["version"]) == ("MIT", "1.10")
    assert "alternate_name: jl-euclid" in run("datalab", "show", "jl-euclid", "--form", "yaml")[1]
    assert run("datalab", "deprecate", "jl-euclid", "--reason", "old")[0] == 0
    assert "deprecated" in run("datalab", "list")[1]


def test_a_workflow_is_read_and_never_run(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "water.cwl"
    file.write_text(CWL)
    said = run("pipeline", "check", str(file))[1]
    assert "step s: t.cwl" in said
    assert f"checked by: {checked_by()}" in said
    assert json.loads(run("pipeline", "check", str(file), "--json")[1])["inputs"] == [
        {"id": "a", "type": "File", "label": ""}
    ]
    file.write_text(CWL + "colour: red\n")
    status, _, complaint = run("pipeline", "check", str(file))
    assert (status, "invalid field `colour`" in complaint) == ((2, True) if INSTALLED else (0, False))
    file.write_text(CWL.replace("v1.2", "v0"))
    status, _, complaint = run("pipeline", "check", str(file))
    assert (status, "cwlVersion 'v0'" in complaint) == (2, True)
