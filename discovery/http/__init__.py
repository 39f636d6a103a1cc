"""The one safe and polite HTTP client, for every protocol; `Client` is where to begin."""

from discovery.http.address import Resolver, is_public, system_resolver
from discovery.http.answer import Response, conditions, decode_json
from discovery.http.body import Body
from discovery.http.client import Client, Counters, Params
from discovery.http.kept import Kept
from discovery.http.pace import Gates
from discovery.http.policy import Policy
from discovery.http.redaction import has_credentials, is_signed, redact

__all__ = [
    "Body",
    "Client",
    "Counters",
    "Gates",
    "Kept",
    "Params",
    "Policy",
    "Resolver",
    "Response",
    "conditions",
    "decode_json",
    "has_credentials",
    "is_public",
    "is_signed",
    "redact",
    "system_resolver",
]
