from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    build_schema,
)

from discovery import indexer
from discovery.index.tantivy import TantivyIndex
from discovery.model.record import Record
from discovery.model.source import Mapped, RawRecord
from discovery.portal import Portal
from discovery.query.fields import FACETS, FIELDS, ORDERS
from discovery.store.store import Store
from discovery_graphql import sdl
from discovery_graphql.kinds import TYPES
from discovery_graphql.schema import build
from discovery_graphql.search import Context

Ask = Callable[..., dict[str, Any]]
SCHEMA = build_schema(sdl.text())


def undescribed() -> Iterator[str]:
    for name, kind in SCHEMA.type_map.items():
        if name.startswith("__") or name in {"String", "Int", "Float", "Boolean", "ID"}:
            continue
        if not kind.description:
            yield name
        if isinstance(kind, GraphQLEnumType):
            yield from (f"{name}.{key}" for key, value in kind.values.items() if not value.description)
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            yield from (f"{name}.{key}" for key, field in kind.fields.items() if not field.description)
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for key, field in kind.fields.items():
                yield from (f"{name}.{key}({arg})" for arg, found in field.args.items() if not found.description)


def test_everything_has_a_description() -> None:
    assert list(undescribed()) == []


def test_the_field_table_is_the_filter() -> None:
    kind = SCHEMA.type_map["RecordFilter"]
    assert isinstance(kind, GraphQLInputObjectType)
    assert len(kind.fields) == len(FIELDS) + 4
    for name, names in (("FacetName", FACETS), ("SortName", ORDERS)):
        enum = SCHEMA.type_map[name]
        assert isinstance(enum, GraphQLEnumType)
        assert list(enum.values) == [each.upper() for each in names]


def test_records_come_in_the_order_of_their_ids(portal: Portal, data: Ask) -> None:
    ids = [Record("cat", "products", f"product-{n}", "dataset", "x").id for n in (3, 1, 2)]
    found = data("query ($ids: [ID!]!) { records(ids: $ids) { id } }", ids=[ids[0], "nope", ids[1], ids[2], ids[0]])
    expected = [{"id": ids[0]}, None, {"id": ids[1]}, {"id": ids[2]}, {"id": ids[0]}]
    assert found["records"] == expected


@pytest.mark.parametrize("field", ["record", "node"])
def test_an_unknown_id_is_null_with_its_reason(ask: Ask, field: str) -> None:
    answer = ask(f'{{ {field}(id: "nope") {{ id }} }}')
    assert answer["data"] == {field: None}
    assert answer["errors"][0]["extensions"]["code"] == "not_found"


def test_whatever_a_search_finds_is_a_node_with_that_id(data: Ask) -> None:
    query = "query ($id: ID!) { node(id: $id) { __typename id ... on Record { title } } }"
    found = data("{ search(first: 100) { nodes { __typename id title } } }")["search"]["nodes"]
    for each in {node["__typename"]: node for node in found}.values():
        assert data(query, id=each["id"])["node"] == each


def test_every_kind_of_record_is_a_node() -> None:
    node = SCHEMA.type_map["Node"]
    assert isinstance(node, GraphQLInterfaceType)
    assert {each.name for each in SCHEMA.get_possible_types(node)} >= {kind.__name__ for kind in TYPES.values()}


@pytest.fixture
def changing(tmp_path: Path) -> Iterator[Portal]:
    opened = Portal(Store(f"sqlite:///{tmp_path / 'store.sqlite'}"), TantivyIndex(tmp_path / "index"))
    yield opened
    opened.close()


def test_a_deleted_record_is_said_to_be_gone(changing: Portal) -> None:
    record = Record("cat", "labs", "lab", "datalab", "Lab")
    changing.store.ingest.page("cat", 1, [Mapped(record, RawRecord("labs", "lab", b"{}"))])
    indexer.follow(changing.store, changing.index)
    changing.store.ingest.remove("cat")
    query = f'{{ record(id: "{record.id}") {{ id }} search {{ nodes {{ id }} }} }}'
    result = build().execute_sync(query, context_value=Context(changing))
    assert result.errors is not None
    assert [getattr(each.original_error, "kind", "") for each in result.errors] == ["gone"]
    # The engine has not followed yet: what it still finds and the store has no more is left out.
    assert result.data == {"record": None, "search": {"nodes": []}}


def test_suggestions_begin_as_typed(data: Ask) -> None:
    found = data('{ suggest(prefix: "jup") { what title kind count value frame } }')["suggest"]
    place = {"what": "OBJECT", "title": "Jupiter", "kind": None, "count": None, "value": "Jupiter", "frame": "JUPITER"}
    title = {
        "what": "TITLE",
        "title": "JupyterLab for ice",
        "kind": "DATALAB",
        "count": None,
        "value": None,
        "frame": None,
    }
    assert place in found
    assert title in found


@pytest.mark.parametrize(("first", "code"), [(-1, "bad_query"), (51, "limit")])
def test_a_number_of_suggestions_that_cannot_be_is_refused(ask: Ask, first: int, code: str) -> None:
    assert ask(f'{{ suggest(prefix: "ice", first: {first}) {{ id }} }}')["errors"][0]["extensions"]["code"] == code
