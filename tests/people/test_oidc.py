"""Sign-in by OpenID Connect against a real provider that lies in every way we know of."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OctKey, RSAKey
from starlette.responses import JSONResponse, PlainTextResponse

from discovery.errors import ConfigError, DeniedError, UnavailableError
from discovery.http import Client
from discovery.model.person import Role
from discovery.people import oidc
from discovery.people.oidc import Trust
from discovery.store.store import Store
from tests.people.provider import CLIENT, SECRET, Provider

pytestmark = pytest.mark.slow
CALLBACK = "http://127.0.0.1:1/signin/callback"


@pytest.fixture
def trust(provider: Provider) -> Trust:
    return Trust(provider.url, CLIENT, CALLBACK, SECRET)


Make = Callable[[Trust], oidc.Provider]


@pytest.fixture
def make(store: Store) -> Iterator[Make]:
    made: list[oidc.Provider] = []

    def new(trust: Trust) -> oidc.Provider:
        made.append(oidc.Provider(trust, Client(trust.policy), store.passes))
        return made[-1]

    yield new
    for each in made:
        each.close()


@pytest.fixture
def way(trust: Trust, make: Make) -> oidc.Provider:
    return make(trust)


def answered(url: str) -> dict[str, str]:
    """Return what a browser brings back that goes where it is sent."""
    with httpx.Client() as browser:
        location = browser.get(url).headers["location"]
    assert location.startswith(f"{CALLBACK}?")
    return dict(parse_qsl(urlsplit(location).query))


def signed_in(way: oidc.Provider) -> tuple[oidc.Identity, str]:
    begun = way.depart("/search?q=ice")
    return way.arrive(answered(begun.url), begun.proof)


def test_somebody_comes_back_as_who_they_are_to_the_page_they_wanted(way: oidc.Provider, provider: Provider) -> None:
    who, back = signed_in(way)
    assert who == oidc.Identity(provider.url, "ann-1", "Ann Frost", "Ann@Example.org", Role.USER, least=False)
    assert back == "/search?q=ice"


def test_what_is_sent_there_is_never_the_same_and_holds_no_secret(way: oidc.Provider) -> None:
    sent = [dict(parse_qsl(urlsplit(way.depart("/").url).query)) for _ in range(2)]
    for name in ("state", "nonce", "code_challenge"):
        assert sent[0][name] != sent[1][name]
        assert len(sent[0][name]) == 43
    assert "verifier" not in repr(sent)
    assert SECRET not in repr(sent)


def test_tokens_by_an_elliptic_curve_count_too(way: oidc.Provider, provider: Provider) -> None:
    provider.forge = lambda p, claims: p.signed(claims, {"alg": "ES256", "kid": "ec"}, p.ec)
    assert signed_in(way)[0].subject == "ann-1"


def test_documents_of_the_provider_are_read_once(way: oidc.Provider, provider: Provider) -> None:
    for _ in range(3):
        signed_in(way)
    assert provider.asked == ["metadata", "token", "keys", "token", "token"]


def test_admins_are_those_that_the_settings_name(trust: Trust, make: Make) -> None:
    for admins in ({"ann@example.org"}, {"ann-1"}):
        who, _ = signed_in(make(replace(trust, admins=frozenset(admins))))
        assert (who.role, who.least) == (Role.ADMIN, True)


@pytest.mark.parametrize("verified", [False, None, "true", 1])
def test_an_address_that_is_not_verified_is_nobodys(
    provider: Provider, trust: Trust, make: Make, verified: object
) -> None:
    provider.person["email_verified"] = verified
    who, _ = signed_in(make(replace(trust, admins=frozenset({"ann@example.org"}))))
    assert (who.email, who.role) == ("", Role.USER)


def test_a_name_that_the_token_lacks_is_asked_for_and_only_of_the_same_person(
    way: oidc.Provider, provider: Provider
) -> None:
    provider.person = {"sub": "ann-1"}
    provider.userinfo = {"sub": "ann-1", "name": "Ann  \n Frost", "email": "a@example.org", "email_verified": True}
    who, _ = signed_in(way)
    assert (who.name, who.email) == ("Ann Frost", "a@example.org")
    provider.userinfo["sub"] = "eve"
    assert signed_in(way)[0].name == "ann-1"


def test_whoever_leaves_is_told_where_to_sign_out_of_the_provider(trust: Trust, make: Make, provider: Provider) -> None:
    assert make(trust).farewell() == ""
    provider.about["end_session_endpoint"] = f"{provider.url}/logout"
    asked = urlsplit(make(trust).farewell())
    assert f"{asked.scheme}://{asked.netloc}{asked.path}" == f"{provider.url}/logout"
    assert dict(parse_qsl(asked.query)) == {
        "client_id": CLIENT,
        "post_logout_redirect_uri": "http://127.0.0.1:1/",
    }
    provider.about["end_session_endpoint"] = f"{provider.url}/logout?realm=a%26b"
    asked = urlsplit(make(trust).farewell())
    assert dict(parse_qsl(asked.query))["realm"] == "a&b"
    assert SECRET not in asked.query
    for wrong in ("javascript:alert(1)", "/logout", 5, None, "ftp://x.example/", "https://ada:pw@x.example/"):
        provider.about["end_session_endpoint"] = wrong
        assert make(trust).farewell() == ""
    provider.about = {"issuer": "https://other.example"}
    assert make(trust).farewell() == ""


# What does not count


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def joined(*parts: Mapping[str, Any]) -> str:
    return ".".join(base64url(json.dumps(each).encode()) for each in parts)


def none(p: Provider, claims: dict[str, Any]) -> str:
    return joined({"alg": "none", "kid": "rsa"}, claims) + "."


def with_public_key(p: Provider, claims: dict[str, Any], *, how: str = "pem") -> str:
    known = p.rsa.as_pem(private=False) if how == "pem" else json.dumps(p.rsa.as_dict(private=False)).encode()
    text = joined({"alg": "HS256", "kid": "rsa"}, claims)
    return f"{text}.{base64url(hmac.digest(known, text.encode(), 'sha256'))}"


def bent(change: Callable[[str], str]) -> Callable[[Provider, dict[str, Any]], str]:
    return lambda p, claims: change(p.signed(claims))


def headed(**header: Any) -> Callable[[Provider, dict[str, Any]], str]:
    """Return what signs by the right key under a header that a library may not even write."""

    def forge(p: Provider, claims: dict[str, Any]) -> str:
        text = joined({"alg": "RS256", "kid": "rsa", **header}, claims)
        signature = p.rsa.private_key.sign(text.encode(), PKCS1v15(), SHA256())  # type: ignore[union-attr]
        return f"{text}.{base64url(signature)}"

    return forge


def other_claims(**claims: Any) -> Callable[[Provider, dict[str, Any]], str]:
    def forge(p: Provider, right: dict[str, Any]) -> str:
        told = {**right, **claims}
        return p.signed({name: value for name, value in told.items() if value is not None})

    return forge


FORGED: Mapping[str, Callable[[Provider, dict[str, Any]], str]] = {
    "no signature (alg none)": none,
    "alg None in other letters": headed(alg="nOnE"),
    "HS256 by the public key as PEM": with_public_key,
    "HS256 by the public key as JWK": lambda p, c: with_public_key(p, c, how="jwk"),
    "RS512, which we did not ask for": lambda p, c: p.signed(c, {"alg": "RS512"}),
    "PS256, which we did not ask for": lambda p, c: p.signed(c, {"alg": "PS256"}),
    "another key by the same name": lambda p, c: p.signed(c, key=p.other),
    "another key of another kind by the same name": lambda p, c: p.signed(
        c, {"alg": "ES256", "kid": "rsa"}, ECKey.generate_key("P-256")
    ),
    "a key that nobody knows": lambda p, c: p.signed(c, {"kid": "mine"}, p.other),
    "a kid that is a path": lambda p, c: p.signed(c, {"kid": "../../dev/null"}, p.other),
    "a kid that is SQL": lambda p, c: p.signed(c, {"kid": "rsa' OR '1'='1"}, p.other),
    "a kid that is a list": headed(kid=["rsa"]),
    "the key in the header (jwk)": lambda p, c: p.signed(c, {"jwk": p.other.as_dict(private=False)}, p.other),
    "the address of the key (jku)": headed(jku="https://evil.example/keys"),
    "the address of a certificate (x5u)": headed(x5u="https://evil.example/cert"),
    "an extension that must be known (crit)": headed(crit=["exp"], exp=1),
    "an unknown extension (crit)": headed(crit=["x"], x=1),
    "an unencoded body (b64)": headed(crit=["b64"], b64=False),
    "a token of another kind (typ)": headed(typ="at+jwt"),
    "another audience": other_claims(aud="someone-else"),
    "several audiences and no azp": other_claims(aud=[CLIENT, "someone-else"]),
    "several audiences and another azp": other_claims(aud=[CLIENT, "someone-else"], azp="someone-else"),
    "one audience and another azp": other_claims(azp="someone-else"),
    "an audience that only begins like ours": other_claims(aud=f"{CLIENT}-2"),
    "no audience": other_claims(aud=None),
    "another issuer": other_claims(iss="https://evil.example"),
    "an issuer with one more slash": lambda p, c: p.signed({**c, "iss": f"{p.url}/"}),
    "no issuer": other_claims(iss=None),
    "another nonce": other_claims(nonce="another"),
    "no nonce": other_claims(nonce=None),
    "a nonce in a list": lambda p, c: p.signed({**c, "nonce": [c["nonce"]]}),
    "over": lambda p, c: p.signed({**c, "exp": int(time.time()) - 120}),
    "never over": other_claims(exp=None),
    "over when a text is": other_claims(exp="9999999999"),
    "not yet": lambda p, c: p.signed({**c, "nbf": int(time.time()) + 600}),
    "made tomorrow": lambda p, c: p.signed({**c, "iat": int(time.time()) + 86_400}),
    "of nobody": other_claims(sub=None),
    "of somebody without a name": other_claims(sub=""),
    "of a number": other_claims(sub=7),
    "of somebody with a name that has no end": other_claims(sub="a" * 256),
    "for another access token (at_hash)": other_claims(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
    "cut short": bent(lambda token: token[:-10]),
    "without a signature": bent(lambda token: token.rpartition(".")[0] + "."),
    "with a signature of nothing": bent(lambda token: token.rpartition(".")[0] + ".AAAA"),
    "changed by a letter": bent(lambda token: token.replace(".", ".e", 1)),
    "in two parts": bent(lambda token: token.rpartition(".")[0]),
    "in five parts": bent(lambda token: f"{token}.a.b"),
    "of nothing": lambda p, c: "",
    "of no JSON": lambda p, c: "a.b.c",
    "with letters of another alphabet": bent(lambda token: token + "\u00e9"),
    "longer than any": bent(lambda token: token + "A" * 20_000),
}


@pytest.mark.parametrize("how", FORGED)
def test_a_wrong_token_is_refused(way: oidc.Provider, provider: Provider, how: str) -> None:
    provider.forge = FORGED[how]
    with pytest.raises(DeniedError) as refused:
        signed_in(way)
    assert "evil" not in str(refused.value)
    provider.forge = None
    assert signed_in(way)[0].subject == "ann-1", "an honest one counts after it"


def test_there_are_more_than_25_wrong_tokens() -> None:
    assert len(FORGED) >= 25


def test_keys_are_not_read_again_for_every_name_that_somebody_makes_up(way: oidc.Provider, provider: Provider) -> None:
    signed_in(way)
    provider.forge = FORGED["a key that nobody knows"]
    for _ in range(5):
        with pytest.raises(DeniedError):
            signed_in(way)
    assert provider.asked.count("keys") == 1


def test_a_new_key_of_the_provider_is_found(provider: Provider, trust: Trust, store: Store) -> None:
    moment = [0.0]
    client = Client(trust.policy)
    way = oidc.Provider(trust, client, store.passes, clock=lambda: moment[0])
    signed_in(way)
    before = provider.rsa
    provider.rsa = RSAKey.generate_key(2048, {"kid": "new", "use": "sig"})
    provider.forge = lambda p, claims: p.signed(claims, {"kid": "new"})
    try:
        with pytest.raises(DeniedError):
            signed_in(way)
        moment[0] += oidc.AGAIN
        assert signed_in(way)[0].subject == "ann-1"
    finally:
        provider.rsa = before
        way.close()


def test_a_token_without_a_kid_counts_where_only_one_key_can_be_meant(way: oidc.Provider, provider: Provider) -> None:
    provider.forge = lambda p, claims: p.signed(claims, {"kid": None})
    assert signed_in(way)[0].subject == "ann-1"


def test_weak_keys_secret_keys_and_keys_for_other_things_are_none() -> None:
    with pytest.warns(SecurityWarning):
        weak = RSAKey.generate_key(1024, {"kid": "weak"})
    good = RSAKey.generate_key(2048, {"kid": "good"})
    public = good.as_dict(private=False)
    given = [
        weak.as_dict(private=False),
        OctKey.generate_key(256).as_dict(),
        ECKey.generate_key("P-384").as_dict(private=False),
        {**public, "use": "enc"},
        {**public, "alg": "PS256"},
        {"kty": "RSA", "n": "!", "e": "AQAB"},
        {"kty": "RSA"},
        "text",
        None,
        public,
    ]
    assert [each.kid for each in oidc._keys({"keys": given})] == ["good"]
    for wrong in ({}, {"keys": {}}, {"keys": [public] * (oidc.MAX_KEYS + 1)}):
        with pytest.raises(UnavailableError):
            oidc._keys(wrong)


# Who comes back


def test_nobody_comes_back_twice_or_with_what_another_browser_has(way: oidc.Provider) -> None:
    begun, other = way.depart("/"), way.depart("/")
    came = answered(begun.url)
    with pytest.raises(DeniedError, match="another sign-in"):
        way.arrive(came, other.proof)
    way.arrive(came, begun.proof)
    for proof in (begun.proof, other.proof, "", "x", "\ud800", begun.proof + "="):
        with pytest.raises(DeniedError, match="begin again"):
            way.arrive(came, proof)


def test_a_code_of_another_sign_in_buys_nothing(way: oidc.Provider) -> None:
    mine, stolen = way.depart("/"), answered(way.depart("/").url)
    state = dict(parse_qsl(urlsplit(mine.url).query))["state"]
    with pytest.raises(DeniedError, match="does not take the code"):
        way.arrive({**stolen, "state": state}, mine.proof)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"state": ""}, "another sign-in"),
        ({"state": "x"}, "another sign-in"),
        ({"iss": "https://evil.example"}, "another provider"),
        ({"iss": ""}, "another provider"),
        ({"code": ""}, "no code"),
        ({"code": "a\nb"}, "no code"),
        ({"code": "x" * 2_001}, "no code"),
        ({"code": "made-up"}, "does not take the code"),
        ({"error": "access_denied"}, "did not let you in: access_denied"),
        ({"error": "<script>alert(1)</script>"}, "did not let you in: an error"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused(way: oidc.Provider, changed: dict[str, str], said: str) -> None:
    begun = way.depart("/")
    with pytest.raises(DeniedError, match=said):
        way.arrive({**answered(begun.url), **changed}, begun.proof)
    with pytest.raises(DeniedError, match="begin again"):
        way.arrive(answered(begun.url), begun.proof)


def test_somebody_who_says_no_there_is_told_so_here(way: oidc.Provider, provider: Provider) -> None:
    provider.error = "access_denied"
    with pytest.raises(DeniedError, match="access_denied"):
        signed_in(way)


# The provider's documents


@pytest.mark.parametrize(
    "about",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": None},
        {"authorization_endpoint": "https://user@evil.example/"},
    ],
    ids=str,
)
def test_a_provider_that_is_not_the_one_we_know_is_not_asked(
    way: oidc.Provider, provider: Provider, about: dict[str, Any]
) -> None:
    provider.about = about
    with pytest.raises(UnavailableError):
        way.depart("/")


@pytest.mark.parametrize("address", ["http://169.254.169.254/keys", "http://10.0.0.1/keys", "file:///etc/passwd"])
def test_no_document_leads_inside(way: oidc.Provider, provider: Provider, address: str) -> None:
    provider.about = {"jwks_uri": address}
    with pytest.raises(UnavailableError):
        signed_in(way)


@pytest.mark.parametrize(
    "answer",
    [
        lambda body: JSONResponse([body]),
        lambda body: JSONResponse({"access_token": "access"}),
        lambda body: JSONResponse({**body, "id_token": [body["id_token"]]}),
        lambda body: JSONResponse({"error": "invalid_grant"}, 400),
    ],
    ids=["a list", "without a token", "a token in a list", "an error"],
)
def test_an_answer_that_is_no_token_is_refused(
    way: oidc.Provider, provider: Provider, answer: Callable[[dict[str, Any]], Any]
) -> None:
    provider.answer = answer
    with pytest.raises(DeniedError):
        signed_in(way)


def test_an_answer_that_never_ends_is_not_read(way: oidc.Provider, provider: Provider) -> None:
    provider.answer = lambda body: PlainTextResponse("[" * 1_000_000, media_type="application/json")
    with pytest.raises(UnavailableError):
        signed_in(way)


def test_a_provider_that_is_away_is_asked_once_in_a_while(store: Store) -> None:
    trust = Trust("http://127.0.0.1:9", CLIENT, CALLBACK, SECRET)
    quick = replace(trust.policy, attempts=1, backoff=0)
    client = Client(quick)
    way = oidc.Provider(trust, client, store.passes)
    for _ in range(3):
        with pytest.raises(UnavailableError, match="does not answer just now"):
            way.depart("/")
    assert client.counters.requests <= 1
    way.close()


@pytest.mark.parametrize(
    "given",
    [
        {"issuer": "http://id.example"},
        {"issuer": "ftp://id.example"},
        {"issuer": "https://user:pw@id.example"},
        {"issuer": "https://id.example?x=1"},
        {"client_id": ""},
        {"callback": "/signin/callback"},
        {"scopes": "profile"},
        {"role": Role.ADMIN},
        {"role": Role.ANONYMOUS},
    ],
    ids=str,
)
def test_settings_that_cannot_be_are_refused(given: dict[str, Any]) -> None:
    right = Trust("https://id.example/realm", CLIENT, "https://portal.example/signin/callback")
    with pytest.raises(ConfigError):
        replace(right, **given)
