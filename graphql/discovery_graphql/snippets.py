"""The question of a search as code for other ways in, as the schema has it."""

from __future__ import annotations

import strawberry

from discovery.exports import code
from discovery.portal import Portal
from discovery.query.query import Query
from discovery_graphql.described import attribute
from discovery_graphql.enums import Tool, member


@strawberry.type(description="The question of a search as code for another way in.")
class Snippet:
    """The question of a search as code for another way in."""

    tool: Tool = attribute("What the code is for.")
    language: str = attribute("What it is written in: `shell` or `python`.")
    code: str = attribute("The code, to be run as it stands.")
    note: str | None = attribute("What it asks differently; null where it asks the same.")


def snippets(portal: Portal, asked: Query, url: str) -> list[Snippet]:
    """Return the question for each way in that can ask it; see `discovery.exports.code`."""
    return [
        Snippet(
            tool=member(Tool, each.tool),  # type: ignore[arg-type]  # one of them by the table of tools
            language=each.language,
            code=each.code,
            note=each.note or None,
        )
        for each in code.snippets(portal, asked, url)
    ]
