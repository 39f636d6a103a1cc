"""Workflows and tools in the Common Workflow Language: what goes in, what comes out, and by which steps.

A document is read and never followed: nothing that it names is fetched, and nothing that it says is run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from discovery.model import yaml_text

VERSIONS: Final = ("v1.0", "v1.1", "v1.2")
CLASSES: Final = ("Workflow", "CommandLineTool", "ExpressionTool", "Operation")
MAX_PORTS: Final = 300
_MAX_TEXT: Final = 400
_PRIMITIVES: Final = frozenset({
    "null", "boolean", "int", "long", "float", "double", "string", "File", "Directory", "Any", "stdin", "stdout",
    "stderr",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Port:
    """One input or output."""

    id: str
    type: str = ""
    """As people read it: `File`, `string?`, `File[]`."""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a workflow."""

    id: str
    run: str = ""
    """What it runs, as it is written; empty for a tool that stands in the step itself."""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Workflow:
    """What a CWL document says of itself."""

    version: str
    kind: str
    """`Workflow`, `CommandLineTool`, ..."""
    id: str = ""
    label: str = ""
    doc: str = ""
    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()
    steps: tuple[Step, ...] = ()


def parse(text: str) -> Workflow:
    """Return what a CWL document says, by the structure that the standard gives it.

    Of a packed document (`$graph`) it is the process `main`, or the only workflow.

    Raises:
        ValueError: It is no CWL document; the message says what is wrong with it.
    """
    document = yaml_text.load(text)
    if not isinstance(document, Mapping):
        raise ValueError("is no CWL: it has no names at its top")
    version = _text(document.get("cwlVersion"))
    if version not in VERSIONS:
        raise ValueError(f"has cwlVersion {version[:40]!r}, which is not one of {', '.join(VERSIONS)}")
    process = _main(document["$graph"]) if "$graph" in document else document
    kind = _text(process.get("class"))
    if kind not in CLASSES:
        raise ValueError(f"has class {kind[:40]!r}, which is not one of {', '.join(CLASSES)}")
    inputs, outputs = (tuple(_ports(process, name)) for name in ("inputs", "outputs"))
    steps = tuple(_steps(process)) if kind == "Workflow" else ()
    _connected(process, kind, inputs, steps)
    return Workflow(
        version,
        kind,
        _text(process.get("id")).lstrip("#"),
        _text(process.get("label")),
        _doc(process.get("doc")),
        inputs,
        outputs,
        steps,
    )


def _main(graph: object) -> Mapping[str, Any]:
    if not isinstance(graph, list) or not all(isinstance(each, Mapping) for each in graph):
        raise ValueError("has a $graph that is no list of processes")
    named = [each for each in graph if _text(each.get("id")).lstrip("#") == "main"]
    flows = named or [each for each in graph if each.get("class") == "Workflow"] or graph
    if len(flows) != 1:
        raise ValueError(f"holds {len(graph)} processes and none that is called main")
    return dict(flows[0])


def _ports(process: Mapping[str, Any], name: str) -> Iterator[Port]:
    if name not in process:
        raise ValueError(f"has no {name}")
    for id, each in _entries(process[name], name):
        if isinstance(each, Mapping):
            if "type" not in each:
                raise ValueError(f"has {name}.{id} without a type")
            yield Port(id, _type(each["type"]), _text(each.get("label")) or _doc(each.get("doc")))
        else:
            yield Port(id, _type(each))


def _steps(process: Mapping[str, Any]) -> Iterator[Step]:
    if "steps" not in process:
        raise ValueError("is a workflow and has no steps")
    for id, each in _entries(process["steps"], "steps"):
        if not isinstance(each, Mapping):
            raise ValueError(f"has steps.{id}, which is no table")
        missing = [name for name in ("run", "in", "out") if name not in each]
        if missing:
            raise ValueError(f"has steps.{id} without {', '.join(missing)}")
        run = each["run"]
        yield Step(id, _text(run) if isinstance(run, str) else "", _text(each.get("label")))


def _connected(process: Mapping[str, Any], kind: str, inputs: tuple[Port, ...], steps: tuple[Step, ...]) -> None:
    """Raise where an output comes from a step or an input that is not there."""
    if kind != "Workflow":
        return
    known = {each.id for each in inputs} | {each.id for each in steps}
    for id, each in _entries(process["outputs"], "outputs"):
        sources = each.get("outputSource", ()) if isinstance(each, Mapping) else ()
        for source in [sources] if isinstance(sources, str) else sources:
            place = _text(source).rpartition("#")[2].removeprefix("main/").partition("/")[0]
            if place not in known:
                raise ValueError(f"has outputs.{id} from {_text(source)[:80]!r}, and no step or input of that name")


def _entries(given: object, name: str) -> list[tuple[str, Any]]:
    """Return the entries of a table by name, or of a list whose entries have an id."""
    if isinstance(given, Mapping):
        found = [(str(id), each) for id, each in given.items()]
    elif isinstance(given, list):
        if not all(isinstance(each, Mapping) and "id" in each for each in given):
            raise ValueError(f"has {name} with an entry that has no id")
        found = [(_text(each["id"]), each) for each in given]
    elif given == "":
        found = []
    else:
        raise ValueError(f"has {name} that are neither a table nor a list")
    if len(found) > MAX_PORTS:
        raise ValueError(f"has {len(found)} {name}, at most {MAX_PORTS} may be")
    names = [id.rpartition("#")[2].rpartition("/")[2] for id, _ in found]
    if twice := next((each for each in names if names.count(each) > 1), None):
        raise ValueError(f"has {name}.{twice[:80]} twice")
    return [(id[:_MAX_TEXT], each) for id, (_, each) in zip(names, found, strict=True)]


def _type(given: object) -> str:
    """Return a type as people read it."""
    if isinstance(given, list):
        names = [_type(each) for each in given]
        if "null" in names and len(names) == 2:
            return f"{next(each for each in names if each != 'null')}?"
        return " | ".join(names)[:_MAX_TEXT]
    if isinstance(given, Mapping):
        kind = _text(given.get("type"))
        if kind == "array":
            return f"{_type(given.get('items'))}[]"[:_MAX_TEXT]
        if kind == "enum" and isinstance(given.get("symbols"), list):
            return " | ".join(_text(each).rpartition("/")[2] for each in given["symbols"])[:_MAX_TEXT]
        return kind or "record"
    text = _text(given)
    if not text:
        raise ValueError("has a type that says nothing")
    bare = text.removesuffix("?").removesuffix("[]").removesuffix("?")
    if bare not in _PRIMITIVES and "/" not in bare and "#" not in bare and ":" not in bare and not bare.isidentifier():
        raise ValueError(f"has the type {text[:40]!r}, which CWL does not know")
    return text


def _doc(given: object) -> str:
    return "\n".join(map(_text, given)) if isinstance(given, list) else _text(given)


def _text(given: object) -> str:
    return given.strip()[:20_000] if isinstance(given, str) else ""
