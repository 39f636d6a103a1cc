"""CWL documents are read for what goes in, what comes out and by which steps."""

from __future__ import annotations

import json

import pytest

from discovery.model.cwl import Port, Step, parse

WORKFLOW = """
cwlVersion: v1.2
class: Workflow
label: Water bodies
doc: Finds water.
inputs:
  scene: {type: Directory, label: A Sentinel-2 scene}
  bands: {type: {type: array, items: string}}
  epsg: string?
outputs:
  - {id: mask, type: File, outputSource: otsu/mask}
steps:
  crop: {run: crop.cwl, in: {scene: scene}, out: [cropped]}
  otsu:
    label: Threshold
    run: {class: CommandLineTool, inputs: {}, outputs: {}}
    in: {image: crop/cropped}
    out: [mask]
"""


def test_a_workflow_says_what_goes_in_and_comes_out() -> None:
    flow = parse(WORKFLOW)
    assert (flow.version, flow.kind, flow.label, flow.doc) == ("v1.2", "Workflow", "Water bodies", "Finds water.")
    assert flow.inputs == (
        Port("scene", "Directory", "A Sentinel-2 scene"), Port("bands", "string[]"), Port("epsg", "string?"),
    )  # fmt: skip
    assert flow.outputs == (Port("mask", "File"),)
    assert flow.steps == (Step("crop", "crop.cwl"), Step("otsu", "", "Threshold"))


def test_a_packed_document_is_read_by_its_main_process() -> None:
    tool = {"class": "CommandLineTool", "id": "#crop.cwl", "inputs": [], "outputs": []}
    main = {"class": "Workflow", "id": "#main", "inputs": [{"id": "#main/x", "type": ["null", "File"]}],
            "outputs": [{"id": "#main/y", "type": "File", "outputSource": "#main/s/o"}],
            "steps": [{"id": "#main/s", "run": "#crop.cwl", "in": [], "out": ["#main/s/o"]}]}  # fmt: skip
    flow = parse(json.dumps({"cwlVersion": "v1.0", "$graph": [tool, main]}))
    assert (flow.id, flow.inputs, flow.steps) == ("main", (Port("x", "File?"),), (Step("s", "#crop.cwl"),))


def test_a_tool_has_no_steps() -> None:
    tool = parse("cwlVersion: v1.1\nclass: CommandLineTool\nbaseCommand: echo\ninputs: []\noutputs: []\n")
    assert (tool.kind, tool.inputs, tool.steps) == ("CommandLineTool", (), ())


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("cwlVersion: v1.2", "cwlVersion: v9"), "cwlVersion 'v9', which is not one of v1.0"),
        (("cwlVersion: v1.2", ""), "cwlVersion ''"),
        (("class: Workflow", "class: Magic"), "class 'Magic'"),
        (("outputs:\n", "results:\n"), "has no outputs"),
        (("steps:\n", "stages:\n"), "is a workflow and has no steps"),
        (("type: Directory", "typ: Directory"), "inputs.scene without a type"),
        (("epsg: string?", "epsg: stri ng"), "type 'stri ng', which CWL does not know"),
        (("outputSource: otsu/mask", "outputSource: nowhere/mask"), "outputs.mask from 'nowhere/mask'"),
        (("run: crop.cwl, ", ""), "steps.crop without run"),
        (("{id: mask, ", "{"), "outputs with an entry that has no id"),
        (("inputs:\n", "inputs: *x\n"), "refers to another place"),
    ],
)
def test_what_is_no_cwl_says_why(change: tuple[str, str], why: str) -> None:
    with pytest.raises(ValueError, match="(?s)" + why.replace("?", r"\?")):
        parse(WORKFLOW.replace(*change))


@pytest.mark.parametrize(
    "text", ["", "[]", "5", "just text", "cwlVersion: [v1.2]", '{"cwlVersion": "v1.2", "$graph": 5}']
)
def test_other_documents_are_no_cwl(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no CWL|cwlVersion|\$graph"):
        parse(text)


def test_nothing_that_a_document_names_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was opened")

    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr("socket.socket", refuse)
    named = WORKFLOW.replace("crop.cwl", "https://example.org/x.cwl") + "$schemas: [https://example.org/s.owl]\n"
    assert parse(named).steps[0].run == "https://example.org/x.cwl"
