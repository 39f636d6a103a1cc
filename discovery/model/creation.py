"""What people make here: datalabs, volumes and selections, and who may see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from discovery.model.person import Principal, Role

DATALAB: Final = "datalab"
VOLUME: Final = "volume"
SELECTION: Final = "selection"
PIPELINE: Final = "pipeline"

DRAFT: Final = "draft"
REVIEW: Final = "review"
PUBLISHED: Final = "published"
DEPRECATED: Final = "deprecated"
STATES: Final = (DRAFT, REVIEW, PUBLISHED, DEPRECATED)

PRIVATE: Final = "private"
LISTED: Final = "listed"
LINK: Final = "link"
PUBLIC: Final = "public"
VISIBILITIES: Final = (PRIVATE, LISTED, LINK, PUBLIC)


@dataclass(frozen=True, slots=True)
class Creation:
    """One thing that a person has made; what is published of it is a record, which everybody finds."""

    id: str
    """26 characters that nobody guesses, so that whoever has the address of a thing shared by link was given it."""
    kind: str
    owner: str
    """The id of its person."""
    name: str
    document: Mapping[str, Any] = field(default_factory=dict)
    """What was written, as JSON values; which ones, the kind says."""
    state: str = DRAFT
    visibility: str = PRIVATE
    listed: tuple[str, ...] = ()
    """Ids and e-mail addresses of those who may see it when it is `listed`."""
    version: int = 1
    """Grows with each change; who saves says which one was read."""
    record: str = ""
    """The id of the record that stands for it while it is published; empty for none."""
    created: int = 0
    updated: int = 0

    def is_visible_to(self, who: Principal) -> bool:
        """Say whether somebody may see it: its owner, those it is shared with, and moderators while it is in review.

        Being an admin opens nothing that is private.
        """
        if who.id and who.id == self.owner:
            return True
        if self.visibility in (PUBLIC, LINK):
            return True
        if self.visibility == LISTED and who.person is not None:
            names = {each.casefold() for each in self.listed}
            if who.person.id in names or (who.person.email and who.person.email.casefold() in names):
                return True
        return self.state == REVIEW and who.role >= Role.MODERATOR
