"""The life of launches: what may be launched where, started once however often it is asked for, followed to its end.

A launch is written down before anything is started. Whoever looks at it next takes it on from where it is, so that a
closed tab, a killed process or a hub that is away for a while loses nothing.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from discovery import telling
from discovery.documents.site import Site
from discovery.errors import (
    BadQueryError,
    ConflictError,
    DeniedError,
    DiscoveryError,
    LimitError,
    NotFoundError,
    UnavailableError,
    UnknownFieldError,
)
from discovery.launch import folder, notebook
from discovery.launch.folder import Named
from discovery.launch.matching import DATASET, PATH, WORKS, Match
from discovery.launch.notebook import Choice, Notebook
from discovery.launch.opening import Opening
from discovery.launch.targets import Health, LaunchTarget, Order, made
from discovery.launch.zones import HUB, Place, Size, Zone, Zones
from discovery.model.creation import SELECTION
from discovery.model.datalab import Datalab
from discovery.model.image import pinned
from discovery.model.launch import ASKED, FAILED, READY, STARTING, STOPPED, STOPPING, Asked, Launch, State
from discovery.model.person import LAUNCH, NOBODY, Principal, Role
from discovery.model.volume import Volume
from discovery.people import CONSOLE, People
from discovery.people.proofs import digest, secret
from discovery.store.store import Store

MAX_RECORDS: Final = 100
"""Records that one launch opens."""
MAX_VOLUMES: Final = 20
"""Volumes that one launch mounts."""
PASS_LASTS: Final = 15 * 60_000
"""Milliseconds in which the hub can fetch the notebook of a launch."""
TAKEN_ON: Final = 30_000
"""Milliseconds after which a launch that was asked for and not started is started by whoever looks at it."""
LONGEST_START: Final = 15 * 60_000
"""Milliseconds after which a launch that is not ready is said to have failed."""
HEALTHY: Final = 30.0
"""Seconds that a hub which has answered is taken to be there."""
AILING: Final = 5.0
MAX_SHOWN: Final = 12
MAX_NAME: Final = 120
T = TypeVar("T")
_GIVEN: Final = "notebook"
_FOLDER: Final = "folder"
_KEPT: Final = "/selections/"
_ID: Final = re.compile(r"[a-z2-7]{26}")
_RECORD: Final = re.compile(r"[a-z2-7]{16}")


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to launch; empty texts leave it to us."""

    records: tuple[str, ...]
    zone: str = ""
    target: str = ""
    datalab: str = ""
    volumes: tuple[str, ...] | None = None
    """Ids; None is every volume that the records' files lie in, or the datalab works on, and the zone has."""
    size: str = ""
    file: str = ""
    selection: str = ""
    """The id of the kept selection that the records are from, whose folder is made where it can be."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What there is to choose from, and what would be launched as it stands."""

    openings: tuple[Opening, ...]
    zones: tuple[Zone, ...]
    """The nearest to the data first."""
    zone: Zone
    place: Place
    health: Health
    volumes: tuple[Volume, ...]
    """All that could be mounted, those that hold the files first."""
    mounted: tuple[Volume, ...]
    """Those that would be."""
    absent: tuple[Volume, ...]
    """Those that hold files and are not local in the zone, so that the files come over the network."""
    datalabs: tuple[Match, ...]
    datalab: Datalab | None
    size: Size | None
    image: str
    notebook: Notebook
    wish: Wish
    title: str
    """What the launch is called."""
    selection: Named | None = None
    """The kept selection that the records are from."""


class Launching:
    """Launches for people, at the targets of the zones.

    Args:
        store: Where launches and passes are kept.
        zones: Where there is something to launch at.
        opening: Finds the ways to open a record by its id.
        people: Writes down who did what.
        site: The portal's own address, for links in notebooks; empty where nobody has set one.
        build: Makes a target of its description.
    """

    def __init__(
        self,
        store: Store,
        zones: Zones,
        opening: Callable[[str], Opening],
        people: People,
        *,
        site: str = "",
        build: Callable[[Place], LaunchTarget] = made,
    ) -> None:
        self._store = store
        self.zones = zones
        self._opening = opening
        self._people = people
        self._site = site
        self._build = build
        self._targets: dict[tuple[str, str], LaunchTarget] = {}
        self._health: dict[tuple[str, str], tuple[float, Health]] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close every connection to a target."""
        with self._lock:
            for each in self._targets.values():
                each.close()
            self._targets.clear()

    # Before it is launched

    def choices(self, wish: Wish, site: str = "", who: Principal = NOBODY) -> Choices:
        """Return what a wish comes to: everything that would be launched, and what else could be chosen.

        Args:
            wish: What somebody wants.
            site: The address of the portal as the browser has it.
            who: Who asks; a kept selection is there for those who may see it.

        Raises:
            BadQueryError: There is nothing to open, or too much.
            NotFoundError, GoneError, MovedError: As `Portal.opening` says of one of the records.
            UnknownFieldError: A zone, target, volume, datalab, size or file that is not to be had here.
            DeniedError: The datalab's image is not allowed at the target.
        """
        named = self._named(who, wish.selection, site or self._site) if wish.selection else None
        openings = tuple(self._opening(each) for each in _records(wish.records))
        matches = _matches(openings)
        datalab = _named("datalab", wish.datalab, {each.datalab.id: each.datalab for each in matches}, None)
        holding = [each for opening in openings for each in opening.volumes]
        holding += self._opening(datalab.id).volumes if datalab and datalab.id not in wish.records else ()
        held = _unique(each.volume for each in holding if each.reason in (PATH, WORKS))
        known = _unique([*held, *(each.volume for each in holding)])
        zones = self.zones.ranked(held)
        nearest = next((each for each in zones if _starts(datalab, each, each.places)), zones[0])
        zone = _named("zone", wish.zone, {each.name: each for each in zones}, nearest)
        first = next((each for each in zone.places if _starts(datalab, zone, (each,))), zone.places[0])
        place = _named("target", wish.target, {each.name: each for each in zone.places}, first)
        wanted = held if wish.volumes is None else _chosen_volumes(wish.volumes, known)
        mounted = tuple(each for each in wanted if zone.has(each) and place.kind == HUB)[:MAX_VOLUMES]
        size = _named("size", wish.size, {each.name: each for each in place.sizes}, None)
        image = _image(datalab, place, zone) if place.kind == HUB else ""
        # A notebook of a datalab says nothing more of the same one.
        choice = Choice(wish.file, datalab=datalab.id if datalab and datalab.id not in wish.records else "")
        written = self._notebook(openings, choice, site or self._site, named)
        return Choices(
            openings=openings,
            zones=zones,
            zone=zone,
            place=place,
            health=self.health(zone.name, place.name),
            volumes=known,
            mounted=mounted,
            absent=tuple(each for each in held if each not in mounted),
            datalabs=matches,
            datalab=datalab,
            size=size,
            image=image,
            notebook=written,
            wish=wish,
            title=named.name[:MAX_NAME] if named else _title(openings),
            selection=named,
        )

    def health(self, zone: str, target: str) -> Health:
        """Return whether a target can be used; one that answered lately is not asked again."""
        key = (zone, target)
        now = time.monotonic()
        with self._lock:
            kept = self._health.get(key)
        if kept is not None and now - kept[0] < (HEALTHY if kept[1].ok else AILING):
            return kept[1]
        found = self._target(zone, target).health()
        with self._lock:
            self._health[key] = (now, found)
        return found

    # Launching

    def launch(self, who: Principal, id: str, wish: Wish, site: str = "") -> Launch:
        """Launch what was confirmed and return it, started or failed; the same id again is the same launch.

        Args:
            who: Whose it is.
            id: Of the confirmation: 26 characters that the page with it made.
            wish: What was confirmed.
            site: The address of the portal as the browser has it.

        Raises:
            DeniedError: They may not launch, or the image is not allowed.
            LimitError: They have as many running there as may be.
            BadQueryError, UnknownFieldError, NotFoundError: As `choices`.
        """
        who.require(Role.USER, LAUNCH)
        if not _ID.fullmatch(id):
            raise BadQueryError("this launch was not confirmed on a page of this portal: load it again", parameter="id")
        if (there := self._mine(who, id)) is not None:
            return self._onward(who, there)
        found = self.choices(wish, site, who)
        asked = Asked(
            records=tuple(each.record.id for each in found.openings),
            volumes=tuple(each.id for each in found.mounted),
            title=found.title,
            notebook=_file_name(found.notebook.name, id),
            image=found.image,
            size=found.size.name if found.size else "",
            file=wish.file,
            selection=found.selection.id if found.selection else "",
        )
        datalab = found.datalab.id if found.datalab else ""
        new = Launch(id, who.id, found.place.name, found.zone.name, datalab, asked)
        kept, is_new = self._store.launches.add(new, found.place.servers if found.place.runs else MAX_RECORDS)
        if not is_new:
            return self._onward(who, kept)
        self._people.note(who, "launch.start", kept.id, after=f"{kept.zone}/{kept.target}: {' '.join(asked.records)}")
        return self._start(who, kept)

    def follow(self, who: Principal, id: str) -> Launch:
        """Return a launch as it is now; where its target does not answer, as it was, with a sentence about that.

        Raises:
            NotFoundError: There is none, or it is somebody else's.
        """
        return self._onward(who, self.seen(who, id))

    def seen(self, who: Principal, id: str) -> Launch:
        """Return a launch as it was last seen, without asking its target.

        Raises:
            NotFoundError: As `follow`.
        """
        found = self._mine(who, id)
        if found is None:
            raise NotFoundError("there is no such launch of yours; it may be long over")
        return found

    def stop(self, who: Principal, id: str) -> Launch:
        """Stop a launch and return it; one that is over stays as it is.

        Raises:
            NotFoundError: As `follow`.
            UnavailableError: Its hub does not answer; it goes on.
        """
        who.require(Role.USER, LAUNCH)
        return self._stop(who, self.seen(who, id))

    def end(self, id: str) -> Launch:
        """Stop anybody's launch, for the command line of whoever looks after the portal, and return it.

        Raises:
            NotFoundError: There is none.
            UnavailableError: Its hub does not answer; it goes on.
        """
        return self._stop(CONSOLE, self._store.launches.launch(id))

    def _stop(self, who: Principal, found: Launch) -> Launch:
        if not found.is_open:
            return found
        if self.place(found) is None:
            state = State(STOPPED, "its target is not in the file of zones any more; what runs there goes on")
        else:
            state = self._target(found.zone, found.target).stop(found)
        self._people.note(who, "launch.stop", found.id, before=found.status, after=state.status)
        return self._store.launches.move(found, state)

    def address(self, who: Principal, id: str) -> str:
        """Return where a launch that is ready lets its person in; for a redirect, never to be shown or logged.

        Raises:
            ConflictError: It is not ready.
            NotFoundError: As `follow`.
        """
        who.require(Role.USER, LAUNCH)
        found = self.follow(who, id)
        if found.status != READY:
            raise ConflictError(f"this launch is {found.status} and cannot be opened")
        return self._target(found.zone, found.target).url(found)

    def of(self, who: Principal, *, running: bool = False) -> list[Launch]:
        """Return somebody's launches as they were last seen, newest first."""
        if not who.id:
            return []
        return self._store.launches.of(who.id, is_open=running)

    def place(self, launch: Launch) -> tuple[Zone, Place] | None:
        """Return where a launch is, None where the file of zones has it no more."""
        zone = self.zones.zone(launch.zone)
        place = zone.place(launch.target) if zone else None
        return (zone, place) if zone and place else None

    # The notebook

    def notebook(self, shown: str, site: str = "") -> Notebook:
        """Return the notebook of a launch for its pass, which is good for once.

        Raises:
            DeniedError: It is no pass, was used, or is too old.
        """
        id, _, rest = shown.partition(".")
        if not rest or not _ID.fullmatch(id) or not self._store.passes.use(_GIVEN, digest(shown)):
            raise DeniedError("this pass gives no notebook: it was used already, or is older than 15 minutes")
        return self._written(self._store.launches.launch(id), site)

    def folder(self, shown: str, site: str = "") -> dict[str, Any]:
        """Return what is in the folder of a launch's selection, for the pass of its notebook, which is good for once.

        Raises:
            DeniedError: It is no pass, was used, or is too old.
            NotFoundError: The launch has no selection, or its person may see it no more.
        """
        id, _, rest = shown.partition(".")
        if not rest or not _ID.fullmatch(id) or not self._store.passes.use(_FOLDER, _of_folder(shown)):
            raise DeniedError("this pass gives no folder: it was used already, or is older than 15 minutes")
        launch = self._store.launches.launch(id)
        named = self._still(launch, self._site or site)
        if named is None:
            raise NotFoundError("there is no selection of this launch, or it is shared no more")
        return folder.manifest(named, self._openings(launch))

    def notebook_of(self, who: Principal, id: str, site: str = "") -> Notebook:
        """Return the notebook of one's own launch as a file.

        Raises:
            NotFoundError: As `follow`.
        """
        return self._written(self.seen(who, id), site)

    def _written(self, launch: Launch, site: str) -> Notebook:
        asked, openings = launch.asked, self._openings(launch)
        if not openings:
            raise NotFoundError("the records of this launch are not here any more")
        keys = {each.key for each in openings[0].files}
        choice = Choice(asked.file if asked.file in keys else "")
        at = self._site or site
        made = self._notebook(openings, choice, at, self._still(launch, at))
        return replace(made, name=asked.notebook or made.name)

    def _openings(self, launch: Launch) -> list[Opening]:
        openings = []
        for id in launch.asked.records:
            try:
                openings.append(self._opening(id))
            except NotFoundError:
                continue  # One that has gone since takes no other with it.
        return openings

    def _notebook(self, openings: Sequence[Opening], choice: Choice, site: str, named: Named | None) -> Notebook:
        """Return the notebook of some records, with how they are cited and found again."""
        title, page = (named.name, named.page) if named else ("", "")
        site = site.rstrip("/")
        told = telling.told(self._store, [each.record for each in openings], Site("", site), title=title, page=page)
        return notebook.build_for(openings, site=site, choice=choice, told=told)

    # The selection

    def _named(self, who: Principal, id: str, site: str) -> Named:
        """Return a kept selection; whoever may not see it does not learn that it is there."""
        try:
            found = self._store.creations.get(id)
        except NotFoundError:
            found = None
        if found is None or found.kind != SELECTION or not found.is_visible_to(who):
            raise NotFoundError(f"there is no selection {id[:64]!r}, or it was not shared with you")
        return Named(found.id, found.name, f"{site.rstrip('/')}{_KEPT}{found.id}")

    def _still(self, launch: Launch, site: str) -> Named | None:
        """Return the selection of a launch if it is there and its person may see it now."""
        if not launch.asked.selection:
            return None
        try:
            person = self._people.person(launch.person)
            return self._named(Principal(person.role, person), launch.asked.selection, site)
        except NotFoundError:
            return None

    # How it goes on

    def _mine(self, who: Principal, id: str) -> Launch | None:
        try:
            found = self._store.launches.launch(id)
        except NotFoundError:
            return None
        return found if who.id and found.person == who.id else None

    def _start(self, who: Principal, launch: Launch) -> Launch:
        assert who.person is not None
        pass_ = f"{launch.id}.{secret()}"
        self._store.passes.give(_GIVEN, digest(pass_), PASS_LASTS)
        if launch.asked.selection:
            self._store.passes.give(_FOLDER, _of_folder(pass_), PASS_LASTS)
        try:
            state = self._target(launch.zone, launch.target).start(Order(launch, who.person, pass_))
        except UnavailableError as error:
            state = State(FAILED, f"{error}; start it again in a moment, or take the notebook as a file")
        except DiscoveryError as error:
            state = State(FAILED, str(error))
        return self._store.launches.move(launch, state)

    def _onward(self, who: Principal, launch: Launch) -> Launch:
        """Take a launch on from where it is."""
        if not launch.is_open:
            return launch
        moment = time.time_ns() // 1_000_000
        if launch.status == ASKED:
            # Another request is starting it, unless that died.
            return self._start(who, launch) if moment - launch.updated > TAKEN_ON else launch
        if self.place(launch) is None:
            gone = State(STOPPED, "the zone or target is not there any more; its operator can say what became of it")
            return self._store.launches.move(launch, gone)
        try:
            state = self._target(launch.zone, launch.target).state(launch)
        except DiscoveryError as error:
            return replace(launch, message=str(error))
        if state.status == STARTING and moment - launch.created > LONGEST_START:
            late = f"it was not ready within {LONGEST_START // 60_000} minutes; stop it at the hub, or start it again"
            state = State(FAILED, late)
        if (state.status, state.message) == (launch.status, launch.message):
            return launch
        if launch.status == STOPPING and state.status == READY:
            return launch
        return self._store.launches.move(launch, state)

    def _target(self, zone: str, target: str) -> LaunchTarget:
        key = (zone, target)
        with self._lock:
            if key not in self._targets:
                found = self.zones.zone(zone)
                place = found.place(target) if found else None
                if place is None:
                    raise NotFoundError(f"there is no target {zone}/{target} any more")
                self._targets[key] = self._build(place)
            return self._targets[key]


def _records(ids: Sequence[str]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(ids))
    if not found:
        raise BadQueryError("name a record to open: id=...", parameter="id")
    if len(found) > MAX_RECORDS:
        raise LimitError("launch-records", f"{len(found)} records are more than a notebook opens", parameter="id")
    for each in found:
        if not _RECORD.fullmatch(each):
            raise BadQueryError(f"{each[:40]!r} is not the id of a record", parameter="id")
    return found


def _unique(volumes: Iterable[Volume]) -> tuple[Volume, ...]:
    return tuple({each.id: each for each in volumes}.values())


def _named(what: str, name: str, known: Mapping[str, T], without: T) -> T:
    if not name:
        return without
    if name not in known:
        raise UnknownFieldError(name[:80], list(known), what=what, parameter=what)
    return known[name]


def _chosen_volumes(ids: Sequence[str], known: Sequence[Volume]) -> tuple[Volume, ...]:
    if len(ids) > MAX_VOLUMES:
        raise LimitError("launch-volumes", f"{len(ids)} volumes are more than a server mounts", parameter="volume")
    by_id = {each.id: each for each in known}
    for each in ids:
        if each not in by_id:
            raise UnknownFieldError(each[:80], list(by_id), what="volume", parameter="volume")
    return tuple(by_id[each] for each in dict.fromkeys(ids))


def _matches(openings: Sequence[Opening]) -> tuple[Match, ...]:
    """Return the datalabs that can open all of the records, by the order of the first one; one by itself is its own."""
    if len(openings) == 1 and openings[0].record.kind == "datalab":
        return (Match(Datalab.from_record(openings[0].record), DATASET),)
    others = [{each.datalab.id for each in opening.datalabs} for opening in openings[1:]]
    first = openings[0].datalabs
    return tuple(each for each in first if all(each.datalab.id in ids for ids in others))[:MAX_SHOWN]


def _starts(datalab: Datalab | None, zone: Zone, places: Sequence[Place]) -> bool:
    """Say whether one of some places of a zone starts a datalab; where none in particular is wanted, any does."""
    if datalab is None:
        return True
    hubs = [each for each in places if each.kind == HUB]
    for place in hubs if zone.name in (datalab.zones or (zone.name,)) else ():
        with suppress(DeniedError):
            _image(datalab, place, zone)
            return True
    return False


def _image(datalab: Datalab | None, place: Place, zone: Zone) -> str:
    """Return the image to start, empty for the target's own.

    Raises:
        DeniedError: The datalab has one that is not allowed there.
    """
    if datalab is None:
        return ""
    if not datalab.image:
        if datalab.runs_notebooks:
            return ""
        raise DeniedError(f"{datalab.title} is no environment for notebooks, and has no image that could be started")
    try:
        image = pinned(datalab.image)
    except ValueError:
        image = ""
    if image not in place.images:
        raise DeniedError(
            f"the image of {datalab.title} is not allowed at {place.title} in {zone.title}: "
            "choose another datalab or zone, or ask its operator to allow the image by its digest"
        )
    return image


def _of_folder(shown: str) -> str:
    """Return what is kept of a pass for the folder: one pass is good once for each of two things."""
    return digest(f"{_FOLDER} {shown}")


def _title(openings: Sequence[Opening]) -> str:
    first = openings[0].record.title or openings[0].record.source_id
    more = f" and {len(openings) - 1} more" if len(openings) > 1 else ""
    return f"{first[:120]}{more}"


def _file_name(name: str, id: str) -> str:
    """Return the name of a launch's notebook: its own, so that no other one of the same records is in its way."""
    return f"{name.removesuffix('.ipynb')[:100]}-{id[:6]}.ipynb"
