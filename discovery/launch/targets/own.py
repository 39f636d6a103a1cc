"""One's own computer as a target: JupyterLab there, or the notebook as a file."""

from __future__ import annotations

from discovery.errors import NotFoundError
from discovery.launch.targets.base import Immediate
from discovery.model.launch import READY, Launch, State


class Download(Immediate):
    """The notebook as a file: there is nothing to start, to follow or to stop."""

    def state(self, launch: Launch) -> State:
        """Say that the notebook is there."""
        return State(READY, "the notebook is ready to be downloaded", server=launch.id)

    def url(self, launch: Launch) -> str:
        """Return the path of the notebook on this portal."""
        return f"/launches/{launch.id}/notebook"


class Lab(Download):
    """JupyterLab on one's own computer, which a command starts: a page of the web starts no programs."""

    def state(self, launch: Launch) -> State:
        """Say which command it is."""
        ids = " ".join(launch.asked.records)
        if not ids:
            raise NotFoundError("there is no record to open")
        return State(READY, f"on your computer, with the portal's catalogue: discovery open {ids}", server=launch.id)
