"""From launches to their pages: what would be launched, how one is doing, and what somebody has running."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from discovery.errors import BadQueryError
from discovery.launch.zones import BINDER, DOWNLOAD, HUB, LAB, NBGITPULLER
from discovery.launching import Choices, Launching, Wish
from discovery.model import launch as states
from discovery.model.launch import Launch
from discovery.model.person import LAUNCH, Principal, Role
from discovery.model.record import Record
from discovery.selections import PATH as SELECTIONS
from discovery.store.launches import new_id
from ui import links, text, wording
from ui.contexts import Anchor, Site
from ui.gate import key_of
from ui.launch_contexts import (
    ConfirmContext,
    Field,
    LaunchContext,
    LaunchesContext,
    LaunchRow,
    Option,
    PointedContext,
    Said,
)

EXPLICIT: Final = "volumes"
"""The field that says that the volumes which are ticked are all that are wanted."""
ONCE: Final = "once"
"""The field with the id of a confirmation."""
LABELS: Final = {
    states.ASKED: "Asked for",
    states.STARTING: "Starting",
    states.READY: "Ready",
    states.STOPPING: "Stopping",
    states.STOPPED: "Stopped",
    states.FAILED: "Failed",
}
_OPENS: Final = {
    HUB: "started for you",
    LAB: "on your own machine",
    DOWNLOAD: "to be downloaded",
    BINDER: "a link",
    NBGITPULLER: "a link",
}
_WITHOUT: Final = "the data come over the network"
_SINGLE: Final = ("datalab", "size", "file", "selection")
MAX_TITLE: Final = 200
QUICKEST: Final = 250
SLOWEST: Final = 2_000
"""Milliseconds between two looks at a launch that is on its way."""


def wish(pairs: Iterable[tuple[str, str]]) -> Wish:
    """Return what the parameters of a page, or the fields of a form, wish for.

    Raises:
        BadQueryError: The place is not `ZONE/TARGET`.
    """
    given = list(pairs)
    single = dict(given)
    place = single.get("place", "")
    zone, slash, target = place.partition("/")
    if place and not (slash and zone and target and "/" not in target):
        raise BadQueryError(f"place {place[:80]!r} is not of the form ZONE/TARGET", parameter="place")
    ticked = tuple(dict.fromkeys(value for name, value in given if name == "volume" and value))
    return Wish(
        records=tuple(value for name, value in given if name == "id" and value),
        zone=zone,
        target=target,
        volumes=ticked if ticked or single.get(EXPLICIT) else None,
        **{name: single.get(name, "") for name in _SINGLE},
    )


def pairs_of(chosen: Choices) -> tuple[tuple[str, str], ...]:
    """Return the parameters that choose the same again."""
    ids = [("id", each.record.id) for each in chosen.openings]
    place = [("place", f"{chosen.zone.name}/{chosen.place.name}")]
    volumes = [(EXPLICIT, "1"), *(("volume", each.id) for each in chosen.mounted)]
    single = [
        ("datalab", chosen.datalab.id if chosen.datalab else ""),
        ("size", chosen.size.name if chosen.size else ""),
        ("file", chosen.wish.file),
        ("selection", chosen.selection.id if chosen.selection else ""),
    ]
    return (*ids, *place, *volumes, *(each for each in single if each[1]))


def confirm(chosen: Choices, site: Site, who: Principal, running: Sequence[Launch], notice: str = "") -> ConfirmContext:
    """Return what the page shows that asks whether this is what was meant."""
    pairs = pairs_of(chosen)
    place = chosen.place
    here = links.launch(pairs)
    ids = tuple(each.record.id for each in chosen.openings)
    single = len(ids) == 1
    return ConfirmContext(
        site=site,
        title=chosen.title[:MAX_TITLE],
        records=_records([each.record for each in chosen.openings]),
        facts=_facts(chosen),
        kind=place.kind,
        notice=f"{notice[:1].upper()}{notice[1:]}",
        trouble="" if chosen.health.ok else chosen.health.message,
        absent=tuple(each.title for each in chosen.absent) if place.kind == HUB else (),
        link=_link(chosen),
        command=f"discovery open {' '.join(ids)}",
        download=links.notebook(ids[0], file=chosen.wish.file) if single else links.notebooks(ids),
        way_in="" if who.may(Role.USER, LAUNCH) else links.way_in(here),
        action=links.LAUNCHES,
        key=key_of(who),
        fields=(Field(ONCE, new_id()), *(Field(*each) for each in pairs)),
        choose=links.LAUNCH,
        ids=ids,
        selection=chosen.selection.id if chosen.selection else "",
        manifest=f"{SELECTIONS}/{chosen.selection.id}/manifest" if chosen.selection else "",
        places=_places(chosen),
        datalabs=_datalabs(chosen),
        sizes=_sizes(chosen),
        volumes=tuple(
            Option(each.id, each.title[:MAX_TITLE], each in chosen.mounted, each.mount_path)
            for each in chosen.volumes
            if chosen.zone.has(each)
        )
        if place.kind == HUB
        else (),
        running=tuple(
            Anchor(LABELS[each.status], links.launched(each.id)) for each in running if each.asked.records == ids
        ),
    )


def _facts(chosen: Choices) -> tuple[Said, ...]:
    place, own = chosen.place, "the target's own"
    environment = chosen.datalab.title[:MAX_TITLE] if chosen.datalab else own
    said = [Said("Where", f"{chosen.zone.title}: {place.title}", chosen.zone.about or _OPENS[place.kind])]
    if place.kind == HUB:
        said += [
            Said("Environment", environment),
            Said("Image", chosen.image or own, "by its digest" if chosen.image else ""),
            Said("Size", chosen.size.label if chosen.size else own),
            Said(
                "Volumes",
                ", ".join(each.title for each in chosen.mounted) or "none",
                "mounted read-only" if chosen.mounted else _WITHOUT if _has_data(chosen) else "",
            ),
        ]
    if chosen.selection:
        named = chosen.selection.name[:MAX_TITLE]
        where = f"a folder of links, data/{chosen.selection.folder}, where the hub's own machine runs the server"
        said.append(Said("Data volume", named, where if place.kind == HUB else ""))
    return (*said, Said("Notebook", chosen.notebook.name, wording.plural(len(chosen.openings), "record")))


def _has_data(chosen: Choices) -> bool:
    return any(each.is_openable for each in chosen.openings)


def _link(chosen: Choices) -> str:
    if chosen.place.kind not in (BINDER, NBGITPULLER):
        return ""
    from discovery.launch.targets.links import binder, git_puller

    return binder(chosen.place) if chosen.place.kind == BINDER else git_puller(chosen.place)


def _places(chosen: Choices) -> tuple[Option, ...]:
    held = [each for each in chosen.volumes if each in chosen.mounted or each in chosen.absent]
    return tuple(
        Option(
            f"{zone.name}/{place.name}",
            f"{zone.title}: {place.title}",
            zone is chosen.zone and place is chosen.place,
            "the data are here" if held and place.kind == HUB and all(zone.has(each) for each in held) else "",
        )
        for zone in chosen.zones
        for place in zone.places
    )


def _datalabs(chosen: Choices) -> tuple[Option, ...]:
    if chosen.place.kind != HUB:
        return ()
    own = Option("", "The target's own environment", chosen.datalab is None)
    allowed = set(chosen.place.images)
    return (
        own,
        *(
            Option(each.datalab.id, each.datalab.title[:MAX_TITLE], each.datalab == chosen.datalab)
            for each in chosen.datalabs
            if each.datalab.runs_notebooks and (not each.datalab.image or each.datalab.image in allowed)
        ),
    )


def _sizes(chosen: Choices) -> tuple[Option, ...]:
    if not chosen.place.sizes:
        return ()
    own = Option("", "The target's own size", chosen.size is None)
    return (own, *(Option(each.name, each.label, each == chosen.size) for each in chosen.place.sizes))


def _records(records: Sequence[Record]) -> tuple[Anchor, ...]:
    return tuple(Anchor((each.title or each.source_id)[:MAX_TITLE], links.record(each.id)) for each in records)


# One launch, and all of somebody's


def launched(found: Launch, launching: Launching, site: Site, who: Principal) -> LaunchContext:
    """Return what the page of a launch shows."""
    message, *lines = found.message.splitlines() or [""]
    here = launching.place(found)
    runs = here is not None and here[1].runs
    asked = found.asked
    volumes = [(EXPLICIT, "1"), *(("volume", each) for each in asked.volumes)]
    single = [("datalab", found.datalab), ("size", asked.size), ("file", asked.file), ("selection", asked.selection)]
    again = [("id", each) for each in asked.records] + [("place", f"{found.zone}/{found.target}")]
    return LaunchContext(
        site=site,
        url=links.launched(found.id),
        title=asked.title[:MAX_TITLE],
        status=found.status,
        label=LABELS[found.status],
        message=f"{message[:1].upper()}{message[1:]}",
        lines=tuple(lines),
        facts=(
            Said("Where", _where(found, launching)),
            Said("Asked for", when(found.created)),
            *((Said("Ended", when(found.ended)),) if found.ended else ()),
            *((Said("Image", asked.image),) if asked.image else ()),
            *((Said("Notebook", f"notebooks/{asked.notebook}"),) if asked.notebook and runs else ()),
        ),
        records=tuple(Anchor(each, links.record(each)) for each in asked.records),
        key=key_of(who),
        open=f"{links.launched(found.id)}/open" if found.status == states.READY and runs else "",
        stop=f"{links.launched(found.id)}/stop" if found.is_open and found.status != states.STOPPING else "",
        again=links.launch([*again, *volumes, *(each for each in single if each[1])]),
        notebook=f"{links.launched(found.id)}/notebook",
        live=_pause(found),
    )


def _pause(found: Launch) -> int:
    """Return how long to wait for the next look: soon while most of them become ready, and less often then."""
    if found.status not in (states.ASKED, states.STARTING, states.STOPPING):
        return 0
    age = time.time_ns() // 1_000_000 - found.updated
    return min(SLOWEST, max(QUICKEST, age // 10))


def launches(found: Sequence[Launch], launching: Launching, site: Site, who: Principal) -> LaunchesContext:
    """Return what the page with somebody's launches shows."""
    rows = [(each.is_open, row(each, launching)) for each in found]
    return LaunchesContext(
        site=site,
        key=key_of(who),
        running=tuple(each for is_open, each in rows if is_open),
        over=tuple(each for is_open, each in rows if not is_open),
    )


def row(found: Launch, launching: Launching) -> LaunchRow:
    """Return a launch as lists show it."""
    stops = found.is_open and found.status != states.STOPPING
    return LaunchRow(
        url=links.launched(found.id),
        title=found.asked.title[:MAX_TITLE] or found.id,
        status=found.status,
        label=LABELS[found.status],
        where=_where(found, launching),
        when=when(found.created),
        stop=f"{links.launched(found.id)}/stop" if stops else "",
    )


def running(found: Sequence[Launch]) -> tuple[Anchor, ...]:
    """Return somebody's open launches for the strip on the first page."""
    return tuple(
        Anchor(each.asked.title[:MAX_TITLE] or each.id, links.launched(each.id), LABELS[each.status]) for each in found
    )


def launch_json(found: Launch) -> dict[str, Any]:
    """Return a launch as JSON values; nothing in it lets anybody in."""
    return {
        "id": found.id,
        "status": found.status,
        "message": found.message,
        "zone": found.zone,
        "target": found.target,
        "datalab": found.datalab or None,
        "server_url": found.url or None,
        **found.asked.to_dict(),
        "created": found.created,
        "updated": found.updated,
        "ended": found.ended,
        "url": links.launched(found.id),
    }


def when(milliseconds: int | None) -> str:
    """Return a minute as people write it."""
    if milliseconds is None:
        return ""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _where(found: Launch, launching: Launching) -> str:
    here = launching.place(found)
    return f"{here[0].title}: {here[1].title}" if here else f"{found.zone}/{found.target}"


# What an archive's link points at


def pointed(site: Site, how: str, value: str, records: Sequence[Record]) -> PointedContext:
    """Return the page for a link that points at several records, or at none."""
    return PointedContext(
        site=site,
        what=how,
        value=text.shown(value, 300),
        matches=tuple(
            Anchor(
                (each.title or each.source_id)[:MAX_TITLE],
                links.opening(each.id),
                f"{wording.kind(each.kind)}, {each.source}",
            )
            for each in records
        ),
        search=links.search([("q", value[:900])]),
    )
