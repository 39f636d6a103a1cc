"""Sign-in by OpenID Connect Core 1.0: whom a provider vouches for, by the code flow with PKCE (RFC 9700).

The provider is trusted to say who somebody is, and for nothing else: its documents are read within limits and through
the client that every stranger is read with, its tokens count only when all of it fits what was asked.
"""

from __future__ import annotations

import json
import re
import threading
import time
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from discovery.errors import ConfigError, DeniedError, NotFoundError, SourceUnavailableError, UnavailableError
from discovery.http import Client, Policy, decode_json
from discovery.model.person import Role
from discovery.people.kept import Passes
from discovery.people.proofs import digest, same, secret

ALGORITHMS: Final = ("RS256", "ES256")
"""What tokens may be signed with: by keys of which only the provider has the secret half."""
LASTS: Final = 10 * 60_000
"""Milliseconds in which somebody comes back from the provider."""
LEEWAY: Final = 60
"""Seconds that the provider's clock may differ from ours."""
KEPT: Final = 3_600.0
"""Seconds that the provider's documents are kept."""
AGAIN: Final = 60.0
"""Seconds before its keys are read again for a token whose key is not among them: anybody can name keys."""
SILENCE: Final = 10.0
"""Seconds in which a provider that did not answer is not asked again."""
MAX_KEYS: Final = 32
MAX_TOKEN: Final = 16 * 1024
"""Characters of a token; those of providers with many groups have a tenth of it."""
MAX_DOCUMENT: Final = 256 * 1024
MAX_SUBJECT: Final = 255
"""OpenID Connect Core 1.0, 2."""
_HEADERS: Final = frozenset({"alg", "kid", "typ", "x5t", "x5t#S256"})
"""What a token's header may hold. All else names keys that the token brings along, or things that we had to know."""
_RSA_BITS: Final = 2048
_SIGN_IN: Final = "signin"
_WELL_KNOWN: Final = "/.well-known/openid-configuration"
_CODE: Final = re.compile(r"[\x20-\x7e]{1,2000}")
_ERROR: Final = re.compile(r"[A-Za-z_]{1,40}")


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom we trust, as whom they know us, and what those they send may do."""

    issuer: str
    client_id: str
    callback: str
    """The address of ours to which people come back; the provider knows it, too."""
    client_secret: str = ""
    scopes: str = "openid profile email"
    admins: frozenset[str] = frozenset()
    """Subjects, and addresses that the issuer has verified, in lower case."""
    role: Role = Role.USER
    """What somebody new may."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.issuer)
        local = parts.hostname in ("127.0.0.1", "::1", "localhost")
        if parts.scheme != "https" and not (parts.scheme == "http" and local):
            raise ConfigError(f"oidc_issuer {self.issuer[:200]!r} is no https://HOST/...")
        if parts.query or parts.fragment or parts.username:
            raise ConfigError(f"oidc_issuer {self.issuer[:200]!r} has more than host and path")
        if urlsplit(self.callback).scheme not in ("http", "https"):
            raise ConfigError("oidc_issuer needs url: the public address, to which the provider sends people back")
        if not self.client_id:
            raise ConfigError("oidc_issuer needs oidc_client_id: the name by which the provider knows this portal")
        if "openid" not in self.scopes.split():
            raise ConfigError(f"oidc_scopes {self.scopes[:200]!r} lacks openid")
        if not Role.USER <= self.role < Role.ADMIN:
            raise ConfigError("oidc_role is none of user, developer, moderator, operator")

    @property
    def policy(self) -> Policy:
        """How the provider is read: somebody waits, and secrets are sent, which go nowhere else."""
        calm: dict[str, Any] = {"connect": 5.0, "read": 10.0, "total": 15.0, "slot_wait": 15.0, "per_host": 8}
        return Policy(**calm, redirects=0, attempts=2, max_bytes=MAX_DOCUMENT).allowing(self.issuer)


@dataclass(frozen=True, slots=True)
class Departure:
    """Somebody on the way to the provider."""

    url: str
    """Where the browser goes."""
    proof: str
    """What it keeps until it comes back, in a cookie: nobody else can come back in its place."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody whom the provider vouches for."""

    issuer: str
    subject: str
    name: str
    email: str
    """Verified by the provider; empty otherwise."""
    role: Role
    least: bool
    """Whether the role is given to somebody known, too: the settings name them as an admin."""


@dataclass(frozen=True, slots=True)
class _Begun:
    """What a browser's proof holds."""

    state: str
    nonce: str
    verifier: str
    back: str


class Provider:
    """One provider of identities.

    Args:
        trust: Whom we trust and how.
        client: Reads its documents, under `trust.policy`.
        passes: Where it is remembered who is on the way there, so that each comes back once.
        clock: Seconds that only grow.
    """

    def __init__(
        self, trust: Trust, client: Client, passes: Passes, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.trust = trust
        self._client = client
        self._passes = passes
        self._clock = clock
        self._lock = threading.Lock()
        self._metadata: tuple[float, Mapping[str, Any]] | None = None
        self._keys: tuple[float, list[RSAKey | ECKey]] | None = None
        self._silent_until = 0.0

    @property
    def name(self) -> str:
        """What people know the provider by."""
        return urlsplit(self.trust.issuer).hostname or self.trust.issuer

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def depart(self, back: str) -> Departure:
        """Return where to send a browser that wants to sign in.

        Args:
            back: The page that somebody wants to see then.

        Raises:
            UnavailableError: The provider does not answer, or not as one.
        """
        begun = _Begun(secret(), secret(), secret(), back)
        endpoint = _address(self._about(), "authorization_endpoint")
        url = prepare_grant_uri(
            endpoint,
            self.trust.client_id,
            "code",
            self.trust.callback,
            self.trust.scopes,
            begun.state,
            nonce=begun.nonce,
            code_challenge=create_s256_code_challenge(begun.verifier),
            code_challenge_method="S256",
        )
        proof = urlsafe_b64encode(json.dumps(asdict(begun)).encode()).decode("ascii")
        self._passes.give(_SIGN_IN, digest(proof), LASTS)
        return Departure(url, proof)

    def farewell(self) -> str:
        """Return where somebody who has left us signs out of the provider, too (RP-Initiated Logout 1.0).

        It is for them to go there: whoever leaves us may want to stay signed in with everybody else. The provider is
        told which portal they come from and nothing of them, and asks them itself. Empty where it has no such address,
        or does not answer.
        """
        try:
            about = self._about()
            if "end_session_endpoint" not in about:
                return ""
            endpoint = _address(about, "end_session_endpoint")
        except UnavailableError:
            return ""
        back = urlsplit(self.trust.callback)._replace(path="/", query="", fragment="").geturl()
        said = urlencode({"client_id": self.trust.client_id, "post_logout_redirect_uri": back})
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{said}"

    def arrive(self, given: Mapping[str, str], proof: str) -> tuple[Identity, str]:
        """Return who has come back from the provider, and the page that they wanted to see.

        Args:
            given: The parameters of the request.
            proof: What the browser has kept.

        Raises:
            DeniedError: They did not sign in, it is too late, or something does not fit; the message says what.
            UnavailableError: The provider does not answer.
        """
        if not proof or not self._passes.use(_SIGN_IN, digest(proof)):
            raise DeniedError("this sign-in was begun in another browser, used already, or is too old: begin again")
        begun = _Begun(**json.loads(urlsafe_b64decode(proof)))
        if not same(given.get("state", ""), begun.state):
            raise DeniedError("this is the answer to another sign-in: begin again")
        about = self._about()
        stated = given.get("iss")
        if stated != about["issuer"] and (stated or about.get("authorization_response_iss_parameter_supported")):
            raise DeniedError("this answer comes from another provider (RFC 9207)")
        if "error" in given:
            said = given["error"] if _ERROR.fullmatch(given["error"]) else "an error"
            raise DeniedError(f"{self.name} did not let you in: {said}")
        code = given.get("code", "")
        if not _CODE.fullmatch(code):
            raise DeniedError(f"{self.name} has sent no code")
        answer = self._redeem(about, code, begun.verifier)
        claims = self._checked(answer, begun.nonce)
        return self._identity(about, claims, answer), begun.back

    def _redeem(self, about: Mapping[str, Any], code: str, verifier: str) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.trust.callback,
            "code_verifier": verifier,
            "client_id": self.trust.client_id,
        }
        headers = {"accept": "application/json"}
        methods = about.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        if self.trust.client_secret and "client_secret_basic" in methods:
            # RFC 6749, 2.3.1: both halves are encoded as in a form before they are joined.
            pair = f"{quote(self.trust.client_id, safe='')}:{quote(self.trust.client_secret, safe='')}"
            headers["authorization"] = f"Basic {b64encode(pair.encode()).decode('ascii')}"
            del form["client_id"]
        elif self.trust.client_secret:
            form["client_secret"] = self.trust.client_secret
        try:
            found = decode_json(self._client.post(_address(about, "token_endpoint"), data=form, headers=headers))
        except (SourceUnavailableError, NotFoundError) as error:
            status = getattr(error, "answer_status", 404)
            if status is not None and 400 <= status < 500:
                # What it says may hold the code; whoever looks after the portal finds it in the provider's log.
                raise DeniedError(f"{self.name} does not take the code that it has sent ({status})") from None
            raise UnavailableError(f"{self.name} does not answer just now") from error
        if not isinstance(found, dict):
            raise DeniedError(f"{self.name} has sent no token")
        return found

    def _checked(self, answer: Mapping[str, Any], nonce: str) -> Mapping[str, Any]:
        """Return what the token says, if it is the provider's, for us, now, and for this sign-in."""
        token = answer.get("id_token")
        if not isinstance(token, str) or not token.isascii() or len(token) > MAX_TOKEN:
            raise DeniedError(f"{self.name} has sent no token that says who you are")
        access = answer.get("access_token")
        params = {"nonce": nonce, "client_id": self.trust.client_id}
        options: dict[str, Any] = {
            "iss": {"essential": True, "value": self._about()["issuer"]},
            "aud": {"essential": True, "value": self.trust.client_id},
        }
        try:
            read = jwt.decode(token, self._key(_header(token)), algorithms=list(ALGORITHMS))
            if isinstance(access, str):
                params["access_token"] = access
            claims = CodeIDToken(read.claims, read.header, options, params)
            claims.validate(leeway=LEEWAY)
            _check_claims(claims, nonce, self.trust.client_id)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            # What exactly is wrong helps nobody but those who try; a claim's name is enough for whoever looks after it.
            why = f": {error}" if isinstance(error, JoseError) else ""
            raise DeniedError(f"the token that {self.name} has sent does not count{why[:200]}") from None
        return claims  # type: ignore[no-any-return]

    def _identity(self, about: Mapping[str, Any], claims: Mapping[str, Any], answer: Mapping[str, Any]) -> Identity:
        told = dict(claims)
        if "name" not in told and "userinfo_endpoint" in about and isinstance(answer.get("access_token"), str):
            told = {**self._more(about, claims["sub"], answer["access_token"]), **told}
        email = told.get("email") if told.get("email_verified") is True else ""
        email = email if isinstance(email, str) and "@" in email else ""
        names = (told.get("name"), told.get("preferred_username"), email, claims["sub"])
        name = next(" ".join(each.split()) for each in names if isinstance(each, str) and each.strip())
        admin = claims["sub"].casefold() in self.trust.admins or (email != "" and email.casefold() in self.trust.admins)
        role = Role.ADMIN if admin else self.trust.role
        return Identity(claims["iss"], claims["sub"], name, email, role, least=admin)

    def _more(self, about: Mapping[str, Any], subject: str, access: str) -> Mapping[str, Any]:
        """Return what the provider says of somebody beside the token; nothing where it does not answer."""
        try:
            headers = {"authorization": f"Bearer {access}", "accept": "application/json"}
            found = decode_json(self._client.get(_address(about, "userinfo_endpoint"), headers=headers, attempts=1))
        except (SourceUnavailableError, NotFoundError, UnavailableError):
            return {}
        # OpenID Connect Core 1.0, 5.3.2: what is said of somebody else must not be used.
        return found if isinstance(found, dict) and found.get("sub") == subject else {}

    # The provider's documents

    def _about(self) -> Mapping[str, Any]:
        with self._lock:
            if self._metadata is not None and self._clock() - self._metadata[0] < KEPT:
                return self._metadata[1]
            found = self._read(f"{self.trust.issuer.rstrip('/')}{_WELL_KNOWN}")
            stated = found.get("issuer")
            if not isinstance(stated, str) or stated.rstrip("/") != self.trust.issuer.rstrip("/"):
                raise UnavailableError(f"{self.name} calls itself {str(stated)[:200]!r}, which is not oidc_issuer")
            self._metadata = (self._clock(), found)
            return found

    def _key(self, header: Mapping[str, Any]) -> RSAKey | ECKey:
        """Return the one key of the provider that a token can have been signed with.

        Raises:
            ValueError: There is none, or it is not said which.
        """
        jwks = _address(self._about(), "jwks_uri")
        with self._lock:
            moment = self._clock()
            fresh = self._keys is not None and moment - self._keys[0] < KEPT
            found = _fitting(self._keys[1], header) if self._keys is not None and fresh else []
            if not found and (self._keys is None or not fresh or moment - self._keys[0] >= AGAIN):
                self._keys = (moment, _keys(self._read(jwks)))
                found = _fitting(self._keys[1], header)
        if len(found) != 1:
            raise ValueError("no key, or several")
        return found[0]

    def _read(self, url: str) -> Mapping[str, Any]:
        if self._clock() < self._silent_until:
            # Whoever waits for the same would only wait in a row.
            raise UnavailableError(f"{self.name} does not answer just now", retry_after=SILENCE)
        try:
            found = decode_json(self._client.get(url, accept="application/json"))
        except (SourceUnavailableError, NotFoundError) as error:
            self._silent_until = self._clock() + SILENCE
            raise UnavailableError(f"{self.name} does not answer just now: {error}") from error
        if not isinstance(found, dict):
            raise UnavailableError(f"{self.name} does not answer as a provider of OpenID Connect does")
        return found


def _address(about: Mapping[str, Any], name: str) -> str:
    """Return an address of the provider's; one that reads by TLS names no other kind."""
    found = about.get(name)
    parts = urlsplit(found) if isinstance(found, str) and found.isascii() else urlsplit("")
    plain = str(about["issuer"]).startswith("http:")
    if not parts.hostname or parts.scheme not in (("https", "http") if plain else ("https",)) or parts.username:
        raise UnavailableError(f"the provider's {name} is no address: {str(found)[:200]!r}")
    return str(found)


def _header(token: str) -> Mapping[str, Any]:
    first = token.partition(".")[0]
    found = json.loads(urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    if not isinstance(found, dict) or not _HEADERS.issuperset(found) or found.get("alg") not in ALGORITHMS:
        raise ValueError("a header that is none of an identity token")
    if not isinstance(found.get("kid", ""), str) or str(found.get("typ", "JWT")).upper() != "JWT":
        raise ValueError("a kid that is no text, or a token of another kind")
    return found


def _check_claims(claims: Mapping[str, Any], nonce: str, client: str) -> None:
    """Check what a library may leave to us: that claims have the type that their check was written for."""
    subject, audience = claims["sub"], claims["aud"]
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT or not subject.isascii():
        raise ValueError("sub")
    if not isinstance(claims["nonce"], str) or not same(claims["nonce"], nonce):
        raise ValueError("nonce")
    if not isinstance(claims["iss"], str) or any(isinstance(claims[each], bool) for each in ("exp", "iat")):
        raise ValueError("iss, exp or iat")
    several = audience if isinstance(audience, list) else [audience]
    if client not in several or (len(several) > 1 and claims.get("azp") != client):
        raise ValueError("aud")


def _keys(document: Mapping[str, Any]) -> list[RSAKey | ECKey]:
    """Return the public keys of a set that sign; what is anything else is left out."""
    given = document.get("keys")
    if not isinstance(given, list) or len(given) > MAX_KEYS:
        raise UnavailableError(f"the provider's keys are no list of at most {MAX_KEYS}")
    made: list[RSAKey | ECKey] = []
    for each in given:
        if not isinstance(each, dict) or each.get("use", "sig") != "sig":
            continue
        public = {name: each[name] for name in ("kty", "kid", "n", "e", "crv", "x", "y", "alg") if name in each}
        try:
            if each.get("kty") == "RSA" and each.get("alg", "RS256") == "RS256" and len(each["n"]) * 6 >= _RSA_BITS:
                key = RSAKey.import_key(public)
                if key.public_key.key_size >= _RSA_BITS:
                    made.append(key)
            elif each.get("kty") == "EC" and each.get("crv") == "P-256" and each.get("alg", "ES256") == "ES256":
                made.append(ECKey.import_key(public))
        except (JoseError, ValueError, TypeError, KeyError):
            continue
    return made


def _fitting(keys: list[RSAKey | ECKey], header: Mapping[str, Any]) -> list[RSAKey | ECKey]:
    kind = RSAKey if header["alg"] == "RS256" else ECKey
    named = header.get("kid")
    return [each for each in keys if isinstance(each, kind) and named in (None, each.kid)]
