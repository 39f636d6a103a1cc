"""Bringing a store to the newest schema; forward only, each step in one transaction."""

from __future__ import annotations

import logging
from pathlib import Path

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from discovery.errors import ConfigError
from discovery.store import postgresql, schema

_log = logging.getLogger(__name__)


def upgrade(engine: Engine, found: str | None) -> None:
    """Run every migration that the store has not seen.

    Raises:
        ConfigError: The store was written by a newer version of Discovery.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    if found is not None and found not in {script.revision for script in scripts.walk_revisions()}:
        raise ConfigError(
            f"the store has schema {found}, newer than {schema.HEAD} of this version of Discovery; upgrade Discovery"
        )

    if found is not None:
        # Whoever waits for a portal to start should know what for.
        _log.warning("the store goes from schema %s to %s; a million records take minutes", found, schema.HEAD)

    def steps(revision: str, _context: object) -> object:
        return scripts._upgrade_revs(schema.HEAD, revision)  # noqa: SLF001

    with (
        EnvironmentContext(config, scripts, fn=steps, destination_rev=schema.HEAD) as environment,
        engine.connect().execution_options(writes=True) as connection,
        connection.begin(),
    ):
        environment.configure(connection=connection, target_metadata=schema.metadata, transactional_ddl=True)
        environment.run_migrations()
        if connection.dialect.name == "postgresql":
            postgresql.fit(connection)
