"""Putting the parts together from settings, without any web framework, so that commands start fast."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from discovery.config import Settings
from discovery.embeddings.space import MANIFEST
from discovery.errors import ConfigError
from discovery.http import Client, Gates, Kept, Policy
from discovery.lock import Lock
from discovery.model import terms
from discovery.model.person import Role
from discovery.model.source import Source
from discovery.model.volume import absolute
from discovery.store.postgresql import ServerLock
from discovery.store.postgresql import is_address as on_postgresql
from discovery.store.store import Store

if TYPE_CHECKING:
    from discovery.embeddings.held import Engine
    from discovery.embeddings.spaces import Spaces
    from discovery.index.base import Index
    from discovery.meaning.meanings import Meanings
    from discovery.people.oidc import Provider
    from discovery.portal import Portal
    from discovery.query.names.sesame import Sesame

_SPACES = "embeddings"
"""The folder of a home that spaces are in."""


def open_store(settings: Settings) -> Store:
    """Return the store that the settings name, migrated to the newest schema."""
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"the home {settings.home} cannot be made: {error.strerror}") from error
    own_terms(settings)
    return Store(settings.store_url)


def own_terms(settings: Settings) -> None:
    """Have the operator's own names for missions and the like beside ours.

    Raises:
        ConfigError: The file of the settings cannot be read, or says what cannot be.
    """
    terms.use(terms.read(settings.home / settings.terms) if settings.terms else {})


def open_index(settings: Settings) -> Index:
    """Return the search engine that the settings name.

    Raises:
        ConfigError: No engine has that name, or its package is not installed.
    """
    engine, _, address = settings.index.partition("=")
    if settings.index == "tantivy":
        from discovery.index.tantivy import TantivyIndex

        return TantivyIndex(settings.home / "index")
    if engine == "elasticsearch" and address:
        return _elasticsearch(settings, address)
    raise ConfigError(f"index {engine!r} is not known; use tantivy or elasticsearch=URL")


def _elasticsearch(settings: Settings, address: str) -> Index:
    try:
        from discovery.index.elasticsearch import Access, ElasticsearchIndex
    except ModuleNotFoundError as error:
        missing = f"index elasticsearch needs the package {error.name}; install discovery-portal[elasticsearch]"
        raise ConfigError(missing) from error
    return ElasticsearchIndex(
        Access(_addresses(address), key=settings.index_key, ca=settings.index_ca), prefix=settings.index_prefix
    )


def _addresses(text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in text.split(",") if each.strip())


def vector_engine(settings: Settings, name: str) -> Engine:
    """Return what holds rows of embeddings for many machines.

    Raises:
        ConfigError: There is none by that name, its package is not installed, or the settings name no server.
    """
    if name != "elasticsearch":
        raise ConfigError(f"engine {name[:40]!r} is not known; use elasticsearch")
    engine, _, address = (settings.vectors or settings.index).partition("=")
    if engine != "elasticsearch" or not address:
        raise ConfigError("nothing says where Elasticsearch is: set `vectors` to elasticsearch=URL")
    try:
        from discovery.index.elasticsearch import Access, ElasticsearchVectors
    except ModuleNotFoundError as error:
        missing = f"engine elasticsearch needs the package {error.name}; install discovery-portal[elasticsearch]"
        raise ConfigError(missing) from error
    access = Access(_addresses(address), key=settings.index_key, ca=settings.index_ca)
    return ElasticsearchVectors(access, prefix=settings.index_prefix)


def open_portal(settings: Settings) -> Portal:
    """Return the portal over the store and the engine of the settings."""
    from discovery.launch import rules, zones
    from discovery.portal import Portal  # Regions bring astropy, which takes half a second to import.

    own = rules.load(settings.home / settings.launch_rules) if settings.launch_rules else None
    return Portal(
        open_store(settings),
        open_index(settings),
        own,
        operator_token=settings.operator_token,
        sesame=sesame(settings),
        zones=zones.load(settings.home / settings.zones) if settings.zones else None,
        site=settings.url.rstrip("/"),
        spaces=lambda: spaces(settings),
        has_spaces=lambda: any((settings.home / _SPACES).glob(f"*/{MANIFEST}")),
        policy=lambda source: _policy(settings, source),
        mounts=mounts(settings),
        meanings=meanings(settings),
    )


def spaces(settings: Settings) -> Spaces:
    """Return the spaces of embeddings of a home.

    Raises:
        ConfigError: The packages that find near vectors are not installed.
    """
    try:
        from discovery.embeddings.spaces import Spaces
    except ModuleNotFoundError as error:
        raise ConfigError(f"embeddings need the package {error.name}; install discovery-portal[embeddings]") from error
    return Spaces(settings.home / _SPACES, partial(vector_engine, settings), settings.device)


def meanings(settings: Settings) -> Meanings | None:
    """Return what finds resources by the meaning of words, None where the operator has supplied no vectors of words."""
    if not settings.semantic_weights:
        return None
    from discovery.meaning.meanings import Meanings

    return Meanings(settings.home / "meaning", settings.home / Path(settings.semantic_weights).expanduser())


def provider(settings: Settings, store: Store) -> Provider | None:
    """Return who vouches for people that sign in, None where the operator has named nobody.

    Raises:
        ConfigError: The settings that begin with `oidc_` do not fit, or the packages for it are not installed.
    """
    if not settings.oidc_issuer:
        return None
    try:
        from discovery.people import oidc
    except ModuleNotFoundError as error:
        missing = f"oidc_issuer needs the package {error.name}; install discovery-portal[oidc]"
        raise ConfigError(missing) from error
    role = next((each for each in Role if each.word == settings.oidc_role), Role.ANONYMOUS)
    trust = oidc.Trust(
        settings.oidc_issuer,
        settings.oidc_client_id,
        f"{settings.url.rstrip('/')}/signin/callback",
        settings.oidc_client_secret,
        settings.oidc_scopes,
        frozenset(settings.oidc_admins.casefold().replace(",", " ").split()),
        role,
    )
    return oidc.Provider(trust, Client(trust.policy), store.passes)


def mounts(settings: Settings) -> dict[str, str]:
    """Return where the folders of volumes are on this machine, by the paths that the catalogue has for them.

    Raises:
        ConfigError: The setting is not PATH=HERE,PATH=HERE with absolute paths.
    """
    out: dict[str, str] = {}
    for pair in filter(None, (each.strip() for each in settings.mounts.split(","))):
        path, sign, here = (each.strip() for each in pair.partition("="))
        if not sign or absolute(path) in ("", "/") or not absolute(here):
            raise ConfigError(f"mounts has {pair!r}; allowed: PATH=HERE, both absolute, several parted by commas")
        out[absolute(path)] = absolute(here)
    return out


def sesame(settings: Settings) -> Sesame | None:
    """Return what is asked for names that our own tables do not have, None where the operator has named nobody.

    Raises:
        ConfigError: The setting is no address of http or https.
    """
    if not settings.sesame:
        return None
    from discovery.query.names.sesame import PATIENCE, Sesame

    # Somebody waits: a queue behind our other questions is no better than no answer.
    policy = Policy(connect=PATIENCE, read=PATIENCE, slot_wait=PATIENCE).allowing(settings.sesame)
    if settings.contact:
        policy = replace(policy, contact=settings.contact)
    return Sesame(settings.sesame, Client(policy))


def index_lock(settings: Settings) -> Lock:
    """Return the right to write to the index: of a home, or of every machine that shares store and engine."""
    path = settings.home / "index.lock"
    if settings.index == "tantivy" or not on_postgresql(settings.store_url):
        return Lock(path)
    return ServerLock(path, "the index is held", url=settings.store_url, name=f"index {settings.index_prefix}")


def home_lock(settings: Settings) -> Lock:
    """Return what everybody shares who works in a home for longer than a moment, and a restore has alone."""
    return Lock(settings.home / "home.lock")


def harvest_lock(settings: Settings, source: str) -> Lock:
    """Return the right to harvest a source, on this machine and on every other one with the same server as store."""
    path, taken = settings.home / "locks" / f"{source}.lock", f"source {source!r} is being harvested"
    if not on_postgresql(settings.store_url):
        return Lock(path, taken)
    return ServerLock(path, taken, url=settings.store_url, name=f"source {source}")


def checking_client(settings: Settings, source: Source | None = None) -> Client:
    """Return the way to the network for a look whether a file is there, while somebody waits for it."""
    from discovery.launch.existence import PATIENCE

    policy = _policy(settings, source)
    return Client(replace(policy, connect=PATIENCE, read=PATIENCE, total=PATIENCE, slot_wait=PATIENCE, attempts=1))


def client(
    settings: Settings,
    source: Source | None = None,
    *,
    stop: threading.Event | None = None,
    gates: Gates | None = None,
) -> Client:
    """Return the way to the network for a source: the hosts that its operator named are allowed as they are.

    Args:
        settings: Whom to name as the one who asks.
        source: What is to be read.
        stop: Ends every wait and read.
        gates: Those of everybody who talks to sources in this process.
    """
    before = kept(settings, source) if source is not None and source.url.startswith("http") else None
    return Client(_policy(settings, source), stop=stop, gates=gates, kept=before)


def kept(settings: Settings, source: Source) -> Kept:
    """Return the documents of a source that were kept to ask for them again."""
    return Kept(settings.home / "kept" / f"{source.id}.sqlite")


def _policy(settings: Settings, source: Source | None) -> Policy:
    policy = Policy(contact=settings.contact) if settings.contact else Policy()
    if source is not None and source.url.startswith("http"):
        policy = policy.allowing(source.url)
    if source is not None:
        named = source.settings.get("allow_hosts", "").replace(",", " ").split()
        policy = policy.with_hosts(*named)
    return policy
