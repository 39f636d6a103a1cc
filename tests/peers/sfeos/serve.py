"""Serves STAC by stac-fastapi-elasticsearch: `serve.py ELASTICSEARCH PREFIX`, run in SFEOS's environment.

ELASTICSEARCH is the address of a server, PREFIX begins the names of the indexes. The address of the service is printed
when it answers. Geometries are not indexed: the server that we assemble from its jars has no `geo_shape`.
"""

from __future__ import annotations

import os
import socket
import sys
from urllib.parse import urlsplit

UNMAPPED = '{"properties":{"NAME":{"type":"object","enabled":false}}}'


def main() -> None:
    """Serve until the process is ended."""
    server, prefix = urlsplit(sys.argv[1]), sys.argv[2]
    os.environ |= {
        "ES_HOST": server.hostname or "",
        "ES_PORT": str(server.port),
        "ES_USE_SSL": "false",
        "ES_VERIFY_CERTS": "false",
        "ES_TIMEOUT": "120",
        "DATABASE_REFRESH": "false",
        # Exact counts, as ours are, however long they take.
        "COUNT_TIMEOUT": "60",
        "STAC_FASTAPI_TITLE": "sfeos",
        "STAC_FASTAPI_DESCRIPTION": "SFEOS for a benchmark",
        "STAC_FASTAPI_VERSION": "1.0.0",
        "STAC_FASTAPI_LANDING_PAGE_ID": "sfeos",
        "STAC_FASTAPI_LANDING_ID": "sfeos",
        "STAC_COLLECTIONS_INDEX": f"{prefix}_collections",
        "STAC_ITEMS_INDEX_PREFIX": f"{prefix}_items_",
        "STAC_FASTAPI_ES_CUSTOM_MAPPINGS": UNMAPPED.replace("NAME", "geometry"),
        "STAC_FASTAPI_ES_COLLECTIONS_CUSTOM_MAPPINGS": UNMAPPED.replace("NAME", "bbox_shape"),
    }
    import logging

    import uvicorn
    from stac_fastapi.elasticsearch.app import create_app

    # It tells of each request to its server, which would be measured too.
    logging.disable(logging.INFO)
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/"

        class Server(uvicorn.Server):
            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                sys.stdout.write(f"{address}\n")
                sys.stdout.flush()

        Server(uvicorn.Config(create_app(), log_level="warning", access_log=False)).run([listening])


if __name__ == "__main__":
    main()
