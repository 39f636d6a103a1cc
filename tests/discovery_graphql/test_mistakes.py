from __future__ import annotations

from typing import Any

import pytest

from discovery.errors import (
    BadQueryError,
    ConflictError,
    DeniedError,
    DiscoveryError,
    DocumentError,
    LimitError,
    NotFoundError,
    UnavailableError,
)
from discovery_graphql.mistakes import told


def failing(error: Exception) -> Any:
    def act() -> None:
        raise error

    return act


def test_what_is_done_has_no_errors() -> None:
    assert told(lambda: 3) == (3, [])


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (BadQueryError("wrong", parameter="id"), [("bad_query", "id")]),
        (LimitError("marks", "too many"), [("limit", None)]),
        (ConflictError("changed"), [("conflict", None)]),
        (NotFoundError("gone"), [("not_found", None)]),
        (DocumentError([("name", "is missing"), ("tools[2].name", "is long")]), [("document", "name"),
                                                                                 ("document", "tools[2].name")]),
    ],
)  # fmt: skip
def test_what_somebody_did_wrong_is_a_part_of_the_answer(
    error: DiscoveryError, expected: list[tuple[str, str | None]]
) -> None:
    value, errors = told(failing(error))
    assert value is None
    assert [(each.code, each.path) for each in errors] == expected


@pytest.mark.parametrize(
    "error", [DeniedError("no"), UnavailableError("down"), DiscoveryError("ours"), ValueError("x")]
)
def test_what_is_no_matter_of_what_was_asked_is_raised(error: Exception) -> None:
    with pytest.raises(type(error)):
        told(failing(error))
