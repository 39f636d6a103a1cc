"""A target that does as a test tells it: for what is said of launches without a hub."""

from __future__ import annotations

from discovery.launch.targets import Health, Order
from discovery.launch.zones import Place
from discovery.model.launch import STARTING, Launch, State


class Scripted:
    """A target that is in a state until a test puts it into another one, or has it raise an error.

    Args:
        place: Where it is said to be.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.orders: list[Order] = []
        self.now: State | Exception = State(STARTING, "starting", f"{place.url}/user/x/y/lab", "x/y")
        self.well = Health(ok=True)
        self.asked = 0
        """How often somebody wanted to know whether it is well."""

    def health(self) -> Health:
        """Say what the test wants said."""
        self.asked += 1
        return self.well

    def start(self, order: Order) -> State:
        """Keep the order."""
        self.orders.append(order)
        return self._said()

    def state(self, _launch: Launch) -> State:
        """Say what the test wants said."""
        return self._said()

    def stop(self, _launch: Launch) -> State:
        """Say what the test wants said."""
        return self._said()

    def url(self, launch: Launch) -> str:
        """Return the address of the launch with what stands for a secret."""
        return f"{launch.url}?token=opensesame"

    def close(self) -> None:
        """Do nothing: there is no connection."""

    def _said(self) -> State:
        if isinstance(self.now, Exception):
            raise self.now
        return self.now
