"""Datalabs: environments that can be launched, and why one is offered for a record."""

from __future__ import annotations

import strawberry

from discovery.model import datalab as model
from discovery_graphql.described import attribute, resolver
from discovery_graphql.enums import OpenerReason
from discovery_graphql.record import Record


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
    def _lab(self) -> model.Datalab:
        return model.Datalab.from_record(self.held)


@strawberry.type(description="A datalab with why it is offered for a record.")
class Opener:
    """A datalab with why it is offered for a record."""

    reason: OpenerReason | None = attribute("Why.")
    datalab: Datalab = attribute("The datalab.")
