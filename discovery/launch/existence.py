"""Whether a file is really where a place says: in a folder that is mounted here, on the web, or in an open bucket.

A mounted folder may hang for ever, hold links to elsewhere, or change while one looks. So each look has its time, a
link that leads out of the folder is refused, and what is opened is never followed.
"""

from __future__ import annotations

import errno
import os
import queue
import re
import stat
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from discovery.errors import NotFoundError, SourceRefusedError, SourceUnavailableError
from discovery.http import Client
from discovery.launch.resolver import STORE, VOLUME, Place
from discovery.model.storage import Storage
from discovery.model.volume import Volume, absolute

PATIENCE: Final = 3.0
"""Seconds for one look into a folder, or for one answer of a server."""
THERE: Final = "there"
MISSING_MOUNT: Final = "missing-mount"
MISSING_FILE: Final = "missing-file"
OUTSIDE: Final = "outside"
SLOW: Final = "slow"
REFUSED: Final = "refused"
UNREACHABLE: Final = "unreachable"
KEYS_NEEDED: Final = "keys-needed"
UNCHECKED: Final = "unchecked"
STATES: Final[Mapping[str, str]] = {
    THERE: "The file or folder is there.",
    MISSING_MOUNT: "The volume is not mounted on this machine.",
    MISSING_FILE: "The volume or server is there, and the file is not.",
    OUTSIDE: "A link leads out of the volume; it is not followed.",
    SLOW: "The volume or server did not answer in time.",
    REFUSED: "It is there for others: reading it is not allowed here.",
    UNREACHABLE: "The server cannot be reached, or may not be asked from here.",
    KEYS_NEEDED: "The bucket wants keys of one's own, or the asker to pay; it was not asked.",
    UNCHECKED: "Nothing here can say.",
}
"""What a check can find, and what that means."""
_FOLDERS: Final = frozenset({"FTP", "data", "eodata", "media", "mnt", "srv"})
"""First parts of paths that are looked at although no volume of the catalogue has them; no system has its own there."""
_LOOK_ONLY: Final = getattr(os, "O_PATH", os.O_RDONLY | os.O_NONBLOCK)
"""Opens to look at, not to read: a pipe or device does nothing then."""
_BUCKET: Final = re.compile(r"s3://([A-Za-z0-9][A-Za-z0-9._-]{1,62})/(.+)", re.DOTALL)
_TOTAL: Final = re.compile(r"bytes \d+-\d+/(\d{1,18})")
_NO_HEAD: Final = frozenset({405, 501})


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found at a place."""

    state: str
    """One of `STATES`."""
    size: int | None = None
    """Bytes of a file that is there; None for a folder, and where nobody says."""
    detail: str = ""
    """More than the state says, such as an answer's status."""

    @property
    def message(self) -> str:
        """What the state means, for people."""
        return STATES[self.state]

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as JSON values."""
        out: dict[str, Any] = {"state": self.state, "message": self.message, "size": self.size}
        return out | {"detail": self.detail} if self.detail else out


Look = Callable[[str, str], Finding]


class Checker:
    """Looks whether files are where they should be; it may be asked by several threads.

    Args:
        volumes: Whose folders may be looked into.
        client: The way to the network, which sees to it that nothing private is asked; None asks nobody.
        mounts: Where folders are on this machine, by the paths that the catalogue has for them.
        patience: Seconds for each look.
        look: Looks for a file beneath a folder.
    """

    def __init__(
        self,
        volumes: Sequence[Volume] = (),
        client: Client | None = None,
        *,
        mounts: Mapping[str, str] | None = None,
        patience: float = PATIENCE,
        look: Look | None = None,
    ) -> None:
        self._roots = {each.id: each.mount_path for each in volumes if each.mount_path}
        self._mounts = dict(mounts or {})
        self._client = client
        self._patience = patience
        self._look = look or look_beneath
        self._hanging: dict[str, threading.Thread] = {}
        self._guard = threading.Lock()

    def check(self, place: Place) -> Finding:
        """Return what is at a place; never an error, and never later than the patience allows."""
        if place.kind == VOLUME:
            return self._path(place)
        if self._client is None:
            return Finding(UNCHECKED)
        if place.kind == STORE:
            return self._object(place)
        return self._web(place.address)

    def _path(self, place: Place) -> Finding:
        path = absolute(place.address)
        root, here = mounted(path, self._roots.get(place.volume, ""), self._mounts)
        if not path or not root:
            return Finding(UNCHECKED)
        return self._bounded(here, path[len(root) + 1 :])

    def _bounded(self, folder: str, tail: str) -> Finding:
        """Look in a thread of its own: one that hangs in a dead mount cannot be stopped, only left behind."""
        with self._guard:
            hanging = self._hanging.get(folder)
            if hanging is not None and hanging.is_alive():
                # Another thread would hang beside it.
                return Finding(SLOW)
        answers: queue.SimpleQueue[Finding] = queue.SimpleQueue()
        thread = threading.Thread(target=lambda: answers.put(self._looked(folder, tail)), daemon=True)
        thread.start()
        try:
            return answers.get(timeout=self._patience)
        except queue.Empty:
            with self._guard:
                self._hanging[folder] = thread
            return Finding(SLOW)

    def _looked(self, folder: str, tail: str) -> Finding:
        try:
            return self._look(folder, tail)
        except (OSError, ValueError) as error:
            # What is there changes while we look; whoever waits has to hear something.
            return Finding(MISSING_FILE, detail=str(error)[:200])

    def _object(self, place: Place) -> Finding:
        store = place.store or Storage()
        if store.anonymous is False or store.requester_pays:
            return Finding(KEYS_NEEDED)
        url = bucket_url(place)
        return self._web(url) if url else Finding(UNCHECKED, detail="no object is named")

    def _web(self, url: str) -> Finding:
        try:
            try:
                return self._asked(url, "HEAD")
            except SourceUnavailableError as error:
                if error.answer_status not in _NO_HEAD:
                    raise
            return self._asked(url, "GET")
        except NotFoundError:
            return Finding(MISSING_FILE)
        except SourceRefusedError as error:
            return Finding(REFUSED if error.detail == "unauthorised" else UNREACHABLE, detail=error.detail)
        except SourceUnavailableError as error:
            return Finding(SLOW if error.detail in ("timeout", "slow") else UNREACHABLE, detail=error.detail)

    def _asked(self, url: str, method: str) -> Finding:
        assert self._client is not None
        headers = {"range": "bytes=0-0"} if method == "GET" else {}
        with self._client.stream(url, method=method, headers=headers, attempts=1, total=self._patience) as body:
            return Finding(THERE, _size(body.headers))


def _size(headers: Mapping[str, str]) -> int | None:
    """Return how large the whole file is, where the headers of an answer say so."""
    if found := _TOTAL.fullmatch(headers.get("content-range", "")):
        return int(found[1])
    said = headers.get("content-length", "")
    # The length of what was packed for the way says nothing of the file.
    packed = headers.get("content-encoding", "identity") != "identity" or "content-range" in headers
    return int(said) if said.isascii() and said.isdigit() and len(said) < 19 and not packed else None


def mounted(path: str, volume: str, mounts: Mapping[str, str]) -> tuple[str, str]:
    """Return the folder that a path must lie in, and where that folder is on this machine; empty where it is in none.

    Args:
        path: As the catalogue has it.
        volume: The folder that the path's volume is mounted as; empty where it has none.
        mounts: Where folders are on this machine, by the paths that the catalogue has for them.
    """
    given = [each for each in mounts if path.startswith(f"{each}/")]
    if given:
        root = max(given, key=len)
        return root, mounts[root]
    if volume and path.startswith(f"{volume}/") and _is_data(volume):
        return volume, volume
    first = path[1:].partition("/")[0]
    return (f"/{first}", f"/{first}") if first in _FOLDERS else ("", "")


def bucket_url(place: Place) -> str:
    """Return the address at which an object is asked for without keys; empty for a bucket that wants some."""
    store = place.store or Storage()
    found = _BUCKET.fullmatch(place.address)
    if found is None or store.anonymous is False or store.requester_pays:
        return ""
    bucket, key = found[1], quote(found[2], safe="/", errors="replace")
    if store.endpoint:
        return f"{store.endpoint}/{bucket}/{key}"
    region = f".{store.region}" if store.region else ""
    return f"https://{bucket}.s3{region}.amazonaws.com/{key}"


def _is_data(folder: str) -> bool:
    """Say whether a folder that a record names is one that data are mounted at, and not a system's own."""
    return folder[1:].partition("/")[0] in _FOLDERS


def look_beneath(folder: str, tail: str) -> Finding:
    """Return what is at a path beneath a folder, if no link leads out of it on the way there.

    Args:
        folder: An absolute path; links to it and in it are followed.
        tail: A path in it.
    """
    try:
        root = os.path.realpath(folder, strict=True)
        with os.scandir(root) as entries:
            if next(entries, None) is None:
                # The empty folder that something is mounted at when it is.
                return Finding(MISSING_MOUNT, detail="the folder is empty")
    except PermissionError:
        return Finding(REFUSED)
    except OSError:
        return Finding(MISSING_MOUNT)
    try:
        real = os.path.realpath(f"{root}/{tail}", strict=True)
    except FileNotFoundError:
        return Finding(MISSING_FILE)
    except OSError as error:
        return Finding(REFUSED if isinstance(error, PermissionError) else MISSING_FILE, detail=error.strerror or "")
    prefix = root.rstrip("/") + "/"
    if not real.startswith(prefix):
        return Finding(OUTSIDE)
    return _opened(root, real[len(prefix) :].split("/"))


def open_beneath(root: str, parts: Sequence[str], flags: int = _LOOK_ONLY) -> int:
    """Return what a path without links leads to, open; a link that has come in between is not followed.

    Args:
        root: A folder, as `os.path.realpath` has it.
        parts: The path within it.
        flags: How the last part is opened; the folders on the way are only looked at.

    Raises:
        OSError: It cannot be opened, or is a link.
    """
    at = os.open(root, (_LOOK_ONLY if parts else flags) | os.O_DIRECTORY)
    for number, part in enumerate(parts, 1):
        how = flags if number == len(parts) else _LOOK_ONLY
        try:
            onward = os.open(part, how | os.O_NOFOLLOW, dir_fd=at)
        finally:
            os.close(at)
        at = onward
        if stat.S_ISLNK(os.fstat(at).st_mode):
            os.close(at)
            raise OSError(errno.ELOOP, "a link")
    return at


def _opened(root: str, parts: Sequence[str]) -> Finding:
    try:
        at = open_beneath(root, parts)
    except FileNotFoundError:
        return Finding(MISSING_FILE)
    except OSError as error:
        return Finding(REFUSED if isinstance(error, PermissionError) else OUTSIDE, detail=error.strerror or "")
    try:
        known = os.fstat(at)
    finally:
        os.close(at)
    if stat.S_ISREG(known.st_mode):
        return Finding(THERE, known.st_size)
    return Finding(THERE) if stat.S_ISDIR(known.st_mode) else Finding(REFUSED, detail="neither a file nor a folder")
