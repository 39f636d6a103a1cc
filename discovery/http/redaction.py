"""URLs that carry secrets: found, refused or made fit for a log."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import unquote, unquote_plus

HIDDEN = "REDACTED"

# The scheme and authority as any parser might see them; a browser takes a backslash for a slash.
_AUTHORITY = re.compile(r"^(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*:)?(?P<slashes>[/\\]{2,})?(?P<rest>.*)$", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]")
_SLASH = re.compile(r"[/\\]")
_PAIR = re.compile(r"([&;])")
_MAX_LOGGED = 2000
_MAX_KEPT = 2000

_SIGNATURE_PREFIXES = ("x-amz-", "x-goog-", "x-oss-", "x-obs-", "x-cos-")
_SIGNATURES = frozenset({"sig", "signature", "hdnea", "hdnts", "hdntl", "__token__", "policy_signature"})
_ACCESS_IDS = frozenset({"awsaccesskeyid", "googleaccessid", "ossaccesskeyid", "key-pair-id"})
_SAS = frozenset(
    {"sv", "se", "sp", "sr", "st", "ss", "srt", "skoid", "sktid", "skt", "ske", "sks", "skv", "sip", "spr"}
)
_CREDENTIALS = frozenset(
    [
        "access_token",
        "refresh_token",
        "id_token",
        "auth_token",
        "authtoken",
        "token",
        "jwt",
        "bearer",
        "auth",
        "authorization",
        "api_key",
        "apikey",
        "api-key",
        "x-api-key",
        "subscription-key",
        "ocp-apim-subscription-key",
        "secret",
        "client_secret",
        "password",
        "passwd",
        "pwd",
        "pass",
        "credential",
        "credentials",
        "session",
        "sessionid",
        "session_id",
        "jsessionid",
        "sid",
        "private_token",
    ]
)
_MAYBE = frozenset({"key"})
# `key=path/to/file` is an address, `key=AIzaSyD...` is a credential.
_OPAQUE = re.compile(r"[A-Za-z0-9_-]{16,}")


def redact(url: str) -> str:
    """Return the URL without user, password and the values of secret parameters, on one line, for logs and messages.

    It never raises, whatever the text is, and is not meant to be requested again.
    """
    text = _CONTROL.sub(lambda found: f"%{ord(found[0]):02X}", url)
    address, mark, query, fragment = _split(text)
    if mark:
        address += mark + _redact_pairs(query)
    if fragment:
        address += "#" + _redact_pairs(fragment)
    return address if len(address) <= _MAX_LOGGED else address[:_MAX_LOGGED] + "..."


def has_credentials(url: str) -> bool:
    """Say whether whoever reads this URL could act as somebody: a user name, or a token or key in the parameters."""
    # Most URLs have neither a user nor a parameter; a harvest asks for some ten of each record.
    return ("@" in url or "=" in url) and _any(url, _is_credential, user=True)


def is_signed(url: str) -> bool:
    """Say whether the URL is signed for a while (S3, Google, Azure SAS, CloudFront, Akamai); do not store it then."""
    return "=" in url and _any(url, _is_signature)


def _split(text: str) -> tuple[str, str, str, str]:
    """Cut into address without user, `?` or nothing, query and fragment."""
    before, _, fragment = text.partition("#")
    address, mark, query = before.partition("?")
    shown, user = _authority(address)
    if not user and "@" in query and _broken_port(address):
        # `http://user:pa?ss@host/`: strict readers end the host at the question mark, the password is in what follows.
        shown, query = f"{shown.rpartition(':')[0]}:{HIDDEN}", HIDDEN
    return shown, mark, query, fragment


def _authority(address: str) -> tuple[str, bool]:
    """Return the address without its user part, and whether there was one."""
    found = _AUTHORITY.match(address)
    if not found or found["slashes"] is None:
        return _bare_authority(address)
    lead = (found["scheme"] or "") + found["slashes"]
    user, at, _ = _SLASH.split(found["rest"], maxsplit=1)[0].rpartition("@")
    if at:
        return lead + found["rest"][len(user) + 1 :], True
    if _broken_port(address) and "@" in found["rest"]:
        return lead + found["rest"].rpartition("@")[2], True
    return address, False


def _bare_authority(address: str) -> tuple[str, bool]:
    """The same for `user:password@host/path`, without a scheme."""
    user, at, _ = _SLASH.split(address, maxsplit=1)[0].rpartition("@")
    # These two have an `@` and no password.
    if not at or ":" not in user or user.lower().startswith(("mailto:", "xmpp:")):
        return address, False
    return address[len(user) + 1 :], True


def _broken_port(address: str) -> bool:
    """Say whether what follows the host is no port: then it may be a password with a slash in it."""
    found = _AUTHORITY.match(address)
    authority = _SLASH.split(found["rest"], maxsplit=1)[0] if found and found["slashes"] else ""
    return bool(re.search(r":(?![0-9]*$)[^\]:]*$", authority))


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    # Of each address it is asked twice in a row: whether it is signed, and whether a secret is in it.
    return _kept_pairs(text) if len(text) <= _MAX_KEPT else _read_pairs(text)


def _read_pairs(text: str) -> tuple[tuple[str, str], ...]:
    before, _, fragment = text.partition("#")
    query = before.partition("?")[2]
    parts = query.replace(";", "&").split("&")
    if fragment:
        parts += fragment.replace(";", "&").replace("?", "&").split("&")
    return tuple([_named(part) for part in parts if "=" in part])


_kept_pairs = lru_cache(maxsize=32)(_read_pairs)


def _named(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    return unquote_plus(name).strip().lower(), unquote(value)


def _is_signature(name: str, value: str) -> bool:
    return bool(value) and (name in _SIGNATURES or name in _ACCESS_IDS or name.startswith(_SIGNATURE_PREFIXES))


def _is_credential(name: str, value: str) -> bool:
    if name in _MAYBE:
        return bool(_OPAQUE.fullmatch(value))
    # A page token of a STAC API (`token=next:item-17`) opens nothing; a bearer token never has that form.
    return name in _CREDENTIALS and bool(value) and not (name == "token" and re.match(r"(next|prev):", value))


def _any(url: str, test: Callable[[str, str], bool], *, user: bool = False, depth: int = 2) -> bool:
    """Try the parameters, and those of URLs that are themselves the value of a parameter."""
    text = url.strip()
    if user and "@" in text and _authority(re.split(r"[?#]", text, maxsplit=1)[0])[1]:
        return True
    pairs = _pairs(text)
    if any(test(name, value) for name, value in pairs):
        return True
    return depth > 0 and any("://" in value and _any(value, test, user=user, depth=depth - 1) for _, value in pairs)


def _redact_pairs(text: str) -> str:
    parts = _PAIR.split(text)
    signed = any(_is_signature(*_named(part)) for part in parts if "=" in part)
    return "".join(_redact_pair(part, signed) for part in parts)


def _redact_pair(part: str, signed: bool) -> str:
    shown, mark, _ = part.partition("=")
    if not mark:
        return part
    name, value = _named(part)
    secret = name in _CREDENTIALS or name in _MAYBE or _is_signature(name, value) or (signed and name in _SAS)
    inner = "://" in value and (has_credentials(value) or is_signed(value))
    return f"{shown}={HIDDEN}" if secret or inner else part
