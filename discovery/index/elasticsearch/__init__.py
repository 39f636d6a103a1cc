"""The engine for many machines: an Elasticsearch server of version 9, asked through its official client.

Nothing here needs a licence, a script, a plugin or `geo_shape`. What Elasticsearch does to the unwary, and where it is
met (each has its test in tests/index/test_elasticsearch.py): a bulk request succeeds while its items fail
(`server.Server.bulk`); a write to an index that was deleted makes a new one with guessed types (`scope.docs_alias`);
facet counts are approximate over several shards unless `shard_size` says otherwise (`search.Search.terms`); filters
nest 30 deep and no deeper (`questions.shallow`); patterns are refused when their automaton is large
(`engine.ElasticsearchIndex._asked`); a server that hangs is waited for by everybody (`server.Server.guarded`).
"""

from __future__ import annotations

from discovery.index.elasticsearch.engine import ElasticsearchIndex
from discovery.index.elasticsearch.server import Access
from discovery.index.elasticsearch.vectors import ElasticsearchVectors

__all__ = ["Access", "ElasticsearchIndex", "ElasticsearchVectors"]
