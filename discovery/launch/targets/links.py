"""Targets that are no more than a link: Binder and nbgitpuller open a repository that the operator has named."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from discovery.launch.targets.base import Immediate
from discovery.launch.zones import BINDER, Place
from discovery.model.launch import READY, Launch, State


class Link(Immediate):
    """Something elsewhere that is opened by its address; what becomes of it there nobody tells us."""

    END = "what runs there ends by itself"

    def state(self, launch: Launch) -> State:
        """Return the link."""
        told = "it opens the notebooks of its own repository, without the volumes; take your notebook along as a file"
        return State(READY, told, url=self.url(launch), server=launch.id)

    def url(self, _launch: Launch) -> str:
        """Return the link."""
        return binder(self.place) if self.place.kind == BINDER else git_puller(self.place)


def binder(place: Place) -> str:
    """Return the link of a BinderHub, which builds an environment out of a repository: minutes, the first time."""
    tree = f"lab/tree/{place.path}" if place.path else "lab"
    return f"{place.url}/v2/gh/{quote(place.repository)}/{quote(place.ref, safe='')}?{urlencode({'urlpath': tree})}"


def git_puller(place: Place) -> str:
    """Return the link of a hub with nbgitpuller, which brings a repository into one's home there."""
    folder = place.repository.rpartition("/")[2].removesuffix(".git")
    tree = f"lab/tree/{folder}/{place.path}".rstrip("/")
    asked = {"repo": place.repository, "branch": place.ref, "urlpath": tree, "depth": "1"}
    return f"{place.url}/hub/user-redirect/git-pull?{urlencode(asked)}"
