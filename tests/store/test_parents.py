"""An observation finds its dataset, wherever that came from and whenever."""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from discovery.model.record import OBSERVATIONS, Record, record_id
from discovery.model.source import Mapped, RawRecord, Source
from discovery.store import parents
from discovery.store.connection import sqlite_url
from discovery.store.store import Store

DOI = "10.5270/esa-1"


def dataset(source: str, source_id: str, title: str = "Some title", **more: Any) -> Record:
    return Record(source, more.pop("container", "collections"), source_id, "dataset", title, **more)


def scene(source: str, collection: str, source_id: str = "scene-1", **more: Any) -> Record:
    """Return an item of a collection, as its harvester makes it."""
    parent = record_id(source, "collections", collection)
    return Record(source, collection, source_id, "observation", "Scene", dataset=parent, **more)


def put(store: Store, *given: Record) -> None:
    for each in given:
        store.ingest.page(each.source, 1, [Mapped(each, RawRecord(each.container, each.source_id, b"{}"))])


def tidy(store: Store) -> int:
    store.duplicates.find()
    return store.parents.repair()


def parent(store: Store, record: Record) -> str:
    return store.catalogue.get(record.id).record.dataset


@pytest.mark.stores
@pytest.mark.parametrize(
    ("collection", "more", "there"),
    [
        pytest.param("sentinel-2", {}, dataset("b", "sentinel-2"), id="stac-collection-of-another-source"),
        pytest.param(
            "sentinel-2", {}, dataset("a", "sentinel-2", container="section"), id="another-part-of-its-own-source"
        ),
        pytest.param(DOI, {}, dataset("b", "x", doi=f"doi:{DOI}"), id="doi-of-the-parent"),
        pytest.param(
            "t", {"properties": {"parent": "urn:x:parent"}}, dataset("b", "urn:x:parent"), id="identifier-of-the-parent"
        ),
        pytest.param("t", {"properties": {"collection": "HST"}}, dataset("b", "x", "H.S.T"), id="obs-collection"),
        pytest.param("t", {"properties": {"collection": "EUCLID-Q1"}}, dataset("b", "euclid_q1"), id="spelt-otherwise"),
    ],
)
def test_a_dataset_that_is_here_under_another_name_is_found(
    store: Store, collection: str, more: dict[str, Any], there: Record
) -> None:
    one = scene("a", collection, **more)
    put(store, one)
    assert tidy(store) == 0
    assert store.parents.orphans() == {"a": 1}
    before = store.catalogue.last_change()
    put(store, there)
    assert tidy(store) == 1
    assert parent(store, one) == there.id
    assert store.parents.orphans() == {}
    (change,) = store.catalogue.changes(OBSERVATIONS, before)
    assert change.record is not None
    assert change.record.dataset == there.id
    assert tidy(store) == 0


@pytest.mark.stores
def test_its_own_parent_is_believed_once_it_comes(store: Store) -> None:
    one, other, own = scene("a", "s2"), dataset("b", "s2"), dataset("a", "s2")
    put(store, one, other)
    tidy(store)
    assert parent(store, one) == other.id
    put(store, own)
    assert tidy(store) == 1
    assert parent(store, one) == own.id


@pytest.mark.stores
def test_what_stood_for_a_parent_may_go_again(store: Store) -> None:
    one, other = scene("a", "s2"), dataset("b", "s2")
    put(store, one, other)
    tidy(store)
    store.ingest.remove("b")
    assert tidy(store) == 1
    assert parent(store, one) == record_id("a", "collections", "s2")
    assert store.parents.orphans() == {"a": 1}


@pytest.mark.stores
def test_the_observations_of_a_merged_dataset_are_its_masters_until_they_part(store: Store) -> None:
    for id in ("a", "b"):
        store.ledger.add_source(Source(id, "csw", "file:x", settings={"priority": "9" if id == "a" else "5"}))
    first, second = dataset("a", "x", doi=DOI), dataset("b", "y", doi=DOI)
    scenes = [scene("a", "x", "1"), scene("b", "y", "1"), scene("b", "y", "2")]
    put(store, first, second, *scenes)
    assert tidy(store) == 2
    assert [parent(store, each) for each in scenes] == [first.id] * 3
    names = store.catalogue.named(first.id, ["1", "2", "b.y.1"])
    assert sorted((each.stac_id, each.id) for each in names) == sorted(
        [("1", scenes[0].id), ("b.y.1", scenes[1].id), ("2", scenes[2].id)]
    )
    put(store, dataset("b", "y", doi="10.5270/esa-2"))
    assert tidy(store) == 2
    assert [parent(store, each) for each in scenes] == [first.id, second.id, second.id]
    assert {each.stac_id for each in store.catalogue.named(second.id, ["1", "2"])} == {"1", "2"}


def test_an_observation_that_is_harvested_again_keeps_what_was_found(store: Store) -> None:
    one, other = scene("a", "s2"), dataset("b", "s2")
    put(store, one, other)
    tidy(store)
    last = store.catalogue.last_change()
    put(store, one)
    assert tidy(store) == 0
    assert store.catalogue.last_change() == last
    put(store, scene("a", "s2", keywords=("new",)))
    assert tidy(store) == 1
    assert parent(store, one) == other.id
    assert [each.stac_id for each in store.catalogue.named(other.id, ["scene-1"])] == ["scene-1"]


def test_where_several_would_do_none_does(store: Store) -> None:
    one = scene("a", "t", properties={"collection": "Gaia DR3"})
    put(store, one, dataset("b", "x", "Gaia DR3"), dataset("c", "y", "GAIA-DR3"))
    assert tidy(store) == 0
    assert store.parents.orphans() == {"a": 1}


def test_nothing_becomes_its_own_parent(store: Store) -> None:
    away = record_id("a", "collections", "s2")
    child = dataset("b", "s2", dataset=away)
    put(store, scene("a", "s2"), child)
    assert tidy(store) == 1
    assert store.catalogue.get(child.id).record.dataset == away


def test_many_are_written_in_steps_and_each_finds_what_is_left(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("discovery.store.parents.STEP", 7)
    monkeypatch.setattr("discovery.store.parents._ROWS", parents._ROWS.limit(7))
    scenes = [scene("a", "s2", str(n)) for n in range(40)]
    put(store, *scenes, dataset("b", "s2"))
    assert tidy(store) == 40
    assert {parent(store, each) for each in scenes} == {dataset("b", "s2").id}


@pytest.mark.slow
def test_the_parents_do_not_depend_on_what_came_first(tmp_path: Path, empty: Path) -> None:
    every: Sequence[Record] = [
        scene("a", "s2", "1"),
        scene("a", "s2", "2"),
        scene("b", "s3"),
        dataset("b", "s2"),
        dataset("c", "s2", "Another", doi=DOI),
        dataset("b", "s3", doi=DOI),
    ]
    found = []
    for number in range(6):
        path = tmp_path / f"{number}.sqlite"
        shutil.copyfile(empty, path)
        order = random.Random(number)
        records = order.sample(every, len(every))
        with closing(Store(sqlite_url(path))) as store:
            for each in records:
                put(store, each)
                if order.random() < 0.5:
                    tidy(store)
            tidy(store)
            found.append(sorted((row["id"], row["dataset"]) for row in store.catalogue.export()))
    assert found == [found[0]] * 6


def test_what_a_harvest_would_do_is_foreseen_as_it_is_done(store: Store) -> None:
    """Neither another parent nor a master makes a record a changed one."""
    one, first, second = scene("a", "s2"), dataset("b", "s2", doi=DOI), dataset("c", "s2", doi=DOI)
    put(store, one, first, second)
    tidy(store)
    every = [one, first, second, scene("a", "s2", "new"), dataset("b", "s3")]
    mapped = [Mapped(each, RawRecord(each.container, each.source_id, b"{}")) for each in every]
    mapped[0] = Mapped(scene("a", "s2", keywords=("new",)), mapped[0].raw)
    foreseen = store.ingest.foresee(mapped)
    assert (foreseen.added, foreseen.updated, foreseen.unchanged) == (2, 1, 2)
    done = store.ingest.page("a", 1, mapped)
    assert (done.added, done.updated, done.unchanged) == (2, 1, 2)
