"""What somebody did wrong with a mutation, as a part of its answer: not an error of GraphQL, which has no fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import strawberry

from discovery.errors import BadQueryError, DeniedError, DiscoveryError, DocumentError
from discovery_graphql.described import attribute

_T = TypeVar("_T")


@strawberry.type(description="One thing that was wrong with what was asked.")
class UserError:
    """One thing that was wrong with what was asked."""

    code: str = attribute("The kind of error, as in `extensions.code`: `conflict`, `limit`, `document` and so on.")
    message: str = attribute("What is wrong, and what is allowed.")
    path: str | None = attribute("Where: a member of the input, or a place in a document such as `tools[2].name`.")


@strawberry.interface(description="What came of a mutation: what it is about, or what was wrong.")
class Payload:
    """What came of a mutation."""

    errors: list[UserError] = attribute("What was wrong; empty where it was done.")


def told(act: Callable[[], _T]) -> tuple[_T | None, list[UserError]]:
    """Return what something gives, or what was wrong with it.

    Raises:
        DeniedError: Whoever asks may not: that is no matter of what was asked.
        DiscoveryError: It is our fault, or somebody else's.
    """
    try:
        return act(), []
    except DeniedError:
        raise
    except DocumentError as error:
        return None, [
            UserError(code=error.kind, message=message, path=path or None) for path, message in error.problems
        ]
    except DiscoveryError as error:
        if error.status >= 500:
            raise
        path = error.parameter if isinstance(error, BadQueryError) else None
        return None, [UserError(code=error.kind, message=str(error), path=path)]
