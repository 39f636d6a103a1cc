"""Where launches go: a JupyterHub, a link to Binder or nbgitpuller, one's own JupyterLab, or a file.

All of them are one `LaunchTarget`; which of them there are says the file of zones.
"""

from __future__ import annotations

from discovery.http import Client, Policy
from discovery.launch.targets.base import Health, LaunchTarget, Order
from discovery.launch.targets.hub import Hub
from discovery.launch.targets.links import Link
from discovery.launch.targets.own import Download, Lab
from discovery.launch.zones import BINDER, HUB, LAB, NBGITPULLER, Place

__all__ = ["Health", "LaunchTarget", "Order", "made"]

CONNECT = 3.0
"""Seconds in which a hub must take a connection: somebody waits."""
TOTAL = 20.0
"""Seconds in which a hub must answer."""


def made(place: Place) -> LaunchTarget:
    """Return the target that a file of zones describes."""
    if place.kind == HUB:
        policy = Policy(connect=CONNECT, read=TOTAL, total=TOTAL, slot_wait=TOTAL, attempts=1, per_host=8, redirects=0)
        return Hub(place, Client(policy.allowing(place.url)))
    if place.kind in (BINDER, NBGITPULLER):
        return Link(place)
    return Lab(place) if place.kind == LAB else Download(place)
