from __future__ import annotations

import orjson

from discovery.model.record import Record
from discovery.ogc_api.links import Links
from discovery.ogc_api.records import Records
from discovery.portal import Portal
from discovery.query.query import Query

LINKS = Links("https://a.org", "https://a.org/ogc")


def test_a_page_has_the_records_in_its_order_and_leaves_out_what_is_gone(portal: Portal, full: Record) -> None:
    keys = list(portal.store.catalogue.keys([full.id]).values())
    others = portal.keys(Query()).keys[:3]
    found = [orjson.loads(each)["id"] for each in Records(portal, LINKS).page("resources", [*others, 10**9, *keys])]
    assert found == [portal.stored([key])[key].record.id for key in (*others, *keys)]


def test_a_record_alone_leads_to_what_holds_and_opens_it(portal: Portal, full: Record) -> None:
    links = Records(portal, LINKS).alone("resources", full)["links"]
    titles = {each["rel"]: each["title"] for each in links if each["rel"].startswith("discovery:") and "title" in each}
    assert titles["discovery:volume"] == "CryoSat volume"
    assert titles["discovery:datalab"] == "Ice lab"
    assert {each["href"] for each in links if each["rel"] == "discovery:launch"} == {"https://labs.test/start"}


def test_its_own_links_come_after_those_of_where_it_is_served(portal: Portal, full: Record) -> None:
    rels = [each["rel"] for each in Records(portal, LINKS).alone("resources", full)["links"]]
    assert rels[0] == "self"
    assert rels[-3:] == ["about", "enclosure", "preview"]
