"""The GraphQL face: `router` makes its routes over a portal."""

from discovery_graphql.router import router

__all__ = ["router"]
