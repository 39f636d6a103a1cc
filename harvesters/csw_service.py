"""What a CSW says of itself in its capabilities: where and how its records can be asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from discovery.errors import RecordError, SourceUnavailableError
from discovery.http import Client, redact
from harvesters import csw_page, xml
from harvesters import iso_tree as tree

XML: Final = "application/xml, text/xml;q=0.9, */*;q=0.1"
"""What is asked for by whoever reads XML."""
_OURS: Final = frozenset(
    {
        "service", "version", "request", "acceptversions", "typenames", "outputschema", "elementsetname", "resulttype",
        "startposition", "maxrecords", "sortby", "outputformat", "constraint", "constraintlanguage",
        "constraint_language_version", "sections", "acceptformats",
    }
)  # fmt: skip
_HREF: Final = "{http://www.w3.org/1999/xlink}href"


@dataclass(frozen=True, slots=True)
class Service:
    """A catalogue service as it describes itself."""

    title: str
    version: str
    get: str
    """Where GetRecords is asked for by GET."""
    post: str
    """Where it is asked for by POST; empty where it is not."""
    schemas: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    queryables: frozenset[str] = field(default_factory=frozenset)


def bare(url: str) -> str:
    """Return the address of a service without the parameters of a request, which people copy with it."""
    parts = urlsplit(url)
    kept = [
        (name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name.lower() not in _OURS
    ]
    return urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(kept), ""))


def describe(client: Client, url: str, version: str) -> Service:
    """Ask a service for its capabilities.

    Args:
        client: The way to the network.
        url: The address that the operator gave.
        version: The version to be spoken; empty for the one that the service prefers.

    Raises:
        SourceUnavailableError: What answers is no catalogue service.
    """
    address = bare(url)
    # The older version is understood by more services, and better.
    spoken = {"version": version} if version else {"acceptVersions": "2.0.2,3.0.0"}
    wanted = {"service": "CSW", "request": "GetCapabilities", **spoken}
    answer = client.get(csw_page.with_query(address, wanted), accept=XML)
    try:
        root = xml.parse(answer.content)
    except RecordError as error:
        raise SourceUnavailableError(f"{redact(url)[:300]}: {error}", detail="unexpected_content") from error
    if tree.name(root) != "Capabilities" or "/cat/csw/" not in root.tag:
        told = csw_page.said(answer.content) or f"<{tree.name(root)[:40]}> is not what a CSW says of itself"
        raise SourceUnavailableError(f"{redact(url)[:300]}: {told}", detail="unexpected_content")
    operation = next((each for each in root.iter("{*}Operation") if each.get("name") == "GetRecords"), None)
    if operation is None:
        raise SourceUnavailableError(f"{redact(url)[:300]}: it has no GetRecords", detail="unexpected_content")
    answered = version or str(root.get("version") or "")
    title = next((" ".join((each.text or "").split()) for each in root.iter("{*}Title")), "")
    return Service(
        title[:500],
        answered if answered in ("2.0.2", "3.0.0") else "2.0.2",
        address,
        _post(operation, address),
        _values(operation, "outputSchema"),
        _values(operation, "typeNames"),
        frozenset(text for each in operation.iter("{*}Constraint") for text in _texts(each)),
    )


def _post(operation: Any, address: str) -> str:
    """Return where a POST goes; an address on another host is one that the service knows itself by, not we."""
    found = [each for each in operation.iter("{*}Post") if "SOAP" not in _texts(each)]
    if not found:
        return ""
    href = urljoin(address, str(found[0].get(_HREF) or "").strip())
    here, there = urlsplit(address), urlsplit(href)
    same = (here.scheme, here.netloc) == (there.scheme, there.netloc)
    return bare(href) if same and there.path else address


def _values(operation: Any, name: str) -> tuple[str, ...]:
    for each in operation.iter("{*}Parameter"):
        if str(each.get("name") or "").lower() == name.lower():
            return tuple(_texts(each))
    return ()


def _texts(element: Any) -> list[str]:
    return [text for each in element.iter("{*}Value") if (text := (each.text or "").strip())][:500]
