"""STAC's storage extension, versions 1 and 2: what is said of the buckets of a document's assets and alternates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from discovery.model.storage import MAX_BUCKETS, PROPERTY, Storage, bucket_of, said

_MOST_ASSETS: Final = 200
_NONE: Final[Mapping[str, Any]] = {}


def properties(document: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, str | tuple[str, ...]]:
    """Return the property that keeps how the buckets of a document are asked; empty where it does not say.

    Args:
        document: An Item, a Collection or a Record.
        given: Its properties, or the document itself where it has none.
    """
    assets = document.get("assets")
    if not isinstance(assets, Mapping):
        return {}
    if all(map(_is_on_the_web, assets.values())):
        return {}
    found: dict[str, Storage] = {}
    for holder, parent in _holders(assets):
        href = holder.get("href")
        bucket = bucket_of(href) if isinstance(href, str) else ""
        if bucket and len(found) < MAX_BUCKETS:
            said_here = _storage(holder, parent, given)
            found[bucket] = found[bucket].over(said_here) if bucket in found else said_here
    texts = said(found)
    return {PROPERTY: texts} if texts else {}


def _is_on_the_web(asset: Any) -> bool:
    """Say at once, as can be of most, that an asset is in no bucket and has no alternate that could be."""
    if type(asset) is not dict or "alternate" in asset:
        return False
    href = asset.get("href")
    return type(href) is str and href.startswith("http")


def _holders(assets: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Yield each asset, and each alternate with its asset, that could be in a bucket."""
    for number, asset in enumerate(assets.values()):
        if number == _MOST_ASSETS:
            return
        if not isinstance(asset, Mapping):
            continue
        yield asset, _NONE
        alternates = asset.get("alternate")
        if isinstance(alternates, Mapping):
            for each in list(alternates.values())[:MAX_BUCKETS]:
                if isinstance(each, Mapping):
                    yield each, asset


def _storage(holder: Mapping[str, Any], parent: Mapping[str, Any], given: Mapping[str, Any]) -> Storage:
    """Return what a holder says itself, its schemes say, its asset says, and what holds for the whole document."""
    out = _plain(holder).over(_scheme(holder, given))
    if not holder.get("storage:refs"):
        # An alternate that names schemes of its own is somewhere else than its asset.
        out = out.over(_plain(parent)).over(_scheme(parent, given)).over(_plain(given))
    return out


def _plain(holder: Mapping[str, Any]) -> Storage:
    """Return what version 1 says, field by field."""
    values = {
        "region": holder.get("storage:region"),
        "requester_pays": holder.get("storage:requester_pays"),
        # Whoever names a way to sign in says that one is needed.
        "anonymous": False if holder.get("auth:refs") else None,
    }
    return Storage.of(values)


def _scheme(holder: Mapping[str, Any], given: Mapping[str, Any]) -> Storage:
    """Return what the first scheme of version 2 says that a holder refers to."""
    refs, schemes = holder.get("storage:refs"), given.get("storage:schemes")
    if not isinstance(refs, list) or not isinstance(schemes, Mapping):
        return Storage()
    for ref in refs[:MAX_BUCKETS]:
        scheme = schemes.get(ref) if isinstance(ref, str) else None
        if isinstance(scheme, Mapping) and str(scheme.get("type", "")).endswith("-s3"):
            return Storage.of(
                {
                    # Amazon's is a template with {bucket} and {region} in it, which is no endpoint and need be none.
                    "endpoint": scheme.get("platform") if scheme.get("type") == "custom-s3" else None,
                    "region": scheme.get("region"),
                    "requester_pays": scheme.get("requester_pays"),
                }
            )
    return Storage()
