"""A cluster that is not there, or cannot be talked to, is an error that says so."""

from __future__ import annotations

import sys

import pytest

from discovery import cluster
from discovery.errors import ConfigError, UnavailableError


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(cluster, "CONNECT", 0.3)
    for address in ("tcp://127.0.0.1:1", "nothing like an address"):
        answer = pytest.raises(UnavailableError, match="no Dask scheduler answers at")
        with answer, cluster.connected(address):
            pass


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ConfigError, match=r"install discovery-portal\[dask\]"), cluster.connected("tcp://127.0.0.1:1"):
        pass
