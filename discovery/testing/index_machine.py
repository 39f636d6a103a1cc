"""Random lives of an engine, told beside the oracle: after every step both must answer alike."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from discovery.errors import NotFoundError
from discovery.index.base import Answer, Build, Cells, Document, Index, Keys, Plan, Position
from discovery.index.plans import ANCHORS
from discovery.query.facets import CellRequest, RangeRequest, RangeSelection
from discovery.query.query import (
    And,
    Between,
    Comparison,
    FacetRequest,
    Histogram,
    In,
    IsNull,
    Like,
    Not,
    Or,
    Selection,
    Sort,
    Time,
)
from discovery.query.text import Group, TextQuery
from discovery.testing.index_catalogue import SCOPE, make
from discovery.testing.oracle import OracleIndex

_MONTH: Final = 2_629_746_000
_VALUES: Final = ("a", "b", "A", "á", "a/b", "a/b/c", "%", "b c", "zz")
_WORDS: Final = ("sea", "ocean", "deep", "field", "hubble", "hst", "sentinel-2", "s2")

keys = st.integers(0, 30)
values = st.sampled_from(_VALUES)
numbers = st.sampled_from((-1e300, -2.5, -1.0, 0.0, 0.1, 1.0, 1.5, 2.0, 1e300))
instants = st.integers(-30, 30).map(lambda number: number * _MONTH)
cells = st.lists(st.integers(4, 127), max_size=3, unique=True).map(tuple)
frames = st.sampled_from(("sky", "earth"))
anchors = st.sampled_from((0, 1, 5, 4**6, 4**11 * 3, 4**11 * 3 + 17, ANCHORS - 1))
titles = st.lists(st.sampled_from(_WORDS), max_size=4).map(" ".join)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Draw a document of few different values, so that ties and repeats are common."""
    keywords = {
        name: tuple(draw(st.lists(values, min_size=1, max_size=3)))
        for name in draw(st.sampled_from(((), ("keyword",), ("keyword", "mission"), ("keyword", "mission"), ("kind",))))
    }
    if draw(st.booleans()):
        keywords["frame"] = (draw(frames),)
    held = {name: draw(numbers) for name in draw(st.sets(st.sampled_from(("size", "cloud_cover"))))}
    times = {name: draw(instants) for name in draw(st.sets(st.sampled_from(("start", "end"))))}
    title = draw(titles)
    ids = draw(st.lists(st.sampled_from(("10.1/a", "10.1/b")), max_size=1))
    own = draw(cells)
    return make(
        draw(keys),
        title,
        draw(titles),
        ids=ids,
        keywords=keywords,
        numbers=held,
        instants=times,
        cells=own,
        parents=tuple(sorted({above for cell in own for above in (cell >> 2, cell >> 4) if above >= 4})),
        tail=tuple(f"x={value}" for value in draw(st.lists(values, max_size=1))),
        anchor=draw(st.none() | anchors),
    )


operators = st.sampled_from(("=", "<>", "<", "<=", ">", ">="))
words = st.sampled_from(("keyword", "keyword", "mission", "kind"))
amounts = st.sampled_from(("size", "cloud_cover"))
leaves: st.SearchStrategy[Any] = st.one_of(
    st.builds(Comparison, operators, words, values),
    st.builds(Comparison, operators, amounts, numbers),
    st.builds(Comparison, operators, st.sampled_from(("start", "end")), instants),
    st.builds(Comparison, st.sampled_from(("=", "<>")), st.just("properties.x"), values),
    st.builds(Between, amounts, numbers, numbers),
    st.builds(Between, words, values, values),
    st.builds(In, words, st.lists(values, max_size=3).map(tuple)),
    st.builds(In, amounts, st.lists(numbers, max_size=3).map(tuple)),
    st.builds(
        Like,
        st.sampled_from(("keyword", "mission", "title")),
        st.text("aAá/b%_\\ sea", max_size=5),
        st.booleans(),
        st.booleans(),
    ),
    st.builds(IsNull, st.sampled_from(("keyword", "size", "start", "title", "properties.x"))),
    st.builds(Time, st.none() | instants, st.none() | instants),
    st.builds(Cells, cells, cells),
    st.builds(Keys, st.frozensets(keys, max_size=5)),
)
filters: st.SearchStrategy[Any] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)
tokens = st.sampled_from(("sea", "ocean", "deep", "field", "hubbl", "sentinel2", "2", "absent"))
groups = st.builds(
    Group,
    st.lists(st.lists(tokens, min_size=1, max_size=2).map(tuple), min_size=1, max_size=2).map(tuple),
    st.booleans(),
    quoted=st.booleans(),
)
texts = st.builds(
    TextQuery,
    st.lists(groups, min_size=1, max_size=3).map(tuple),
    st.lists(groups, max_size=1).map(tuple),
    st.none() | st.sampled_from(("10.1/a", "10.1/b")),
    least=st.integers(0, 3),
)
facets = st.builds(
    FacetRequest,
    words,
    st.integers(0, 4),
    st.sampled_from(("", "", "a", "a/b")),
    st.sampled_from(("", "", "", "a", "B", "%", "/c")),
)
edges = st.lists(numbers, min_size=2, max_size=4, unique=True).map(lambda found: tuple(sorted(found)))
measures = st.one_of(
    st.builds(RangeRequest, amounts, edges=edges),
    st.builds(RangeRequest, amounts, bins=st.integers(0, 7), log=st.booleans()),
)
ends = st.tuples(numbers, numbers, st.booleans(), st.sampled_from(("both", "low", "high")))
ranges = st.builds(lambda name, end: _range(name, *end), amounts, ends)
heats = st.builds(CellRequest, frames, st.integers(0, 12), st.none() | st.integers(12, 60))
orders = st.builds(Sort, st.sampled_from(("size", "cloud_cover", "start", "end", "title")), st.booleans())
several = st.lists(orders, min_size=2, max_size=4, unique_by=lambda order: order.name)
sorts = st.one_of(orders, several.map(lambda each: replace(each[0], then=tuple(each[1:]))))
plans = st.builds(
    Plan,
    st.just(SCOPE),
    text=st.none() | st.none() | texts,
    filter=st.one_of(st.none(), st.none(), leaves, filters),
    selections=st.lists(
        st.builds(Selection, words, st.lists(values, min_size=1, max_size=2).map(tuple)), max_size=2
    ).map(tuple),
    facets=st.lists(facets, max_size=3).map(tuple),
    ranges=st.one_of(st.just(()), st.just(()), st.lists(ranges, max_size=2).map(tuple)),
    numbers=st.one_of(st.just(()), st.lists(measures, max_size=2).map(tuple)),
    histogram=st.none() | st.builds(Histogram, st.sampled_from(("year", "month", "day", "auto")), st.integers(1, 60)),
    heat=st.none() | heats,
    sort=st.none() | sorts,
    size=st.integers(0, 40),
)


def positions(name: str) -> st.SearchStrategy[Any]:
    """Return values that a page sorted by a field may end at."""
    if name == "title":
        return titles
    return instants if name in {"start", "end"} else numbers


def _range(name: str, one: float, other: float, below: bool, ends: str) -> RangeSelection:
    """Return a range that holds something, open at an end now and then."""
    low, high = min(one, other), max(one, other)
    if ends == "low":
        return RangeSelection(name, low)
    if ends == "high":
        return RangeSelection(name, None, high, below)
    return RangeSelection(name, low, high, below and low < high)


class IndexMachine(RuleBasedStateMachine):
    """An engine and the oracle doing the same; a subclass says how the engine is made and opened again."""

    def open(self) -> Index:
        """Return the engine with what it held before, empty the first time."""
        raise NotImplementedError

    @initialize(put=st.lists(documents(), min_size=5, max_size=12))
    def begin(self, put: list[Document]) -> None:
        """Open both and put something in."""
        self.oracle = OracleIndex()
        self.engine = self.open()
        self.change = 0
        self.builds: tuple[Build, Build] | None = None
        self.write(put, [])

    def write(self, put: list[Document], gone: list[int]) -> None:
        """Write to both."""
        self.change += 1
        for index in self._both():
            index.write(SCOPE, put, gone, self.change)

    @rule(put=st.lists(documents(), max_size=6), gone=st.lists(keys, max_size=2))
    def put(self, put: list[Document], gone: list[int]) -> None:
        """Replace some documents and delete some."""
        self.write(put, gone)

    @precondition(lambda self: self.builds is None)
    @rule(put=st.lists(documents(), max_size=6, unique_by=lambda document: document.key))
    def build(self, put: list[Document]) -> None:
        """Begin a generation and leave it open."""
        engine, oracle = self.engine.build(SCOPE), self.oracle.build(SCOPE)
        for build in (engine, oracle):
            build.add(put)
        self.builds = engine, oracle

    @precondition(lambda self: self.builds is not None)
    @rule(publish=st.booleans())
    def finish(self, publish: bool) -> None:
        """Publish the open generation or throw it away."""
        assert self.builds is not None
        self.change += 1
        for build in self.builds:
            if publish:
                build.publish(self.change)
            else:
                build.discard()
        self.builds = None

    @rule()
    def rollback(self) -> None:
        """Go back, or be refused alike."""
        outcomes = []
        for index in self._both():
            try:
                outcomes.append(index.rollback(SCOPE).change)
            except NotFoundError:
                outcomes.append(-1)
        assert outcomes[0] == outcomes[1]

    @precondition(lambda self: self.builds is None)
    @rule()
    def reopen(self) -> None:
        """Close the engine and open what it left on the disk or the server."""
        self.engine.close()
        self.engine = self.open()

    @rule(plan=plans, name=words, ticked=st.lists(values, min_size=1, max_size=2).map(tuple), size=st.integers(1, 4))
    def tick(self, plan: Plan, name: str, ticked: tuple[str, ...], size: int) -> None:
        """Ask both for a facet in which something is ticked."""
        facet = FacetRequest(name, size)
        self.search(replace(plan, filter=None, selections=(Selection(name, ticked),), facets=(*plan.facets, facet)))

    @rule(plan=plans)
    def search(self, plan: Plan) -> None:
        """Ask both the same question."""
        found, expected = self.engine.search(plan), self.oracle.search(plan)
        assert _told(found) == _told(expected)
        assert set(self.engine.keys(plan)) == set(self.oracle.keys(plan))
        assert len(found.hits) == len(expected.hits)
        if plan.sort is not None or plan.text is None:
            assert found.hits == expected.hits
        elif plan.size >= found.total.value:
            assert {hit.key for hit in found.hits} == {hit.key for hit in expected.hits}

    @rule(plan=plans, sort=sorts, size=st.integers(1, 5), data=st.data(), key=keys)
    def go_on(self, plan: Plan, sort: Sort, size: int, data: st.DataObject, key: int) -> None:
        """Ask both for a page that begins at some position, whether or not anything stands there."""
        first, *then = (data.draw(st.none() | positions(each.name)) for each in sort.all)
        after = Position(first, key, tuple(then))
        asked = Plan(SCOPE, plan.text, plan.filter, plan.selections, sort=sort, size=size, after=after)
        found, expected = self.engine.search(asked), self.oracle.search(asked)
        assert found.hits == expected.hits
        assert (found.total, found.more) == (expected.total, expected.more)

    def teardown(self) -> None:
        """Let the engine go, with the same state as the oracle."""
        if not hasattr(self, "engine"):
            return
        state, expected = self.engine.generation(SCOPE), self.oracle.generation(SCOPE)
        assert (state.change, state.documents) == (expected.change, expected.documents)
        self.engine.close()

    def _both(self) -> tuple[Index, Index]:
        return self.engine, self.oracle


def _told(answer: Answer) -> tuple[Any, ...]:
    counted = answer.facets, answer.bins, answer.interval, answer.numbers, answer.heat
    return answer.total, answer.more, *counted
