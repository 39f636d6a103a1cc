"""Every module has a test file where a reader would look for it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = {"discovery": "tests", "harvesters": "tests/harvesters", "ui": "tests/ui"}
ROOMS["graphql/discovery_graphql"] = "tests/discovery_graphql"

# Modules without a mirror, each with the reason why.
EXCEPTIONS = {
    "discovery/cli/context.py": "tests/test_cli.py runs the commands as people do",
    "discovery/cli/datalabs.py": "tests/cli/test_made.py runs them",
    "discovery/cli/duplicates.py": "tests/test_cli.py runs the commands as people do",
    "discovery/cli/exporting.py": "the same",
    "discovery/cli/harvests.py": "the same",
    "discovery/cli/launches.py": "the same",
    "discovery/cli/links.py": "the same",
    "discovery/cli/jobs.py": "the same",
    "discovery/cli/opening.py": "the same",
    "discovery/cli/operators.py": "the same",
    "discovery/cli/people.py": "the same",
    "discovery/people/kept.py": "a contract; tests/people/test_people.py holds the store to it",
    "discovery/cli/pipelines.py": "tests/cli/test_made.py runs them",
    "discovery/cli/volumes.py": "the same",
    "discovery/cli/previews.py": "tests/test_cli.py runs the commands as people do",
    "discovery/cli/quarantine.py": "the same",
    "discovery/cli/runs.py": "the same",
    "discovery/cli/searches.py": "the same",
    "discovery/cli/services.py": "the same",
    "discovery/cli/serving.py": "the same",
    "discovery/cli/sources.py": "the same",
    "discovery/cli/terms.py": "the same",
    "discovery/cli/upkeep.py": "the same",
    "discovery/demo/adql.py": "tests/demo/test_replay.py asks it every question over HTTP",
    "discovery/demo/votable.py": "tests/demo/test_replay.py reads every answer with a parser that is not ours",
    "discovery/embeddings/table.py": "a contract; the tests of files, arrow and zarr hold each kind of file to it",
    "discovery/index/base.py": "a contract; its suite in discovery/testing runs on every engine",
    "discovery/index/elasticsearch/engine.py": "one engine; tests/index/test_elasticsearch.py holds it to all",
    "discovery/index/elasticsearch/mapping.py": "the same",
    "discovery/index/elasticsearch/questions.py": "the same",
    "discovery/index/elasticsearch/scope.py": "the same",
    "discovery/index/elasticsearch/search.py": "the same",
    "discovery/index/elasticsearch/server.py": "the same",
    "discovery/index/tantivy/engine.py": "one engine in five files; tests/index/test_tantivy.py holds it to all",
    "discovery/index/tantivy/folder.py": "the same",
    "discovery/index/tantivy/questions.py": "the same",
    "discovery/index/tantivy/schema.py": "the same",
    "discovery/index/tantivy/search.py": "the same",
    "ui/people_contexts.py": "values; tests/ui/test_me.py and test_persons.py read the pages that are made of them",
    "ui/harvest_contexts.py": "values; tests/ui/test_admin.py reads the pages that are made of them",
    "ui/launch_contexts.py": "values; tests/ui/test_launches.py reads the pages that are made of them",
    "ui/launching.py": "tests/ui/test_launches.py reads the pages that are made by it",
    "discovery/launch/targets/base.py": "a protocol; the tests of every target hold it",
    "discovery/testing/count_contract.py": "a suite of tests itself; it runs in tests/index",
    "discovery/testing/index_catalogue.py": "cases of the suite beside it",
    "discovery/testing/index_contract.py": "a suite of tests itself; it runs in tests/index",
    "discovery/steward/tasks.py": "tests/steward/test_worker.py has each of them done",
    "graphql/discovery_graphql/made.py": "tests/discovery_graphql/test_doing.py asks for what was done, over HTTP",
    "graphql/discovery_graphql/locating.py": "the same",
    "harvesters/parting.py": "tests/harvesters/test_cluster.py has every part walked by it",
    "harvesters/taking.py": "tests/harvesters/test_run.py holds it to everything a page may bring",
    "harvesters/base.py": "a contract of values and one protocol; each harvester's own tests hold it",
    "discovery/testing/index_machine.py": "a suite of tests itself; it runs in tests/index",
}


def mirror(module: str) -> str:
    """Return where the tests of a module are, both as paths from the root."""
    room = max((room for room in ROOMS if module.startswith(f"{room}/")), key=len)
    inside = Path(module).relative_to(room)
    return (Path(ROOMS[room]) / inside.parent / f"test_{inside.name}").as_posix()


def modules() -> list[str]:
    """Committed modules only, so that one half-written beside us is not our failure."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", *ROOMS], cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        listed = [path.relative_to(ROOT).as_posix() for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    return sorted(
        name
        for name in listed
        if name.endswith(".py") and not Path(name).name.startswith("__") and "migrations" not in Path(name).parts
    )


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("discovery/errors.py", "tests/test_errors.py"),
        ("discovery/store/sql.py", "tests/store/test_sql.py"),
        ("harvesters/tap.py", "tests/harvesters/test_tap.py"),
        ("graphql/discovery_graphql/schema.py", "tests/discovery_graphql/test_schema.py"),
    ],
)
def test_a_mirror_is_found_by_its_name(module: str, expected: str) -> None:
    assert mirror(module) == expected


def test_every_module_has_its_mirror_or_a_reason() -> None:
    lonely = {
        name: mirror(name) for name in modules() if name not in EXCEPTIONS and not (ROOT / mirror(name)).is_file()
    }
    assert lonely == {}


def test_no_exception_outlives_its_reason() -> None:
    assert [name for name in EXCEPTIONS if (ROOT / mirror(name)).is_file()] == []
