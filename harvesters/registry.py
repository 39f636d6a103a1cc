"""The harvesters by name, and the settings that each of them takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Final

from discovery.errors import ConfigError
from discovery.http import Client, Policy
from discovery.model.source import Source
from harvesters import schedule, table_map
from harvesters.base import Harvester, SourceContext, Value
from harvesters.csw import Csw
from harvesters.folder import Folder
from harvesters.oai import OaiPmh
from harvesters.ogc_collections import OgcCollections
from harvesters.ogc_records import OgcRecords
from harvesters.opensearch import OpenSearch
from harvesters.records_static import RecordsStatic
from harvesters.sia2 import Sia2
from harvesters.stac_api import StacApi
from harvesters.stac_geoparquet import StacGeoparquet
from harvesters.stac_items import RecordsFile, StacItems
from harvesters.stac_static import StacStatic
from harvesters.stac_written import KIND as STAC_WRITTEN
from harvesters.stac_written import StacWritten
from harvesters.tap import OBSCORE, EpnTap, Tap

_WORDS: Final = MappingProxyType({"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False})


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that an operator may set on a source."""

    name: str
    type: type[str] | type[int] | type[bool]
    default: Value
    help: str
    allowed: tuple[str, ...] = ()
    """The only values of a text; empty allows any."""
    check: Callable[[str], object] | None = None
    """Raises ConfigError for a text that is not empty and cannot be."""

    def read(self, text: str, kind: str) -> Value:
        """Return the value that an operator wrote.

        Raises:
            ConfigError: It is not one of this setting's type; the message says what is allowed.
        """
        if self.type is bool and text.strip().lower() in _WORDS:
            return _WORDS[text.strip().lower()]
        if self.type is int and text.strip().isdecimal() and 0 < int(text) < 1 << 31:
            return int(text)
        if self.type is str and (not self.allowed or text in self.allowed):
            if self.check is not None and text:
                self.check(text)
            return text
        allowed = (
            ", ".join(self.allowed) or {"bool": "true, false", "int": "a whole number above 0"}[self.type.__name__]
        )
        raise ConfigError(f"{kind}: setting {self.name} is {text[:80]!r}; allowed: {allowed}")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of source: its harvester and its settings."""

    name: str
    make: Callable[[SourceContext], Harvester]
    help: str
    settings: tuple[Setting, ...]


def allowed_hosts(text: str) -> None:
    """Raise ConfigError where a list of hosts names something else."""
    Policy().with_hosts(*text.replace(",", " ").split())


COMMON: Final = (
    Setting(
        "domain",
        str,
        "",
        "The domain of records that do not say theirs.",
        ("", "earth-observation", "space-science", "navigation"),
    ),
    Setting("provider", str, "", "The provider of records that name none."),
    Setting("mission", str, "", "The mission of records that name none that we know."),
    Setting("attribution", str, "", "Whom to name when records are shown or used."),
    Setting("example", str, "", "Marks records that are examples and no real things.", ("", "true")),
    Setting("synthetic", str, "", "Marks records of data that were made up.", ("", "true")),
    Setting(
        "full_every",
        int,
        7,
        "Days after which everything is walked again, or what has gone is looked for, where changes alone can be had.",
    ),
    Setting(
        "parallel",
        int,
        2,
        "Parts of a large source that are read at the same time, where its kind can part it.",
    ),
    Setting(
        "schedule",
        str,
        "",
        "When the steward harvests it, in UTC: five fields as in cron, or @hourly, @daily, @weekly, @monthly.",
        check=schedule.checked,
    ),
    Setting(
        "priority",
        int,
        100,
        "Which source speaks for a thing that several have: that of the highest number, then the oldest one.",
    ),
    Setting(
        "allow_hosts",
        str,
        "",
        "Further hosts that may be private, as host or host:port with commas between; that of the url always may.",
        check=allowed_hosts,
    ),
)

_LINKED: Final = (
    Setting("follow", str, "inside", "Whether links that leave the source are walked.", ("inside", "external")),
    Setting("published", str, "", "The public URL of a file: catalogue's root folder, for links in its documents."),
    Setting(
        "unlinked",
        str,
        "include",
        "Whether documents in the folder of a file: catalogue that nothing links to are taken.",
        ("include", "skip"),
    ),
)

_TAP: Final = (
    Setting("page", int, 5000, "How many rows are asked for at a time."),
    Setting(
        "strategy",
        str,
        "auto",
        "How the table is walked: by identifier (keyset), along its times (window), or by collection.",
        ("auto", "keyset", "window", "collection"),
    ),
    Setting("parts", int, 1, "In how many parts the table is walked along its times, several at once or on a cluster."),
    Setting(
        "modified",
        str,
        "auto",
        "The column that says when a row was changed, by which runs read only changes; none for none.",
    ),
    Setting(
        "mode",
        str,
        "auto",
        "Whether queries are synchronous, jobs once those are refused (auto), or always jobs (async).",
        ("auto", "sync", "async"),
    ),
)

KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        each.name: each
        for each in (
            Kind(
                "stac-static",
                StacStatic,
                "A STAC catalogue of linked JSON documents, from its root document (file: or http:).",
                (*COMMON, *_LINKED),
            ),
            Kind(
                "stac-api",
                StacApi,
                "A STAC API, from its landing page (http: or https:).",
                (
                    *COMMON,
                    Setting("collections", str, "", "The ids of the only collections to take, with commas between."),
                    Setting(
                        "walk",
                        str,
                        "items",
                        "Whether items are read collection by collection, or by a search for each of them.",
                        ("items", "search"),
                    ),
                    Setting(
                        "method",
                        str,
                        "auto",
                        "How searches are asked; auto is by POST where the service offers it.",
                        ("auto", "GET", "POST"),
                    ),
                    Setting(
                        "slice",
                        int,
                        100_000,
                        "With walk=search: how many items a slice of time has about; slices are walked in parallel.",
                    ),
                    Setting("page", int, 500, "How many items are asked for at a time."),
                    Setting(
                        "totals",
                        str,
                        "check",
                        "Whether a source that gives fewer items than it says it has is held.",
                        ("check", "ignore"),
                    ),
                ),
            ),
            Kind(
                "stac-items",
                StacItems,
                "STAC items or collections in one file: a FeatureCollection, or one JSON document a line (also .gz).",
                (
                    *COMMON,
                    Setting(
                        "collections",
                        str,
                        "",
                        "Where the collections of the items are: a URL, or a path beside the file.",
                    ),
                    Setting(
                        "collection",
                        str,
                        "",
                        "The collection of all items, where they name one that is not among the collections.",
                    ),
                    Setting("page", int, 500, "How many elements are stored at a time."),
                ),
            ),
            Kind(
                "stac-geoparquet",
                StacGeoparquet,
                "STAC items in one STAC GeoParquet file (file:, http: or https:); needs discovery-portal[geoparquet].",
                (
                    *COMMON,
                    Setting(
                        "collections",
                        str,
                        "",
                        "Where the collections of the items are, if not in the file: a URL, or a path beside it.",
                    ),
                    Setting(
                        "collection",
                        str,
                        "",
                        "The collection of all items, where they name one that is not among the collections.",
                    ),
                    Setting("page", int, 500, "How many elements are stored at a time."),
                ),
            ),
            Kind(
                STAC_WRITTEN,
                StacWritten,
                "STAC that is written through this portal's own API; it is made at the first write, not harvested.",
                COMMON,
            ),
            Kind(
                "tap",
                Tap,
                "An ObsCore table of a TAP service, from the URL that its /sync and /capabilities stand below.",
                (
                    *COMMON,
                    Setting("table", str, OBSCORE, "The table, as the service calls it."),
                    Setting(
                        "map",
                        str,
                        "",
                        "For a table that is not ObsCore: the map of its columns, by a shipped name or a .toml file.",
                        check=table_map.load,
                    ),
                    *_TAP,
                ),
            ),
            Kind(
                "epntap",
                EpnTap,
                "An EPN-TAP table of a TAP service, from the URL that its /sync and /capabilities stand below.",
                (*COMMON, Setting("table", str, "epn_core", "The table, as in omega_cubes.epn_core."), *_TAP),
            ),
            Kind(
                "sia2",
                Sia2,
                "Images of an SIA2 service, where there is no TAP, from the URL of the query itself (http: or https:).",
                (
                    *COMMON,
                    Setting("collections", str, "", "The names of the only collections to take, with commas between."),
                    Setting("page", int, 5000, "How many rows are asked for at a time."),
                    Setting(
                        "times",
                        str,
                        "some",
                        "Whether all rows have times: else nothing of more than one answer is taken to have gone.",
                        ("some", "all"),
                    ),
                ),
            ),
            Kind(
                "ogc-records",
                OgcRecords,
                "OGC API Records, from the landing page, the list of collections, or one of them (http: or https:).",
                (
                    *COMMON,
                    Setting("collections", str, "", "The ids of the only catalogues to take, with commas between."),
                    Setting("page", int, 500, "How many records are asked for at a time."),
                    Setting(
                        "totals",
                        str,
                        "check",
                        "Whether a source that gives fewer records than it says it has is held.",
                        ("check", "ignore"),
                    ),
                ),
            ),
            Kind(
                "records-static",
                RecordsStatic,
                "A crawlable catalogue of OGC API Records: linked JSON documents, from the first one (file: or http:).",
                (*COMMON, *_LINKED),
            ),
            Kind(
                "folder",
                Folder,
                "A folder of STAC, OGC Records, DCAT, ISO 19115 or Dublin Core documents: files, or on the web (WAF).",
                (
                    *COMMON,
                    Setting("published", str, "", "The public URL of a file: folder, for links in its documents."),
                ),
            ),
            Kind(
                "opensearch",
                OpenSearch,
                "The series of an OpenSearch service for Earth observation, from its description document.",
                (
                    *COMMON,
                    Setting("page", int, 100, "How many series are asked for at a time."),
                    Setting(
                        "totals",
                        str,
                        "check",
                        "Whether a source that gives fewer series than it says it has is held.",
                        ("check", "ignore"),
                    ),
                ),
            ),
            Kind(
                "ogc-collections",
                OgcCollections,
                "OGC API Features, Coverages or EDR, from the landing page: each collection is one dataset.",
                (
                    *COMMON,
                    Setting("collections", str, "", "The ids of the only collections to take, with commas between."),
                ),
            ),
            Kind(
                "csw",
                Csw,
                "A CSW 2.0.2 or 3.0 catalogue service, from its address without parameters (http: or https:).",
                (
                    *COMMON,
                    Setting(
                        "schema",
                        str,
                        "",
                        "The standard that records are asked for in; empty for the richest that the service has.",
                        ("", "iso19139", "iso19115-3", "dublin-core"),
                    ),
                    Setting(
                        "version",
                        str,
                        "",
                        "The version that is spoken; empty for the service's.",
                        ("", "2.0.2", "3.0.0"),
                    ),
                    Setting("page", int, 100, "How many records are asked for at a time."),
                    Setting(
                        "sort",
                        str,
                        "identifier",
                        "Whether records are asked for in the order of their identifiers, so that none is missed.",
                        ("identifier", "none"),
                    ),
                    Setting(
                        "totals",
                        str,
                        "check",
                        "Whether a source that gives fewer records than it says it has is held.",
                        ("check", "ignore"),
                    ),
                ),
            ),
            Kind(
                "oai-pmh",
                OaiPmh,
                "An OAI-PMH 2.0 repository, from its base URL (http: or https:).",
                (
                    *COMMON,
                    Setting(
                        "prefix",
                        str,
                        "",
                        "The metadata prefix that is asked for; empty for ISO where there is one, else oai_dc.",
                    ),
                    Setting("set", str, "", "The only set to take, by its setSpec."),
                    Setting(
                        "totals",
                        str,
                        "check",
                        "Whether a source that gives fewer records than it says it has is held.",
                        ("check", "ignore"),
                    ),
                ),
            ),
            Kind(
                "records-file",
                RecordsFile,
                "OGC API Records in one file: a FeatureCollection, or one JSON document a line (also .gz).",
                (*COMMON, Setting("page", int, 500, "How many elements are stored at a time.")),
            ),
        )
    }
)


def harvester(source: Source, client: Client, folder: Path = Path()) -> Harvester:
    """Return the harvester of a source; nothing is asked of the source yet.

    Raises:
        ConfigError: The kind or a setting is not known, or a value is not allowed.
    """
    kind = find(source.kind)
    return kind.make(SourceContext(source, client, folder, read_settings(kind, source.settings)))


def find(name: str) -> Kind:
    """Return the kind of source of this name.

    Raises:
        ConfigError: There is none; the near names are in the message.
    """
    kind = KINDS.get(name)
    if kind is None:
        raise ConfigError(f"there is no source kind {name[:80]!r}; {_near(name, KINDS)}")
    return kind


def read_settings(kind: Kind, given: Mapping[str, str]) -> dict[str, Value]:
    """Return every setting of a kind with its value: what was given, else the default.

    Raises:
        ConfigError: A name or a value is not one of the kind's; the near names are in the message.
    """
    table = {each.name: each for each in kind.settings}
    for name in given:
        if name not in table:
            raise ConfigError(f"{kind.name} has no setting {name[:80]!r}; {_near(name, table)}")
    return {
        name: setting.read(given[name], kind.name) if name in given else setting.default
        for name, setting in table.items()
    }


def _near(name: str, known: Mapping[str, object]) -> str:
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    return f"did you mean {', '.join(near)}?" if near else f"known: {', '.join(known)}"
