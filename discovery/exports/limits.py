"""How much of an export is in memory at once, and how long it may take to begin."""

from __future__ import annotations

import time
from typing import Final

from discovery.errors import LimitError

CHUNK: Final = 500
"""Items that are in memory at once; of the largest, with 30 kB each, that is 15 MB."""
MAX_SECONDS: Final = 60
"""Seconds until the first byte of such an answer."""


def late(began: float) -> None:
    """Refuse an answer that has not begun after a minute.

    Raises:
        LimitError: It has not.
    """
    if time.monotonic() - began > MAX_SECONDS:
        told = f"the answer would take more than {MAX_SECONDS} seconds to begin: narrow the search or give a limit"
        raise LimitError("stac-seconds", told, parameter="limit")
