"""What people do by GraphQL, with their tokens, over a real store: stars, volumes of their own, datalabs, launches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from discovery import indexer
from discovery.index.tantivy import TantivyIndex
from discovery.model.datalab_document import FIELDS
from discovery.model.person import HARVEST, LAUNCH, READ, WRITE, Role
from discovery.model.record import Asset, Record
from discovery.model.source import Mapped, RawRecord
from discovery.portal import Portal
from discovery.store.store import Store
from discovery_graphql import router
from discovery_graphql.doing import DatalabDocument

pytestmark = pytest.mark.slow

VOLUME: Final = Record(
    "cat",
    "volumes",
    "planck",
    "volume",
    "Planck legacy",
    missions=("astronomy/planck",),
    assets=(Asset("https://pla.example/data/", key="twin"),),
    numbers={"size": 5e12},
    properties={"mount_path": "/media/data/planck", "slug": "planck", "zones": ("esac",), "read_only": "true"},
)
LAB: Final = Record(
    "cat",
    "labs",
    "healpix",
    "datalab",
    "Healpix lab",
    missions=("astronomy/planck",),
    properties={"interface": "lab", "version": "1.2", "tools": ("healpy 1.17",), "zones": ("esac",)},
)
MAP: Final = Record(
    "cat",
    "maps",
    "map-1",
    "dataset",
    "A map of the sky",
    missions=("astronomy/planck",),
    assets=(Asset("https://pla.example/data/map-1.fits", key="data", media_type="image/fits", roles=("data",)),),
)
IDEA: Final = Record("cat", "projects", "idea", "project", "An idea")
RECORDS: Final = (VOLUME, LAB, MAP, IDEA)
Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    home: Path = tmp_path_factory.mktemp("doing")
    portal = Portal(Store(f"sqlite:///{home / 'store.db'}"), TantivyIndex(home / "index"))
    mapped = [Mapped(each, RawRecord(each.container, each.source_id, b"{}")) for each in RECORDS]
    portal.store.ingest.page("cat", 1, mapped)
    indexer.follow(portal.store, portal.index)
    yield portal
    portal.close()


@pytest.fixture(scope="module")
def token(portal: Portal) -> Callable[..., str]:
    """Return `token(name, role, *scopes)`: one of somebody of a role."""

    def made(name: str, role: Role = Role.USER, *scopes: str) -> str:
        who = portal.people.who(None, portal.people.welcome("https://idp.example", name, name.title(), role=role))
        return portal.people.make_token(who, "test", scopes or (READ, WRITE, LAUNCH), 1)[0]

    return made


@pytest.fixture(scope="module")
def client(portal: Portal) -> Iterator[TestClient]:
    app = FastAPI()
    app.include_router(router(portal))
    with TestClient(app) as opened:
        yield opened


@pytest.fixture(scope="module")
def ask(client: TestClient) -> Ask:
    """Return `ask(token, query, **variables)`: the whole answer."""

    def asked(token: str, query: str, **variables: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer: dict[str, Any] = client.post(
            "/graphql", json={"query": query, "variables": variables}, headers=headers
        ).json()
        return answer

    return asked


@pytest.fixture(scope="module")
def data(ask: Ask) -> Ask:
    """Return `data(token, query, **variables)`: the data of an answer without errors."""

    def asked(token: str, query: str, **variables: Any) -> dict[str, Any]:
        answer = ask(token, query, **variables)
        assert "errors" not in answer, answer["errors"]
        found: dict[str, Any] = answer["data"]
        return found

    return asked


STAR: Final = (
    "mutation ($id: ID!, $on: Boolean!) { star(id: $id, on: $on) { record { stars starred } errors { code } } }"
)
ADD: Final = (
    "mutation ($input: AddToVolumeInput!) { addToVolume(input: $input) { "
    "selection { id name version isQuery address totalCount { value } records { id } lost { id why } } "
    "errors { code message path } } }"
)
SUBMIT: Final = (
    "mutation ($input: DatalabInput!) { submitDatalab(input: $input) { "
    "creation { id state version recordId document mayEdit mayDecide } errors { code message path } } }"
)
MODERATE: Final = (
    "mutation ($input: ModerationInput!) { moderate(input: $input) { "
    "creation { id state version recordId history { act state reason } } errors { code message path } } }"
)
WRITING: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    (STAR, {"id": MAP.id, "on": True}),
    ('mutation { mount(id: "x") { errors { code } } }', {}),
    (ADD, {"input": {"records": [MAP.id], "name": "x"}}),
    (SUBMIT, {"input": {"document": {}}}),
    (MODERATE, {"input": {"id": "x", "version": 1, "decision": "ACCEPT"}}),
    ("mutation { launchDatalab(input: {records: []}) { errors { code } } }", {}),
    ('mutation { stopLaunch(id: "x") { errors { code } } }', {}),
)


@pytest.mark.parametrize(("query", "variables"), WRITING)
def test_nothing_is_done_for_those_whom_we_do_not_know_or_whose_token_is_not_for_it(
    ask: Ask, token: Callable[..., str], query: str, variables: dict[str, Any]
) -> None:
    for shown in ("", "wrong", token("reader", Role.ADMIN, READ), token("harvester", Role.ADMIN, HARVEST)):
        answer = ask(shown, query, **variables)
        assert [each["extensions"]["code"] for each in answer["errors"]] == ["denied"], answer
        assert answer["data"] is None


@pytest.mark.parametrize(("query", "variables"), [WRITING[3], WRITING[4]])
def test_a_role_that_is_too_low_is_refused(
    ask: Ask, token: Callable[..., str], query: str, variables: dict[str, Any]
) -> None:
    answer = ask(token("ada"), query, **variables)
    assert [each["extensions"]["code"] for each in answer["errors"]] == ["denied"]


def test_a_cookie_opens_nothing(client: TestClient, portal: Portal) -> None:
    session = portal.people.enter(portal.people.invite())
    assert session is not None
    cookies = {"cookie": f"discovery={session}; session={session}"}
    answer = client.post("/graphql", json={"query": "{ me { id } }"}, headers=cookies).json()
    assert answer["data"] == {"me": None}


def test_stars_are_counted_and_are_ones_own(data: Ask, token: Callable[..., str]) -> None:
    ada, bob = token("ada"), token("bob")
    found = [data(who, STAR, id=IDEA.id, on=True)["star"] for who in (ada, ada, bob)]
    assert found[-1] == {"record": {"stars": 2, "starred": True}, "errors": []}
    assert data(bob, STAR, id=IDEA.id, on=False)["star"]["record"] == {"stars": 1, "starred": False}
    query = "{ search { nodes { id stars starred } } }"
    for who, starred in ((ada, True), (bob, False), ("", False)):
        nodes = {each["id"]: each for each in data(who, query)["search"]["nodes"]}
        assert nodes[IDEA.id] == {"id": IDEA.id, "stars": 1, "starred": starred}
        assert nodes[MAP.id]["stars"] == 0
    assert data(ada, "{ me { stars { id } } }")["me"] == {"stars": [{"id": IDEA.id}]}
    missing = data(ada, STAR, id="nope", on=True)["star"]
    assert missing == {"record": None, "errors": [{"code": "not_found"}]}


def test_volumes_are_added_to_ones_own(data: Ask, token: Callable[..., str]) -> None:
    ada = token("ada")
    query = "mutation ($id: ID!) { mount(id: $id) { record { id } errors { code path } } }"
    assert data(ada, query, id=VOLUME.id)["mount"] == {"record": {"id": VOLUME.id}, "errors": []}
    assert data(ada, "{ me { volumes { mountPath } } }")["me"]["volumes"] == [{"mountPath": "/media/data/planck"}]
    wrong = data(ada, query, id=MAP.id)["mount"]
    assert wrong == {"record": None, "errors": [{"code": "bad_query", "path": "id"}]}
    off = "mutation ($id: ID!) { mount(id: $id, on: false) { errors { code } } }"
    assert data(ada, off, id=VOLUME.id)["mount"] == {"errors": []}
    assert data(ada, "{ me { volumes { id } } }")["me"]["volumes"] == []


def test_records_are_kept_under_a_name_and_added_to(data: Ask, ask: Ask, token: Callable[..., str]) -> None:
    ada, bob = token("ada"), token("bob")
    made = data(ada, ADD, input={"records": [MAP.id], "name": "My maps"})["addToVolume"]
    assert made["errors"] == []
    kept = made["selection"]
    assert (kept["name"], kept["isQuery"], kept["totalCount"]) == ("My maps", False, {"value": 1})
    assert kept["address"] == f"/selection?id={MAP.id}"
    more = {"id": kept["id"], "version": kept["version"], "records": [IDEA.id, "2222222222222222"]}
    added = data(ada, ADD, input=more)["addToVolume"]["selection"]
    assert [each["id"] for each in added["records"]] == [MAP.id, IDEA.id]
    assert added["lost"] == [{"id": "2222222222222222", "why": "unknown"}]
    again = data(ada, ADD, input=more)["addToVolume"]
    assert (again["selection"], [each["code"] for each in again["errors"]]) == (None, ["conflict"])
    both = data(ada, ADD, input={"id": kept["id"], "name": "x", "records": []})["addToVolume"]["errors"]
    assert [each["path"] for each in both] == ["name"]
    many = {"name": "x", "records": [f"{n:016}" for n in range(101)]}
    assert [each["code"] for each in data(ada, ADD, input=many)["addToVolume"]["errors"]] == ["limit"]
    assert [each["name"] for each in data(ada, "{ me { selections { name } } }")["me"]["selections"]] == ["My maps"]
    mine = "query ($id: ID!) { selection(id: $id) { name visibility } creation(id: $id) { id } }"
    answer = ask(ada, mine, id=kept["id"])
    assert answer["data"] == {"selection": {"name": "My maps", "visibility": "PRIVATE"}, "creation": None}
    for other in (bob, ""):
        answer = ask(other, mine, id=kept["id"])
        assert answer["data"] == {"selection": None, "creation": None}
        assert {each["extensions"]["code"] for each in answer["errors"]} == {"not_found"}
    assert data(bob, ADD, input=more)["addToVolume"]["errors"][0]["code"] == "not_found"


DOCUMENT: Final = {
    "name": "Maps of the sky",
    "alternateName": "jl-maps",
    "abstract": "Draw maps.",
    "contact": {"email": "ann@example.org", "name": "Ann"},
    "creator": ["Ann Lee"],
    "version": "1.0",
    "tools": [{"name": "healpy", "version": "1.17"}],
}


def test_every_field_of_a_datalab_can_be_written() -> None:
    names = [each.name for each in DatalabDocument.__strawberry_definition__.fields]  # type: ignore[attr-defined]
    assert names == [each.name for each in FIELDS]


def test_a_datalab_is_handed_in_decided_on_and_published(
    data: Ask, ask: Ask, token: Callable[..., str], portal: Portal
) -> None:
    dev, mod = token("dev", Role.DEVELOPER), token("mod", Role.MODERATOR)
    wrong = data(dev, SUBMIT, input={"document": {**DOCUMENT, "contact": {"email": "no"}, "version": "x" * 99}})
    problems = wrong["submitDatalab"]["errors"]
    assert {each["code"] for each in problems} == {"document"}
    assert {each["path"] for each in problems} == {"contact.email", "version"}
    made = data(dev, SUBMIT, input={"document": DOCUMENT})["submitDatalab"]["creation"]
    assert (made["state"], made["recordId"], made["mayDecide"]) == ("REVIEW", None, False)
    assert made["document"]["contact"] == {"email": "ann@example.org", "name": "Ann"}
    (waiting,) = data(mod, "{ reviews { id mayDecide name } }")["reviews"]
    assert waiting == {"id": made["id"], "mayDecide": True, "name": "Maps of the sky"}
    assert ask(dev, "{ reviews { id } }")["errors"][0]["extensions"]["code"] == "denied"
    decision = {"id": made["id"], "version": made["version"], "decision": "REJECT"}
    silent = data(mod, MODERATE, input=decision)["moderate"]["errors"]
    assert [(each["code"], each["path"]) for each in silent] == [("bad_query", "reason")]
    rejected = data(mod, MODERATE, input={**decision, "reason": "Say more."})["moderate"]["creation"]
    assert rejected["state"] == "DRAFT"
    # Whoever rejects it does not see it any more; its owner reads why.
    assert rejected["history"] == []
    past = "query ($id: ID!) { creation(id: $id) { history(first: 1) { act state reason } } }"
    assert data(dev, past, id=made["id"])["creation"]["history"] == [
        {"act": "rejected", "state": "DRAFT", "reason": "Say more."}
    ]
    longer = {**DOCUMENT, "abstract": "Draw maps of the whole sky."}
    draft = {"document": longer, "id": made["id"], "version": rejected["version"], "draft": True}
    kept = data(dev, SUBMIT, input=draft)["submitDatalab"]["creation"]
    assert kept["state"] == "DRAFT"
    assert [each["code"] for each in data(dev, SUBMIT, input=draft)["submitDatalab"]["errors"]] == ["conflict"]
    again = {"document": longer, "id": made["id"], "version": kept["version"]}
    handed = data(dev, SUBMIT, input=again)["submitDatalab"]["creation"]
    accept = {"id": made["id"], "version": handed["version"], "decision": "ACCEPT"}
    done = data(mod, MODERATE, input=accept)["moderate"]["creation"]
    assert done["state"] == "PUBLISHED"
    query = "query ($id: ID!) { node(id: $id) { ... on Datalab { title slug interface version tools } } }"
    assert data("", query, id=done["recordId"])["node"] == {
        "title": "Maps of the sky",
        "slug": "jl-maps",
        "interface": "lab",
        "version": "1.0",
        "tools": ["healpy (1.17)"],
    }
    mine = "{ me { name role scopes creations(kind: DATALAB) { id state } } }"
    assert data(dev, mine)["me"] == {
        "name": "Dev",
        "role": "DEVELOPER",
        "scopes": ["launch", "read", "write"],
        "creations": [{"id": made["id"], "state": "PUBLISHED"}],
    }
    assert "ann@example.org" not in str(data("", "{ search(first: 100) { nodes { id contacts { name url } } } }"))
    decided = "query ($id: ID!) { creation(id: $id) { id } }"
    assert ask("", decided, id=made["id"])["errors"][0]["extensions"]["code"] == "not_found"


LAUNCH_IT: Final = (
    "mutation ($input: LaunchInput!) { launchDatalab(input: $input) { "
    "launch { id status page target records open title } errors { code path } } }"
)


def test_a_launch_is_started_once_followed_and_stopped_by_its_person_alone(
    data: Ask, ask: Ask, token: Callable[..., str]
) -> None:
    ada, bob = token("ada"), token("bob")
    asked = {"records": [MAP.id], "target": "download", "id": "a" * 26}
    first, second = (data(ada, LAUNCH_IT, input=asked)["launchDatalab"] for _ in range(2))
    assert first["errors"] == []
    launch = first["launch"]
    assert launch["id"] == second["launch"]["id"] == "a" * 26
    assert (launch["target"], launch["records"], launch["page"]) == ("download", [MAP.id], f"/launches/{'a' * 26}")
    query = "query ($id: ID!) { launch(id: $id) { id status } }"
    assert data(ada, query, id=launch["id"])["launch"]["status"] == launch["status"]
    for other in (bob, ""):
        answer = ask(other, query, id=launch["id"])
        assert answer["data"] == {"launch": None}
        assert answer["errors"][0]["extensions"]["code"] == ("not_found" if other else "denied")
    assert [each["id"] for each in data(ada, "{ me { launches { id } } }")["me"]["launches"]] == [launch["id"]]
    stop = "mutation ($id: ID!) { stopLaunch(id: $id) { launch { open ended } errors { code } } }"
    assert data(bob, stop, id=launch["id"])["stopLaunch"] == {"launch": None, "errors": [{"code": "not_found"}]}
    stopped = data(ada, stop, id=launch["id"])["stopLaunch"]
    assert (stopped["errors"], stopped["launch"]["open"]) == ([], False)


def test_a_kept_selection_is_launched_by_its_name_and_by_those_who_may_see_it(
    data: Ask, token: Callable[..., str]
) -> None:
    ada, bob = token("ada"), token("bob")
    kept = data(ada, ADD, input={"records": [MAP.id, IDEA.id], "name": "My deep maps"})["addToVolume"]["selection"]
    asked = {"selection": kept["id"], "target": "download", "id": "b" * 26}
    payload = data(ada, LAUNCH_IT, input=asked)["launchDatalab"]
    assert payload["errors"] == []
    assert (payload["launch"]["title"], payload["launch"]["records"]) == ("My deep maps", [MAP.id, IDEA.id])
    one = {**asked, "records": [IDEA.id], "id": "c" * 26}
    assert data(ada, LAUNCH_IT, input=one)["launchDatalab"]["launch"]["records"] == [IDEA.id]
    for wish in ({**asked, "id": "d" * 26}, {**one, "id": "e" * 26}):
        refused = data(bob, LAUNCH_IT, input=wish)["launchDatalab"]
        assert (refused["launch"], [each["code"] for each in refused["errors"]]) == (None, ["not_found"])


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({}, "bad_query"),
        ({"records": []}, "bad_query"),
        ({"records": ["2222222222222222"]}, "not_found"),
        ({"records": [MAP.id], "zone": "moon"}, "unknown_field"),
        ({"records": [MAP.id], "target": "moon"}, "unknown_field"),
        ({"records": [MAP.id], "datalab": "moon"}, "unknown_field"),
        ({"records": [MAP.id], "id": "../../etc"}, "bad_query"),
    ],
)
def test_what_cannot_be_launched_is_told(
    data: Ask, token: Callable[..., str], asked: dict[str, Any], code: str
) -> None:
    payload = data(token("ada"), LAUNCH_IT, input=asked)["launchDatalab"]
    assert payload["launch"] is None
    assert [each["code"] for each in payload["errors"]] == [code]


def test_a_document_launches_only_so_much(ask: Ask, token: Callable[..., str]) -> None:
    one = f'launchDatalab(input: {{records: ["{MAP.id}"], target: "download"}}) {{ errors {{ code }} }}'
    answer = ask(token("ada"), "mutation { " + " ".join(f"l{n}: {one}" for n in range(6)) + " }")
    assert answer["errors"][0]["extensions"] == {"code": "limit", "limit": "graphql-cost"}


def test_a_record_says_where_it_is_and_what_opens_it_and_why(data: Ask) -> None:
    query = (
        "query ($id: ID!) { record(id: $id) { locations { located reason { code } files { key mediaType "
        "places { kind address volume rule } } } "
        "heldBy { reason volume { id mountPath readOnly zones size twins slug } } "
        "openedBy { reason datalab { id version tools zones } } } }"
    )
    found = data("", query, id=MAP.id)["record"]
    (file,) = found["locations"]["files"]
    assert found["locations"]["located"] is True
    assert file["places"][0] == {
        "kind": "VOLUME",
        "address": "/media/data/planck/map-1.fits",
        "volume": VOLUME.id,
        "rule": file["places"][0]["rule"],
    }
    assert file["places"][1]["kind"] == "HTTPS"
    assert found["heldBy"] == [
        {
            "reason": "PATH",
            "volume": {
                "id": VOLUME.id,
                "mountPath": "/media/data/planck",
                "readOnly": True,
                "zones": ["esac"],
                "size": 5_000_000_000_000,
                "twins": ["https://pla.example/data/"],
                "slug": "planck",
            },
        }
    ]
    labs = {each["datalab"]["id"]: each for each in found["openedBy"]}
    assert labs[LAB.id] == {
        "reason": "MISSION",
        "datalab": {"id": LAB.id, "version": "1.2", "tools": ["healpy 1.17"], "zones": ["esac"]},
    }
    nowhere = data("", query, id=IDEA.id)["record"]["locations"]
    assert nowhere == {"located": False, "reason": {"code": "project"}, "files": []}


def test_names_and_addresses_are_located(data: Ask, ask: Ask) -> None:
    query = (
        "query ($name: String!) { locate(name: $name) { record { id title } "
        "locations { located files { name } } places { kind address volume } } }"
    )
    for name in (MAP.id, f"https://portal.example/records/{MAP.id}"):
        found = data("", query, name=name)["locate"]
        assert found["record"] == {"id": MAP.id, "title": "A map of the sky"}
        assert found["locations"]["located"] is True
        assert found["places"] == []
    address = data("", query, name="https://pla.example/data/other.fits")["locate"]
    assert (address["record"], address["locations"]) == (None, None)
    assert address["places"][0] == {
        "kind": "VOLUME",
        "address": "/media/data/planck/other.fits",
        "volume": VOLUME.id,
    }
    for wrong in ("nope", "10.1234/none", "ivo://none/none", "https://pla.example/data/../../etc/passwd\x00"):
        assert ask("", query, name=wrong)["errors"][0]["extensions"]["code"] in {"not_found", "bad_query"}
