"""Where files are on one platform: volumes are mounted at other paths there than their records say first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from discovery.launch.resolver import VOLUME, File, Place
from discovery.model.checks import expanded
from discovery.model.volume import Volume, absolute


def moved(
    files: Iterable[File], volumes: Sequence[Volume], platform: str, *, user: str = "", home: str = ""
) -> tuple[File, ...]:
    """Return files with the paths that they have on a platform.

    A volume that has no path for the platform is where its record says; so is one whose path hangs on something that is
    not known, such as a person's name.

    Args:
        files: With their places, as the resolver made them.
        volumes: The catalogue's.
        platform: What volumes call it.
        user: Who works there.
        home: That person's folder there.
    """
    roots: dict[str, tuple[str, str]] = {}
    for each in volumes:
        template = dict(each.mounts).get(platform, "")
        there = expanded(template, slug=each.slug, user=user, home=home) if template else ""
        if each.mount_path and there:
            roots[each.id] = (each.mount_path, there)
    return tuple(replace(file, places=tuple(_moved(each, roots) for each in file.places)) for file in files)


def _moved(place: Place, roots: dict[str, tuple[str, str]]) -> Place:
    if place.kind != VOLUME or place.volume not in roots:
        return place
    here, there = roots[place.volume]
    path = absolute(there + place.address.removeprefix(here))
    # What would leave the folder on the way is left where it was.
    return replace(place, address=path) if path.startswith(f"{there}/") else place
