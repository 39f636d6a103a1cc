"""What is asked of embeddings becomes what the portal is asked."""

from __future__ import annotations

import pytest
from strawberry import UNSET

from discovery.errors import BadQueryError, LimitError
from discovery.similarity import Examples
from discovery_graphql.likeness import MAX_SIMILAR, Like, examples, narrowed, size


def test_examples_are_rows_names_and_vectors() -> None:
    assert examples(Like(rows=[1], ids=["a"], vectors=[[1.0]])) == Examples((1,), ("a",), ([1.0],))
    assert examples(Like(rows=[1])) == Examples((1,))
    assert examples(UNSET) == examples(None) == Examples()


def test_nothing_narrows_where_nothing_is_given() -> None:
    assert narrowed(None, None) is None  # type: ignore[arg-type]
    assert narrowed(None, UNSET) is None  # type: ignore[arg-type]


def test_sizes_have_a_limit() -> None:
    assert size(MAX_SIMILAR) == MAX_SIMILAR
    with pytest.raises(LimitError, match="graphql-similar"):
        size(MAX_SIMILAR + 1)
    with pytest.raises(BadQueryError, match="1 to 100"):
        size(0)
