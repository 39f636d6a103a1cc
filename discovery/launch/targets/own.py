"""One's own computer as a target: JupyterLab there, or the notebook as a file."""

from __future__ import annotations

from discovery.errors import NotFoundError
from discovery.launch.targets.base import Health, Order
from discovery.launch.zones import Place
from discovery.model.launch import READY, STOPPED, Launch, State


class Download:
    """The notebook as a file: there is nothing to start, to follow or to stop."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def health(self) -> Health:
        """Say that it can be used: the portal itself gives the file."""
        return Health(ok=True)

    def start(self, order: Order) -> State:
        """Return at once."""
        return self.state(order.launch)

    def state(self, launch: Launch) -> State:
        """Say that the notebook is there."""
        return State(READY, "the notebook is ready to be downloaded", server=launch.id)

    def stop(self, _launch: Launch) -> State:
        """Say that it is over."""
        return State(STOPPED)

    def url(self, launch: Launch) -> str:
        """Return the path of the notebook on this portal."""
        return f"/launches/{launch.id}/notebook"

    def close(self) -> None:
        """Do nothing: there is no connection."""


class Lab(Download):
    """JupyterLab on one's own computer, which a command starts: a page of the web starts no programs."""

    def state(self, launch: Launch) -> State:
        """Say which command it is."""
        first = next(iter(launch.asked.records), "")
        if not first:
            raise NotFoundError("there is no record to open")
        return State(READY, f"on your computer, with the portal's catalogue: discovery open {first}", server=launch.id)
