"""Launches: what somebody has started, how it stands, and starting and stopping it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Annotated, cast

import strawberry
from starlette.concurrency import run_in_threadpool
from strawberry import UNSET

from discovery.launching import Wish
from discovery.model import launch as model
from discovery.model.person import LAUNCH, READ, Role
from discovery.selections import filled
from discovery.store.launches import new_id
from discovery_graphql.described import attribute, optional, resolver, subscription
from discovery_graphql.enums import LaunchStatus, member
from discovery_graphql.mistakes import Payload, UserError, told
from discovery_graphql.rights import admitted
from discovery_graphql.scalars import Instant
from discovery_graphql.search import Info

PATH = "/launches"
Which = Annotated[strawberry.ID, strawberry.argument(description="The id of the launch.")]


@strawberry.type(description="One start of an environment for somebody's records.")
class Launch:
    """One start of an environment for somebody's records."""

    id: strawberry.ID = attribute("Its id.")
    title: str = attribute("What it opens.")
    status: LaunchStatus | None = attribute("How it stands.")
    message: str | None = attribute("How far it is, or why it failed.")
    page: str = attribute("The path of its page on this portal, with the way in.")
    zone: str = attribute("The datazone.")
    target: str = attribute("The target in its zone.")
    datalab: strawberry.ID | None = attribute("The id of its datalab; null for the target's own environment.")
    records: list[strawberry.ID] = attribute("The ids of the records that it opens.")
    volumes: list[strawberry.ID] = attribute("The ids of the volumes that it mounts.")
    notebook: str | None = attribute("The name of its notebook there.")
    image: str | None = attribute("The image that was started, by its digest.")
    size: str | None = attribute("One of the target's sizes.")
    open: bool = attribute("Whether it uses something, or may yet.")
    created: Instant = attribute("When it was asked for.")
    updated: Instant = attribute("When it was seen to change last.")
    ended: Instant | None = attribute("When it was over.")


@strawberry.input(
    description="What to launch; what is left out is chosen as on the pages: what is nearest to the data."
)
class LaunchInput:
    """What to launch."""

    records: list[strawberry.ID] | None = optional(
        "The ids of the records to open, at most 100; left out, all that are in the selection."
    )
    selection: strawberry.ID | None = optional(
        "The id of a kept selection that the records are from: the launch bears its name and mounts its folder."
    )
    id: strawberry.ID | None = optional(
        "An id of 26 characters (a-z, 2-7) that you have made up, so that asking twice is launching once."
    )
    zone: str | None = optional("A datazone.")
    target: str | None = optional("A target of the zone.")
    datalab: strawberry.ID | None = optional("The id of a datalab that can open them.")
    volumes: list[strawberry.ID] | None = optional("The ids of the volumes to mount; else those that hold the files.")
    size: str | None = optional("One of the target's sizes.")
    file: str | None = optional("The key of the file to begin with.")


@strawberry.type(description="What came of launching or stopping.")
class LaunchPayload(Payload):
    """What came of launching or stopping."""

    launch: Launch | None = attribute("The launch as it stands; null where there is none.")


@strawberry.type
class LaunchQueries:
    """What can be asked about launches."""

    @resolver("A launch of whoever asks, as it is now.")
    def launch(self, info: Info, id: Which) -> Launch | None:
        """Return a launch."""
        who = admitted(info.context.who, Role.USER, READ)
        return shown_launch(info.context.portal.launching.follow(who, id))


@strawberry.type
class LaunchMutations:
    """What can be done with launches."""

    @resolver("Launch records in a datalab. For people, with a token of the scope `launch`.")
    def launch_datalab(
        self, info: Info, input: Annotated[LaunchInput, strawberry.argument(description="What to launch.")]
    ) -> LaunchPayload:
        """Launch."""
        who = admitted(info.context.who, Role.USER, LAUNCH)
        wish = Wish(
            records=tuple(input.records or ()),
            zone=input.zone or "",
            target=input.target or "",
            datalab=input.datalab or "",
            volumes=None if input.volumes is UNSET or input.volumes is None else tuple(input.volumes),
            size=input.size or "",
            file=input.file or "",
            selection=input.selection or "",
        )

        def launch() -> Launch:
            portal, site = info.context.portal, info.context.site.url
            return shown_launch(portal.launching.launch(who, input.id or new_id(), filled(portal, who, wish), site))

        return _payload(*told(launch))

    @resolver("Stop a launch. For people, with a token of the scope `launch`.")
    def stop_launch(self, info: Info, id: Which) -> LaunchPayload:
        """Stop a launch."""
        who = admitted(info.context.who, Role.USER, LAUNCH)
        return _payload(*told(lambda: shown_launch(info.context.portal.launching.stop(who, id))))


@strawberry.type
class LaunchSubscriptions:
    """What can be followed of launches."""

    @subscription("A launch of whoever asks, as it stands and then each time it gets on, to its end.")
    async def launch_progress(self, info: Info, id: Which) -> AsyncGenerator[Launch, None]:
        """Yield a launch until it is over."""
        who, before = admitted(info.context.who, Role.USER, READ), None
        while True:
            found = await run_in_threadpool(info.context.portal.launching.follow, who, id)
            if found != before:
                yield shown_launch(found)
            if not found.is_open:
                return
            before = found
            await asyncio.sleep(info.context.every)


def shown_launch(launch: model.Launch) -> Launch:
    """Return a launch as the schema shows it: where it is stays behind its page, which lets its person in."""
    asked = launch.asked
    return Launch(
        id=strawberry.ID(launch.id),
        title=asked.title,
        status=cast("LaunchStatus | None", member(LaunchStatus, launch.status)),
        message=launch.message or None,
        page=f"{PATH}/{launch.id}",
        zone=launch.zone,
        target=launch.target,
        datalab=strawberry.ID(launch.datalab) if launch.datalab else None,
        records=[strawberry.ID(each) for each in asked.records],
        volumes=[strawberry.ID(each) for each in asked.volumes],
        notebook=asked.notebook or None,
        image=asked.image or None,
        size=asked.size or None,
        open=launch.is_open,
        created=Instant(launch.created),
        updated=Instant(launch.updated),
        ended=None if launch.ended is None else Instant(launch.ended),
    )


def _payload(launch: Launch | None, errors: list[UserError]) -> LaunchPayload:
    return LaunchPayload(launch=launch, errors=errors)
