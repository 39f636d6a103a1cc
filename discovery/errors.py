"""Every error that Discovery raises on purpose, grouped by what must happen next.

DiscoveryError
|- BadQueryError             the caller can fix it                400
|   |- UnknownFieldError     a name that is not in the table      400
|   |- LimitError            more than one answer may hold        400
|   |- DocumentError         what somebody wrote is wrong         400
|   |- NotAcceptableError    no form of it that was asked for     406
|   `- UnsupportedMediaTypeError   sent in a form that is not read   415
|- NotFoundError             nothing by that id                   404
|   `- GoneError             deleted, or a cursor's generation    410
|- MovedError                merged into another record           301
|- DeniedError               who asks may not                     403
|   `- SignInError           nobody knows who asks                401
|- ConflictError             somebody else holds or changed it    409
|   `- ChangedError          it is not what If-Match names        412
|- TooManyError              slow down                            429
|- UnavailableError          try again later                      503
|   `- SourceUnavailableError   a source does not answer    503
|       `- SourceRefusedError   and asking again will not help
|- RecordError               skip this record, keep the run
|- RunError                  stop this run, keep what it has
`- ConfigError               stop and tell the operator
    `- StaleIndexError        build the index again from the store
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches


class DiscoveryError(Exception):
    """Anything that Discovery raises on purpose; `kind` is stable and safe to match on."""

    kind = "error"
    status = 500
    retry_after: float | None = None
    """Seconds after which the same may work; None where waiting does not help."""

    @property
    def headers(self) -> dict[str, str]:
        """What an answer by HTTP says beside its status."""
        return {} if self.retry_after is None else {"Retry-After": str(max(1, round(self.retry_after)))}


class BadQueryError(DiscoveryError):
    """The question cannot be answered as asked; the message says what to change."""

    kind = "bad_query"
    status = 400

    def __init__(self, message: str, *, parameter: str | None = None, position: int | None = None) -> None:
        super().__init__(message)
        self.parameter = parameter
        self.position = position


class UnknownFieldError(BadQueryError):
    """A name that the caller used is not in the table of names; the near ones are in the message."""

    kind = "unknown_field"

    def __init__(self, name: str, known: Iterable[str], *, what: str = "field", parameter: str | None = None) -> None:
        names = sorted(known)
        self.near = tuple(get_close_matches(name, names, n=3, cutoff=0.5))
        hint = f"did you mean {', '.join(self.near)}?" if self.near else f"known: {', '.join(names[:40])}"
        super().__init__(f"unknown {what} {name[:80]!r}; {hint}", parameter=parameter)
        self.name = name


class LimitError(BadQueryError):
    """The question is larger than a stated limit; `limit` names the row of docs/reference/limits.md."""

    kind = "limit"

    def __init__(self, limit: str, message: str, *, parameter: str | None = None) -> None:
        super().__init__(f"{message} (limit {limit})", parameter=parameter)
        self.limit = limit


class DocumentError(BadQueryError):
    """A document that somebody wrote cannot be taken as it stands; `problems` has where and what, all of it."""

    kind = "document"

    def __init__(self, problems: Sequence[tuple[str, str]], *, what: str = "") -> None:
        begin = f"{what}: " if what else ""
        told = "\n".join(f"{begin}{path}{' ' if path else ''}{message}" for path, message in problems)
        super().__init__(told, parameter=problems[0][0] if problems else None)
        self.problems = tuple(problems)


class NotAcceptableError(BadQueryError):
    """It is here, but in none of the forms that the caller takes; `formats` are those that there are."""

    kind = "not_acceptable"
    status = 406

    def __init__(self, accept: str, formats: Mapping[str, str], *, parameter: str = "f") -> None:
        told = ", ".join(f"{type_} ({parameter}={name})" if parameter else type_ for name, type_ in formats.items())
        super().__init__(f"nothing here is of the type {accept[:200]!r} that Accept asks for; there is {told}")
        self.formats = dict(formats)

    @property
    def headers(self) -> dict[str, str]:
        """What an answer by HTTP says beside its status: that it hangs on what was accepted."""
        return {"Vary": "Accept"}


class UnsupportedMediaTypeError(BadQueryError):
    """What was sent is in a form that is not read here; the message names those that are."""

    kind = "unsupported_media_type"
    status = 415

    def __init__(self, given: str, allowed: Sequence[str], *, what: str = "content type", header: str = "") -> None:
        super().__init__(f"{what} {given[:80]!r} is not read here; send {' or '.join(allowed)}")
        self._headers = {header: ", ".join(allowed)} if header else {}

    @property
    def headers(self) -> dict[str, str]:
        """What an answer by HTTP says beside its status: what may be sent."""
        return self._headers


class NotFoundError(DiscoveryError):
    """Nothing is known by that name."""

    kind = "not_found"
    status = 404


class GoneError(NotFoundError):
    """It was here and is not any more: a deleted record, or a page of a generation that was replaced."""

    kind = "gone"
    status = 410


class MovedError(DiscoveryError):
    """The record lives on in another one; `id` is where."""

    kind = "moved"
    status = 301

    def __init__(self, id: str) -> None:
        super().__init__(f"merged into {id}")
        self.id = id


class DeniedError(DiscoveryError):
    """Whoever asks may not do this."""

    kind = "denied"
    status = 403


class SignInError(DeniedError):
    """Nobody knows who asks: a token or a sign-in is needed first."""

    kind = "sign_in"
    status = 401

    @property
    def headers(self) -> dict[str, str]:
        """What an answer by HTTP says beside its status: how to show who asks."""
        return {"WWW-Authenticate": "Bearer", "Cache-Control": "no-store"}


class ConflictError(DiscoveryError):
    """Somebody else holds it, or changed it in between."""

    kind = "conflict"
    status = 409


class ChangedError(ConflictError):
    """It is not any more what whoever writes has read, by the tag that they named."""

    kind = "changed"
    status = 412


class TooManyError(DiscoveryError):
    """Too many requests; ask again after `retry_after` seconds."""

    kind = "too_many"
    status = 429

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class UnavailableError(DiscoveryError):
    """Something we need does not answer; the same question may work after `retry_after` seconds."""

    kind = "unavailable"
    status = 503

    def __init__(self, message: str, *, retry_after: float | None = 5.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SourceUnavailableError(UnavailableError):
    """A harvested source does not answer, or answers with something that cannot be its answer.

    `detail` is a stable word for what went wrong (the words stand in `discovery/http/answer.py`), `answer_status` the
    HTTP status if there was one, and `content` the beginning of what came with it: TAP and OGC services say there why.
    """

    kind = "source_unavailable"

    def __init__(
        self,
        message: str,
        *,
        detail: str = "",
        answer_status: int | None = None,
        content: bytes = b"",
        retry_after: float = 5.0,
    ) -> None:
        super().__init__(message, retry_after=retry_after)
        self.detail = detail
        self.answer_status = answer_status
        self.content = content


class SourceRefusedError(SourceUnavailableError):
    """The source refuses this request, or leads where we do not go; asking the same again will not help."""

    kind = "source_refused"


class RecordError(DiscoveryError):
    """One record cannot be used; it goes to quarantine under `code` and the run goes on."""

    kind = "record"

    def __init__(self, code: str, message: str, *, path: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.path = path


class RunError(DiscoveryError):
    """The run cannot go on; what it has committed is kept and the next run resumes there."""

    kind = "run"


class ConfigError(DiscoveryError):
    """A setting, source or installation is wrong; the message says which and what is allowed."""

    kind = "config"


class StaleIndexError(ConfigError):
    """The index is damaged or of another version; nothing is lost, for it is built again from the store."""

    kind = "stale_index"
