"""Every record of the demo, of all standards that it was harvested by, is a valid record and comes back as it went."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator

from discovery import wiring
from discovery.app import create_app
from discovery.config import Settings
from discovery.demo.load import load
from discovery.model.ogc import to_ogc_record
from discovery.model.record import RESOURCES, record_id
from harvesters.defaults import Defaults
from harvesters.ogc_record import to_record
from harvesters.stac import format_name

pytestmark = pytest.mark.long


def test_all_records_of_the_demo_are_valid_and_come_back(tmp_path: Path) -> None:
    settings = Settings(tmp_path)
    door = wiring.open_portal(settings)
    load(door, settings, quiet=True)
    client = TestClient(create_app(settings, door, steward=False), base_url="http://127.0.0.1")
    schema = client.get("/ogc/api").json()["components"]["schemas"]["record"]
    # OpenAPI 3.0 says by a word of its own what may be null, and its references lead into the description.
    plain = orjson.dumps(schema).replace(b'"#/components/schemas/link"', b'"#/$defs/link"')
    valid = Draft202012Validator({**orjson.loads(plain), "$defs": {"link": {"type": "object", "required": ["href"]}}})
    catalogue = door.store.catalogue
    stored = catalogue.many(list(catalogue.keys(row["id"] for row in catalogue.export()).values()))
    assert len(stored) > 2_000
    for each in stored.values():
        record = each.record
        document = orjson.loads(orjson.dumps(to_ogc_record(record)))
        nulls = {name for name in ("time", "geometry") if document[name] is None}
        wrong = [error for error in valid.iter_errors(document) if error.path[0] not in nulls]
        assert wrong == [], record.id
        dataset = record_id("copy", RESOURCES, record.dataset) if record.dataset else ""
        # Who makes a datalab writes what it opens as programs call it; what is harvested has the names for people.
        formats = tuple(dict.fromkeys(map(format_name, record.formats)))
        wanted = replace(record, source="copy", container=RESOURCES, source_id=record.id, id="", dataset=dataset)
        wanted = replace(wanted, formats=formats)
        found = to_record(document, RESOURCES, record.id, Defaults("copy"), otherwise="dataset")
        assert replace(found, issues=()) == replace(wanted, issues=())
    door.close()
