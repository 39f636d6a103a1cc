"""What comes back from a source: a whole answer, or the error that says why there is none.

The words in `SourceUnavailableError.detail`:

address             the URL, its name, port or address is not one that we go to
redirects           it leads on and on, or from https to http, or nowhere
connect             no connection, or it broke before the answer began
tls                 the certificate is not valid for the name
timeout             silence
slow                it comes, but too slowly to be waited for
cut                 it ended before its end
protocol            not HTTP
encoding            compressed in a way that was not asked for, or damaged
ratio, too_large    more than we take
unexpected_content  an answer, but not what was asked for, such as a page that says "maintenance"
unauthorised        401, 403
rate_limited        429
status              any other status that is not success
busy                our own other requests to the same host take too long
file                a local file of the source cannot be read
query               a service says that it cannot answer the harvester's query
"""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field

import httpx
import orjson

from discovery.errors import GoneError, NotFoundError, SourceRefusedError, SourceUnavailableError
from discovery.http.redaction import redact

# After these the same request may well be answered.
RETRIED_STATUS = frozenset({429, 502, 503, 504})
RETRIED_DETAIL = frozenset({"connect", "cut", "timeout"})

_HTML = re.compile(rb"<!doctype\s+html\b|<html\b")
# The system's number of an error, which stands before the same in words.
_NUMBER = re.compile(r"\[Errno -?\d+\] ")
_HEADER_VALUE = re.compile(r"[ -~]{1,1000}")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Response:
    """One whole answer; secrets that the URL or the headers may carry stay out of its `repr`."""

    status: int
    url: str = field(repr=False)
    """Where the answer came from in the end, after redirects."""
    headers: dict[str, str] = field(repr=False)
    """By lower-case name; several of one name are joined by a comma."""
    content: bytes = field(repr=False)
    requests: int = 1
    """How many requests it took, redirects and retries included."""
    bytes_read: int = 0
    """Bytes of the body as they came over the wire."""

    @property
    def media_type(self) -> str:
        """The type and subtype in lower case, without parameters; empty when none was sent."""
        return media_type(self.headers)

    @property
    def not_modified(self) -> bool:
        """Whether what the caller has, as it said by `conditions`, is still right; there is no content then."""
        return self.status == 304

    @property
    def conditions(self) -> dict[str, str]:
        """The headers to send next time, so that an unchanged answer is not sent again; may be empty."""
        return conditions(etag=self.headers.get("etag"), last_modified=self.headers.get("last-modified"))


def conditions(*, etag: str | None = None, last_modified: str | None = None) -> dict[str, str]:
    """Return the request headers for stored validators; one that does not fit in a header is left out."""
    found = {"if-none-match": etag, "if-modified-since": last_modified}
    return {name: value for name, value in found.items() if value and _HEADER_VALUE.fullmatch(value)}


def media_type(headers: dict[str, str]) -> str:
    """Return the type and subtype of a content-type header in lower case, without parameters."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def decode_json(response: Response) -> object:
    """Return the JSON value of an answer, whatever media type it claims.

    Raises:
        SourceUnavailableError: It is not JSON, has NaN in it, or is nested too deep (1,024); `unexpected_content`.
    """
    try:
        return orjson.loads(response.content.removeprefix(_BOM))
    except orjson.JSONDecodeError as error:
        what = "a web page" if looks_like_html(response.content) else f"{response.media_type or 'something'}: {error}"
        raise SourceUnavailableError(
            f"{redact(response.url)}: asked for JSON and got {what}",
            detail="unexpected_content",
            answer_status=response.status,
            content=response.content[:1024],
        ) from error


def looks_like_html(start: bytes) -> bool:
    """Say whether a body that begins so is a web page."""
    text = start[:4096].removeprefix(_BOM).lstrip().lower()
    while text.startswith((b"<!--", b"<?xml")):
        end = b"-->" if text.startswith(b"<!--") else b"?>"
        text = text.partition(end)[2].lstrip()
    return _HTML.match(text) is not None


def refuses_html(accept: str | None) -> bool:
    """Say whether somebody who accepts this has no use for a web page."""
    return accept is not None and accept.strip() != "*/*" and "html" not in accept.lower()


def fault(error: httpx.TransportError, what: str, over: bool, received: int) -> SourceUnavailableError:
    """Return our error for one of the connection's; `over` says that the time for the whole answer was used up."""
    if isinstance(error, httpx.TimeoutException):
        if isinstance(error, httpx.ConnectTimeout):
            return SourceUnavailableError(f"{what}: no connection in time", detail="connect")
        detail = "slow" if over and received else "timeout"
        return SourceUnavailableError(f"{what}: not finished in time, after {received} bytes", detail=detail)
    if _by_certificate(error):
        return SourceRefusedError(f"{what}: the certificate is not valid: {error}", detail="tls")
    # The text may quote what the server sent.
    why = _NUMBER.sub("", str(error))[:200] or type(error).__name__
    if isinstance(error, (httpx.LocalProtocolError, httpx.UnsupportedProtocol)):
        return SourceRefusedError(f"{what}: {why}", detail="protocol")
    if isinstance(error, httpx.RemoteProtocolError) and "disconnected" not in str(error) and "closed" not in str(error):
        return SourceUnavailableError(f"{what}: not HTTP: {why}", detail="protocol")
    detail = "cut" if received or isinstance(error, httpx.RemoteProtocolError) else "connect"
    return SourceUnavailableError(f"{what}: {why}", detail=detail)


def refusal(url: str, status: int, content: bytes, wait: float | None) -> NotFoundError | SourceUnavailableError:
    """Return the error for a status that is not success."""
    shown = redact(url)
    if status == 404:
        return NotFoundError(f"{shown}: the source has nothing there (404)")
    if status == 410:
        return GoneError(f"{shown}: the source has removed it (410)")
    sentence, detail = _SENTENCES.get(status, (f"the source answers with status {status}", "status"))
    refused = 400 <= status < 500 and status not in (408, 425, 429)
    kind = SourceRefusedError if refused else SourceUnavailableError
    after = 5.0 if wait is None else wait
    return kind(f"{shown}: {sentence}", detail=detail, answer_status=status, content=content, retry_after=after)


_SENTENCES = {
    401: ("the source wants a sign-in (401); only what is open to everybody is read", "unauthorised"),
    403: ("the source does not let us in (403); it wants a sign-in, or it has blocked us", "unauthorised"),
    429: ("the source says that we ask too often (429)", "rate_limited"),
}


def _by_certificate(error: BaseException | None) -> bool:
    for _ in range(8):
        if error is None or isinstance(error, ssl.SSLCertVerificationError):
            return error is not None
        error = error.__cause__ or error.__context__
    return False
