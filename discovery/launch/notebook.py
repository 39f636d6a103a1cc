"""The notebook that opens one record or several: fixed cells, and one that holds what differs between records.

Titles, ids and addresses come from strangers. They stand in that one cell as a JSON text inside a raw string, which
nothing in the text can end, and nowhere else: neither in code nor in Markdown.
"""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files as resources
from typing import Any, Final
from urllib.parse import urlsplit

from discovery import __version__
from discovery.errors import UnknownFieldError
from discovery.http.redaction import has_credentials, is_signed
from discovery.launch.opening import Opening
from discovery.launch.resolver import VOLUME, File, Place, printable
from discovery.model import terms

MEDIA_TYPE: Final = "application/x-ipynb+json"
MAX_TEXT: Final = 500
MAX_CITATION: Final = 2_000
MAX_LINKS: Final = 50
MAX_FILES: Final = 500
"""Files that a notebook knows."""
_MARKDOWN: Final = "markdown"
_CODE: Final = "python"
_DATA: Final = "data"
_FENCE: Final = re.compile(r"^```(python|data)\n(.*?)^```$\n?", re.MULTILINE | re.DOTALL)
_UNFIT: Final = re.compile(r"[^a-z0-9]+")
_LINKS: Final = ("http", "https")
_UNDRAWN: Final = frozenset({"datalink", "other"})
"""Families that nothing is drawn of."""


@dataclass(frozen=True, slots=True)
class Notebook:
    """A notebook as a file."""

    name: str
    """What the file is called: letters, digits and dashes, with `.ipynb` at its end."""
    content: bytes


@dataclass(frozen=True, slots=True)
class Choice:
    """What somebody chose among the ways to open a record; empty texts leave it to us."""

    file: str = ""
    """The key of a file."""
    volume: str = ""
    """The id of a volume, to be looked into first."""
    datalab: str = ""
    """The id of a datalab, named in the notebook."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the portal says of a selection beside its records; everything may be empty."""

    title: str = ""
    """What somebody called it."""
    page: str = ""
    """Its permanent address."""
    again: str = ""
    """Where the portal gives the same records as lines of JSON."""
    said: tuple[str, ...] = ()
    """What the reader should know: records that are gone, files that are left out."""
    citations: Mapping[str, str] = field(default_factory=dict)
    """How to cite each record, by its id."""
    stac: Mapping[str, Any] | None = None
    """`url` of a STAC API and the parameters of a `search` there that finds the same."""
    tap: Mapping[str, Any] | None = None
    """`url` of a TAP service, the name of its ObsCore `table`, and the `ids` of the records there."""


def build_for(
    openings: Sequence[Opening], *, site: str, choice: Choice | None = None, told: Told | None = None
) -> Notebook:
    """Return the notebook that opens one or several records; the same arguments give the same bytes.

    It begins with one file of each record and knows the others, 500 of all records together.

    Args:
        openings: The ways to open each record.
        site: The address of the portal, for links back; a slash at its end does not matter.
        choice: What was chosen among the ways; a file among those of the first record.
        told: What is said of the selection that the records are from.

    Raises:
        UnknownFieldError: A file, volume or datalab was chosen that is not among the ways.
    """
    data = _data(openings, site.rstrip("/"), checked(openings, choice or Choice()), told or Told())
    cells = [cell for name in _templates(data) for cell in _cells(name)]
    nbformat = _nbformat()
    v4 = nbformat.v4

    made = v4.new_notebook(metadata=_METADATA)
    for number, (kind, text) in enumerate(cells, 1):
        source = data_cell(data) if kind == _DATA else text
        id = f"cell-{number}"
        cell = v4.new_markdown_cell(source, id=id) if kind == _MARKDOWN else v4.new_code_cell(source, id=id)
        made.cells.append(cell)
    nbformat.validate(made)
    return Notebook(_name(openings, data["title"]), nbformat.writes(made).encode() + b"\n")


_METADATA: Final = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
    "discovery": {"version": __version__},
}


def checked(openings: Sequence[Opening], choice: Choice) -> Choice:
    """Return a choice if there is all that it names.

    Raises:
        UnknownFieldError: There is not; the message lists the near ones.
    """
    ways = {
        "file": [each.key for each in openings[0].files] if openings else [],
        "volume": [each.volume.id for opening in openings for each in opening.volumes],
        "datalab": [each.datalab.id for opening in openings for each in opening.datalabs],
    }
    for what, known in ways.items():
        wanted = getattr(choice, what)
        if wanted and wanted not in known:
            raise UnknownFieldError(wanted, known, what=what, parameter=what)
    return choice


def data_cell(data: Mapping[str, Any]) -> str:
    """Return the code of the cell that holds the data.

    JSON in ASCII with every apostrophe written as an escape has no apostrophe in it, and it ends with a brace: nothing
    in it can end the raw string that it stands in.
    """
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, indent=1).replace("'", "\\u0027")
    return f"import json\n\nDATA = json.loads(r'''\n{text}\n''')"


def _templates(data: Mapping[str, Any]) -> list[str]:
    begin = set(data["begin"])
    # In the order of what is opened first.
    kinds = list(dict.fromkeys(each["family"] for each in data["files"] if each["label"] in begin))
    names = ["begin", *(["find"] if kinds else []), *(["plot"] if set(kinds) - _UNDRAWN else []), *kinds]
    names += ["volume"] if data["folders"] else []
    names += ["nothing"] if not kinds and not data["folders"] else []
    names += ["again"] if data["again"] else []
    names += [f"again_{each}" for each in ("stac", "tap") if data[each]]
    return [*names, "end"]


@cache
def _cells(name: str) -> tuple[tuple[str, str], ...]:
    """Return the cells of a template: text is Markdown, fences are code or the place of the data."""
    text = resources("discovery.launch").joinpath(f"templates/{name}.md").read_text(encoding="utf-8")
    out: list[tuple[str, str]] = []
    at = 0
    for fence in _FENCE.finditer(text):
        out += [(_MARKDOWN, text[at : fence.start()]), (fence[1], fence[2])]
        at = fence.end()
    out.append((_MARKDOWN, text[at:]))
    return tuple((kind, part.strip()) for kind, part in out if kind == _DATA or part.strip())


def _nbformat() -> Any:
    """Return the library of notebooks, which takes as long to import as everything else that serves a page.

    Where `rfc3987_syntax` is installed its schema library would build forty grammars as well: two seconds of whoever
    looks at the first notebook, for a format that the schema of notebooks does not ask for.
    """
    hidden = "jsonschema" not in sys.modules and "rfc3987_syntax" not in sys.modules
    if hidden:
        sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
    try:
        import nbformat
    finally:
        if hidden:
            sys.modules.pop("rfc3987_syntax", None)
    return nbformat


def _data(openings: Sequence[Opening], site: str, choice: Choice, told: Told) -> dict[str, Any]:
    records = [_record(each, site, told.citations.get(each.record.id, "")) for each in openings]
    files, begin, left = _files(openings, choice)
    folders = [each for each in openings if each.mount_path]
    said = [_text(each) for each in told.said]
    if left:
        said.append(f"{left} more files are left out: a notebook knows {MAX_FILES} at most")
    one = records[0] if len(records) == 1 else None
    several = f"{len(records)} records" if records else "No records"
    lab = next((e.datalab for o in openings for e in o.datalabs if e.datalab.id == choice.datalab), None)
    return {
        "title": _text(told.title) or (one["title"] if one else several),
        "page": told.page or (one["page"] if one else site),
        "portal": {"url": site, "version": __version__},
        "records": records,
        "volumes": _volumes(openings, files, site),
        "files": files,
        "begin": begin,
        "folders": [
            {"title": _text(each.record.title), "mount_path": each.mount_path, "volume": each.record.id}
            for each in folders
        ],
        "links": [] if files or folders else [link for each in openings for link in _links(each)][:MAX_LINKS],
        "said": said,
        "again": told.again,
        "stac": dict(told.stac) if told.stac else None,
        "tap": dict(told.tap) if told.tap else None,
        "datalab": {"title": _text(lab.title), "page": f"{site}/records/{lab.id}", "url": lab.url} if lab else None,
    }


def _record(opening: Opening, site: str, citation: str) -> dict[str, Any]:
    record = opening.record
    return {
        "id": record.id,
        "title": _text(record.title or record.source_id),
        "kind": record.kind,
        "page": f"{site}/records/{record.id}",
        "provider": _text(record.provider),
        "licence": _text(terms.label("license", record.license)) if record.license else "",
        "doi": _text(record.doi),
        "citation": _text(citation, MAX_CITATION),
    }


def _files(openings: Sequence[Opening], choice: Choice) -> tuple[list[dict[str, Any]], list[str], int]:
    """Return the files of all records, the labels of those to begin with, and how many files are left out.

    The first of each record come before the others, so that a record with many of them leaves none out.
    """
    first: list[dict[str, Any]] = []
    others: list[dict[str, Any]] = []
    labels: dict[str, int] = {}
    for number, opening in enumerate(openings):
        if not opening.files:
            continue
        begin = next((e for e in opening.files if not number and e.key == choice.file), None) or _first(opening.files)
        for each in sorted(opening.files, key=lambda file: file is not begin):
            made = _file(each, choice.volume, opening.record.id, labels)
            (first if each is begin else others).append(made)
    kept = [*first, *others][:MAX_FILES]
    return kept, [each["label"] for each in first[:MAX_FILES]], len(first) + len(others) - len(kept)


def _volumes(openings: Sequence[Opening], files: Iterable[Mapping[str, Any]], site: str) -> dict[str, dict[str, str]]:
    """Return the volumes that files lie in, and those that are opened themselves, by their ids."""
    known = {each.volume.id: (each.volume.title, each.volume.mount_path) for o in openings for each in o.volumes}
    known |= {each.record.id: (each.record.title, each.mount_path) for each in openings if each.mount_path}
    named = dict.fromkeys(place["volume"] for file in files for place in file["places"])
    named |= dict.fromkeys(each.record.id for each in openings if each.mount_path)
    return {
        id: {"title": _text(known[id][0]), "mount_path": known[id][1], "page": f"{site}/records/{id}"}
        for id in named
        if id in known
    }


def _first(files: Iterable[File]) -> File:
    """Return the file to begin with: the first whose format is known, else the first of all."""
    known = list(files)
    return next((each for each in known if each.family != "other"), known[0])


def _file(file: File, volume: str, record: str, labels: dict[str, int]) -> dict[str, Any]:
    places = list(file.places)
    if volume:
        places.sort(key=lambda each: each.kind != VOLUME or each.volume != volume)
    # The name of a file has no blank, so that no other one is called like this.
    labels[file.name] = number = labels.get(file.name, 0) + 1
    label = file.name if number == 1 else f"{file.name} ({number})"
    return {
        "record": record,
        "key": _text(file.key),
        "label": label,
        "title": _text(file.title),
        "name": file.name,
        "family": file.family,
        "media_type": _text(file.media_type),
        "size": file.size,
        "places": [_place(each) for each in places],
    }


def _place(place: Place) -> dict[str, Any]:
    said = place.store.to_dict() if place.store else {}
    return {"kind": place.kind, "address": place.address, "volume": place.volume} | ({"store": said} if said else {})


def _links(opening: Opening) -> Iterable[dict[str, str]]:
    record = opening.record
    given = [(each.title, each.rel, each.href) for each in record.links]
    given += [(each.title or each.key, "asset", each.href) for each in record.assets]
    for title, rel, href in given[:MAX_LINKS]:
        try:
            scheme = urlsplit(href).scheme.lower()
        except ValueError:
            continue
        if scheme in _LINKS and not has_credentials(href) and not is_signed(href):
            yield {"title": _text(title), "rel": _text(rel), "href": _text(href, 2_000)}


def _text(text: str, limit: int = MAX_TEXT) -> str:
    return printable(text[:limit])


def _name(openings: Sequence[Opening], title: str) -> str:
    """Return what the file is called: the words of its title, and of a single record the id."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    words = _UNFIT.sub("-", plain).strip("-")[:50].strip("-")
    end = openings[0].record.id if len(openings) == 1 else "selection"
    return f"{words}-{end}.ipynb" if words else f"{end}.ipynb"
