"""The kinds of records, each with what only it can tell."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Final

import strawberry
from strawberry import UNSET

from discovery_graphql.datalabs import Datalab
from discovery_graphql.described import resolver
from discovery_graphql.likeness import First, Mode, SimilarMode, Within
from discovery_graphql.record import Info, Record
from discovery_graphql.volumes import Volume

if TYPE_CHECKING:
    from discovery_graphql.search import SearchConnection
    from discovery_graphql.similar import Similar


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
