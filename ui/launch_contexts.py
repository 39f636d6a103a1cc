"""What the pages of launches are made of."""

from __future__ import annotations

from dataclasses import dataclass

from ui.contexts import Anchor, Site


@dataclass(frozen=True, slots=True)
class Option:
    """One thing that can be chosen."""

    value: str
    label: str
    chosen: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form that is not seen."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Said:
    """One line of what would be launched, or was."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class ConfirmContext:
    """What would be launched, before it is."""

    site: Site
    title: str
    records: tuple[Anchor, ...]
    facts: tuple[Said, ...]
    kind: str
    """Of the target: `hub`, `lab`, `download`, `binder` or `nbgitpuller`."""
    notice: str
    """What was chosen and is not to be had."""
    trouble: str
    """Why it cannot be launched just now; empty where it can."""
    absent: tuple[str, ...]
    """Volumes that hold the files and are not where this would run."""
    link: str
    """Where a target that is only a link leads."""
    command: str
    download: str
    """URL of the notebook as a file."""
    way_in: str
    """Where to sign in first; empty for who may launch."""
    action: str
    key: str
    fields: tuple[Field, ...]
    """What is sent when it is confirmed."""
    choose: str
    """Where another choice is sent."""
    ids: tuple[str, ...]
    selection: str
    """The id of the kept selection that the records are from; empty for none."""
    manifest: str
    """Where the list of its files is."""
    places: tuple[Option, ...]
    datalabs: tuple[Option, ...]
    sizes: tuple[Option, ...]
    volumes: tuple[Option, ...]
    running: tuple[Anchor, ...]
    """Launches of the same records that are there already."""


@dataclass(frozen=True, slots=True)
class LaunchContext:
    """One launch, as it is now."""

    site: Site
    url: str
    title: str
    status: str
    label: str
    message: str
    lines: tuple[str, ...]
    """The end of the hub's log, where something failed."""
    facts: tuple[Said, ...]
    records: tuple[Anchor, ...]
    key: str
    open: str
    """Where the form is sent that opens it; empty while it cannot be opened."""
    stop: str
    """Where the form is sent that stops it; empty where there is nothing to stop."""
    again: str
    """URL of the confirmation of the same once more."""
    notebook: str
    live: int
    """Milliseconds to the next look while it changes by itself; 0 for one that does not."""


@dataclass(frozen=True, slots=True)
class LaunchRow:
    """One launch in a list."""

    url: str
    title: str
    status: str
    label: str
    where: str
    when: str
    stop: str


@dataclass(frozen=True, slots=True)
class LaunchesContext:
    """Somebody's launches."""

    site: Site
    key: str
    running: tuple[LaunchRow, ...]
    over: tuple[LaunchRow, ...]


@dataclass(frozen=True, slots=True)
class PointedContext:
    """What an archive's link points at: several records, or none."""

    site: Site
    what: str
    """The way it is pointed at."""
    value: str
    matches: tuple[Anchor, ...]
    search: str
    """URL of a search for the same."""
