"""RDF in XML as the nodes of a JSON-LD document, so that there is one reading of both."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urljoin

from discovery.errors import RecordError

_RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_XML: Final = "http://www.w3.org/XML/1998/namespace"
_ROOT: Final = f"{{{_RDF}}}RDF"
_NO_PROPERTIES: Final = frozenset(f"{{{_RDF}}}{name}" for name in ("about", "ID", "nodeID", "type"))
MAX_NODES: Final = 200_000
"""Nodes of one document."""


def is_rdf(root: Any) -> bool:
    """Say whether a document is RDF in XML."""
    return bool(root.tag == _ROOT)


def document(root: Any) -> dict[str, Any]:
    """Return the nodes of a document as a JSON-LD graph, with all names in full.

    Raises:
        RecordError: There are more nodes than a document may have (`too-large`).
    """
    reader = _Reader()
    return {"@graph": [reader.node(each, str(root.get(f"{{{_XML}}}base") or "")) for each in root]}


class _Reader:
    """Turns elements into nodes: in RDF the levels of elements are in turn nodes and properties."""

    def __init__(self) -> None:
        self._count = 0

    def node(self, element: Any, base: str) -> dict[str, Any]:
        self._count += 1
        if self._count > MAX_NODES:
            raise RecordError("too-large", f"the document has more than {MAX_NODES} nodes")
        base = str(element.get(f"{{{_XML}}}base") or base)
        out: dict[str, Any] = {}
        name = _name(element, base)
        if name:
            out["@id"] = name
        types = [] if element.tag == f"{{{_RDF}}}Description" else [_iri(element.tag)]
        if given := element.get(f"{{{_RDF}}}type"):
            types.append(str(given))
        for attribute, value in element.attrib.items():
            if attribute not in _NO_PROPERTIES and not attribute.startswith(f"{{{_XML}}}") and "}" in attribute:
                out.setdefault(_iri(attribute), []).append(str(value))
        for child in element:
            if child.tag == f"{{{_RDF}}}type":
                types.append(str(child.get(f"{{{_RDF}}}resource") or ""))
            else:
                out.setdefault(_iri(child.tag), []).extend(self._values(child, base))
        return {**out, "@type": types} if types else out

    def _values(self, element: Any, base: str) -> list[Any]:
        """Return what a property says: literals, names of nodes, or nodes."""
        how = element.get(f"{{{_RDF}}}parseType")
        if how == "Resource":
            self._count += 1
            inside = _as_description(element)
            return [self.node(inside, base)]
        resource = element.get(f"{{{_RDF}}}resource")
        if resource is not None:
            return [{"@id": _resolved(str(resource), base)}]
        if node := element.get(f"{{{_RDF}}}nodeID"):
            return [{"@id": f"_:{node}"}]
        if len(element) and how != "Literal":
            return [self.node(each, base) for each in element]
        words = "".join(element.itertext()).strip()
        if not words:
            return []
        language = element.get(f"{{{_XML}}}lang")
        return [{"@value": words, "@language": str(language)}] if language else [{"@value": words}]


def _as_description(element: Any) -> Any:
    """Return the node that a property holds without an element of its own around it."""
    made = element.makeelement(f"{{{_RDF}}}Description")
    for child in list(element):
        made.append(child)
    return made


def _name(element: Any, base: str) -> str:
    about = element.get(f"{{{_RDF}}}about")
    if about is not None:
        return _resolved(str(about), base)
    if here := element.get(f"{{{_RDF}}}ID"):
        return _resolved(f"#{here}", base)
    node = element.get(f"{{{_RDF}}}nodeID")
    return f"_:{node}" if node else ""


def _resolved(name: str, base: str) -> str:
    try:
        return urljoin(base, name) if base else name
    except ValueError:
        return name


def _iri(tag: str) -> str:
    return tag[1:].replace("}", "", 1) if tag.startswith("{") else tag
