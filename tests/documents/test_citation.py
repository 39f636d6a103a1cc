from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import bibtexparser
import pytest
import rispy
from bibtexparser.middlewares import SeparateCoAuthors, SplitNameParts
from pylatexenc.latex2text import LatexNodes2Text

from discovery.documents import citation, words
from discovery.documents.site import Site
from discovery.model import instant
from discovery.model.record import KINDS, Contact, Record


def bibtex(record: Record, site: Site) -> Any:
    """Return the one entry that another reader finds in our BibTeX."""
    library = bibtexparser.parse_string(citation.bibtex(citation.cite(record, site)))
    assert library.failed_blocks == []
    assert len(library.blocks) == 1
    return library.entries[0]


def ris(record: Record, site: Site) -> dict[str, Any]:
    (found,) = rispy.loads(citation.ris(citation.cite(record, site)))
    return dict(found)


def test_a_citation_says_who_when_what_and_where(full: Record, site: Site) -> None:
    assert citation.text(citation.cite(full, site)) == (
        "Frost, Ada; Öberg, Łukasz (2021): Sea ice thickness from CryoSat. Version 2.1. Ice Institute. Dataset. "
        "https://doi.org/10.5281/zenodo.1234567"
    )


def test_without_a_doi_the_page_here_is_cited_and_without_a_year_none_is_made_up(site: Site) -> None:
    record = Record("s", "", "x", "datalab", "Lab", provider="ESA")
    assert citation.text(citation.cite(record, site)) == f"ESA (n.d.): Lab. Software. {site.record(record.id)}"
    assert citation.text(citation.cite(replace(record, provider=""), site)).startswith("Lab (n.d.). Software. https:")


def test_bibtex_is_read_by_others(full: Record, site: Site) -> None:
    entry = bibtex(full, site)
    assert (entry.entry_type, entry.key) == ("misc", f"discovery-{full.id}")
    found = {each.key: each.value for each in entry.fields}
    assert found["author"] == "Frost, Ada and Öberg, Łukasz"
    assert found["title"] == "{Sea ice thickness from CryoSat}"
    assert (found["year"], found["version"], found["doi"]) == ("2021", "2.1", "10.5281/zenodo.1234567")
    assert found["url"] == "https://doi.org/10.5281/zenodo.1234567"


def test_any_title_comes_back_from_bibtex(hostile: Record, site: Site) -> None:
    title = citation.cite(hostile, site).title
    entry = bibtex(hostile, site)
    assert entry.fields_dict["title"].value == f"{{{citation.latex(title)}}}"
    # A reader of LaTeX that is not ours; the three that it does not know, or knows otherwise, are told to it.
    for command, meant in ((r"\textless{}", "<"), (r"\textgreater{}", ">"), (r"\textasciicircum{}", "CARET")):
        entry.fields_dict["title"].value = entry.fields_dict["title"].value.replace(command, meant)
    decoded = LatexNodes2Text().latex_to_text(entry.fields_dict["title"].value.replace("--", "-{}-"))
    # Apart from blanks, which LaTeX counts differently.
    assert re.sub(r"[\s{}]", "", decoded).replace("CARET", "^") == re.sub(r"[\s{}]", "", title)


def test_the_braces_of_bibtex_are_even_and_nothing_is_a_command(hostile: Record, site: Site) -> None:
    told = citation.bibtex(citation.cite(hostile, site))
    assert told.count("{") == told.count("}")
    allowed = r"\\(textbackslash|textbraceleft|textbraceright|textasciitilde|textasciicircum|textless|textgreater)\{\}"
    rest = re.sub(allowed, "", told)
    assert not re.search(r"\\[^&$#%_]", rest)
    assert told.count("\n@") == 0


def test_an_organisation_is_one_name_and_an_and_parts_none(site: Site) -> None:
    contacts = (
        Contact("Sea and Sky, Ltd", "Sea and Sky, Ltd", ("author",)),
        Contact("Brand, Anders", "X", ("author",)),
        Contact("Rock and Roll Smith", "X", ("author",)),
    )
    record = Record("s", "", "x", "dataset", "T", contacts=contacts)
    told = citation.bibtex(citation.cite(record, site))
    library = bibtexparser.parse_string(told, append_middleware=[SeparateCoAuthors(), SplitNameParts()])
    names = library.entries[0].fields_dict["author"].value
    assert [(each.last, each.first) for each in names] == [
        (["{Sea and Sky, Ltd}"], []),
        (["Brand"], ["Anders"]),
        (["Smith"], ["{Rock and Roll}"]),
    ]


def test_ris_is_read_by_others(full: Record, site: Site) -> None:
    found = ris(full, site)
    assert found["type_of_reference"] == "DATA"
    assert found["authors"] == ["Frost, Ada", "Öberg, Łukasz"]
    assert found["title"] == full.title
    assert (found["year"], found["date"]) == ("2021", "2021/01/02")
    assert (found["doi"], found["publisher"], found["edition"]) == (full.doi, "Ice Institute", "2.1")
    assert found["keywords"] == ["ice", "arctic"]


def test_a_hostile_record_is_one_record_of_ris(hostile: Record, site: Site) -> None:
    told = citation.ris(citation.cite(hostile, site))
    assert re.fullmatch(r"(?:[A-Z][A-Z0-9]  - [^\r\n]*\r\n)+", told)
    assert told.count("ER  - ") == told.count("\r\nER  - \r\n") + (told.count("ER  - ") - 1)
    assert ris(hostile, site)["title"] == words.line(hostile.title)


def test_csl_is_a_bibliography_of_one(full: Record, site: Site) -> None:
    (found,) = json.loads(citation.csl(citation.cite(full, site)))
    assert found["type"] == "dataset"
    assert found["author"] == [{"family": "Frost", "given": "Ada"}, {"family": "Öberg", "given": "Łukasz"}]
    assert found["issued"] == {"date-parts": [[2021, 1, 2]]}
    assert (found["DOI"], found["version"]) == (full.doi, "2.1")


def test_hostile_text_is_csl_too(hostile: Record, site: Site) -> None:
    (found,) = json.loads(citation.csl(citation.cite(hostile, site)))
    assert found["title"] == words.line(hostile.title)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_cited_in_every_style(kind: str, site: Site) -> None:
    record = Record("s", "", "x", kind, "T")
    assert bibtex(record, site).fields_dict["howpublished"].value == citation.NOUNS[kind]
    assert ris(record, site)["title"] == "T"
    assert json.loads(citation.csl(citation.cite(record, site)))[0]["genre"] == citation.NOUNS[kind]


def test_a_key_outlives_every_change_of_what_it_names(full: Record, site: Site) -> None:
    changed = replace(full, title="Other", doi="", created=None, contacts=(), provider="")
    assert citation.cite(changed, site).key == citation.cite(full, site).key


def test_years_before_the_first_are_no_years_of_publication(full: Record, site: Site) -> None:
    old = citation.cite(replace(full, created=instant.instant("-004712-01-01")), site)
    assert (old.year, old.date) == (None, None)
    assert "(n.d.)" in citation.text(old)
