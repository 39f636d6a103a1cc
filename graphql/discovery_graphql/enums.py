"""The closed sets of the schema, made from the tables that the rest of Discovery uses."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import TYPE_CHECKING, Final

import strawberry

from discovery.exports import code
from discovery.launch import matching
from discovery.model import creation, job, launch, source
from discovery.model.record import KINDS, OBSERVATIONS, RESOURCES
from discovery.query import fields, form
from discovery.query.region import ASKED, RELATIONS
from discovery.suggester import WHATS

enum_name: Final = code.enum_name


def _enum(name: str, description: str, members: Iterable[tuple[str, str]]) -> type[Enum]:
    """Return a GraphQL enum whose Python values are the words that the portal uses."""
    values = {enum_name(value): strawberry.enum_value(value, description=text) for value, text in members}
    made: type[Enum] = Enum(name, values, module=__name__)  # type: ignore[misc]
    return strawberry.enum(made, description=description)


_KINDS: Final = {
    "dataset": "Data that belong together and are described together: a collection, a product.",
    "observation": "One observation, scene or granule of a dataset.",
    "project": "The effort that made datasets.",
    "datalab": "An environment that can be launched to work on data.",
    "volume": "Data that can be mounted in a datalab.",
    "pipeline": "A workflow that makes data out of data.",
    "experiment": "One run of a workflow with its inputs and results.",
    "service": "A service that programs can call.",
    "document": "Something to read.",
}
_RELATIONS: Final = {
    "intersects": "The footprint and the region share at least a point.",
    "disjoint": "They share nothing.",
    "contains": "The footprint holds the whole region.",
    "within": "The region holds the whole footprint.",
    "equals": "They are the same.",
    "touches": "They share border points only.",
    "crosses": "They cross: some inner points are shared, not all.",
    "overlaps": "They overlap and neither holds the other.",
}
_COORDINATES: Final = {
    "earth": "Longitude and latitude on Earth.",
    "sky": "Right ascension and declination (ICRS).",
    "galactic": "Galactic longitude and latitude.",
    "ecliptic": "Ecliptic longitude and latitude (mean ecliptic of J2000).",
}
_DOMAINS: Final = (
    ("earth-observation", "The Earth seen from above."),
    ("space-science", "Astronomy, planets and the Sun."),
    ("navigation", "Satellite navigation and geodesy."),
)
_ACCESS: Final = (
    ("open", "Anybody may read the data."),
    ("registered", "Readers need an account."),
    ("restricted", "Readers need a permission."),
)

_WHATS: Final = {
    "mission": "A mission; `value` is that of the facet.",
    "instrument": "An instrument; `value` is that of the facet.",
    "target": "Something that was observed; `value` is that of the facet.",
    "place": "A place on Earth; `value` is its name.",
    "object": "Something on the sky, a planet or a moon; `value` is its name.",
    "title": "A record by its title.",
}

if TYPE_CHECKING:
    # Made from tables at run time; the type checker only needs to know that they are enums of text.
    class Kind(Enum):
        """What a record is."""

    class Scope(Enum):
        """Which of the two indexes answers."""

    class Domain(Enum):
        """The broadest division of the catalogue."""

    class Access(Enum):
        """Who may read the data."""

    class FacetName(Enum):
        """A field that can be counted by value."""

    class SortName(Enum):
        """A field that records can be ordered by."""

    class FrameName(Enum):
        """A frame that a region can be in."""

    class RelationName(Enum):
        """How a footprint must lie to a region."""

    class SuggestionKind(Enum):
        """What a suggestion is."""

    class Words(Enum):
        """Which of the words must occur."""

    class Interval(Enum):
        """A step of a histogram."""

    class NumberName(Enum):
        """A field that holds a number."""

    class RunStatus(Enum):
        """How a run stands."""

    class JobStatus(Enum):
        """How a job stands."""

    class Tool(Enum):
        """What a snippet is for."""

    class PlaceKind(Enum):
        """What the address of a file is."""

    class HoldingReason(Enum):
        """Why a volume stands beside a record."""

    class OpenerReason(Enum):
        """Why a datalab is offered for a record."""

    class LaunchStatus(Enum):
        """How a launch stands."""

    class CreationKind(Enum):
        """What somebody has made."""

    class CreationState(Enum):
        """Where something that somebody made is on its way to being published."""

    class Visibility(Enum):
        """Who may see what somebody made."""

    class Decision(Enum):
        """What becomes of something that somebody made."""

    class RoleName(Enum):
        """What somebody may do."""
else:
    Kind = _enum("Kind", "What a record is.", ((kind, _KINDS[kind]) for kind in KINDS))
    Scope = _enum(
        "Scope",
        "Which of the two indexes answers.",
        (
            (RESOURCES, "Everything but observations: datasets, projects, datalabs, volumes and so on."),
            (OBSERVATIONS, "Single observations, scenes and granules."),
        ),
    )
    Domain = _enum("Domain", "The broadest division of the catalogue.", _DOMAINS)
    Access = _enum("Access", "Who may read the data.", _ACCESS)
    FacetName = _enum(
        "FacetName", "A field that can be counted by value.", ((n, fields.FIELDS[n].label + ".") for n in fields.FACETS)
    )
    SortName = _enum(
        "SortName",
        "What records can be ordered by.",
        (
            *((n, fields.FIELDS[n].label + ".") for n in fields.SORTS),
            (fields.OVERLAP, "How much of the region and of a footprint is the same, 0 to 1; it needs a region."),
        ),
    )
    FrameName = _enum(
        "FrameName",
        "The frame of a region: the Earth, the sky (ICRS), or another body; or coordinates that are turned to ICRS.",
        ((name, _COORDINATES.get(name, f"Longitude and latitude of {name}.")) for name in ASKED),
    )
    RelationName = _enum(
        "RelationName",
        "How a footprint must lie to a region (DE-9IM, as in CQL2).",
        ((name.removeprefix("s_"), _RELATIONS.get(name.removeprefix("s_"), name)) for name in RELATIONS),
    )
    SuggestionKind = _enum("SuggestionKind", "What a suggestion is.", ((what, _WHATS[what]) for what in WHATS))
    Words = _enum(
        "Words",
        "Which of the words must occur.",
        (
            (form.SOME, "All of them; where few records have all, spellings are mended and some of the words will do."),
            (form.ALL, "All of them, spelt as they are."),
        ),
    )
    Interval = _enum(
        "Interval",
        "A step of a histogram.",
        (
            ("year", "A calendar year in UTC."),
            ("month", "A calendar month in UTC."),
            ("day", "A day in UTC, over at most ten years."),
            ("auto", "The finest of these with at most 60 steps, else years; every step says what it is."),
        ),
    )
    NumberName = _enum(
        "NumberName", "A field that holds a number.", ((n, fields.FIELDS[n].label + ".") for n in fields.NUMBERS)
    )
    RunStatus = _enum(
        "RunStatus",
        "How a run stands.",
        (
            (source.RUNNING, "It is under way."),
            (source.COMPLETE, "It came to its end."),
            (source.PARTIAL, "It was interrupted; the next one goes on."),
            (source.HELD, "So much has vanished that somebody has to approve."),
            (source.FAILED, "Nothing came."),
        ),
    )
    JobStatus = _enum(
        "JobStatus",
        "How a job stands.",
        (
            (job.WAITING, "Nobody has begun."),
            (job.RUNNING, "The steward does it."),
            (job.DONE, "It was done."),
            (job.FAILED, "It could not be done."),
        ),
    )
    Tool = _enum(
        "Tool",
        "What a snippet of code is for.",
        (
            ("graphql", "GraphQL by curl."),
            ("json", "The JSON of this portal's search page by curl."),
            ("stac", "The STAC API by curl."),
            ("pystac", "The STAC API by pystac-client."),
            ("pyvo", "The archive's own TAP service by pyvo."),
        ),
    )
    PlaceKind = _enum(
        "PlaceKind",
        "What the address of a file is.",
        (
            ("volume", "A path in a folder that platforms mount."),
            ("https", "An address on the web."),
            ("s3", "An object in a bucket."),
        ),
    )
    HoldingReason = _enum(
        "HoldingReason",
        "Why a volume stands beside a record.",
        (
            (matching.PATH, "A file of the record lies in it."),
            (matching.HOLDS, "It says that it holds the record or its dataset."),
            (matching.MISSION, "It holds data of the record's mission and instrument."),
            (matching.WORKS, "The record is a datalab that works on it."),
        ),
    )
    OpenerReason = _enum(
        "OpenerReason",
        "Why a datalab is offered for a record.",
        (
            (matching.DATASET, "It was made for the record or its dataset."),
            (matching.MISSION, "It was made for the record's mission."),
            (matching.FORMAT, "It opens its files."),
            (matching.NOTEBOOK, "It runs any notebook."),
        ),
    )
    LaunchStatus = _enum(
        "LaunchStatus",
        "How a launch stands.",
        (
            (launch.ASKED, "It was asked for."),
            (launch.STARTING, "Its target starts it."),
            (launch.READY, "It can be opened."),
            (launch.STOPPING, "Its target stops it."),
            (launch.STOPPED, "It is over."),
            (launch.FAILED, "It could not be started, or broke."),
        ),
    )
    CreationKind = _enum(
        "CreationKind",
        "What somebody has made.",
        (
            (creation.DATALAB, "An environment that can be launched."),
            (creation.VOLUME, "A volume of the portal."),
            (creation.PIPELINE, "A workflow."),
            (creation.SELECTION, "Records that somebody keeps under a name: their own data volume."),
        ),
    )
    CreationState = _enum(
        "CreationState",
        "Where something that somebody made is on its way to being published.",
        (
            (creation.DRAFT, "It is being written, and found by nobody."),
            (creation.REVIEW, "It waits for a decision."),
            (creation.PUBLISHED, "It is a record that everybody finds."),
            (creation.DEPRECATED, "It is a record still, and nobody should begin with it."),
        ),
    )
    Visibility = _enum(
        "Visibility",
        "Who may see what somebody made, beside its owner and those who decide on it.",
        (
            (creation.PRIVATE, "Nobody."),
            (creation.LISTED, "People who are named."),
            (creation.LINK, "Whoever has its address."),
            (creation.PUBLIC, "Everybody."),
        ),
    )
    Decision = _enum(
        "Decision",
        "What becomes of something that somebody made.",
        (
            ("accept", "It is published."),
            ("reject", "It goes back to its owner, with the reason."),
            ("deprecate", "Its record stays, marked as outdated, with the reason."),
            ("revive", "The mark is taken off again."),
            ("withdraw", "Its record is taken away, with the reason; its owner keeps what was written."),
        ),
    )
    RoleName = _enum(
        "Role",
        "What somebody may do; each role may all that the ones before it may.",
        (
            ("anonymous", "Search, export, download notebooks."),
            ("user", "Launch, keep selections and stars."),
            ("developer", "Write datalabs and hand them in."),
            ("moderator", "Decide on what was handed in."),
            ("operator", "Look after sources, harvests, volumes and zones."),
            ("admin", "Give roles."),
        ),
    )


def member(kind: type[Enum], value: str) -> Enum | None:
    """Return the member with a value, None when the source used a word that is not in the set."""
    return kind._value2member_map_.get(value)
