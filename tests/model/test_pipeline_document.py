"""A pipeline's document becomes a record that says what goes in, what comes out and by which steps."""

from __future__ import annotations

from typing import Any

import pytest

from discovery.model import pipeline_document
from discovery.model.record import record_id

CWL = """cwlVersion: v1.2
class: Workflow
inputs: {scene: {type: Directory, label: A scene}}
outputs: {mask: {type: File, outputSource: otsu/mask}}
steps: {otsu: {run: otsu.cwl, in: {a: scene}, out: [mask]}}
"""
FULL: dict[str, Any] = {
    "slug": "water",
    "name": "Water bodies",
    "description": "Finds *water*.",
    "creator": ["Ada"],
    "version": "1.0",
    "cwl": CWL,
    "datasets": ["osc:products:x"],
    "datalabs": ["xcube"],
    "notebooks": ["https://example.org/n.ipynb"],
    "license": "mit",
}


def test_the_record_tells_the_workflow() -> None:
    values, problems = pipeline_document.check(FULL)
    assert problems == ()
    record = pipeline_document.to_record(values, updated=3)
    assert (record.source, record.container, record.kind) == ("portal", "pipelines", "pipeline")
    said = record.properties
    assert said["workflow"] == "CWL v1.2 Workflow"
    assert said["inputs"] == ("scene: Directory, A scene",)
    assert (said["outputs"], said["steps"]) == (("mask: File",), ("otsu: otsu.cwl",))
    assert said["datasets"] == (record_id("osc", "products", "x"),)
    assert said["datalabs"] == (record_id("portal", "datalabs", "xcube"),)
    assert record.assets[0].href == "https://example.org/n.ipynb"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"cwl": CWL.replace("v1.2", "v7")}, "cwl has cwlVersion 'v7'"),
        ({"cwl": "x: *y"}, "cwl refers to another place"),
        ({"cwl": "", "notebooks": []}, "cwl is missing, and so are"),
        ({"datalabs": ["no such/lab"]}, "datalabs[1]"),
    ],
)
def test_what_is_wrong_is_told(change: dict[str, Any], told: str) -> None:
    problems = [str(each) for each in pipeline_document.check(FULL | change)[1]]
    assert any(each.startswith(told) for each in problems), problems
