"""Queries as jobs (UWS), for services that refuse them or give up on them when they are made synchronously."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urljoin

from discovery.errors import DiscoveryError, NotFoundError, RecordError, SourceUnavailableError
from discovery.http import Client
from harvesters import votable, xml

_LOG = logging.getLogger(__name__)
_XML: Final = "application/xml, text/xml;q=0.9, */*;q=0.1"
_WAIT: Final = 20
"""Seconds that a service is asked to hold its answer until the job changes (UWS 1.1)."""
_FIRST, _LONGEST = 0.2, 10.0
"""Seconds between two looks at a job whose service answers at once."""
_PATIENCE: Final = 3600.0
"""Seconds until a job is given up; services end theirs after an hour or less."""
_RUNNING: Final = frozenset({"PENDING", "QUEUED", "EXECUTING", "HELD", "SUSPENDED", "UNKNOWN", "ARCHIVED"})
_XLINK: Final = "{http://www.w3.org/1999/xlink}href"


@dataclass(frozen=True, slots=True)
class Job:
    """A job that has come to its end."""

    url: str
    result: str
    """Where its table is."""


class Jobs:
    """Makes jobs of a TAP service, one after the other, and leaves none behind."""

    def __init__(self, client: Client, base: str, *, patience: float = _PATIENCE) -> None:
        self._client = client
        self._base = base
        self._patience = patience

    @contextmanager
    def run(self, data: Mapping[str, str]) -> Iterator[Job]:
        """Run a query as a job and have its result at hand until the end of the block, where the job is deleted.

        Raises:
            NotFoundError: The service has no jobs.
            SourceUnavailableError: The job failed, as the service says (detail `query`), or did not end.
        """
        created = self._client.post(f"{self._base}/async", data=data, accept=_XML)
        url = self._url(created.url, created.content)
        try:
            # A job that is created waits until it is told to run.
            self._client.post(f"{url}/phase", data={"PHASE": "RUN"}, accept=_XML)
            yield Job(url, self._finished(url))
        finally:
            self._delete(url)

    def _url(self, answered: str, content: bytes) -> str:
        """Return where the job is: where the answer led, else below the list by the id that it tells."""
        listing = f"{self._base}/async"
        if answered.rstrip("/") != listing:
            return answered.rstrip("/")
        id = _text(_parsed(content, listing), "jobId")
        if not id:
            raise SourceUnavailableError(f"{listing}: the service does not say where its job is", detail="protocol")
        return f"{listing}/{id}"

    def _finished(self, url: str) -> str:
        """Wait until the job has ended, and return where its result is."""
        started, pause = time.monotonic(), _FIRST
        while True:
            looked = time.monotonic()
            root = _parsed(self._client.get(url, params={"WAIT": _WAIT}, accept=_XML).content, url)
            phase = _text(root, "phase").upper()
            if phase == "COMPLETED":
                return _result(root, url)
            if phase not in _RUNNING:
                raise SourceUnavailableError(f"{url}: the job says: {self._why(root, url, phase)}", detail="query")
            if time.monotonic() - started > self._patience:
                message = f"{url}: the job is {phase} after {self._patience:g} s"
                raise SourceUnavailableError(message, detail="timeout")
            # UWS 1.0 knows no WAIT and answers at once, which a server of 1.1 may do as well.
            if time.monotonic() - looked < 1:
                time.sleep(pause)
                pause = min(pause * 1.5, _LONGEST)

    def _why(self, root: Any, url: str, phase: str) -> str:
        """Return why a job has failed: the service's whole answer if there is one, else the summary."""
        summary = " ".join(_text(root, "message").split())[:1000]
        try:
            body = self._client.get(f"{url}/error", accept="*/*", attempts=1).content
        except DiscoveryError:
            return summary or phase or "nothing"
        return votable.failure(body) or summary or phase

    def _delete(self, url: str) -> None:
        try:
            self._client.delete(url)
        except NotFoundError:
            pass
        except DiscoveryError as error:
            # Services throw their jobs away after days; a run that has its rows does not fail for that.
            _LOG.warning("a job could not be deleted: %s", error)


def _parsed(content: bytes, url: str) -> Any:
    try:
        return xml.parse(content)
    except RecordError as error:
        raise SourceUnavailableError(
            f"{url}: the job's answer cannot be read: {error}", detail="unexpected_content"
        ) from error


def _text(root: Any, name: str) -> str:
    return (root.findtext(f".//{{*}}{name}") or "").strip()


def _result(root: Any, url: str) -> str:
    """Return where the table is: what the job calls its result, else where the standard puts it."""
    results = list(root.iterfind(".//{*}results/{*}result"))
    chosen = next((each for each in results if each.get("id") == "result"), results[0] if results else None)
    href = chosen.get(_XLINK) if chosen is not None else None
    return urljoin(f"{url}/", href) if href else f"{url}/results/result"
