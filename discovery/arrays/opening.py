"""From a way to what may be a store: a folder or an address, an archive, or what is made of references."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from typing import Final

from discovery.arrays import repository, stores, tables
from discovery.arrays.archive import Archive
from discovery.arrays.reach import Reach, above, file_of
from discovery.arrays.references import ReferenceStore, references
from discovery.arrays.repository import RepositoryStore
from discovery.arrays.stores import Budget, Files, Reading
from discovery.arrays.tables import TableStore
from discovery.errors import NotFoundError
from discovery.http import Client

DOCUMENT: Final = ".json"
ARCHIVE: Final = ".zip"


def opened(reach: Reach, client: Client, budget: Budget) -> Generator[Reading, None, None] | None:
    """Return what may be the store that can be reached so, the likeliest first; None for a folder that is not here.

    The next one is looked for when there is no group and no array in the one before; whoever has found one closes it.

    Raises:
        SourceRefusedError: The folder may not be read.
        SourceUnavailableError: What is made of references or packed cannot be had, or what reads it is not installed.
        NotFoundError: There is no such file.
        ValueError: It is damaged, or wants to be computed.
    """
    for end, made in ((DOCUMENT, _referring), (ARCHIVE, _packed)):
        if (found := file_of(reach, end)) is not None:
            folder, key = found
            files = stores.opened(folder, client, budget)
            return None if files is None else made(files, key, reach, client, budget)
    store = stores.opened(reach, client, budget)
    return None if store is None else _kinds(store, reach, client, budget)


def _referring(files: Files, key: str, reach: Reach, client: Client, budget: Budget) -> Generator[Reading, None, None]:
    budget.index = key
    document = files.read(key, None)
    budget.index = None
    if document is None:
        raise NotFoundError(f"there is no {(key or reach.address)[:80]!r}")
    yield ReferenceStore(references(document), reach.url, files, client, budget)


def _packed(files: Files, key: str, _reach: Reach, _client: Client, budget: Budget) -> Generator[Reading, None, None]:
    yield Archive(files, key, budget)


def _kinds(store: Files, reach: Reach, client: Client, budget: Budget) -> Generator[Reading, None, None]:
    yield store
    document = store.read(tables.ABOUT, None)
    if document is not None and tables.is_one(document):
        beside = stores.opened(above(reach), client, budget) or store
        yield TableStore(document, store, reach.url.rstrip("/"), beside, client, budget)
    elif repository.is_one(store, budget):
        with closing(RepositoryStore(store, client, budget)) as found:
            yield found
            found.check()
