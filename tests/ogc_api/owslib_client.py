"""Asks a catalogue by OWSLib, as QGIS MetaSearch does; runs in an environment that has it, and prints JSON."""

from __future__ import annotations

import json
import sys

from owslib.ogcapi.records import Records

service = Records(sys.argv[1])
name = service.records()[0]
first = service.collection_items(name, limit=3, offset=0)
second = service.collection_items(name, limit=3, offset=3)
record = service.collection_item(name, first["features"][0]["id"])
sys.stdout.write(
    json.dumps(
        {
            "records": service.records(),
            "conforms": service.conformance()["conformsTo"],
            "openapi": service.api()["openapi"],
            "title": service.collection(name)["title"],
            "queryables": list(service.collection_queryables(name)["properties"]),
            "pages": [[each["id"] for each in page["features"]] for page in (first, second)],
            "matched": first["numberMatched"],
            "words": service.collection_items(name, q="sea ice", limit=10)["numberMatched"],
            "box": service.collection_items(name, bbox=[6, 51, 7, 52], limit=10)["numberMatched"],
            "filtered": service.collection_items(name, filter="type = 'volume'")["numberMatched"],
            "record": record["properties"]["title"],
        }
    )
)
