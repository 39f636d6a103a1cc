"""What shelves and records say of things that are made here."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from discovery.making import KINDS
from discovery.model.creation import DRAFT, PUBLISHED, Creation
from discovery.model.person import NOBODY, Person, Principal, Role
from discovery.model.record import Link, Record
from discovery.model.source import Mapped, RawRecord
from discovery.portal import Portal
from discovery.query.query import Sort
from discovery.store.creations import Happened
from discovery.store.marks import STAR
from ui import made

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

LAB = Creation("a" * 26, "datalab", "ada", "Lab", {"name": "Lab", "abstract": "*Tools*", "creator": ["Ada", "Bob"],
               "contact": {"email": "a@b.org", "name": "Desk"}, "tools": [{"name": "x", "version": "1"}]})  # fmt: skip
ADA = Principal(Role.DEVELOPER, Person("ada", "Ada"))


def test_the_address_of_a_contact_is_for_its_owner_and_reviewers() -> None:
    def told(who: Principal) -> dict[str, str]:
        return {each.label: each.text for each in made.facts(KINDS["datalab"], LAB, who)}

    assert told(ADA)["Contact"] == "a@b.org Desk"
    assert told(Principal(Role.MODERATOR, Person("mod", "Mod")))["Contact"] == "a@b.org Desk"
    assert told(NOBODY)["Contact"] == "Desk"
    assert (told(NOBODY)["Creator"], told(NOBODY)["Tools"]) == ("Ada, Bob", "x 1")


def test_texts_are_shown_as_markdown_without_scripts() -> None:
    wild = replace(LAB, document={"abstract": "*a* <script>x</script>"})
    (row,) = made.facts(KINDS["datalab"], wild, NOBODY)
    assert row.html is not None
    assert "<em>a</em>" in row.html
    assert "<script" not in row.html


def test_tiles_tell_the_state_and_of_a_newer_version() -> None:
    draft, newer = made.own([LAB, replace(LAB, record="r", state=DRAFT)])
    assert (draft.state, draft.url) == ("Draft", f"/datalabs/{LAB.id}")
    assert "a newer version of what is published" not in draft.facts
    assert "a newer version of what is published" in newer.facts
    assert made.own([replace(LAB, state=PUBLISHED)])[0].mood == "good"


def test_an_excerpt_ends_between_words() -> None:
    (tile,) = made.own([replace(LAB, document={"abstract": "word " * 100})])
    assert tile.about.endswith("word …")
    assert len(tile.about) < 190


def test_history_names_people_who_are_gone(portal: Portal) -> None:
    rows = made.history(
        portal, [Happened(1, 0, "nobody-any-more", "made", DRAFT), Happened(2, 0, "", "published", DRAFT)]
    )
    assert [each.text for each in rows] == ["made by somebody who is not here any more", "published by the operators"]


GITHUB = "https://github.com/deepesdl/cube-gen/blob/main/Permafrost/Create-cube.ipynb"
PULL = "https://deep.example.org/hub/user-redirect/git-pull?repo=x&urlpath=lab%2Ftree%2Fa.ipynb"


def test_a_workflow_says_how_its_notebook_is_opened_and_what_it_is_linked_to(portal: Portal) -> None:
    dataset = Record("osc", "products", "ice", "dataset", "Ice")
    flow = Record(
        "osc", "workflows", "melt", "pipeline", "Melt",
        links=(
            Link("../../products/ice/collection.json", "related"),
            Link("../../products/none/collection.json", "related"),
            Link(GITHUB, "application", "Notebook of melt"), Link(PULL, "application-originating-platform"),
            Link("https://github.com/deepesdl/cube-gen", "git"), Link("javascript:alert(1)//a.ipynb", "notebook"),
        ),
    )  # fmt: skip
    mapped = [Mapped(each, RawRecord(each.container, each.source_id, b"{}")) for each in (dataset, flow)]
    portal.store.ingest.page("osc", portal.store.ledger.begin("osc").id, mapped)
    around = made.around(portal, flow)
    assert [(label, [each.text for each in anchors]) for label, anchors in around.groups] == [("Its datasets", ["Ice"])]
    assert [(each.label, each.text) for each in around.facts] == [
        ("Notebook", "Notebook of melt"),
        ("Start its notebook", "at Binder, which takes some minutes"),
        ("Start its notebook", "at deep.example.org"),
        ("Source code", "https://github.com/deepesdl/cube-gen"),
    ]
    assert around.facts[1].url == (
        "https://mybinder.org/v2/gh/deepesdl/cube-gen/main?urlpath=lab%2Ftree%2FPermafrost%2FCreate-cube.ipynb"
    )


def test_what_most_people_like_comes_first_and_what_has_gone_is_not_among_it(
    portal: Portal, client: TestClient
) -> None:
    labs = made.public(portal, KINDS["datalab"], Sort("title"))
    assert len(labs) >= 3
    for person, record in (("ada", labs[2]), ("bob", labs[2]), ("ada", labs[1])):
        portal.store.marks.set(person, STAR, record.id)
    for other in made.public(portal, KINDS["volume"], Sort("title"))[:1]:
        portal.store.marks.set("ada", STAR, other.id)
    portal.store.marks.set("ada", STAR, "z" * 16)
    try:
        liked = [each.id for each in made.most_liked(portal, KINDS["datalab"])]
        assert liked == [labs[2].id, labs[1].id, labs[0].id, *(each.id for each in labs[3:])]
        assert [each.id for each in made.most_liked(portal, KINDS["datalab"], 1)] == [labs[2].id]
        told = client.get("/datalabs", params={"sort": "-stars", "f": "json"}).json()["public"]
        assert [(each["id"], each["stars"]) for each in told[:3]] == list(zip(liked, (2, 1, 0), strict=False))
        page = client.get("/datalabs", params={"sort": "-stars"}).text
        assert 'href="/datalabs?sort=-stars#public" rel="nofollow" aria-current="true"' in page
        by_name = client.get("/datalabs", params={"f": "json"}).json()["public"]
        assert [each["id"] for each in by_name] == [each.id for each in labs]
        refused = client.get("/datalabs", params={"sort": "-star"})
        assert refused.status_code == 400
        assert "did you mean -stars" in refused.text
    finally:
        for person in ("ada", "bob"):
            for id in portal.store.marks.of(person, STAR):
                portal.store.marks.unset(person, STAR, id)
