from __future__ import annotations

from discovery.documents.site import Site


def test_a_site_names_its_records_and_itself() -> None:
    site = Site("Portal", "https://p.example")
    assert site.record("a/b") == "https://p.example/records/a%2Fb"
    assert site.catalogue == "https://p.example/catalogue"
    assert site.summary.startswith("Portal finds")
    assert Site("Portal", "https://p.example", "Ours").summary == "Ours"
