"""What every target can do, whatever it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from discovery.launch.zones import Place
from discovery.model.launch import STOPPED, Launch, State
from discovery.model.person import Person


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a target can be used just now."""

    ok: bool
    message: str = ""
    """Why not, as a sentence for people."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a target is asked to start."""

    launch: Launch
    person: Person
    notebook: str = field(default="", repr=False)
    """The pass for which the portal gives the notebook, once."""


class LaunchTarget(Protocol):
    """A place to launch at. Every method may wait for a network, for seconds."""

    place: Place

    def health(self) -> Health:
        """Say whether it can be used just now; never raises."""
        ...

    def start(self, order: Order) -> State:
        """Start what is asked for and return at once; what runs already under the same name is left as it is.

        Raises:
            DiscoveryError: It is refused, or nobody answers; the message is for people.
        """
        ...

    def state(self, launch: Launch) -> State:
        """Return what became of a launch.

        Raises:
            DiscoveryError: Nobody answers just now, which says nothing of the launch.
        """
        ...

    def stop(self, launch: Launch) -> State:
        """End a launch; one that has ended stays so.

        Raises:
            DiscoveryError: Nobody answers.
        """
        ...

    def url(self, launch: Launch) -> str:
        """Return the address that lets the person of a launch in; it may hold a secret and is for a redirect alone.

        Raises:
            DiscoveryError: There is nothing to come in to.
        """
        ...

    def close(self) -> None:
        """Close every connection."""
        ...


class Immediate(ABC):
    """A target at which we start nothing: what is asked for is there at once, and what becomes of it nobody tells us.

    Args:
        place: Where it is.
    """

    END: ClassVar[str] = ""
    """What is said of a launch that is over for us."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def health(self) -> Health:
        """Say that it can be used; whether it works is known when it is opened."""
        return Health(ok=True)

    def start(self, order: Order) -> State:
        """Return at once what there is."""
        return self.state(order.launch)

    @abstractmethod
    def state(self, launch: Launch) -> State:
        """Say how what is asked for is opened."""

    def stop(self, _launch: Launch) -> State:
        """Say that it is over for us."""
        return State(STOPPED, self.END)

    @abstractmethod
    def url(self, launch: Launch) -> str:
        """Return the address that opens it."""

    def close(self) -> None:  # noqa: B027
        """Do nothing: there is no connection."""
