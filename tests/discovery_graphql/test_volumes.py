from __future__ import annotations

from collections.abc import Callable
from typing import Any

from discovery.model.record import Asset, Record
from discovery.portal import Portal
from discovery.store.catalogue import Stored
from discovery_graphql.records import show
from discovery_graphql.volumes import Mount, Volume

Ask = Callable[..., dict[str, Any]]


def shown(portal: Portal, record: Record) -> Volume:
    (found,) = show(portal, [Stored(1, record, 0, 1, "x", "")])
    assert isinstance(found, Volume)
    return found


def test_a_volume_tells_where_it_is_mounted_and_what_lies_in_it(portal: Portal) -> None:
    given: dict[str, str | tuple[str, ...]] = {
        "mount_path": "/media/data/hubble/",
        "slug": "hubble",
        "mounts": ("esa=/data/{slug}", "odd"),
        "zones": ("esac", "esrin"),
        "read_only": "no",
        "holds": ("d1", "d2"),
    }
    assets = (Asset("https://data.example/hubble"), Asset("s3://bucket/hubble/"))
    record = Record("cat", "v", "v", "volume", "V", assets=assets, properties=given, numbers={"size": 5e12})
    found = shown(portal, record)
    assert (found.mount_path(), found.slug(), found.read_only(), found.size()) == (
        "/media/data/hubble",
        "hubble",
        False,
        5_000_000_000_000,
    )
    assert found.mounts() == [Mount(platform="esa", path="/data/{slug}")]
    assert found.twins() == ["https://data.example/hubble/", "s3://bucket/hubble/"]
    assert (found.zones(), found.holds()) == (["esac", "esrin"], ["d1", "d2"])


def test_what_nobody_has_said_of_a_volume_is_null_and_not_empty(portal: Portal, data: Ask) -> None:
    found = shown(portal, Record("cat", "v", "bare", "volume", "Bare"))
    assert (found.mount_path(), found.slug(), found.size()) == (None, None, None)
    assert (found.mounts(), found.twins(), found.zones(), found.holds()) == ([], [], [], [])
    id = Record("cat", "volumes", "vol", "volume", "x").id
    told = data("query ($id: ID!) { record(id: $id) { ... on Volume { mountPath slug size readOnly } } }", id=id)
    assert told["record"] == {"mountPath": "/media/data/hubble", "slug": None, "size": None, "readOnly": True}
