"""tantivy alone, asked what the portal is asked: the floor under every figure of the portal."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import orjson
import tantivy
from tantivy import FieldType, Occur, Order, Query, Schema

from discovery.index.plans import BODY, END, KEY, START, TITLE
from discovery.index.tantivy.schema import open_index, schema
from discovery.query.query import Comparison
from discovery.query.query import Query as Question
from discovery.query.text import TITLE_WEIGHT
from discovery.query.tokens import tokens


class Engine:
    """A generation of an index, open for questions whose shape is known beforehand, as a benchmark would be written."""

    def __init__(self, scope: Path) -> None:
        self.schema: Schema = schema()
        name = orjson.loads((scope / "CURRENT").read_bytes())["current"]
        index = open_index(self.schema, scope / name)
        index.reload()
        self.searcher = index.searcher()

    def ask(self, question: Question) -> int:
        """Return how many match, having counted the facets and read the keys of a page."""
        found: Any = self.searcher.search(self.query(question), question.size)
        self.searcher.fast_field_values(KEY, [address for _, address in found.hits])
        ticked = {each.name for each in question.selections}
        for skip in ("", *ticked):
            names = [each.name for each in question.facets if (each.name == skip if skip else each.name not in ticked)]
            wanted = {name: {"terms": {"field": name, "size": 12, "segment_size": 10_000}} for name in names}
            self.searcher.aggregate(self.query(question, skip), wanted)
        return int(found.count)

    def query(self, question: Question, skip: str = "") -> Query:
        """Return the question in tantivy's terms, one facet's own selection left aside."""
        parts = [self.word(token) for token in tokens(question.text)] if question.text else []
        quiet = [
            Query.term_set_query(self.schema, each.name, list(each.values))
            for each in question.selections
            if each.name != skip
        ]
        if isinstance(question.filter, Comparison):
            quiet.append(Query.term_query(self.schema, question.filter.name, question.filter.value, "basic"))
        if question.time is not None:
            quiet.append(Query.range_query(self.schema, START, FieldType.Integer, None, question.time.end))
            quiet.append(Query.range_query(self.schema, END, FieldType.Integer, question.time.start, None))
        parts += [Query.const_score_query(each, 0.0) for each in quiet]
        return Query.boolean_query([(Occur.Must, each) for each in parts]) if parts else Query.all_query()

    def word(self, token: str) -> Query:
        """Return what has a word in its body, which holds the title, better where the title has it."""
        title = Query.boost_query(Query.term_query(self.schema, TITLE, token, "freq"), TITLE_WEIGHT - 1)
        body = Query.term_query(self.schema, BODY, token, "freq")
        return Query.boolean_query([(Occur.Must, body), (Occur.Should, title)])

    def page(self, i: int) -> list[tuple[Any, tantivy.DocAddress]]:
        """Return a page of 100 in falling order of time, somewhere."""
        at = random.Random(f"depth {i}").randrange(631_152_000_000, 1_767_225_600_000)
        below = Query.range_query(self.schema, "start", FieldType.Integer, None, at, True, False)
        found = self.searcher.search(below, 100, count=False, order_by_field="start", order=Order.Desc)
        self.searcher.fast_field_values(KEY, [address for _, address in found.hits])
        return found.hits
