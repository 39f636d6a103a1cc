"""The standard's schema, asked about one document without fetching anything."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("cwl_utils", reason="the extra `cwl` is not installed")

from discovery.making.cwl_schema import MAX_PROBLEMS, Nothing, problems

pytestmark = pytest.mark.slow
FLOW = """cwlVersion: v1.2
class: Workflow
inputs: {scene: File, epsg: string?}
outputs: {mask: {type: File, outputSource: otsu/mask}}
steps: {otsu: {run: otsu.cwl, in: {a: scene}, out: [mask]}}
"""
TOOL = {"class": "CommandLineTool", "id": "#tool", "baseCommand": ["echo"], "inputs": [], "outputs": []}
PACKED = {
    "cwlVersion": "v1.0",
    "$namespaces": {"s": "https://schema.org/"},
    "$graph": [
        TOOL,
        {"class": "Workflow", "id": "#main", "s:license": "MIT", "inputs": [], "outputs": [],
         "steps": [{"id": "#main/s", "run": "#tool", "in": [], "out": []}]},
    ],
}  # fmt: skip
NAMED = """$namespaces: {s: "https://schema.org/", edam: "http://edamontology.org/"}
$schemas: ["http://127.0.0.1:1/edam.owl"]
s:license: "https://spdx.org/licenses/MIT"
hints: {DockerRequirement: {dockerPull: debian}}
"""


@pytest.mark.parametrize(
    "text",
    [
        FLOW,
        FLOW.replace("v1.2", "v1.1"),
        FLOW.replace("v1.2", "v1.0"),
        FLOW + NAMED,
        FLOW.replace("run: otsu.cwl", 'run: "https://example.org/otsu.cwl#main"'),
        FLOW.replace("scene: File", "scene: {type: File, default: {class: File, path: /etc/passwd}}"),
        json.dumps(PACKED),
        json.dumps({**TOOL, "cwlVersion": "v1.2"}),
    ],
    ids=["flow", "1.1", "1.0", "named", "elsewhere", "default", "packed", "tool"],
)
def test_what_keeps_to_the_standard_has_no_problems(text: str) -> None:
    assert problems(text) == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (FLOW + "colour: red\n", "line 6: invalid field `colour`"),
        (FLOW.replace("out: [mask]", "out: [mask], scater: a"), "line 5 steps.otsu: invalid field `scater`"),
        (
            FLOW.replace("scene: File", "scene: {type: {type: enum}}"),
            "line 3 inputs.scene.type: is nothing that may",
        ),
        (json.dumps({**TOOL, "cwlVersion": "v1.2", "successCodes": "all"}), "successCodes: is of no kind that may"),
        (FLOW.replace("run: otsu.cwl", 'run: {$import: "http://127.0.0.1:1/x.cwl"}'), "is not fetched"),
        (FLOW.replace("run: otsu.cwl", "run: {$include: /etc/passwd}"), "is not fetched"),
        (json.dumps({**PACKED, "$graph": [{**TOOL, "x": 1}, PACKED["$graph"][1]]}), "invalid field `x`"),
    ],
    ids=["field", "step", "type", "codes", "import", "include", "packed"],
)
def test_what_does_not_keep_to_it_says_where(text: str, why: str) -> None:
    found = problems(text)
    assert any(why in each for each in found), found
    assert len(found) <= MAX_PROBLEMS
    assert all(each.startswith("is not as CWL has it") and "\n" not in each for each in found)


def test_nothing_is_fetched_and_everything_is_taken_to_be_there() -> None:
    nothing = Nothing()
    assert nothing.check_exists("http://127.0.0.1:1/")
    assert nothing.supported_schemes() == []
    assert nothing.urljoin("file:///a/b.cwl", "c.cwl") == "file:///a/c.cwl"
    with pytest.raises(Exception, match="not fetched"):
        nothing.fetch_text("file:///etc/passwd")
