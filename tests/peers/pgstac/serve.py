"""Serves items by stac-fastapi upon pgstac: `serve.py DATABASE [COLLECTIONS ITEMS]`, run in pgstac's environment.

DATABASE is the address of an empty database on a server that has PostGIS; the files hold one document a line. The
address of the service is printed when it answers, and before it how long pgstac's own loader took.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from urllib.parse import urlsplit


def say(line: str) -> None:
    """Tell whoever has started this."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Fill the database and serve it until the process is ended."""
    parts = urlsplit(sys.argv[1])
    os.environ |= {
        "PGHOST": parts.hostname or "",
        "PGPORT": str(parts.port),
        "PGUSER": parts.username or "",
        "PGPASSWORD": "",
        "PGDATABASE": parts.path.strip("/"),
        "STAC_FASTAPI_TITLE": "pgstac",
        "STAC_FASTAPI_DESCRIPTION": "pgstac for tests",
        "STAC_FASTAPI_LANDING_ID": "pgstac",
        "STAC_FASTAPI_VERSION": "1.0.0",
    }
    from pypgstac.db import PgstacDB
    from pypgstac.load import Loader, Methods
    from pypgstac.migrate import Migrate

    with PgstacDB() as database:
        Migrate(database).run_migration()
        loader = Loader(db=database)
        began = time.perf_counter()
        for load, file in zip((loader.load_collections, loader.load_items), sys.argv[2:], strict=False):
            load(file, Methods.insert)
        say(f"loaded in {time.perf_counter() - began:.3f} s")
        # It counts what a search finds only when it is told to.
        database.connect().execute(
            "INSERT INTO pgstac.pgstac_settings VALUES ('context', 'on') ON CONFLICT (name) DO UPDATE SET value = 'on'"
        )
    import uvicorn
    from stac_fastapi.pgstac.app import create_app

    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/"

        class Server(uvicorn.Server):
            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                say(address)

        Server(uvicorn.Config(create_app(), log_level="warning", access_log=False)).run([listening])


if __name__ == "__main__":
    main()
