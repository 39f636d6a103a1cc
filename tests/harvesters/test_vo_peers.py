"""The standards beside ObsCore, held to a DaCHS whose tables, queries and answers are not ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from discovery.http import Client
from discovery.model.instant import instant
from discovery.model.source import COMPLETE, Report, Source
from discovery.store.store import Store
from harvesters.regtap import discover

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.timeout(300)]

Harvest = Callable[..., Report]
GRANULES = """
DELETE FROM epn.epn_core;
INSERT INTO epn.epn_core (granule_uid, granule_gid, obs_id, dataproduct_type, target_name, target_class,
  time_min, time_max,
  spectral_range_min, spectral_range_max, c1min, c1max, c2min, c2max, spatial_frame_type, instrument_host_name,
  instrument_name, processing_level, creation_date, modification_date, release_date, service_title, access_url,
  access_format, access_estsize)
SELECT 'g' || n, 'cal', 'o' || n, 'im', 'Mars', 'planet', 2453015.5 + n, 2453015.75 + n, 3e14, 8e14,
  n % 340, n % 340 + 5,
  -10, 10, 'body', 'Mars Express', 'HRSC', 3, '2015-01-01', timestamp '2020-01-01' + n * interval '1 hour',
  '2015-06-01',
  'hrsc', 'https://data.example/' || n || '.img', 'application/x-pds', 100
FROM generate_series(1, 6000) AS n;
"""
REGISTRY = """
DELETE FROM rr.resource; DELETE FROM rr.capability; DELETE FROM rr.interface; DELETE FROM rr.res_detail;
DELETE FROM rr.res_table;
INSERT INTO rr.resource (ivoid, res_type, short_name, res_title, res_description) VALUES
  ('ivo://a/tap', 'vs:catalogservice', 'A TAP', 'O''Brien''s quasars', 'all of them'),
  ('ivo://b/tap', 'vs:catalogservice', 'B TAP', 'Catalogues', 'no observations'),
  ('ivo://c/epn', 'vs:catalogresource', 'HRSC', 'Mars in stereo', 'images of Mars');
INSERT INTO rr.capability (ivoid, cap_index, standard_id) VALUES ('ivo://a/tap', 1, 'ivo://ivoa.net/std/tap'),
  ('ivo://a/tap', 2, 'ivo://ivoa.net/std/vosi#capabilities'), ('ivo://b/tap', 1, 'ivo://ivoa.net/std/tap'),
  ('ivo://c/epn', 1, 'ivo://ivoa.net/std/tap#aux');
INSERT INTO rr.interface (ivoid, cap_index, intf_index, intf_role, access_url) VALUES
  ('ivo://a/tap', 1, 1, 'std', 'http://a.example/tap'), ('ivo://a/tap', 1, 2, 'std', 'https://a.example/tap'),
  ('ivo://a/tap', 2, 1, 'std', 'https://a.example/tap/capabilities'), ('ivo://b/tap', 1, 1, 'std', 'https://b.example/tap'),
  ('ivo://c/epn', 1, 1, 'std', 'https://c.example/tap');
INSERT INTO rr.res_detail (ivoid, cap_index, detail_xpath, detail_value) VALUES
  ('ivo://a/tap', 1, '/capability/dataModel/@ivo-id', 'ivo://IVOA.net/std/ObsCore#core-1.1'),
  ('ivo://b/tap', 1, '/capability/dataModel/@ivo-id', 'ivo://ivoa.net/std/RegTAP#1.1');
INSERT INTO rr.res_table (ivoid, table_name, table_utype) VALUES
  ('ivo://c/epn', 'hrsc.epn_core', 'ivo://ivoa.net/std/epntap#table-2.0'), ('ivo://b/tap', 'public.t', 'x');
"""


def here(store: Store, kind: str = "observation") -> set[str]:
    return {row["source_id"] for row in store.catalogue.export() if row["kind"] == kind}


def test_every_granule_of_epn_tap_comes_and_later_only_what_has_changed(
    dachs: Any, store: Store, harvest: Harvest
) -> None:
    dachs.sql(GRANULES)
    source = Source("s", "epntap", dachs.url, settings={"table": "epn.epn_core"})
    report = harvest(source)
    assert (report.status, report.counts.added, report.counts.quarantined) == (COMPLETE, 6001, 0)
    assert here(store) == {f"g{n}" for n in range(1, 6001)}
    assert here(store, "dataset") == {"hrsc"}
    record = store.catalogue.find("s", "epn.epn_core", "g7").record
    assert (record.extent.frame, record.extent.bbox) == ("mars", (7.0, -10.0, 12.0, 10.0))
    assert record.extent.start == instant("2004-01-18T00:00:00Z")
    assert record.numbers["wavelength_min"] == pytest.approx(3.747e-7, rel=1e-3)
    assert (record.level, record.assets[0].size, record.issues) == ("CODMAC 3", 100_000, ())
    dachs.sql(
        "UPDATE epn.epn_core SET target_name = 'Phobos', modification_date = '2031-01-01' WHERE granule_uid = 'g7'"
    )
    report = harvest(source)
    assert (report.status, report.counts.updated) == (COMPLETE, 1)
    assert report.counts.seen < 100
    assert store.catalogue.find("s", "epn.epn_core", "g7").record.extent.frame == "phobos"


def test_a_registry_of_another_make_understands_what_it_is_asked(dachs: Any, client: Client) -> None:
    dachs.sql(REGISTRY)
    found = discover(client, dachs.url)
    assert [(each.standard, each.url, each.table, each.title) for each in found.found] == [
        ("obscore", "https://a.example/tap", "ivoa.ObsCore", "O'Brien's quasars"),
        ("epntap", "https://c.example/tap", "hrsc.epn_core", "Mars in stereo"),
    ]
    assert [each.ivoid for each in discover(client, dachs.url, words=["o'brien", "quasars"]).found] == ["ivo://a/tap"]
    assert [each.ivoid for each in discover(client, dachs.url, words=["stereo"]).found] == ["ivo://c/epn"]
    assert discover(client, dachs.url, words=["nothing"]).found == ()


def test_every_image_of_sia2_comes_although_an_answer_holds_a_part(dachs: Any, store: Store, harvest: Harvest) -> None:
    url = f"{dachs.url.removesuffix('/tap')}/__system__/siap2/sitewide/siap2.xml"
    images = "FROM ivoa.obscore WHERE dataproduct_type IN ('image', 'cube')"
    report = harvest(Source("s", "sia2", url, settings={"collections": "", "page": "4000"}))
    assert report.status == COMPLETE
    there = {did for (did,) in dachs.sql(f"SELECT obs_publisher_did {images} AND t_min IS NOT NULL")}
    assert len(there) > 4000
    assert there <= here(store)
    assert here(store, "dataset") == {name for (name,) in dachs.sql(f"SELECT DISTINCT obs_collection {images}")}


def test_the_tables_of_a_service_are_datasets(dachs: Any, store: Store, harvest: Harvest) -> None:
    report = harvest(Source("s", "tap", dachs.url, settings={"map": "tap-tables"}))
    assert (report.status, report.counts.quarantined) == (COMPLETE, 0)
    found = here(store, "dataset")
    assert {"ivoa.obscore", "disco.changing", "epn.epn_core"} <= {each.lower() for each in found}
    assert not any(each.lower().startswith("tap_schema") for each in found)
    record = store.catalogue.find("s", "TAP_SCHEMA.tables", "epn.epn_core").record
    assert (record.kind, record.product_type, record.properties["collection"]) == ("dataset", "catalogue", "epn")


def test_a_map_may_join_tables(dachs: Any, store: Store, harvest: Harvest, tmp_path: Path) -> None:
    dachs.sql(REGISTRY)
    (tmp_path / "joined.toml").write_text(
        'name = "joined"\ntable = "rr.interface"\nid = "access_url"\nkind = "service"\n'
        'relation = "SELECT i.access_url, r.res_title, c.standard_id FROM rr.interface AS i '
        "JOIN rr.capability AS c ON i.ivoid = c.ivoid AND i.cap_index = c.cap_index "
        "JOIN rr.resource AS r ON i.ivoid = r.ivoid WHERE i.intf_role = 'std'\"\n"
        '[fields]\ntitle = "res_title"\nkeyword = "standard_id"\nurl = "access_url"\n'
    )
    report = harvest(Source("s", "tap", dachs.url, settings={"map": str(tmp_path / "joined.toml")}))
    assert (report.status, report.counts.quarantined) == (COMPLETE, 0)
    assert len(here(store, "service")) == 5
    record = store.catalogue.find("s", "rr.interface", "https://c.example/tap").record
    assert (record.title, record.keywords) == ("Mars in stereo", ("ivo://ivoa.net/std/tap#aux",))
