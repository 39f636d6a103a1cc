"""Serves records, features and a coverage by pygeoapi: `serve.py FOLDER RECORDS`, run in pygeoapi's environment.

RECORDS is a file of OGC Records, one a line. Everything that pygeoapi needs is written into FOLDER; its address is
printed when it answers.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

import numpy
import rasterio
import yaml
from rasterio.transform import from_origin
from tinydb import TinyDB


def load(file: Path, records: list[dict[str, Any]]) -> None:
    """Make pygeoapi's database of records."""
    for record in records:
        given = record["properties"]
        given["externalId"] = record["id"]
        given["_metadata-anytext"] = f"{given.get('title', '')} {given.get('description', '')}"
    file.unlink(missing_ok=True)
    with TinyDB(file) as database:
        database.insert_multiple(records)


def coverage(file: Path) -> None:
    """Write a small raster."""
    cells = numpy.arange(200, dtype="float32").reshape(1, 10, 20)
    form = {"driver": "GTiff", "width": 20, "height": 10, "count": 1, "dtype": "float32", "crs": "EPSG:4326"}
    with rasterio.open(file, "w", transform=from_origin(5, 50, 0.5, 0.5), **form) as out:
        out.write(cells)


def features(file: Path, count: int = 30) -> None:
    """Write some points."""
    found = [
        {
            "type": "Feature",
            "id": str(n),
            "geometry": {"type": "Point", "coordinates": [n, n / 2]},
            "properties": {"name": f"Station {n}", "height": n * 10},
        }
        for n in range(count)
    ]
    file.write_text(json.dumps({"type": "FeatureCollection", "features": found}), encoding="utf-8")


def resource(title: str, kind: str, provider: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return the settings of one collection."""
    return {
        "type": "collection",
        "title": title,
        "description": f"{title} for tests",
        "keywords": ["test", kind],
        "links": [
            {"type": "text/html", "rel": "canonical", "title": "About", "href": f"https://example.org/{kind}"},
        ],
        "extents": {
            "spatial": {"bbox": [-20, 30, 40, 70], "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"},
            "temporal": {"begin": "2011-11-11T00:00:00Z", "end": None},
        },
        "providers": [{"type": kind, **provider}],
        **more,
    }


def settings(folder: Path, port: int) -> dict[str, Any]:
    """Return pygeoapi's configuration."""
    records = {"name": "TinyDBCatalogue", "data": str(folder / "records.tinydb"), "id_field": "externalId"}
    raster = {
        "name": "rasterio",
        "data": str(folder / "raster.tif"),
        "format": {"name": "GTiff", "mimetype": "image/tiff"},
    }
    person = {"name": "Somebody", "url": "https://example.org"}
    return {
        "server": {
            "bind": {"host": "127.0.0.1", "port": port},
            "url": f"http://127.0.0.1:{port}",
            "mimetype": "application/json; charset=UTF-8",
            "encoding": "utf-8",
            "languages": ["en-US"],
            "limits": {"default_items": 10, "max_items": 500},
            "map": {"url": "https://example.org/{z}/{x}/{y}.png", "attribution": "none"},
        },
        "logging": {"level": "ERROR"},
        "metadata": {
            "identification": {
                "title": "Records of a peer",
                "description": "pygeoapi as a peer",
                "keywords": ["test"],
                "keywords_type": "theme",
                "terms_of_service": "https://creativecommons.org/licenses/by/4.0/",
                "url": "https://example.org",
            },
            "license": {"name": "CC-BY 4.0", "url": "https://creativecommons.org/licenses/by/4.0/"},
            "provider": person,
            "contact": person,
        },
        "resources": {
            "catalogue": resource(
                "Records", "record", {**records, "time_field": "updated", "title_field": "title"}
            ),
            "stations": resource(
                "Stations", "feature", {"name": "GeoJSON", "data": str(folder / "stations.json"), "id_field": "id"}
            ),
            "raster": resource("Raster", "coverage", {**raster, "options": {"DATA_ENCODING": "COG"}}),
        },
    }  # fmt: skip


def main(folder: Path, records: Path) -> None:
    """Write what is served, then serve it until the process is ended."""
    load(folder / "records.tinydb", [json.loads(line) for line in records.read_text(encoding="utf-8").splitlines()])
    features(folder / "stations.json")
    coverage(folder / "raster.tif")
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        port = listening.getsockname()[1]
        (folder / "config.yml").write_text(yaml.safe_dump(settings(folder, port)), encoding="utf-8")
        os.environ["PYGEOAPI_CONFIG"] = str(folder / "config.yml")
        os.environ["PYGEOAPI_OPENAPI"] = str(folder / "openapi.json")
        from pygeoapi.openapi import get_oas

        described = get_oas(yaml.safe_load((folder / "config.yml").read_text(encoding="utf-8")))
        (folder / "openapi.json").write_text(json.dumps(described, default=str), encoding="utf-8")
        from pygeoapi.flask_app import APP
        from werkzeug.serving import WSGIRequestHandler, make_server

        WSGIRequestHandler.protocol_version = "HTTP/1.1"
        server = make_server("127.0.0.1", port, APP, threaded=True, fd=listening.fileno())
        sys.stdout.write(f"http://127.0.0.1:{port}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
