"""How to cite a record: BibTeX, RIS, CSL-JSON and a line to copy, after DataCite's recommendation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import orjson

from discovery.documents import addresses, credits, words
from discovery.documents.credits import Agent
from discovery.documents.site import Site
from discovery.model import instant
from discovery.model.record import Record

NOUNS: Final = {
    "dataset": "Dataset",
    "observation": "Dataset",
    "project": "Project",
    "datalab": "Software",
    "volume": "Data volume",
    "pipeline": "Software",
    "experiment": "Experiment",
    "service": "Service",
    "document": "Document",
}
_CSL: Final = {"Dataset": "dataset", "Data volume": "dataset", "Software": "software", "Document": "document"}
_RIS: Final = {"Dataset": "DATA", "Data volume": "DATA", "Software": "COMP"}
_LATEX: Final = {
    "\\": r"\textbackslash{}",
    # BibTeX counts the braces of \{ too, so a single one would swallow the rest of the file.
    "{": r"\textbraceleft{}",
    "}": r"\textbraceright{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "&": r"\&",
    "$": r"\$",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
}
_SPECIAL: Final = re.compile("[" + re.escape("".join(_LATEX)) + "]")
_MAX_ABSTRACT: Final = 2_000


@dataclass(frozen=True, slots=True)
class Citation:
    """What every style of citing is made of."""

    key: str
    """The same for as long as the record lives, whatever happens to its title."""
    noun: str
    authors: tuple[Agent, ...]
    title: str
    year: int | None
    date: tuple[int, int, int] | None
    publisher: str
    version: str
    doi: str
    url: str
    keywords: tuple[str, ...]
    abstract: str


def cite(record: Record, site: Site) -> Citation:
    """Return the citation of a record.

    Whoever made it is its author; where nobody is named, the publisher. The address is that of its DOI, else of its
    page in this portal.
    """
    publisher = credits.publisher(record)
    made = credits.creators(record) or ((publisher,) if publisher else ())
    moment = credits.published(record)
    # The numbers of an instant are days; before the year 1 nothing was published.
    date = instant.date(moment // instant.DAY) if moment is not None else None
    doi = credits.doi(record)
    return Citation(
        key=f"discovery-{record.id}",
        noun=NOUNS[record.kind],
        authors=made,
        title=credits.title(record),
        year=date[0] if date and 1 <= date[0] <= 9_999 else None,
        date=date if date and 1 <= date[0] <= 9_999 else None,
        publisher=publisher.name if publisher else "",
        version=credits.version(record),
        doi=doi,
        url=addresses.doi(doi) if doi else site.record(record.id),
        keywords=tuple(dict.fromkeys(word for each in record.keywords[:50] if (word := words.line(each, 200)))),
        abstract=words.line(record.description, _MAX_ABSTRACT),
    )


def text(given: Citation) -> str:
    """Return the citation as a line: creators (year): title. Version. Publisher. Kind. Address."""
    names = [_named(each) for each in given.authors[:20]] + (["et al."] if len(given.authors) > 20 else [])
    said = "; ".join(names)
    year = f"({given.year if given.year is not None else 'n.d.'})"
    parts = [f"{said} {year}: {given.title}" if said else f"{given.title} {year}"]
    parts += [f"Version {given.version}"] if given.version else []
    parts += [given.publisher] if given.publisher and given.publisher != said else []
    parts += [given.noun, given.url]
    return ". ".join(each.rstrip(".") if number < len(parts) - 1 else each for number, each in enumerate(parts))


def _named(agent: Agent) -> str:
    family, given = agent.parts
    return f"{family}, {given}" if agent.person and given else agent.name


def bibtex(given: Citation) -> str:
    """Return an entry of BibTeX in UTF-8, of the type that every version of it knows."""
    year = str(given.year) if given.year is not None else ""
    fields = (
        ("author", " and ".join(map(_bibtex_name, given.authors))),
        ("title", f"{{{latex(given.title)}}}"),
        ("year", year),
        ("publisher", latex(given.publisher)),
        ("version", latex(given.version)),
        ("howpublished", latex(given.noun)),
        ("keywords", latex(", ".join(each.replace(",", " ") for each in given.keywords))),
        # These two are taken as they stand by every style that prints them.
        ("doi", _verbatim(given.doi)),
        ("url", _verbatim(given.url)),
    )
    body = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields if value)
    return f"@misc{{{given.key},\n{body}\n}}\n"


def _bibtex_name(agent: Agent) -> str:
    family, given = agent.parts
    if agent.person and given:
        # ` and ` parts names, so it must not stand in one.
        return f"{_one(family)}, {_one(given)}"
    return f"{{{latex(agent.name)}}}"


def _one(name: str) -> str:
    plain = latex(name.replace(",", " "))
    return f"{{{plain}}}" if re.search(r"\band\b", plain, re.IGNORECASE) else plain


def latex(given: str) -> str:
    """Return a text whose characters LaTeX would take for commands are written as such; letters stay as they are."""
    return _SPECIAL.sub(lambda found: _LATEX[found[0]], given)


def _verbatim(address: str) -> str:
    return re.sub(r"[{}\\%]", lambda found: found[0] if found[0] == "%" else f"%{ord(found[0]):02X}", address)


def ris(given: Citation) -> str:
    """Return a record of RIS."""
    return "".join(f"{tag}  - {value}\r\n" for tag, value in _ris(given)) + "ER  - \r\n"


def _ris(given: Citation) -> Iterator[tuple[str, str]]:
    yield "TY", _RIS.get(given.noun, "GEN")
    yield "ID", given.key
    for agent in given.authors:
        yield "AU", _named(agent)
    yield "TI", given.title
    if given.date is not None:
        yield "PY", f"{given.date[0]:04d}"
        yield "DA", "/".join((f"{given.date[0]:04d}", f"{given.date[1]:02d}", f"{given.date[2]:02d}"))
    named = (("PB", given.publisher), ("ET", given.version), ("AB", given.abstract))
    yield from ((tag, value) for tag, value in named if value)
    yield from (("KW", each) for each in given.keywords)
    if given.doi:
        yield "DO", given.doi
    yield "UR", given.url


def csl(given: Citation) -> bytes:
    """Return a bibliography of one item as CSL-JSON."""
    out: dict[str, Any] = {
        "id": given.key,
        "type": _CSL.get(given.noun, "document"),
        "title": given.title,
        "author": [_csl_name(each) for each in given.authors],
        "issued": {"date-parts": [list(given.date)]} if given.date else None,
        "publisher": given.publisher,
        "version": given.version,
        "genre": given.noun,
        "keyword": ", ".join(given.keywords),
        "abstract": given.abstract,
        "DOI": given.doi,
        "URL": given.url,
    }
    return orjson.dumps([{name: value for name, value in out.items() if value}], option=orjson.OPT_INDENT_2)


def _csl_name(agent: Agent) -> dict[str, str]:
    family, given = agent.parts
    return {"family": family, "given": given} if agent.person and given else {"literal": agent.name}
