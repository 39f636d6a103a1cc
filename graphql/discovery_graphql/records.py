"""The records of a page as the schema shows them, with what stands around them, read once for all of them."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

import strawberry

from discovery.launch.locating import Located
from discovery.launch.opening import Opening
from discovery.making.life import stars
from discovery.model import record as model
from discovery.model.person import NOBODY, Principal
from discovery.portal import Portal
from discovery.query.query import FacetRequest, In, Query
from discovery.store import elsewhere
from discovery.store.catalogue import Stored
from discovery_graphql import arrays, parts
from discovery_graphql.datalabs import Datalab, Opener
from discovery_graphql.enums import Access, Domain, HoldingReason, Kind, OpenerReason, member
from discovery_graphql.kinds import TYPES
from discovery_graphql.record import Info, Record
from discovery_graphql.volumes import Holding, Volume

if TYPE_CHECKING:
    from discovery_graphql.likeness import SimilarFilter, SimilarMode
    from discovery_graphql.search import SearchConnection
    from discovery_graphql.similar import Similar


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
