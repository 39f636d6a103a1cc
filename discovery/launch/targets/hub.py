"""A JupyterHub as a target, by its REST API: named servers, started with ids alone, opened by a token for one server.

The portal's own token goes from here to the hub and nowhere else; no message and no log holds it, or the tokens made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote, urlencode

import orjson

from discovery.errors import BadQueryError, ConflictError, NotFoundError, TooManyError, UnavailableError
from discovery.errors import SourceRefusedError as RefusedError
from discovery.errors import SourceUnavailableError as UnreachableError
from discovery.http import Client
from discovery.http.answer import Response
from discovery.launch.targets.base import Health, Order
from discovery.launch.targets.tail import shown, tail
from discovery.launch.zones import Place
from discovery.model.launch import FAILED, READY, STARTING, STOPPED, STOPPING, Launch, State
from discovery.model.person import Person

NEEDED: Final = frozenset({"servers", "tokens", "access:servers"})
"""Scopes that the portal's token must have; making users is asked for only where the hub does not know them."""
MAX_ANSWER: Final = 1 << 20
MAX_WORDS: Final = 600
"""Characters of what a hub says that are shown."""
_HEALTH: Final = 5.0
_USER: Final = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,127}")
_TAG: Final = re.compile(r"<[^>]{0,200}>")


class Hub:
    """One hub. Somebody's server there is named by the id of its launch, so that starting twice is starting once."""

    def __init__(self, place: Place, client: Client) -> None:
        self.place = place
        self._client = client

    def health(self) -> Health:
        """Say whether the hub answers and takes our token."""
        try:
            said = self._get("/hub/api/user", total=_HEALTH)
        except RefusedError as error:
            if error.answer_status in (401, 403):
                return Health(ok=False, message=f"{self.place.title} does not take this portal's token")
            return Health(ok=False, message=f"{self.place.title} does not answer as a hub does")
        except (NotFoundError, UnreachableError):
            return Health(ok=False, message=f"{self.place.title} does not answer just now")
        scopes = said.get("scopes")
        lacking = NEEDED - {str(each) for each in scopes} if isinstance(scopes, list) else NEEDED
        if lacking:
            told = f"{self.place.title} gives this portal's token no {', '.join(sorted(lacking))}"
            return Health(ok=False, message=told)
        return Health(ok=True)

    def start(self, order: Order) -> State:
        """Start a named server with the ids of the launch as its options."""
        user = self._name(order.person)
        # The hub wants a letter first.
        server = f"lab-{order.launch.id[:20]}"
        options = _options(order)
        try:
            self._ensure(user)
            answer = self._post(f"{_path(user, server)}", {"display_name": _shown(order), "user_options": options})
        except RefusedError as error:
            return self._refused(error, user, server)
        except (NotFoundError, UnreachableError) as error:
            if getattr(error, "answer_status", 0) == 429:
                raise TooManyError(f"{self.place.title} starts too many servers just now", retry_after=60) from error
            if getattr(error, "answer_status", 0) == 500 and _words(getattr(error, "content", b"")):
                # The hub is well and the server is not: it failed before the hub had answered.
                failed = replace(order.launch, server=f"{user}/{server}")
                return State(FAILED, self._explained(self._why(user, server), failed), server=failed.server)
            raise self._down(error) from error
        told = "the server has started" if answer.status == 201 else "the hub is starting the server"
        return State(STARTING, told, self._address(user, server, order.launch), f"{user}/{server}")

    def state(self, launch: Launch) -> State:
        """Ask the hub for the server of a launch."""
        user, _, server = launch.server.partition("/")
        try:
            said = self._get(_path(user, server))
        except NotFoundError:
            if launch.status == STARTING:
                return State(FAILED, self._explained("the hub has no such server any more", launch))
            return State(STOPPED, "the server has ended")
        except (RefusedError, UnreachableError) as error:
            raise self._down(error) from error
        if said.get("ready"):
            return State(STOPPING if launch.status == STOPPING else READY)
        pending = said.get("pending")
        if pending == "stop" or (pending and launch.status == STOPPING):
            return State(STOPPING, "the hub is stopping the server")
        if pending:
            return State(STARTING, "the hub is starting the server")
        if launch.status == STARTING:
            return State(FAILED, self._explained(self._why(user, server), launch))
        self._remove(user, server)
        return State(STOPPED, "the server has ended")

    def stop(self, launch: Launch) -> State:
        """Stop the server and remove its name, so that it counts for no limit."""
        user, _, server = launch.server.partition("/")
        if not server:
            return State(STOPPED, "nothing was started")
        try:
            answer = self._client.delete(
                f"{self.place.url}{_path(user, server)}", json={"remove": True}, headers=self._headers()
            )
        except NotFoundError:
            return State(STOPPED, "the server has ended")
        except RefusedError as error:
            if error.answer_status == 400:
                # It is starting or stopping just now, which goes on by itself.
                return State(STOPPING, "the hub stops the server as soon as it can")
            raise self._down(error) from error
        except UnreachableError as error:
            raise self._down(error) from error
        return State(STOPPING, "the hub is stopping the server") if answer.status == 202 else State(STOPPED)

    def url(self, launch: Launch) -> str:
        """Return the address of the server with a token for it alone, or without where the hub signs people in."""
        if self.place.sign_in != "token":
            return launch.url
        user, _, server = launch.server.partition("/")
        asked = {
            "scopes": [f"access:servers!server={user}/{server}"],
            "expires_in": self.place.hours * 3600,
            "note": "opened from the portal",
        }
        try:
            said = _json(self._post(f"/hub/api/users/{quote(user, safe='')}/tokens", asked))
        except (NotFoundError, RefusedError, UnreachableError) as error:
            raise self._down(error) from error
        token = said.get("token")
        if not isinstance(token, str) or not token.isalnum():
            raise UnavailableError(f"{self.place.title} gave no token to come in with")
        return f"{launch.url}?{urlencode({'token': token})}"

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    # What is said to the hub

    def _ensure(self, user: str) -> None:
        """Have the hub know a user; one that it knows already is as good."""
        path = f"/hub/api/users/{quote(user, safe='')}"
        try:
            self._get(path)
        except NotFoundError:
            try:
                self._post(path, {})
            except RefusedError as error:
                if error.answer_status != 409:
                    raise

    def _get(self, path: str, *, total: float | None = None) -> Mapping[str, Any]:
        url = f"{self.place.url}{path}"
        return _json(self._client.get(url, headers=self._headers(), max_bytes=MAX_ANSWER, total=total))

    def _post(self, path: str, body: object) -> Response:
        url = f"{self.place.url}{path}"
        return self._client.post(url, json=body, headers=self._headers(), max_bytes=MAX_ANSWER)

    def _remove(self, user: str, server: str) -> None:
        try:
            url = f"{self.place.url}{_path(user, server)}"
            self._client.delete(url, json={"remove": True}, headers=self._headers())
        except (NotFoundError, UnreachableError):
            return

    def _headers(self) -> dict[str, str]:
        return {"authorization": f"token {self.place.token}"}

    def _name(self, person: Person) -> str:
        name = str(getattr(person, self.place.user)).strip().lower()
        if not _USER.fullmatch(name):
            raise BadQueryError(f"{self.place.title} knows people by their {self.place.user}, and yours cannot be one")
        return name

    def _address(self, user: str, server: str, launch: Launch) -> str:
        # A workspace of its own, or the tabs of the launch before would open again and run beside it.
        tree = f"lab/workspaces/{server}"
        if launch.asked.notebook:
            tree += f"/tree/notebooks/{quote(launch.asked.notebook)}"
        return f"{self.place.url}/user/{quote(user, safe='@')}/{server}/{tree}"

    # What the hub says

    def _refused(self, error: RefusedError, user: str, server: str) -> State:
        words = _words(error.content)
        match error.answer_status:
            case 400 if "already running" in words or "is pending" in words:
                return State(STARTING, "it is running already", server=f"{user}/{server}")
            case 400:
                # The hub keeps the name of a server that it has refused, which would count for its limit.
                self._remove(user, server)
                raise BadQueryError(f"{self.place.title} refuses this: {words or 'it does not say why'}")
            case 401 | 403:
                raise UnavailableError(f"{self.place.title} does not take this portal's token; its operator can help")
            case 409:
                raise ConflictError(f"{self.place.title} refuses this: {words}")
        raise self._down(error) from error

    def _down(self, error: Exception) -> UnavailableError:
        status = getattr(error, "answer_status", None)
        if status in (401, 403):
            return UnavailableError(f"{self.place.title} does not take this portal's token; its operator can help")
        wait = getattr(error, "retry_after", None) or 5.0
        return UnavailableError(f"{self.place.title} does not answer just now; nothing is lost", retry_after=wait)

    def _why(self, user: str, server: str) -> str:
        """Return what the hub says of a server that did not start."""
        try:
            url = f"{self.place.url}{_path(user, server)}/progress"
            body = self._client.get(url, headers=self._headers(), max_bytes=MAX_ANSWER, total=_HEALTH).content
        except (NotFoundError, UnreachableError):
            body = b""
        said = ""
        for line in body.splitlines():
            if line.startswith(b"data:"):
                event = _object(line[5:])
                said = str(event.get("message", "")) or said
        self._remove(user, server)
        return _plain(said.removeprefix("Spawn failed: ")) or "the server did not start, and the hub does not say why"

    def _explained(self, why: str, launch: Launch) -> str:
        """Return why a launch failed, with the lines of the hub's log that speak of it."""
        lines = tail(self.place.log, launch.server, (self.place.token,)) if self.place.log else ()
        return "\n".join((why, *lines))


def _path(user: str, server: str) -> str:
    return f"/hub/api/users/{quote(user, safe='')}/servers/{quote(server, safe='')}"


def _shown(order: Order) -> str:
    return order.launch.asked.title[:80] or order.launch.id


def _options(order: Order) -> dict[str, Any]:
    """Return what the hub is told: ids, and the pass for the notebook."""
    launch = order.launch
    options = {
        "launch": launch.id,
        "volumes": list(launch.asked.volumes),
        "notebook": order.notebook,
        "name": launch.asked.notebook if order.notebook else "",
        "image": launch.asked.image,
        "size": launch.asked.size,
        "datalab": launch.datalab,
        "selection": launch.asked.selection if order.notebook else "",
    }
    return {name: value for name, value in options.items() if value}


def _json(response: Response) -> Mapping[str, Any]:
    return _object(response.content)


def _object(content: bytes) -> Mapping[str, Any]:
    try:
        said = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}


def _words(content: bytes) -> str:
    return _plain(str(_object(content).get("message") or ""))


def _plain(text: str) -> str:
    """Return what a hub says on one line, without marks, and not too much of it."""
    said = "".join(each if each.isprintable() else " " for each in _TAG.sub("", text))
    return shown(" ".join(said.split())[:MAX_WORDS], most=MAX_WORDS)
