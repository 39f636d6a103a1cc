"""Whom a record is from, under which licence and of when: what citations and catalogues ask of each record.

Only names of people are published, as the sources publish them; addresses of people never are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from discovery.documents import addresses, words
from discovery.model import instant, terms
from discovery.model.record import Contact, Record
from discovery.model.terms import fold

MAX_NAMES: Final = 100
"""Creators that a document names."""
_CREATORS: Final = ("author", "creator", "principalinvestigator", "pi", "originator")
"""Roles of those who made it, the strongest first."""
_MAKERS: Final = ("producer",)
"""STAC's word for the organisation that made the data; it counts where nobody else is named."""
_PUBLISHERS: Final = ("publisher", "distributor", "host", "licensor")
_PERSONAL: Final = frozenset({"author", "principalinvestigator", "pi"})
_ORCID: Final = re.compile(r"https?://orcid\.org/\d{4}-\d{4}-\d{4}-\d{3}[\dX]/?")
_CREATIVE: Final = re.compile(r"CC-(?P<kind>BY(?:-NC)?(?:-SA|-ND)?)-(?P<version>\d\.\d)(?P<igo>-IGO)?")


@dataclass(frozen=True, slots=True)
class Agent:
    """A person or an organisation."""

    name: str
    person: bool = False
    organization: str = ""
    """Where a person works."""
    url: str = ""
    roles: tuple[str, ...] = ()

    @property
    def orcid(self) -> str:
        """The ORCID iD as an address; empty where none is known."""
        return self.url if _ORCID.fullmatch(self.url) else ""

    @property
    def parts(self) -> tuple[str, str]:
        """The family and the given name of a person, as far as the name itself tells."""
        family, comma, given = self.name.partition(",")
        if comma:
            return family.strip(), given.strip()
        given, _, family = self.name.rpartition(" ")
        return family, given


def agents(record: Record) -> tuple[Agent, ...]:
    """Return everybody whom a record names, without addresses of people."""
    found = (_agent(each) for each in record.contacts[: MAX_NAMES * 2])
    return tuple(dict.fromkeys(each for each in found if each.name))[:MAX_NAMES]


def _agent(contact: Contact) -> Agent:
    # A few catalogues write an address of a person where the name belongs.
    name, organization = (words.line(each) if "@" not in each else "" for each in (contact.name, contact.organization))
    roles = tuple(words.line(each, 100) for each in contact.roles)
    url = addresses.published(contact.url) if "@" not in contact.url else ""
    if not name or name == organization:
        return Agent(organization, url=url, roles=roles)
    known = {fold(each) for each in roles}
    person = bool(organization) or bool(known & _PERSONAL) or bool(_ORCID.fullmatch(url))
    return Agent(name, person, organization if person else "", url, roles)


def creators(record: Record) -> tuple[Agent, ...]:
    """Return who made it: those of the strongest role of a creator, else who produced it, else nobody."""
    found = agents(record)
    for group in (_CREATORS, _MAKERS):
        made = tuple(each for each in found if any(fold(role) in group for role in each.roles))
        if made:
            return made
    return ()


def publisher(record: Record) -> Agent | None:
    """Return who gives it out; the provider where the record names one."""
    found = agents(record)
    if "@" not in record.provider and (name := words.line(record.provider)):
        return next((each for each in found if each.name == name and not each.person), Agent(name))
    for role in _PUBLISHERS:
        for each in found:
            if role in map(fold, each.roles):
                return each
    return None


def licence_url(record: Record) -> str:
    """Return where the licence can be read; empty where the record does not say which it is."""
    given = record.license
    if found := _CREATIVE.fullmatch(given):
        igo = "igo/" if found["igo"] else ""
        return f"https://creativecommons.org/licenses/{found['kind'].lower()}/{found['version']}/{igo}"
    if given == "CC0-1.0":
        return "https://creativecommons.org/publicdomain/zero/1.0/"
    if terms.is_spdx(given):
        return f"https://spdx.org/licenses/{given}"
    named = addresses.published(given)
    return named or next(
        (url for each in record.links if each.rel == "license" and (url := addresses.published(each.href))), ""
    )


def doi(record: Record) -> str:
    """Return the DOI without an address before it; empty where there is none."""
    return addresses.doi_name(record.doi)


def identifiers(record: Record) -> tuple[str, ...]:
    """Return its other identifiers, without secrets in those that are addresses."""
    found = (words.line(addresses.redacted(each[:4_000])) for each in record.external_ids[:MAX_NAMES])
    return tuple(dict.fromkeys(each for each in found if each and addresses.doi_name(each) != doi(record)))


def published(record: Record) -> int | None:
    """Return the instant whose year a citation names: its coming out, else of the data, else of what is said."""
    moments = (_came_out(record), record.created, record.updated, record.metadata_updated)
    return next((each for each in moments if each is not None), None)


def _came_out(record: Record) -> int | None:
    """Return what STAC's timestamps call `published`; None for words that are no date."""
    given = record.properties.get("published")
    try:
        return instant.instant(given) if isinstance(given, str) else None
    except ValueError:
        return None


def version(record: Record) -> str:
    """Return the version that the source calls it; empty where it does not."""
    given = record.properties.get("version") or record.properties.get("sci:version") or ""
    return words.line(given if isinstance(given, str) else given[0], 100) if given else ""


def attribution(record: Record) -> str:
    """Return whom the source wants to be thanked; empty where it does not say."""
    given = record.properties.get("attribution", "")
    return words.line(given if isinstance(given, str) else "; ".join(given))


def missions(record: Record) -> tuple[str, ...]:
    """Return what its missions are called; of one that no vocabulary knows, the last step of its path."""
    found = ((each, terms.label("mission", each)) for each in record.missions)
    return tuple(words.line(label if label != path else path.rpartition("/")[2], 300) for path, label in found)


def title(record: Record) -> str:
    """Return what a record is called, whatever its source left out."""
    return words.line(record.title) or words.line(record.source_id) or record.id


def landing(record: Record) -> str:
    """Return where the source itself speaks of it: by DOI, else its own page; empty where neither is known."""
    if doi(record):
        return addresses.doi(record.doi)
    for rel in ("landing", "about", "canonical", "alternate", "cite-as"):
        for link in record.links:
            # STAC's canonical link leads to JSON, which is nobody's page.
            if link.rel == rel and "json" not in link.media_type and (url := addresses.published(link.href)):
                return url
    return ""


def xsd_date_time(milliseconds: int) -> str:
    """Return an instant as XML Schema writes it: years beyond four digits have neither a plus nor leading zeros."""
    found = instant.iso(milliseconds)
    if found[0] not in "+-":
        return found
    year, rest = found[1:].split("-", 1)
    return f"{'-' if found[0] == '-' else ''}{int(year):04d}-{rest}"
