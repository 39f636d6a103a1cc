"""The notebook that opens a record: fixed cells, and one cell that holds what differs from record to record.

Titles, ids and addresses come from strangers. They stand in that one cell as a JSON text inside a raw string, which
nothing in the text can end, and nowhere else: neither in code nor in Markdown.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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
MAX_LINKS: Final = 50
_MARKDOWN: Final = "markdown"
_CODE: Final = "python"
_DATA: Final = "data"
_FENCE: Final = re.compile(r"^```(python|data)\n(.*?)^```$\n?", re.MULTILINE | re.DOTALL)
_UNFIT: Final = re.compile(r"[^a-z0-9]+")
_LINKS: Final = ("http", "https")


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


def build(opening: Opening, *, site: str, choice: Choice | None = None) -> Notebook:
    """Return the notebook that opens a record; the same record and choice give the same bytes.

    Args:
        opening: The ways to open it.
        site: The address of the portal, for links back; a slash at its end does not matter.
        choice: What was chosen among the ways.

    Raises:
        UnknownFieldError: A file, volume or datalab was chosen that is not among the ways.
    """
    data = _data(opening, site.rstrip("/"), checked(opening, choice or Choice()))
    cells = [cell for name in _templates(opening, data) for cell in _cells(name)]
    # Its schema library takes as long to import as everything else that serves a page.
    import nbformat
    from nbformat import v4

    made = v4.new_notebook(metadata=_METADATA)
    for number, (kind, text) in enumerate(cells, 1):
        source = data_cell(data) if kind == _DATA else text
        id = f"cell-{number}"
        cell = v4.new_markdown_cell(source, id=id) if kind == _MARKDOWN else v4.new_code_cell(source, id=id)
        made.cells.append(cell)
    nbformat.validate(made)
    return Notebook(_name(opening), nbformat.writes(made).encode() + b"\n")


_METADATA: Final = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
    "discovery": {"version": __version__},
}


def checked(opening: Opening, choice: Choice) -> Choice:
    """Return a choice if there is all that it names.

    Raises:
        UnknownFieldError: There is not; the message lists the near ones.
    """
    ways = {
        "file": [each.key for each in opening.files],
        "volume": [each.volume.id for each in opening.volumes],
        "datalab": [each.datalab.id for each in opening.datalabs],
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


def _templates(opening: Opening, data: Mapping[str, Any]) -> tuple[str, ...]:
    if opening.mount_path:
        return ("begin", "volume", "end")
    if not opening.files:
        return ("begin", "nothing", "end")
    chosen = next(each for each in opening.files if each.key == data["file"])
    return ("begin", "find", chosen.family, "end")


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


def _data(opening: Opening, site: str, choice: Choice) -> dict[str, Any]:
    record = opening.record
    data: dict[str, Any] = {
        "title": _text(record.title or record.source_id),
        "id": record.id,
        "kind": record.kind,
        "page": f"{site}/records/{record.id}",
        "provider": _text(record.provider),
        "licence": _text(terms.label("license", record.license)) if record.license else "",
        "doi": _text(record.doi),
        "files": [_file(each, choice.volume) for each in opening.files],
    }
    if opening.files:
        data["file"] = choice.file or _first(opening.files).key
    if opening.mount_path:
        data["mount_path"] = opening.mount_path
    if not opening.files and not opening.mount_path:
        data["links"] = list(_links(opening))
    if choice.datalab:
        lab = next(each.datalab for each in opening.datalabs if each.datalab.id == choice.datalab)
        data["datalab"] = {"title": _text(lab.title), "page": f"{site}/records/{lab.id}", "url": lab.url}
    return data


def _first(files: Iterable[File]) -> File:
    """Return the file to begin with: the first whose format is known, else the first of all."""
    known = list(files)
    return next((each for each in known if each.family != "other"), known[0])


def _file(file: File, volume: str) -> dict[str, Any]:
    places = list(file.places)
    if volume:
        places.sort(key=lambda each: each.kind != VOLUME or each.volume != volume)
    return {
        "key": _text(file.key),
        "title": _text(file.title),
        "name": file.name,
        "family": file.family,
        "media_type": _text(file.media_type),
        "size": file.size,
        "places": [_place(each) for each in places],
    }


def _place(place: Place) -> dict[str, str]:
    return {"kind": place.kind, "address": place.address, "volume": place.volume}


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


def _name(opening: Opening) -> str:
    plain = unicodedata.normalize("NFKD", opening.record.title).encode("ascii", "ignore").decode().lower()
    words = _UNFIT.sub("-", plain).strip("-")[:50].strip("-")
    return f"{words}-{opening.record.id}.ipynb" if words else f"{opening.record.id}.ipynb"
