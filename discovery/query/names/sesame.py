"""Names of the sky that our tables do not have, asked of a Sesame service (CDS) where the operator allows it.

Off by default: what people look for is theirs. Asked is only about a name that somebody gives as a name (`near=`,
`resolve`), never about the words of a search.
"""

from __future__ import annotations

import logging
import math
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from discovery.errors import DiscoveryError
from discovery.http import Client
from discovery.model.extent import SKY
from discovery.query.names.named import Named

KEPT: Final = 2_000
"""Answers that are remembered."""
FRESH: Final = 86_400.0
"""Seconds for which one is; the sky stays as it is, the lists of names grow."""
PAUSE: Final = 60.0
"""Seconds in which a service that did not answer is left alone."""
PATIENCE: Final = 5.0
"""Seconds for which somebody waits for an answer."""
LARGEST: Final = 65_536
"""Bytes of an answer; it has a page."""
RADIUS: Final = 0.1
"""Degrees around a position, as for every small thing in our tables."""
_NAME: Final = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 .+*'\[\]()/_-]{2,60}")
"""What a name of the sky is made of; anything else is not sent."""
_POSITION: Final = re.compile(r"^%J ([0-9]{1,3}(?:\.[0-9]+)?) ([+-]?[0-9]{1,2}(?:\.[0-9]+)?)(?: |$)", re.MULTILINE)
_SERVICES: Final = "-oI/SNV"
"""As text from Simbad, NED and VizieR, the first that knows the name."""

_log = logging.getLogger(__name__)


class Sesame:
    """Asks a Sesame service for positions, and remembers what it said; threads may share it.

    Args:
        url: Where the service is, without parameters.
        client: The way to the network.
        clock: Seconds that never go back.
    """

    def __init__(self, url: str, client: Client, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url.rstrip("/")
        self._client = client
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[str, tuple[float, Named | None]] = OrderedDict()
        self._silent_until = -math.inf

    def resolve(self, text: str) -> Named | None:
        """Return where a name is on the sky, None where the service does not know it or does not answer."""
        name = " ".join(text.split())
        if not _NAME.fullmatch(name):
            return None
        now = self._clock()
        with self._lock:
            said = self._known.get(name)
            if said is not None and now - said[0] < FRESH:
                self._known.move_to_end(name)
                return said[1]
            if now < self._silent_until:
                return None
        try:
            found = self._asked(name)
        except DiscoveryError as error:
            _log.warning("the name service did not answer: %s", error)
            with self._lock:
                self._silent_until = self._clock() + PAUSE
            return None
        with self._lock:
            self._known[name] = (now, found)
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        return found

    def _asked(self, name: str) -> Named | None:
        answer = self._client.get(
            f"{self._url}/{_SERVICES}?{quote(name, safe='')}", total=PATIENCE, attempts=1, max_bytes=LARGEST
        )
        return _read(name, answer.content.decode("utf-8", "replace"))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _read(name: str, text: str) -> Named | None:
    found = _POSITION.search(text)
    if found is None:
        return None
    ra, dec = float(found[1]), float(found[2])
    if not (0 <= ra <= 360 and -90 <= dec <= 90):
        return None
    return Named(name, "object", SKY, cone=(ra, dec, RADIUS), matched="network")
