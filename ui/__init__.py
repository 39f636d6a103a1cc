"""Web pages over the portal: complete without JavaScript, nothing from other hosts."""

from __future__ import annotations

from fastapi import FastAPI

from discovery.portal import Portal
from ui.pages import router
from ui.rendering import STATIC, Static

__all__ = ["attach", "router"]


def attach(app: FastAPI, portal: Portal, *, title: str) -> None:
    """Add the pages and their static files to an application.

    Errors of the pages' own routes are answered as pages; every other route keeps the application's handlers.

    Args:
        app: Takes `/`, `/search`, `/records`, `/suggest` and `/static`.
        portal: What is asked.
        title: What the portal is called on its pages.
    """
    app.include_router(router(portal, title=title))
    app.mount("/static", Static(directory=STATIC), name="static")
