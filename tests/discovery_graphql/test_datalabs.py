from __future__ import annotations

from collections.abc import Callable
from typing import Any

from discovery.model.record import Link, Record
from discovery.portal import Portal
from discovery.store.catalogue import Stored
from discovery_graphql.datalabs import Datalab
from discovery_graphql.records import show

Ask = Callable[..., dict[str, Any]]


def shown(portal: Portal, record: Record) -> Datalab:
    (found,) = show(portal, [Stored(1, record, 0, 1, "x", "")])
    assert isinstance(found, Datalab)
    return found


def test_a_datalab_tells_how_one_works_in_it_and_what_it_is_made_for(portal: Portal) -> None:
    given: dict[str, str | tuple[str, ...]] = {
        "interface": "JupyterLab",
        "slug": "ice",
        "image": "registry.example/ice@sha256:0",
        "version": "1.2",
        "tools": ("xarray 2024.1", "zarr"),
        "zones": ("esac",),
        "volumes": ("v1",),
        "datasets": ("d1", "d2"),
    }
    links = (Link("https://lab.example/start", "launch"),)
    found = shown(portal, Record("cat", "l", "l", "datalab", "L", links=links, properties=given))
    assert (found.interface(), found.slug(), found.image(), found.version(), found.url()) == (
        "lab",
        "ice",
        "registry.example/ice@sha256:0",
        "1.2",
        "https://lab.example/start",
    )
    assert (found.tools(), found.zones()) == (["xarray 2024.1", "zarr"], ["esac"])
    assert (found.works_on(), found.made_for()) == (["v1"], ["d1", "d2"])


def test_what_nobody_has_said_of_a_datalab_is_null_and_not_empty(data: Ask) -> None:
    query = "query ($id: ID!) { record(id: $id) { ... on Datalab { interface slug image version url tools madeFor } } }"
    assert data(query, id=Record("cat", "labs", "lab", "datalab", "x").id)["record"] == {
        "interface": "lab",
        "slug": None,
        "image": None,
        "version": None,
        "url": None,
        "tools": [],
        "madeFor": [],
    }
