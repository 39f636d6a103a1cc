"""A minimal provider of OpenID Connect: real keys, real signatures, real HTTP; tests tell it what to lie about."""

from __future__ import annotations

import hashlib
import secrets
import socket
import threading
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT: Final = "discovery"
SECRET: Final = "p&ss:word/é"
ANN: Final = {
    "sub": "ann-1",
    "name": "Ann Frost",
    "email": "Ann@Example.org",
    "email_verified": True,
}

Forge = Callable[["Provider", dict[str, Any]], str]


class Provider:
    """Knows one person, who always lets us know who she is.

    `claims` are put over those of a right token, `forge` makes a token of them instead of a right signature, `about` is
    put over the document about the provider.
    """

    def __init__(self) -> None:
        self.rsa = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})
        self.other = RSAKey.generate_key(2048, {"kid": "rsa"})
        self.ec = ECKey.generate_key("P-256", {"kid": "ec", "use": "sig"})
        self.url = ""
        self.person: dict[str, Any] = dict(ANN)
        self.userinfo: dict[str, Any] = {}
        self.claims: dict[str, Any] = {}
        self.about: dict[str, Any] = {}
        self.forge: Forge | None = None
        self.error = ""
        self.answer: Callable[[dict[str, Any]], Response] = JSONResponse
        self.asked: list[str] = []
        self._codes: dict[str, Mapping[str, str]] = {}

    def reset(self) -> None:
        """Be honest again."""
        self.person, self.userinfo, self.claims, self.about = dict(ANN), {}, {}, {}
        self.forge, self.error, self.answer = None, "", JSONResponse
        self.asked.clear()

    @property
    def jwks(self) -> dict[str, Any]:
        """The public keys."""
        return {"keys": [self.rsa.as_dict(private=False), self.ec.as_dict(private=False)]}

    def metadata(self, request: Request) -> Response:
        """Say what is where."""
        self.asked.append("metadata")
        found = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/keys",
            "authorization_response_iss_parameter_supported": True,
        }
        return JSONResponse({**found, **self.about})

    def keys(self, request: Request) -> Response:
        """Show the public keys."""
        self.asked.append("keys")
        return JSONResponse(self.jwks)

    def authorize(self, request: Request) -> Response:
        """Let the one person in at once."""
        given = dict(request.query_params)
        assert given["response_type"] == "code"
        assert given["client_id"] == CLIENT
        assert given["code_challenge_method"] == "S256"
        assert "openid" in given["scope"].split()
        back = {"state": given["state"], "iss": self.url}
        if self.error:
            back["error"] = self.error
        else:
            code = secrets.token_urlsafe(16)
            self._codes[code] = given
            back["code"] = code
        return RedirectResponse(f"{given['redirect_uri']}?{urlencode(back)}", 302)

    async def token(self, request: Request) -> Response:
        """Give a token for a code, once, to whoever began and has the secret."""
        self.asked.append("token")
        form = dict(parse_qsl((await request.body()).decode()))
        kind, _, shown = request.headers.get("authorization", "").partition(" ")
        user, _, password = b64decode(shown).decode().partition(":") if kind == "Basic" else ("", "", "")
        begun = self._codes.pop(form.get("code", ""), None)
        challenge = urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if (unquote(user), unquote(password)) != (CLIENT, SECRET):
            return JSONResponse({"error": "invalid_client"}, 401)
        if begun is None or begun["code_challenge"] != challenge or begun["redirect_uri"] != form["redirect_uri"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": begun["nonce"],
            **self.person,
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        token = self.forge(self, claims) if self.forge else self.signed(claims)
        return self.answer({"access_token": "access", "token_type": "Bearer", "id_token": token})

    def signed(self, claims: Mapping[str, Any], header: Mapping[str, Any] | None = None, key: Any = None) -> str:
        """Return a token, by default as it should be."""
        head = {"alg": "RS256", "kid": "rsa", **(header or {})}
        head = {name: value for name, value in head.items() if value is not None}
        return jwt.encode(head, dict(claims), key or self.rsa, algorithms=["RS256", "ES256", "HS256", "PS256", "RS512"])

    def about_her(self, request: Request) -> Response:
        """Say more to whoever shows the access token."""
        self.asked.append("userinfo")
        if request.headers.get("authorization") != "Bearer access":
            return JSONResponse({"error": "invalid_token"}, 401)
        return JSONResponse(self.userinfo)

    def app(self) -> Starlette:
        """Return it as an application."""
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.metadata),
                Route("/keys", self.keys),
                Route("/authorize", self.authorize),
                Route("/token", self.token, methods=["POST"]),
                Route("/userinfo", self.about_her),
            ]
        )


@contextmanager
def running() -> Iterator[Provider]:
    """Hold a provider up on a port of its own while the block runs."""
    provider = Provider()
    listening = socket.create_server(("127.0.0.1", 0))
    provider.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(provider.app(), log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        yield provider
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()
