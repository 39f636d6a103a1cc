"""Records as the schema shows them: slim objects with plain attributes, made once for each hit."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

import strawberry
from strawberry import UNSET

from discovery.errors import BadQueryError
from discovery.launch.locating import Located
from discovery.launch.opening import Opening
from discovery.making.life import stars
from discovery.model import datalab as datalabs
from discovery.model import record as model
from discovery.model import volume as volumes
from discovery.model.person import NOBODY, Principal
from discovery.portal import Portal
from discovery.query.query import FacetRequest, In, Query
from discovery.store import elsewhere
from discovery.store.catalogue import Stored
from discovery_graphql import arrays, documents, parts, places
from discovery_graphql.described import attribute, resolver
from discovery_graphql.enums import Access, Domain, HoldingReason, Kind, OpenerReason, member
from discovery_graphql.likeness import First, Mode, SimilarMode, Within
from discovery_graphql.scalars import Instant, Json, Long

if TYPE_CHECKING:
    from discovery_graphql.likeness import SimilarFilter
    from discovery_graphql.search import SearchConnection
    from discovery_graphql.similar import Similar

Info = strawberry.Info[Any, None]

MOST_FILES: Final = 100
"""Files of a record that are told of with a name that was looked up."""


@strawberry.interface(description="Anything that has an id of its own; `node(id:)` finds it again.")
class Node:
    """Anything that has an id of its own."""

    id: strawberry.ID = attribute("The same for ever, and of nothing else.")


@strawberry.interface(description="Anything findable.")
class Record(Node):
    """Anything findable."""

    id: strawberry.ID = attribute("The same in URLs, on every face, and for ever.")
    kind: Kind = attribute("What it is.")
    title: str = attribute("What people call it.")
    description: str | None = attribute("What it is about, as the source wrote it; it may hold Markdown.")
    page: str = attribute("The path of its page on this portal.")
    open: str = attribute("The path of the page with the ways to open it; `f=json` says the same to programs.")
    notebook: str = attribute("The path of a Jupyter notebook that opens it, as a file.")
    domain: Domain | None = attribute("The broadest division it belongs to.")
    missions: list[str] = attribute("Paths such as `astronomy/hubble`; the ancestors are implied.")
    instruments: list[str] = attribute("The instruments.")
    themes: list[str] = attribute("The thematic areas.")
    keywords: list[str] = attribute("The source's keywords.")
    variables: list[str] = attribute("What was measured or computed.")
    targets: list[str] = attribute("What was looked at.")
    provider: str | None = attribute("Who provides it.")
    license: str | None = attribute("The licence, as an SPDX identifier where possible.")
    level: str | None = attribute("The processing or calibration level.")
    product_type: str | None = attribute("The type of product, such as `image`.")
    formats: list[str] = attribute("Media types or short names of what the assets hold.")
    access: Access | None = attribute("Who may read the data.")
    doi: str | None = attribute("The DOI.")
    external_ids: list[str] = attribute("Other identifiers.")
    created: Instant | None = attribute("When the data were made.")
    updated: Instant | None = attribute("When the data last changed.")
    metadata_updated: Instant | None = attribute("When the description last changed.")
    harvested: Instant | None = attribute("When this portal last read it from the source.")
    source: str = attribute("The source it was harvested from.")
    container: str = attribute("What makes the source's own id unique there: a collection, a table.")
    source_id: str = attribute("The source's own id.")
    parent_id: strawberry.ID | None = attribute("The id of the record it belongs to.")
    numbers: list[parts.NumberProperty] = attribute("Numeric properties worth filtering.")
    properties: list[parts.Property] = attribute("The long tail of properties.")
    held: strawberry.Private[model.Record]
    stac_id: strawberry.Private[str]
    around: strawberry.Private[Around]

    @resolver("Where and when it is.")
    def extent(self) -> parts.Extent:
        """Return where and when it is."""
        return parts.extent(self.held.extent)

    @resolver("Its files and services.")
    def assets(
        self, first: Annotated[int, strawberry.argument(description="At most so many.")] = 20
    ) -> list[parts.Asset]:
        """Return its files and services."""
        return [parts.asset(each) for each in self.held.assets[: _count(first)]]

    @resolver("Its relations to other things.")
    def links(
        self, first: Annotated[int, strawberry.argument(description="At most so many.")] = 20
    ) -> list[parts.Link]:
        """Return its relations to other things."""
        return [parts.link(each) for each in self.held.links[: _count(first)]]

    @resolver("The other sources that have the same thing.")
    def also_at(self) -> list[parts.Place]:
        """Return the other sources that have the same thing."""
        return [parts.place(each) for each in self.around.also_at(self.held.id)]

    @resolver("The people and organisations it names.")
    def contacts(self) -> list[parts.Contact]:
        """Return the people and organisations it names."""
        return [parts.contact(each) for each in self.held.contacts]

    @resolver("How to cite it.")
    def citation(self, info: Info) -> documents.Citation:
        """Return how to cite it."""
        return documents.cited(self.held, info.context.site)

    @resolver("The document of schema.org that its page holds, as JSON-LD.")
    def json_ld(self, info: Info) -> Json:
        """Return what schema.org can say of it."""
        return documents.json_ld(self.held, info.context.site, self.harvested)

    @resolver("A STAC Item for an observation, a STAC Collection for all else, of what this portal has understood.")
    def as_stac(self, info: Info) -> Json:
        """Return it as STAC."""
        return documents.stac(self.held, info.context.site, self.stac_id, self.around.collection(self.held.dataset))

    @resolver("The volumes that hold its files, then those of its mission; the surest first.")
    def volumes(
        self, first: Annotated[int, strawberry.argument(description="At most so many.")] = 10
    ) -> list[Annotated[Volume, strawberry.lazy("discovery_graphql.records")]]:
        """Return its volumes."""
        return self.around.volumes(self.held, _count(first))

    @resolver("Where its files are, or why they are nowhere.")
    def locations(
        self, first: Annotated[int, strawberry.argument(description="At most so many files.")] = 20
    ) -> places.Locations:
        """Return where its files are."""
        return places.locations(self.around.located(self.held), _count(first))

    @resolver("What is inside its Zarr data, read where they lie; null for a record that has none.")
    def arrays(
        self,
        asset: Annotated[str, strawberry.argument(description="Which of its files; empty is the first.")] = "",
        variable: Annotated[
            str, strawberry.argument(description="The path of the array to draw; empty chooses one.")
        ] = "",
    ) -> arrays.ArrayStore | None:
        """Return what is inside its Zarr data."""
        return self.around.arrays(self.held, asset, variable)

    @resolver("The volumes that `volumes` gives, each with why it is one of them.")
    def held_by(
        self, first: Annotated[int, strawberry.argument(description="At most so many.")] = 10
    ) -> list[Annotated[Holding, strawberry.lazy("discovery_graphql.records")]]:
        """Return its volumes with reasons."""
        return self.around.held_by(self.held, _count(first))

    @resolver("The datalabs that `datalabs` gives, each with why it is one of them.")
    def opened_by(
        self, first: Annotated[int, strawberry.argument(description="At most so many.")] = 10
    ) -> list[Annotated[Opener, strawberry.lazy("discovery_graphql.records")]]:
        """Return the datalabs that can open it with reasons."""
        return self.around.opened_by(self.held, _count(first))

    @resolver("How many people like it.")
    def stars(self) -> int:
        """Return how many people like it, counted for the whole page at once."""
        return self.around.stars(self.held.id)[0]

    @resolver("Whether whoever asks likes it; always false for those whom we do not know.")
    def starred(self) -> bool:
        """Return whether whoever asks likes it."""
        return self.around.stars(self.held.id)[1]

    @resolver("The datalabs that can open it; those made for its mission first.")
    def datalabs(
        self, first: Annotated[int, strawberry.argument(description="At most so many.")] = 10
    ) -> list[Annotated[Datalab, strawberry.lazy("discovery_graphql.records")]]:
        """Return the datalabs that can open it."""
        return self.around.datalabs(self.held, _count(first))


@strawberry.type(description="Data that belong together and are described together.")
class Dataset(Record):
    """Data that belong together and are described together."""

    @resolver("How many observations it has.")
    def observation_count(self) -> int:
        """Return how many observations it has, counted for the whole page at once."""
        return self.around.observations(self.held.id)

    @resolver("Its observations, as a search narrowed to it.")
    def observations(
        self,
        info: Info,
        first: Annotated[int, strawberry.argument(description="Records of a page, at most 100.")] = 10,
        after: Annotated[
            str | None, strawberry.argument(description="The `endCursor` of the page before, of this dataset.")
        ] = UNSET,
    ) -> Annotated[SearchConnection, strawberry.lazy("discovery_graphql.search")]:
        """Return a page of its observations; the records of all datasets of a page are read at once."""
        return self.around.pages(info, self.held.id, first, after or "")


@strawberry.type(description="One observation, scene or granule of a dataset.")
class Observation(Record):
    """One observation, scene or granule of a dataset."""

    @resolver("The dataset it belongs to; null when that was never harvested.")
    def dataset(self) -> Dataset | None:
        """Return its dataset, read for the whole page at once."""
        found = self.around.parent(self.held.dataset)
        return found if isinstance(found, Dataset) else None

    @resolver("What looks like it, by the first row of a space of embeddings that was made of it; null without one.")
    def similar(
        self,
        info: Info,
        space: Annotated[
            str | None, strawberry.argument(description="Which space; else the first by name that has a row of it.")
        ] = UNSET,
        within: Within = UNSET,
        mode: Mode = SimilarMode.BALANCED,
        first: First = 10,
    ) -> Annotated[Similar, strawberry.lazy("discovery_graphql.similar")] | None:
        """Return what is like it; a space is asked once for all observations of a page."""
        return self.around.similar(info, self.held.id, space or None, within or None, mode, first)


@strawberry.type(description="The effort that made datasets.")
class Project(Record):
    """The effort that made datasets."""


@strawberry.type(description="An environment that can be launched to work on data.")
class Datalab(Record):
    """An environment that can be launched to work on data."""

    @resolver("How one works in it: `lab`, `notebook`, `desktop`, `url`, or what its source says.")
    def interface(self) -> str | None:
        """Return how one works in it."""
        return self._lab.interface or None

    @resolver("The short name that it was published under.")
    def slug(self) -> str | None:
        """Return its short name."""
        return self._lab.slug or None

    @resolver("The whole name of its container image with the digest.")
    def image(self) -> str | None:
        """Return its image."""
        return self._lab.image or None

    @resolver("Its version.")
    def version(self) -> str | None:
        """Return its version."""
        return self._lab.version or None

    @resolver("What is installed in it, each with its version where that is known.")
    def tools(self) -> list[str]:
        """Return its tools."""
        return list(self._lab.tools)

    @resolver("Names of the datazones that it runs in; none means any.")
    def zones(self) -> list[str]:
        """Return its datazones."""
        return list(self._lab.zones)

    @resolver("Where it is started, for one with a page of its own.")
    def url(self) -> str | None:
        """Return where it is started."""
        return self._lab.url or None

    @resolver("The volumes that it works on, by their ids.")
    def works_on(self) -> list[strawberry.ID]:
        """Return the ids of its volumes."""
        return [strawberry.ID(each) for each in self._lab.volumes]

    @resolver("The datasets that it was made for, by their ids.")
    def made_for(self) -> list[strawberry.ID]:
        """Return the ids of its datasets."""
        return [strawberry.ID(each) for each in self._lab.datasets]

    @property
    def _lab(self) -> datalabs.Datalab:
        return datalabs.Datalab.from_record(self.held)


@strawberry.type(description="Where a volume is mounted on one platform.")
class Mount:
    """Where a volume is mounted on one platform."""

    platform: str = attribute("The platform.")
    path: str = attribute("The path, or a template of it.")


@strawberry.type(description="Data that can be mounted in a datalab.")
class Volume(Record):
    """Data that can be mounted in a datalab."""

    @resolver("The folder that it is mounted as.")
    def mount_path(self) -> str | None:
        """Return the folder that it is mounted as."""
        return self._volume.mount_path or None

    @resolver("Its short name, for folders.")
    def slug(self) -> str | None:
        """Return its short name."""
        return self._volume.slug or None

    @resolver("Where it is mounted on platforms that mount it elsewhere.")
    def mounts(self) -> list[Mount]:
        """Return where it is mounted."""
        return [Mount(platform=platform, path=path) for platform, path in self._volume.mounts]

    @resolver("Addresses beneath which the same files have the same paths as in the folder.")
    def twins(self) -> list[str]:
        """Return where the same files are otherwise."""
        return list(self._volume.twins)

    @resolver("Whether it is mounted for reading alone.")
    def read_only(self) -> bool:
        """Return whether it is mounted for reading alone."""
        return self._volume.read_only

    @resolver("Names of the datazones where it is local.")
    def zones(self) -> list[str]:
        """Return where it is local."""
        return list(self._volume.zones)

    @resolver("Bytes, where somebody has counted.")
    def size(self) -> Long | None:
        """Return its size."""
        return None if self._volume.size is None else Long(self._volume.size)

    @resolver("The datasets whose files lie in it, by their ids, where its record names them.")
    def holds(self) -> list[strawberry.ID]:
        """Return the ids of its datasets."""
        return [strawberry.ID(each) for each in self._volume.datasets]

    @property
    def _volume(self) -> volumes.Volume:
        return volumes.Volume.from_record(self.held)


@strawberry.type(description="A volume with why it stands beside a record.")
class Holding:
    """A volume with why it stands beside a record."""

    reason: HoldingReason | None = attribute("Why.")
    volume: Volume = attribute("The volume.")


@strawberry.type(description="A datalab with why it is offered for a record.")
class Opener:
    """A datalab with why it is offered for a record."""

    reason: OpenerReason | None = attribute("Why.")
    datalab: Datalab = attribute("The datalab.")


@strawberry.type(description="A workflow that makes data out of data.")
class Pipeline(Record):
    """A workflow that makes data out of data."""


@strawberry.type(description="One run of a workflow with its inputs and results.")
class Experiment(Record):
    """One run of a workflow with its inputs and results."""


@strawberry.type(description="A service that programs can call.")
class Service(Record):
    """A service that programs can call."""


@strawberry.type(description="Something to read.")
class Document(Record):
    """Something to read."""


TYPES: Final[Mapping[str, type[Record]]] = MappingProxyType(
    {
        "dataset": Dataset,
        "observation": Observation,
        "project": Project,
        "datalab": Datalab,
        "volume": Volume,
        "pipeline": Pipeline,
        "experiment": Experiment,
        "service": Service,
        "document": Document,
    }
)
"""The type of each kind of record."""


class Around:
    """What stands around the records of one page, read once for all of them when the first is asked for it."""

    def __init__(self, portal: Portal, page: Sequence[Stored], who: Principal = NOBODY) -> None:
        self._portal = portal
        self._who = who
        self._stars: Mapping[str, tuple[int, bool]] | None = None
        self._page = page
        self._parents: dict[str, Record] | None = None
        self._counts: dict[str, int] | None = None
        self._places: Mapping[str, Sequence[elsewhere.Place]] | None = None
        self._openings: dict[str, Opening] = {}
        self._openers: dict[str, Record] = {}
        self._collections: dict[str, str] = {}
        self._pages: dict[tuple[object, ...], dict[str, SearchConnection]] = {}
        self._alike: dict[tuple[int, ...], dict[str, Similar]] = {}

    def parent(self, id: str) -> Record | None:
        """Return the record that others of this page name as their parent, None when it is not here."""
        if self._parents is None:
            wanted = dict.fromkeys(each.record.dataset for each in self._page if each.record.dataset)
            found = load(self._portal, list(wanted), self._who)
            self._parents = {each.record.id: shown for each, shown in found}
            self._collections = {each.record.id: each.stac_id for each, _ in found}
        return self._parents.get(id)

    def collection(self, id: str) -> str:
        """Return the STAC id of the dataset that a record of this page names, empty when it is not here."""
        return self._collections.get(id, "") if self.parent(id) is not None else ""

    def pages(self, info: Info, id: str, first: int, after: str) -> SearchConnection:
        """Return the observations of a dataset, asked for with those of every dataset of this page.

        The engine is asked once for each dataset; what it finds is read from the store together.
        """
        # A cursor belongs to one question, so behind one there is nothing to ask for the others.
        ids = [id] if after else [each.record.id for each in self._page if each.record.kind == "dataset"]
        nodes = tuple(builtins.id(each) for each in info._raw_info.field_nodes)  # noqa: SLF001 - what was selected under this very field
        asked = (*nodes, first, after, *(ids if after else ()))
        if asked not in self._pages:
            questions = [
                Query(scope=model.OBSERVATIONS, filter=In("dataset", (each,)), size=first, after=after) for each in ids
            ]
            self._pages[asked] = dict(zip(ids, info.context.connections(info, questions), strict=True))
        return self._pages[asked][id]

    def similar(
        self, info: Info, id: str, space: str | None, within: SimilarFilter | None, mode: SimilarMode, first: int
    ) -> Similar | None:
        """Return what is like an observation, asked for with what is like every other one of this page."""
        # It shows records, so that it cannot be known before them.
        from discovery_graphql.similar import like_records

        nodes = tuple(builtins.id(each) for each in info._raw_info.field_nodes)  # noqa: SLF001 - as in `pages`
        if nodes not in self._alike:
            seen = [each.record for each in self._page if each.record.kind == "observation"]
            self._alike[nodes] = like_records(info, seen, space, within, mode, first)
        return self._alike[nodes].get(id)

    def also_at(self, id: str) -> Sequence[elsewhere.Place]:
        """Return the other places of a record of this page."""
        if self._places is None:
            self._places = self._portal.store.elsewhere.of([each.record.id for each in self._page])
        return self._places.get(id, ())

    def observations(self, id: str) -> int:
        """Return how many observations name a dataset of this page as theirs."""
        if self._counts is None:
            ids = tuple(each.record.id for each in self._page if each.record.kind == "dataset")
            request = FacetRequest("dataset", size=max(len(ids), 1))
            query = Query(scope=model.OBSERVATIONS, filter=In("dataset", ids), facets=(request,), size=0)
            facets = self._portal.keys(query, total=False).facets
            self._counts = {bucket.value: bucket.count for facet in facets for bucket in facet.buckets}
        return self._counts.get(id, 0)

    def volumes(self, held: model.Record, first: int) -> list[Volume]:
        """Return the volumes of a record of this page."""
        ids = [each.volume.id for each in self._opening(held).volumes[:first]]
        return [each for each in self._shown(ids) if isinstance(each, Volume)]

    def datalabs(self, held: model.Record, first: int) -> list[Datalab]:
        """Return the datalabs that can open a record of this page."""
        ids = [each.datalab.id for each in self._opening(held).datalabs[:first]]
        return [each for each in self._shown(ids) if isinstance(each, Datalab)]

    def held_by(self, held: model.Record, first: int) -> list[Holding]:
        """Return the volumes of a record of this page, each with its reason."""
        found = self._opening(held).volumes[:first]
        shown = {str(each.id): each for each in self._shown([each.volume.id for each in found])}
        return [
            Holding(reason=cast("HoldingReason | None", member(HoldingReason, each.reason)), volume=volume)
            for each in found
            if isinstance(volume := shown.get(each.volume.id), Volume)
        ]

    def opened_by(self, held: model.Record, first: int) -> list[Opener]:
        """Return the datalabs that can open a record of this page, each with its reason."""
        found = self._opening(held).datalabs[:first]
        shown = {str(each.id): each for each in self._shown([each.datalab.id for each in found])}
        return [
            Opener(reason=cast("OpenerReason | None", member(OpenerReason, each.reason)), datalab=datalab)
            for each in found
            if isinstance(datalab := shown.get(each.datalab.id), Datalab)
        ]

    def located(self, held: model.Record) -> Located:
        """Return where a record of this page is."""
        return self._portal.locations.of(held)

    def arrays(self, held: model.Record, asset: str, variable: str) -> arrays.ArrayStore | None:
        """Return what is inside one of the Zarr files of a record of this page, None where it has none."""
        files = self._portal.arrays.files(held)
        if not files:
            return None
        look = self._portal.arrays.look(held, asset, variable)
        return arrays.store(look, held.id, asset or files[0].key)

    def stars(self, id: str) -> tuple[int, bool]:
        """Return how many people like a record of this page, and whether whoever asks does."""
        if self._stars is None:
            self._stars = stars(self._portal.store, [each.record.id for each in self._page], self._who)
        return self._stars.get(id, (0, False))

    def _opening(self, held: model.Record) -> Opening:
        if held.id not in self._openings:
            self._openings[held.id] = self._portal.opening_of(held)
        return self._openings[held.id]

    def _shown(self, ids: Sequence[str]) -> list[Record]:
        """Return records that open others; each is read once for the page, however many name it."""
        missing = [id for id in ids if id not in self._openers]
        if missing:
            self._openers |= {each.record.id: shown for each, shown in load(self._portal, missing, self._who)}
        return [self._openers[id] for id in ids if id in self._openers]


def load(portal: Portal, ids: Sequence[str], who: Principal = NOBODY) -> list[tuple[Stored, Record]]:
    """Return the live records with these ids as somebody sees them, straight from the store, in the order asked."""
    keys = portal.store.catalogue.keys(ids)
    stored = portal.stored(list(keys.values()))
    page = [stored[keys[id]] for id in ids if id in keys and keys[id] in stored]
    return list(zip(page, show(portal, page, who), strict=True))


def show(portal: Portal, page: Sequence[Stored], who: Principal = NOBODY) -> list[Record]:
    """Return the records of a page as the schema shows them to somebody."""
    around = Around(portal, page, who)
    return [_shown(each, around) for each in page]


def _shown(stored: Stored, around: Around) -> Record:
    held = stored.record
    return TYPES[held.kind](
        id=strawberry.ID(held.id),
        kind=cast("Kind", member(Kind, held.kind)),
        title=held.title,
        description=held.description or None,
        page=f"/records/{held.id}",
        open=f"/open?id={held.id}",
        notebook=f"/open/notebook?id={held.id}",
        domain=cast("Domain | None", member(Domain, held.domain)),
        missions=list(held.missions),
        instruments=list(held.instruments),
        themes=list(held.themes),
        keywords=list(held.keywords),
        variables=list(held.variables),
        targets=list(held.targets),
        provider=held.provider or None,
        license=held.license or None,
        level=held.level or None,
        product_type=held.product_type or None,
        formats=list(held.formats),
        access=cast("Access | None", member(Access, held.access)),
        doi=held.doi or None,
        external_ids=list(held.external_ids),
        created=parts.instant(held.created),
        updated=parts.instant(held.updated),
        metadata_updated=parts.instant(held.metadata_updated),
        harvested=parts.instant(stored.harvested),
        source=held.source,
        container=held.container,
        source_id=held.source_id,
        parent_id=strawberry.ID(held.dataset) if held.dataset else None,
        numbers=[parts.number(name, value) for name, value in held.numbers.items()],
        properties=[
            parts.Property(name=name, values=[value] if isinstance(value, str) else list(value))
            for name, value in held.properties.items()
        ],
        held=held,
        stac_id=stored.stac_id,
        around=around,
    )


def _count(first: int) -> int:
    if first < 0:
        raise BadQueryError(f"first must not be negative: {first}", parameter="first")
    return first
