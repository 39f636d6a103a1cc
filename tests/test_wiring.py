"""Parts put together from settings, quickly."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from discovery.config import Settings
from discovery.errors import ConfigError, ConflictError
from discovery.indexer import follow
from discovery.model.person import Role
from discovery.model.record import Record
from discovery.model.source import Mapped, RawRecord, Source
from discovery.query.query import Query
from discovery.wiring import (
    client,
    harvest_lock,
    index_lock,
    open_index,
    open_portal,
    open_store,
    provider,
    vector_engine,
)


def test_a_new_home_is_made_and_answers_with_nothing(tmp_path: Path) -> None:
    portal = open_portal(Settings(tmp_path / "a" / "home"))
    assert portal.search(Query()).records == ()
    portal.close()


def test_an_unknown_engine_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'lucene' is not known; use tantivy or elasticsearch=URL"):
        open_index(Settings(tmp_path, index="lucene"))


def test_rows_of_embeddings_are_held_where_the_settings_say(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="engine 'lucene' is not known; use elasticsearch"):
        vector_engine(Settings(tmp_path), "lucene")
    with pytest.raises(ConfigError, match="set `vectors` to elasticsearch=URL"):
        vector_engine(Settings(tmp_path, vectors="elasticsearch="), "elasticsearch")
    with pytest.raises(ConfigError, match="set `vectors` to elasticsearch=URL"):
        vector_engine(Settings(tmp_path), "elasticsearch")
    there = "elasticsearch=http://127.0.0.1:1"
    for found in (Settings(tmp_path, vectors=there), Settings(tmp_path, index=there)):
        with closing(vector_engine(found, "elasticsearch")) as engine:
            assert engine.kind(768) == "bbq_hnsw"


@pytest.mark.parametrize("index", ["elasticsearch", "elasticsearch=", "elasticsearch=,", "elasticsearch=localhost"])
def test_elasticsearch_needs_an_address(tmp_path: Path, index: str) -> None:
    with pytest.raises(ConfigError, match="elasticsearch"):
        open_index(Settings(tmp_path, index=index))


def test_a_missing_package_is_told_with_the_extra_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("discovery.index.elasticsearch")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "elasticsearch", None)
    with pytest.raises(ConfigError, match=r"install discovery-portal\[elasticsearch\]"):
        open_index(Settings(tmp_path, index="elasticsearch=http://127.0.0.1:9200"))


@pytest.mark.slow
def test_an_engine_is_loaded_only_when_it_is_asked_for(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from discovery import wiring
from discovery.config import Settings
wiring.open_portal(Settings(Path(sys.argv[1]))).close()
print(*({"elasticsearch", "elastic_transport"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


@pytest.mark.peer
def test_one_machine_at_a_time_harvests_a_source(tmp_path: Path, postgresql_url: str) -> None:
    """Two homes stand for two machines; what they share is the server."""
    here, there = (Settings(tmp_path / each, store=postgresql_url) for each in ("here", "there"))
    says = f"source 'a' is being harvested by process {os.getpid()} on "
    with harvest_lock(here, "a").hold(), pytest.raises(ConflictError, match=says), harvest_lock(there, "a").hold():
        pass
    with harvest_lock(here, "a").hold(), harvest_lock(there, "b").hold():
        pass


@pytest.mark.peer
def test_every_machine_finds_what_one_has_harvested(tmp_path: Path, postgresql_url: str) -> None:
    here, there = (open_portal(Settings(tmp_path / each, store=postgresql_url)) for each in ("here", "there"))
    with closing(here), closing(there):
        record = Record("archive", "", "one", "dataset", "Sea ice thickness")
        here.store.ingest.page("archive", 1, [Mapped(record, RawRecord("", "one", b"{}"))])
        for portal in (here, there):
            assert follow(portal.store, portal.index) == 1
            assert [each.record.id for each in portal.search(Query(text="ice")).records] == [record.id]
        here.store.ingest.remove("archive")
        assert follow(there.store, there.index) == 1
        assert there.search(Query(text="ice")).records == ()


@pytest.mark.peer
def test_one_machine_at_a_time_writes_to_an_engine_that_they_share(tmp_path: Path, postgresql_url: str) -> None:
    engine = "elasticsearch=http://127.0.0.1:9200"
    homes = [Settings(tmp_path / each, store=postgresql_url, index=engine) for each in ("here", "there")]
    with (
        index_lock(homes[0]).hold(),
        pytest.raises(ConflictError, match="held by process"),
        index_lock(homes[1]).hold(),
    ):
        pass
    # An index in the home is nobody else's.
    homes = [Settings(tmp_path / each, store=postgresql_url) for each in ("here", "there")]
    with index_lock(homes[0]).hold(), index_lock(homes[1]).hold():
        pass


def test_a_home_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be made"):
        open_store(Settings(tmp_path / "file" / "home"))


def test_each_source_has_a_lock_in_the_home(tmp_path: Path) -> None:
    one, other = (harvest_lock(Settings(tmp_path), name).path for name in ("esa", "eso"))
    assert one != other
    assert one.is_relative_to(tmp_path)


def test_the_host_that_an_operator_named_is_allowed(tmp_path: Path) -> None:
    with client(Settings(tmp_path, contact="ann@x.org"), Source("s", "tap", "http://127.0.0.1:8080/tap")) as opened:
        assert "127.0.0.1:8080" in opened.policy.allow_hosts


@pytest.mark.slow
def test_commands_do_not_load_a_web_framework() -> None:
    code = "import sys, discovery.wiring; print(*({'fastapi', 'starlette', 'strawberry', 'jinja2'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"


@pytest.mark.slow
def test_a_portal_that_cannot_be_opened_leaves_nothing_open(tmp_path: Path) -> None:
    """An open SQLite store would be a ResourceWarning, which is an error here."""
    with pytest.raises(ConfigError, match="index 'none' is not known"):
        open_portal(Settings(tmp_path, index="none"))
    gc.collect()
    assert not list(tmp_path.glob("*-wal"))


def test_the_hosts_that_an_operator_named_may_be_private(tmp_path: Path) -> None:
    source = Source("s", "stac-api", "https://stac.example.org/", settings={"allow_hosts": "a.local, 10.0.0.7:8080"})
    with client(Settings(tmp_path, contact="ops@example.org"), source) as opened:
        assert opened.policy.allows("a.local", 1234)
        assert opened.policy.allows("10.0.0.7", 8080)
        assert opened.policy.allows("stac.example.org", 443)
        assert not opened.policy.allows("10.0.0.7", 80)
        assert "ops@example.org" in opened.policy.user_agent


OIDC = {"oidc_issuer": "https://id.example", "oidc_client_id": "discovery", "url": "https://portal.example/"}


def test_nobody_vouches_for_people_unless_the_operator_has_named_somebody(tmp_path: Path) -> None:
    with closing(open_store(Settings(tmp_path))) as store:
        assert provider(Settings(tmp_path), store) is None


def test_a_provider_is_trusted_as_the_settings_say(tmp_path: Path) -> None:
    found = Settings(tmp_path, oidc_admins="Ann@Example.org, 4711", oidc_role="developer", **OIDC)
    with closing(open_store(found)) as store:
        way = provider(found, store)
        assert way is not None
        way.close()
    assert way.trust.callback == "https://portal.example/signin/callback"
    assert way.trust.admins == {"ann@example.org", "4711"}
    assert way.trust.role is Role.DEVELOPER
    assert way.trust.policy.redirects == 0


@pytest.mark.parametrize(
    "wrong",
    [{"url": ""}, {"oidc_client_id": ""}, {"oidc_role": "admin"}, {"oidc_role": "king"}, {"oidc_issuer": "id.example"}],
    ids=str,
)
def test_a_provider_that_cannot_be_is_told_when_the_portal_starts(tmp_path: Path, wrong: dict[str, str]) -> None:
    found = Settings(tmp_path, **{**OIDC, **wrong})
    with closing(open_store(found)) as store, pytest.raises(ConfigError):
        provider(found, store)


def test_without_its_packages_a_provider_is_told_with_the_extra_that_brings_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "authlib", None)
    monkeypatch.delitem(sys.modules, "discovery.people.oidc", raising=False)
    monkeypatch.delattr("discovery.people.oidc", raising=False)
    for name in [each for each in sys.modules if each.startswith("authlib.")]:
        monkeypatch.setitem(sys.modules, name, None)
    found = Settings(tmp_path, **OIDC)
    with closing(open_store(found)) as store, pytest.raises(ConfigError, match=r"discovery-portal\[oidc\]"):
        provider(found, store)
