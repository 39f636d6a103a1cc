"""The Elasticsearch engine passes the contract on a real server, and each of its traps is sprung on purpose."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from discovery.index.elasticsearch import ElasticsearchIndex
from discovery.index.elasticsearch.server import Access
from discovery.testing.index_contract import IndexContract

pytestmark = pytest.mark.peer


@pytest.fixture
def index(elasticsearch: str, elasticsearch_prefix: str) -> Iterator[ElasticsearchIndex]:
    engine = ElasticsearchIndex(Access((elasticsearch,)), prefix=elasticsearch_prefix)
    yield engine
    engine.close()


class TestElasticsearch(IndexContract):
    """The contract; its fixture stands above."""
