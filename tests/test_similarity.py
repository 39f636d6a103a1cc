"""Similar rows, linked to records and narrowed by questions about them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from discovery.embeddings import asking
from discovery.embeddings.asking import Answer, Searcher
from discovery.embeddings.building import Wanted
from discovery.embeddings.segment import OpenSegment
from discovery.embeddings.spaces import Spaces
from discovery.embeddings.vectors import Vectors
from discovery.errors import BadQueryError, LimitError, NotFoundError
from discovery.index.tantivy import TantivyIndex
from discovery.indexer import rebuild
from discovery.launch.locating import Located
from discovery.launch.locating import locate as located
from discovery.launch.resolver import Resolver
from discovery.model.record import Asset, Record
from discovery.model.source import Mapped, RawRecord
from discovery.planner import Planner
from discovery.query import form, region
from discovery.query.query import Time
from discovery.similarity import MAX_EXAMPLES, Contrast, Examples, Lead, Question, Similarity
from discovery.store.store import Store
from discovery.testing.vectors import PlainEngine, clustered, nearest

VECTORS = clustered(300, 16)
DAY = 86_400_000
DATASET = Record("s", "", "tom", "dataset", "Core embeddings")


def observation(number: int) -> Record:
    cloud = {"eo:cloud_cover": str(number * 10.0)}
    return Record(
        "s", "tom", f"S2A_{number}", "observation", f"Scene {number}", dataset=DATASET.id, provider=f"P{number % 2}",
        properties=cloud, assets=(Asset(f"https://data.example/S2A_{number}.tif", media_type="image/tiff"),),
    )  # fmt: skip


@pytest.fixture(scope="module")
def similarity(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Similarity]:
    folder = tmp_path_factory.mktemp("similarity")
    store, index = Store(f"sqlite:///{folder / 'c.sqlite'}"), TantivyIndex(folder / "index")
    run = store.ledger.begin("s")
    made = [DATASET, *map(observation, range(5))]
    store.ingest.page("s", run.id, [Mapped(each, RawRecord(each.container, each.source_id, b"{}")) for each in made])
    rebuild(store, index)
    turn = np.arange(300)
    table = pa.table(
        {
            "unique_id": [f"row-{each}" for each in turn],
            "embedding": pa.FixedSizeListArray.from_arrays(pa.array(VECTORS.ravel()), 16),
            "timestamp": pa.array(turn * 86_400_000, pa.timestamp("ms")),
            "product_id": [f"S2A_{each % 6}" for each in turn],
            "centre_lat": turn / 10.0,
            "centre_lon": turn - 150.0,
        }
    )
    pq.write_table(table, folder / "tom.parquet")
    spaces = Spaces(folder / "embeddings")
    spaces.add("tom", Wanted((str(folder / "tom.parquet"),), record=DATASET.id))
    again = table.set_column(2, "timestamp", pa.array((turn + 400) * 86_400_000, pa.timestamp("ms")))
    again = again.set_column(1, "embedding", pa.FixedSizeListArray.from_arrays(pa.array(VECTORS[::-1].ravel()), 16))
    pq.write_table(again, folder / "again.parquet")
    files = (str(folder / "tom.parquet"), str(folder / "again.parquet"))
    spaces.add("twice", Wanted(files, record=DATASET.id))
    spaces.add("loose", Wanted((str(folder / "tom.parquet"),)))
    yield Similarity(store, index, Planner(store, index), spaces)
    spaces.close()
    index.close()
    store.close()


def like(*rows: int, **more: Any) -> Question:
    return Question(like=Examples(rows), **more)


def rows(similarity: Similarity, question: Question, space: str = "tom") -> list[int]:
    return [each.row for each in similarity.similar(space, question).hits]


def test_a_row_finds_the_others_that_a_loop_finds_and_not_itself(similarity: Similarity) -> None:
    wanted = nearest(VECTORS, VECTORS[7], 6)
    assert rows(similarity, like(7, size=5)) == wanted[1:]
    assert rows(similarity, like(7, size=6, with_examples=True)) == wanted
    assert rows(similarity, Question(like=Examples(ids=("row-7",)), size=5)) == wanted[1:]
    assert rows(similarity, Question(like=Examples(vectors=(VECTORS[7].tolist(),)), size=6)) == wanted


def test_what_an_engine_finds_is_narrowed_and_linked_as_ours_and_told_with_its_own_recall(
    similarity: Similarity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = PlainEngine()
    spaces = Spaces(tmp_path / "embeddings", lambda _name: engine)
    spaces.add("tom", Wanted((similarity.spaces.get("tom").segments[0].address,), record=DATASET.id))
    monkeypatch.setattr(asking, "_FEW", 0)
    spaces.hold("tom", "plain")
    held = Similarity(similarity._store, similarity._index, similarity._planner, spaces)
    for pairs in ([], [("bbox", "-120,0,-20,20")], [("facet.provider", "P1")]):
        question = like(7, size=5, within=form.parse(pairs) if pairs else None)
        one, other = held.similar("tom", question), similarity.similar("tom", replace(question, mode="exact"))
        assert (one.exact, one.recall, other.exact) == (False, 1, True)
        assert [(each.row, each.record) for each in one.hits] == [(each.row, each.record) for each in other.hits]
    engine.power = 2
    spaces.audit("tom", queries=5)
    assert 0 < held.similar("tom", like(7)).recall < 0.95
    assert held.similar("tom", like(7, mode="exact")).recall == 1
    spaces.close()


def test_several_questions_are_answered_as_each_by_itself_and_in_one_search(
    similarity: Similarity, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = [
        like(7, size=5),
        Question(like=Examples(ids=("row-9",)), size=5),
        Question(like=Examples(vectors=(VECTORS[11].tolist(),)), size=5),
        Question(like=Examples((3, 4)), unlike=Examples((250,)), size=5, with_examples=True),
    ]
    alone = [[each.row for each in similarity.similar("tom", each).hits] for each in questions]
    searches: list[int] = []
    search = Searcher.search

    def counted(self: Searcher, queries: Vectors, size: int, **more: Any) -> Answer:
        searches.append(len(queries))
        return search(self, queries, size, **more)

    monkeypatch.setattr(Searcher, "search", counted)
    answers = similarity.batch("tom", questions)
    assert [[each.row for each in answer.hits] for answer in answers] == alone
    assert searches == [4]
    assert all(each.record is not None for answer in answers for each in answer.hits)


def test_examples_can_be_asked_for_singly() -> None:
    several = Examples((1, 2), ("a",), ((1.0,),))
    assert several.singly() == (
        Examples((1,)), Examples((2,)), Examples(ids=("a",)), Examples(vectors=((1.0,),)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("questions", "error", "told"),
    [
        ([], BadQueryError, "say what to look for"),
        ([like(1)] * 65, LimitError, "65 queries; at most 64"),
        ([like(1), like(2, size=3)], BadQueryError, "share one within, size and mode"),
        ([like(1), like(2, mode="exact")], BadQueryError, "share one within, size and mode"),
        ([like(*range(101)), like(*range(100))], LimitError, "201 examples in all queries"),
        ([like(1, size=200)] * 51, LimitError, "at most 10,000 rows at a time"),
        ([Question(region=region.bbox("0,0,1,1"))] * 2, BadQueryError, "one query at a time asks by a region"),
        ([like(1), Question()], BadQueryError, "say what to look for"),
    ],
)
def test_what_cannot_be_asked_together_is_named(
    similarity: Similarity, questions: list[Question], error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        similarity.batch("tom", questions)


def test_hits_say_where_and_when_and_lead_to_their_records(similarity: Similarity) -> None:
    found = similarity.similar("tom", like(8, size=300))
    assert found.exact
    assert found.recall == 1
    hit = next(each for each in found.hits if each.row == 2)
    assert (hit.id, hit.lon, hit.start, hit.product) == ("row-2", -148, 172_800_000, "S2A_2")
    assert hit.lat == pytest.approx(0.2)
    assert hit.record is not None
    assert hit.record.title == "Scene 2"
    # The product of row 5 was never harvested: the dataset speaks for it.
    other = next(each.record for each in found.hits if each.row == 5)
    assert other is not None
    assert other.title == "Core embeddings"
    assert found.to_dict()["hits"][0]["record"]["id"]


def test_each_record_of_the_hits_is_located_once_and_of_many_the_first(
    similarity: Similarity, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolver, asked = Resolver((), ()), []

    def locate(record: Record) -> Located:
        asked.append(record.title)
        return located(record, resolver)

    placed = Similarity(similarity._store, similarity._index, similarity._planner, similarity.spaces, locate)
    found = placed.similar("tom", like(8, size=60)).hits
    assert sorted(asked) == ["Core embeddings", *(f"Scene {each}" for each in range(5))]
    hit = next(each for each in found if each.product == "S2A_2")
    assert [each.address for each in hit.places] == ["https://data.example/S2A_2.tif"]
    assert hit.launch == f"/launch?id={hit.record.id}"  # type: ignore[union-attr]
    assert all(each.nowhere and not each.launch for each in found if each.product == "S2A_5")
    monkeypatch.setattr("discovery.similarity.MAX_LOCATED", 1)
    first, *others = placed.similar("tom", like(8, size=60)).hits
    assert first.located is not None
    assert {each.located is None for each in others if each.record != first.record} == {True}
    assert all(each.open for each in others)


def test_records_lead_to_the_spaces_that_are_theirs_and_to_the_rows_made_of_them(similarity: Similarity) -> None:
    assert similarity.leads(DATASET) == (Lead("tom"), Lead("twice"))
    assert similarity.leads(observation(4)) == (Lead("tom", 4), Lead("twice", 4))
    # The source calls another thing the same: neither of another container nor of another source is it the row's.
    assert similarity.leads(Record("s", "other", "S2A_4", "observation", "Another")) == ()
    assert similarity.leads(Record("t", "tom", "S2A_4", "observation", "Another")) == ()
    assert similarity.leads(observation(9)) == ()


def test_what_a_record_leads_to_is_looked_up_once_for_each_generation(
    similarity: Similarity, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert similarity.leads(observation(3)) == (Lead("tom", 3), Lead("twice", 3))
    with monkeypatch.context() as patched:
        patched.setattr(OpenSegment, "first_made_of", lambda *_: pytest.fail("it was looked up again"))
        assert similarity.leads(observation(3)) == (Lead("tom", 3), Lead("twice", 3))
    similarity.spaces.audit("tom", queries=5)
    assert similarity.leads(observation(3)) == (Lead("tom", 3), Lead("twice", 3))
    monkeypatch.setattr("discovery.similarity._REMEMBERED", 2)
    for number in range(4):
        assert similarity.leads(observation(number)) == (Lead("tom", number), Lead("twice", number))
    assert len(similarity._leads) == 2


def test_of_many_spaces_the_first_are_looked_at_and_large_ones_only_for_their_own(
    similarity: Similarity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("discovery.similarity._STRANGERS", 0)
    monkeypatch.setattr("discovery.similarity._LOOKED_THROUGH", 299)
    monkeypatch.setattr(similarity, "_leads", OrderedDict())
    assert similarity.leads(observation(4)) == ()
    monkeypatch.setattr("discovery.similarity._LOOKED_THROUGH", 300)
    monkeypatch.setattr(similarity, "_leads", OrderedDict())
    assert similarity.leads(observation(4)) == (Lead("tom", 4),)
    # "loose" comes before "tom", and "twice" after it.
    monkeypatch.setattr("discovery.similarity.MAX_SPACES", 1)
    assert similarity.leads(observation(4)) == ()


def test_changes_between_two_times_are_told_with_their_records(similarity: Similarity) -> None:
    unit = VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True)
    moved = 1 - np.einsum("ij,ij->i", unit, unit[::-1])
    within = form.parse([("facet.provider", "P1")])
    contrast = Contrast(within, 4, earlier=Time(None, 300 * DAY), later=Time(400 * DAY, None))
    for by in ("place", "id"):
        found = similarity.change("twice", replace(contrast, by=by))
        assert found.compared == 100
        told = found.to_dict()
        assert [each["change"] for each in told["changes"]] == pytest.approx(
            sorted((moved[each] for each in range(300) if each % 6 in (1, 3)), reverse=True)[:4], abs=1e-5
        )
        for each in found.changes:
            assert each.later.row == each.earlier.row + 300
            assert each.change == pytest.approx(moved[each.earlier.row], abs=1e-5)
            assert each.later.record is not None
            assert each.later.record.title == f"Scene {each.earlier.row % 6}"
        assert "score" not in told["changes"][0]["earlier"]
    assert similarity.change("tom", Contrast()).changes == ()
    assert similarity.change("twice", replace(contrast, later=Time(900 * DAY, None))).changes == ()
    with pytest.raises(BadQueryError, match="by 'odd'"):
        similarity.change("tom", Contrast(by="odd"))


def test_outliers_are_narrowed_and_lead_to_their_records(similarity: Similarity) -> None:
    within = form.parse([("facet.provider", "P1")])
    found = similarity.outliers("tom", Contrast(within, size=3))
    assert found.compared == 100
    unit = VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True)
    rows = [each for each in range(300) if each % 6 in (1, 3)]
    middle = unit[rows].mean(axis=0)
    assert [each.row for each in found.hits] == [rows[each] for each in nearest(unit[rows], -middle, 3)]
    assert {each.record.title for each in found.hits if each.record} <= {"Scene 1", "Scene 3"}
    assert found.to_dict()["hits"][0]["away"] == round(found.hits[0].score, 6)


def test_only_rows_in_a_region_and_a_time_are_found(similarity: Similarity) -> None:
    within = form.parse([("bbox", "-150,0,-100,90"), ("time", "1970-01-11/1970-02-01")])
    assert sorted(rows(similarity, like(7, size=300, within=within))) == list(range(10, 32))


def test_only_rows_of_matching_records_are_found(similarity: Similarity) -> None:
    within = form.parse([("facet.provider", "P1")])
    assert sorted(rows(similarity, like(0, size=300, within=within))) == [n for n in range(300) if n % 6 in (1, 3)]
    both = replace(within, region=region.bbox("-150,0,-140,90"))
    assert sorted(rows(similarity, like(0, size=300, within=both))) == [1, 3, 7, 9]
    nothing = form.parse([("facet.provider", "nobody")])
    assert rows(similarity, like(0, within=nothing)) == []
    with pytest.raises(BadQueryError, match="belongs to no record"):
        similarity.similar("loose", like(0, within=within))


def test_a_region_asks_for_what_its_middle_row_looks_like(similarity: Similarity) -> None:
    here = region.bbox("-150,0,-141,90")
    unit = VECTORS[:10] / np.linalg.norm(VECTORS[:10], axis=1, keepdims=True)
    middle = int(np.argmax(unit @ unit.mean(axis=0)))
    assert rows(similarity, Question(region=here, size=5)) == nearest(VECTORS, VECTORS[middle], 6)[1:]
    with pytest.raises(NotFoundError, match="no row of tom is in this region"):
        similarity.similar("tom", Question(region=region.bbox("0,-90,1,-80")))


def test_unlike_examples_push_away(similarity: Similarity) -> None:
    unit = VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True)
    query = (unit[3] + unit[4]) / 2 - 0.5 * unit[250]
    question = Question(like=Examples((3, 4)), unlike=Examples((250,)), size=5)
    wanted = [row for row in nearest(VECTORS, query, 8) if row not in (3, 4, 250)][:5]
    assert rows(similarity, question) == wanted


def test_what_tells_many_examples_apart_is_learnt(similarity: Similarity) -> None:
    """Groups of vectors are known from the generator: the rest of a group is found from six of it."""
    groups = np.random.default_rng(7)
    groups.normal(size=(40, 16))
    group = groups.integers(0, 40, 300)
    largest = int(np.bincount(group).argmax())
    members = np.flatnonzero(group == largest)
    others = np.flatnonzero(group != largest)[:8]
    question = Question(Examples(tuple(members[:6].tolist())), Examples(tuple(others.tolist())), size=len(members) - 6)
    found = rows(similarity, question)
    assert len(set(found) & set(members.tolist())) >= len(found) * 0.8


@pytest.mark.parametrize(
    ("question", "error", "told"),
    [
        (Question(), BadQueryError, "say what to look for"),
        (like(300), NotFoundError, "its rows are 0 to 299"),
        (like(-1), NotFoundError, "no row -1"),
        (Question(like=Examples(ids=("none",))), NotFoundError, "called 'none'"),
        (Question(like=Examples(vectors=((1.0,),))), BadQueryError, "has 1 numbers"),
        (like(1, size=1001), BadQueryError, "1 to 1000"),
        (like(1, mode="odd"), BadQueryError, "mode 'odd'"),
        (like(*range(MAX_EXAMPLES + 1)), LimitError, "similar-examples"),
        (Question(like=Examples((1,)), unlike=Examples((1, 1))), None, ""),
    ],
)
def test_what_cannot_be_asked_is_named(
    similarity: Similarity, question: Question, error: type[Exception] | None, told: str
) -> None:
    if error is None:
        assert similarity.similar("tom", question).hits
        return
    with pytest.raises(error, match=told):
        similarity.similar("tom", question)
    with pytest.raises(NotFoundError, match="no space 'none'"):
        similarity.similar("none", like(1))


def test_the_first_and_the_last_time_of_a_space_are_known(similarity: Similarity, tmp_path: Path) -> None:
    assert similarity.times("tom") == (0, 299 * DAY)
    assert similarity.times("twice") == (0, 699 * DAY)
    with pytest.raises(NotFoundError):
        similarity.times("none")
    flat = pa.FixedSizeListArray.from_arrays(pa.array(VECTORS[:9].ravel()), 16)
    pq.write_table(pa.table({"embedding": flat}), tmp_path / "timeless.parquet")
    similarity.spaces.add("timeless", Wanted((str(tmp_path / "timeless.parquet"),)))
    assert similarity.times("timeless") is None
    again = pa.table({"embedding": flat, "timestamp": pa.array([5 * DAY] * 9, pa.timestamp("ms"))})
    pq.write_table(again, tmp_path / "timed.parquet")
    similarity.spaces.add("timeless", Wanted((str(tmp_path / "timed.parquet"),)))
    assert similarity.times("timeless") == (5 * DAY, 5 * DAY)
    similarity.spaces.remove("timeless")
