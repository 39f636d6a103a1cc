"""Documents made out of the schema: every one is answered or refused for a reason, and none finds a mistake of ours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
import schemathesis
from fastapi import FastAPI
from graphql import (
    REMOVE,
    ArgumentNode,
    IntValueNode,
    Visitor,
    build_schema,
    parse,
    parse_value,
    print_ast,
    visit,
)
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.graphql import nodes

from discovery import errors
from discovery.embeddings.spaces import Spaces
from discovery.portal import Portal
from discovery_graphql import router, sdl

SCHEMA: Final = build_schema(sdl.text())
TOTAL: Final = 1_000
TOKEN: Final = "0123456789abcdef" * 4
OPERATIONS: Final = [
    (kind.name, name) for kind in (SCHEMA.query_type, SCHEMA.mutation_type) if kind is not None for name in kind.fields
]
OPERATORS: Final = frozenset({"sources", "runs", "quarantine", "job", "harvest", "retry", "approve", "remap"})
COUNTED: Final = frozenset({"first", "size", "bins", "most", "order"})
REMOVED: Final = frozenset({"after", "within", "cell", "region", "ranges", "text", "filter"})
GEOMETRIES: Final = (
    '{type: "Point", coordinates: [10, 50]}',
    '{type: "Polygon", coordinates: [[[0, 0], [20, 0], [20, 60], [0, 0]]]}',
    '{type: "Circle", center: [83.6, 22], radius: 1.5}',
    '{type: "Point", coordinates: ["x"]}',
    '{type: "Nothing"}',
    "{}",
    "[]",
    "3",
)


def _kinds(base: type[errors.DiscoveryError]) -> Iterator[str]:
    yield base.kind
    for each in base.__subclasses__():
        yield from _kinds(each)


CODES: Final = {*_kinds(errors.DiscoveryError)} - {errors.DiscoveryError.kind, errors.UnavailableError.kind}
"""Whatever somebody who asks can have done wrong; not what is masked as ours."""


schemathesis.graphql.scalar("GeoJSON", st.sampled_from(GEOMETRIES).map(parse_value))
schemathesis.graphql.scalar("Long", st.integers().map(nodes.Int))
schemathesis.graphql.scalar(
    "DateOrInstant",
    st.one_of(
        st.sampled_from(["2020", "2020-05", "2021-03-05T10:30:00Z", "-004712-01-01T12:00:00Z", "", "..", "2020-13"]),
        st.text(max_size=12),
    ).map(nodes.String),
)


class Mending(Visitor):
    """Makes numbers small and takes out what cannot be right by chance, so that what lies behind limits is reached."""

    def enter_argument(self, node: ArgumentNode, *_: Any) -> Any:
        if node.name.value in REMOVED:
            return REMOVE
        if node.name.value in COUNTED and isinstance(node.value, IntValueNode):
            return ArgumentNode(name=node.name, value=IntValueNode(value=str(abs(int(node.value.value)) % 5 + 1)))
        return None


def mended(document: str) -> str:
    """Return every other document as it is, and the rest so that more of them can be answered."""
    return print_ast(visit(parse(document), Mending())) if len(document) % 2 else document


@pytest.fixture(scope="module")
def app(portal: Portal, tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    made = FastAPI()
    spaces = tmp_path_factory.mktemp("embeddings")
    door = Portal(portal.store, portal.index, operator_token=TOKEN, spaces=lambda: Spaces(spaces))
    made.include_router(router(door))
    return made


@pytest.fixture(scope="module")
def ask(app: FastAPI) -> Callable[[str, str, int], Counter[str]]:
    """Return `ask(type, field, cases)`: how the answers ended, by their codes."""
    schema = schemathesis.graphql.from_asgi("/graphql", app)

    def asked(kind: str, field: str, cases: int) -> Counter[str]:
        ended = Counter[str]()

        @settings(max_examples=cases, deadline=None, derandomize=True, phases=[Phase.generate],
                  suppress_health_check=list(HealthCheck), database=None)  # fmt: skip
        @given(case=schema[kind][field].as_strategy())
        def each(case: Any) -> None:
            case.body = mended(str(case.body))
            # What is for operators alone would only ever be denied to whoever shows nothing.
            response = case.call(headers={"Authorization": f"Bearer {TOKEN}"} if ended.total() % 2 else {})
            # Its own check takes every error of a field for one of the server; ours have codes.
            assert response.status_code == 200, response.text
            answer = response.json()
            codes = {error["extensions"]["code"] for error in answer.get("errors", ())}
            assert codes <= CODES, (case.body, answer["errors"])
            ended.update(codes or {"answered"})

        each()
        return ended

    return asked


def _share(kind: str, field: str) -> int:
    # To make a document for a search with all its filters takes a tenth of a second.
    return TOTAL // 5 if (kind, field) == ("Query", "search") else TOTAL * 4 // 5 // (len(OPERATIONS) - 1) + 1


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("kind", "field"), OPERATIONS)
def test_a_thousand_documents_find_no_mistake_of_ours(
    ask: Callable[[str, str, int], Counter[str]], kind: str, field: str
) -> None:
    ended = ask(kind, field, _share(kind, field))
    assert ended.total() > 0
    if field in OPERATORS:
        assert set(ended) - {"denied"}, ended
    if field == "search":
        # Limits turn many of them away; that must not hide what lies behind.
        assert ended["answered"] > TOTAL // 50, ended


@pytest.mark.long
@pytest.mark.parametrize(("kind", "field"), OPERATIONS)
def test_ten_thousand_documents_find_no_mistake_of_ours(
    ask: Callable[[str, str, int], Counter[str]], kind: str, field: str
) -> None:
    assert ask(kind, field, 10 * _share(kind, field)).total() > 0
