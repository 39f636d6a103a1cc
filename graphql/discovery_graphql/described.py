"""Members of the schema with the description that introspection shows for each of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import strawberry

_F = TypeVar("_F", bound=Callable[..., Any])


def attribute(text: str, *, name: str | None = None) -> Any:
    """Return a field that is a plain attribute, which costs a third of what a resolver costs."""
    return strawberry.field(description=text, name=name)


def optional(text: str, *, name: str | None = None) -> Any:
    """Return a member of an input that may be left out; left out and null stay apart."""
    return strawberry.field(description=text, name=name, default=strawberry.UNSET)


def resolver(text: str) -> Callable[[_F], _F]:
    """Return the decorator that makes a method a field."""
    decorated: Callable[[_F], _F] = strawberry.field(description=text)
    return decorated


def subscription(text: str) -> Callable[[_F], _F]:
    """Return the decorator that makes an asynchronous generator something to follow."""
    decorated: Callable[[_F], _F] = strawberry.subscription(description=text)
    return decorated
