"""A Dask cluster, by the client that talks to its scheduler; its workers have the same version of Discovery."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from discovery.errors import ConfigError, UnavailableError

CONNECT: Final = 10.0
"""Seconds within which a scheduler has to answer."""


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Hold a client of the cluster at an address while the block runs.

    Args:
        address: That of its scheduler, such as tcp://HOST:8786.

    Raises:
        ConfigError: The package that talks to clusters is not installed.
        UnavailableError: No scheduler answers.
    """
    try:
        import distributed
    except ModuleNotFoundError as error:
        raise ConfigError(f"--dask needs the package {error.name}; install discovery-portal[dask]") from error
    try:
        client = distributed.Client(address, timeout=CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise UnavailableError(f"no Dask scheduler answers at {address[:200]}: {error}") from error
    try:
        yield client
    finally:
        client.close()
