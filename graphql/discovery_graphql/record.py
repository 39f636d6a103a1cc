"""What every record shows, whatever its kind: a slim object with plain attributes, made once for each hit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from discovery.errors import BadQueryError
from discovery.model import record as model
from discovery_graphql import arrays, documents, parts, places
from discovery_graphql.described import attribute, resolver
from discovery_graphql.enums import Access, Domain, Kind
from discovery_graphql.scalars import Instant, Json

if TYPE_CHECKING:
    from discovery_graphql.datalabs import Datalab, Opener
    from discovery_graphql.records import Around
    from discovery_graphql.volumes import Holding, Volume

Info = strawberry.Info[Any, None]


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
    around: strawberry.Private[Annotated[Around, strawberry.lazy("discovery_graphql.records")]]

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
    ) -> list[Annotated[Volume, strawberry.lazy("discovery_graphql.volumes")]]:
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
    ) -> list[Annotated[Holding, strawberry.lazy("discovery_graphql.volumes")]]:
        """Return its volumes with reasons."""
        return self.around.held_by(self.held, _count(first))

    @resolver("The datalabs that `datalabs` gives, each with why it is one of them.")
    def opened_by(
        self, first: Annotated[int, strawberry.argument(description="At most so many.")] = 10
    ) -> list[Annotated[Opener, strawberry.lazy("discovery_graphql.datalabs")]]:
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
    ) -> list[Annotated[Datalab, strawberry.lazy("discovery_graphql.datalabs")]]:
        """Return the datalabs that can open it."""
        return self.around.datalabs(self.held, _count(first))


def _count(first: int) -> int:
    if first < 0:
        raise BadQueryError(f"first must not be negative: {first}", parameter="first")
    return first
