"""Workflows are held to the standard's schema by a process that cannot hurt this one."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest

from discovery.making import KINDS, workflows
from discovery.model.cwl import parse

pytestmark = pytest.mark.slow
FLOW = """cwlVersion: v1.2
class: Workflow
inputs: {scene: File}
outputs: []
steps: {otsu: {run: otsu.cwl, in: {a: scene}, out: [mask]}}
"""
DOCUMENT: dict[str, Any] = {
    "slug": "water-mask",
    "name": "Water mask",
    "description": "Water by Otsu's method.",
    "creator": ["Ada"],
    "version": "1.0",
    "cwl": FLOW,
}
installed = pytest.mark.skipif(not workflows.INSTALLED, reason="the extra `cwl` is not installed")


@installed
def test_a_workflow_is_held_to_the_schema_when_it_is_handed_in_and_not_as_a_draft() -> None:
    wrong = {**DOCUMENT, "cwl": FLOW + "colour: red\n"}
    assert KINDS["pipeline"].check(DOCUMENT)[1] == ()
    (problem,) = KINDS["pipeline"].check(wrong)[1]
    assert (problem.path, "line 6: invalid field `colour`" in problem.message) == ("cwl", True)
    assert KINDS["pipeline"].check(wrong, complete=False)[1] == ()


@installed
def test_nothing_that_a_workflow_names_is_asked_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.2)
        there = f"http://127.0.0.1:{listening.getsockname()[1]}/x.cwl"
        named = FLOW.replace("run: otsu.cwl", f'run: "{there}"') + f'$schemas: ["{there}"]\n'
        assert workflows.problems(named) == []
        (why,) = workflows.problems(FLOW.replace("run: otsu.cwl", f'run: {{$import: "{there}"}}'))
        assert "not fetched" in why
        with pytest.raises(TimeoutError):
            listening.accept()


@installed
def test_a_workflow_that_takes_too_long_is_refused_in_time() -> None:
    began = time.monotonic()
    assert workflows.problems(FLOW, limit=0.05) == ["takes too long to be checked"]
    assert time.monotonic() - began < 5


@installed
def test_the_deepest_and_largest_workflows_that_are_read_are_checked_in_seconds() -> None:
    deep = "{a: 1}"
    for _ in range(34):
        deep = f"{{type: array, items: {deep}}}"
    steps = ", ".join(
        f"{{id: s{n}, run: x.cwl, in: [{', '.join(f'{{id: i{m}, sourc: x}}' for m in range(7))}], out: []}}"
        for n in range(100)
    )
    for text in (
        FLOW.replace("scene: File", f"scene: {{type: {deep}}}"),
        f"cwlVersion: v1.2\nclass: Workflow\ninputs: []\noutputs: []\nsteps: [{steps}]\n",
    ):
        parse(text)
        found = workflows.problems(text)
        assert found
        assert not any("too" in each for each in found)


def test_where_the_schema_is_not_installed_the_structure_is_what_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflows, "INSTALLED", False)
    assert "structure alone" in workflows.checked_by()
    assert "discovery-portal[cwl]" in workflows.checked_by()
    assert workflows.check({**DOCUMENT, "cwl": FLOW + "colour: red\n"})[1] == ()
    (problem,) = workflows.check({**DOCUMENT, "cwl": FLOW.replace("v1.2", "v9")})[1]
    assert "cwlVersion 'v9'" in problem.message
