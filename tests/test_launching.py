"""The life of launches over a real store: started once, followed from wherever they are, and nobody else's."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from discovery.errors import (
    BadQueryError,
    ConflictError,
    DeniedError,
    DiscoveryError,
    LimitError,
    NotFoundError,
    UnavailableError,
    UnknownFieldError,
)
from discovery.launch.opening import Around, Opening, opening
from discovery.launch.rules import shipped
from discovery.launch.zones import BINDER, HERE, HUB, Place, Size, Zone, Zones
from discovery.launching import Launching, Wish
from discovery.model.creation import PRIVATE, PUBLIC, SELECTION
from discovery.model.launch import ASKED, FAILED, READY, STARTING, STOPPED, STOPPING, State
from discovery.model.person import LAUNCH, NOBODY, READ, Person, Principal, Role
from discovery.model.record import Asset, Record
from discovery.people import People
from discovery.store.launches import new_id
from discovery.store.schema import launches
from discovery.store.store import Store
from discovery.testing.targets import Scripted

IMAGE = f"registry.example/lab@sha256:{'0' * 64}"
ADA = Principal(Role.USER, Person("ada" * 5 + "a", "Ada"), frozenset({READ, LAUNCH}), "s")
EVE = replace(ADA, person=Person("eve" * 5 + "e", "Eve"))


def record(name: str, kind: str = "dataset", **more: object) -> Record:
    return Record(source="s", container="", source_id=name, kind=kind, title=name.title(), **more)  # type: ignore[arg-type]


VOLUME = record("planck", "volume", missions=("astronomy/planck",), properties={"mount_path": "/media/data/pla"})
FAR = record("far", "volume", missions=("astronomy/planck",), properties={"mount_path": "/media/data/far"})
CCF = record("ccf", "volume", properties={"mount_path": "/media/data/ccf"})
LAB = record("lab", "datalab", properties={"interface": "lab", "image": IMAGE, "volumes": [CCF.id]})
EVIL = record("evil", "datalab", properties={"interface": "lab", "image": f"evil.example/x@sha256:{'1' * 64}"})
MAPS = tuple(
    record(
        f"map-{n}",
        missions=("astronomy/planck",),
        assets=(Asset(f"https://pla.example/map-{n}.fits", "data", "Map", "image/fits", ("data",)),),
    )
    for n in range(3)
)
VOLUMES = replace(VOLUME, assets=(Asset("https://pla.example/", "twin", "", "", ()),))
AROUND = Around.of([VOLUMES, FAR, CCF, LAB, EVIL])
RECORDS = {each.id: each for each in (*MAPS, LAB, EVIL)}


def find(id: str) -> Opening:
    if id not in RECORDS:
        raise NotFoundError(f"no record {id}")
    return opening(RECORDS[id], shipped(), AROUND)


SIZES = (Size("small", "Small", 1, "2G"), Size("large", "Large", 8, "32G", 1))
HUB_PLACE = Place("hub", HUB, "The hub", "https://hub.example", servers=2, images=(IMAGE,), sizes=SIZES)
ZONES = Zones(
    (
        Zone("far", "FAR", volumes=("far",), places=(replace(HUB_PLACE, images=()),)),
        Zone(
            "near",
            "NEAR",
            volumes=("pla", "ccf"),
            places=(HUB_PLACE, Place("binder", BINDER, "B", "https://b.example")),
        ),
        HERE,
    )
)
Made = tuple[Launching, Scripted]


@pytest.fixture
def made(store: Store) -> Made:
    target = Scripted(HUB_PLACE)
    return Launching(store, ZONES, find, People(store), site="https://portal.example", build=lambda _: target), target


WISH = Wish((MAPS[0].id, MAPS[1].id), "near", "hub")


def test_the_zone_where_the_files_are_comes_first_with_its_volumes(made: Made) -> None:
    found = made[0].choices(Wish((MAPS[0].id,)))
    assert [each.name for each in found.zones] == ["near", "far", "here"]
    assert (found.zone.name, found.place.name) == ("near", "hub")
    assert [each.id for each in found.mounted] == [VOLUME.id]
    assert found.absent == ()
    assert {each.datalab.id for each in found.datalabs} == {LAB.id, EVIL.id}
    assert found.title == "Map-0"
    far = made[0].choices(Wish((MAPS[0].id,), "far"))
    assert far.mounted == ()
    assert [each.id for each in far.absent] == [VOLUME.id]
    assert made[0].choices(WISH).title == "Map-0 and 1 more"
    own = made[0].choices(Wish((MAPS[0].id,), "here", "download"))
    assert own.mounted == ()


def test_a_datalab_is_launched_by_itself_where_its_image_may_be_started(made: Made) -> None:
    by_itself = made[0].choices(Wish((LAB.id,), datalab=LAB.id))
    assert (by_itself.zone.name, by_itself.place.name, by_itself.image) == ("near", "hub", IMAGE)
    assert [each.datalab.id for each in by_itself.datalabs] == [LAB.id]
    assert [each.id for each in by_itself.mounted] == [CCF.id]
    assert (by_itself.title, by_itself.notebook.name) == ("Lab", f"lab-{LAB.id}.ipynb")
    # Without a word about where, the zone of its volumes is meant; without those the first one that starts it.
    assert made[0].choices(Wish((LAB.id,))).zone.name == "near"
    assert made[0].choices(Wish((EVIL.id,))).zone.name == "far"
    with pytest.raises(DeniedError, match="is not allowed at The hub in FAR"):
        made[0].choices(Wish((LAB.id,), "far", datalab=LAB.id))
    with pytest.raises(DeniedError, match="the image of Evil is not allowed"):
        made[0].choices(Wish((EVIL.id,), datalab=EVIL.id))
    with pytest.raises(UnknownFieldError, match="datalab"):
        made[0].choices(Wish((LAB.id,), datalab=EVIL.id))


def test_health_is_asked_once_in_a_while(made: Made) -> None:
    for _ in range(5):
        assert made[0].choices(WISH).health.ok
    assert made[1].asked == 1


@pytest.mark.parametrize(
    ("wish", "error", "words"),
    [
        (Wish(()), BadQueryError, "name a record"),
        (Wish(("../../etc/passwd",)), BadQueryError, "not the id of a record"),
        (Wish(("a" * 16,)), NotFoundError, "no record"),
        (Wish(tuple(record(f"other-{n}").id for n in range(101))), LimitError, "more than a notebook opens"),
        (replace(WISH, zone="moon"), UnknownFieldError, "zone 'moon'"),
        (replace(WISH, target="shell"), UnknownFieldError, "target"),
        (replace(WISH, size="huge"), UnknownFieldError, "size"),
        (replace(WISH, datalab="x" * 16), UnknownFieldError, "datalab"),
        (replace(WISH, volumes=("../x",)), UnknownFieldError, "volume"),
        (replace(WISH, volumes=("a" * 16,) * 21), LimitError, "volumes"),
        (replace(WISH, datalab=EVIL.id), DeniedError, "the image of Evil is not allowed at The hub in NEAR"),
        (replace(WISH, datalab=LAB.id, zone="far"), DeniedError, "is not allowed"),
        (replace(WISH, file="nothing"), UnknownFieldError, "file"),
    ],
)
def test_what_cannot_be_launched_is_refused_in_words(
    made: Made, wish: Wish, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        made[0].choices(wish)
    with pytest.raises(error, match=words):
        made[0].launch(ADA, new_id(), wish)
    assert made[1].orders == []
    assert made[0].of(ADA) == []


HOSTILE: list[dict[str, Any]] = [
    *(
        {"records": (each,)}
        for each in ("../../etc/passwd", "a" * 17, "A" * 16, "a\x00" * 8, "x; rm -rf /", "", "*", "%2e%2e/x")
    ),
    *(
        {"zone": each}
        for each in ("../near", "near/hub", "NEAR", "near\n", "__class__", "'; DROP TABLE launches; --", "{{7*7}}")
    ),
    *({"target": each} for each in ("shell", "../hub", "hub ", "hub\x00", "http://evil.example", "download", "lab")),
    *(
        {"datalab": each}
        for each in (EVIL.id, f"evil.example/x@sha256:{'0' * 64}", "../x", MAPS[0].id, VOLUME.id, f"{LAB.id}\n")
    ),
    *(
        {"volumes": (each,)}
        for each in (
            "/etc",
            "../../etc",
            "/var/run/docker.sock",
            "hostPath:/",
            "pla",
            f"{VOLUME.id}:rw",
            MAPS[0].id,
            "",
            "\ud800",
        )
    ),
    *({"size": each} for each in ("huge", "999", "cpu=999", "__init__", "large\n", "../large")),
    *({"file": each} for each in ("../../x", "/etc/passwd", "http://evil.example/x.fits", "$(id)")),
    *({"selection": each} for each in ("../../x", "a" * 26, "'' OR 1=1")),
]


@pytest.mark.parametrize("given", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_wish_starts_nothing(made: Made, given: dict[str, Any]) -> None:
    assert len(HOSTILE) >= 40
    launching, target = made
    with pytest.raises(DiscoveryError) as refused:
        launching.launch(ADA, new_id(), replace(WISH, **given))
    assert str(refused.value)
    assert (target.orders, launching.of(ADA)) == ([], [])


def test_a_launch_sends_ids_alone_and_its_notebook_comes_once_for_its_pass(made: Made) -> None:
    launching, target = made
    kept = launching.launch(ADA, new_id(), replace(WISH, datalab=LAB.id, size="large"))
    assert (kept.status, kept.message) == (STARTING, "starting")
    order = target.orders[0]
    assert order.launch.asked.volumes == (VOLUME.id, CCF.id)
    assert (order.launch.asked.image, order.launch.asked.size, order.launch.datalab) == (IMAGE, "large", LAB.id)
    assert order.notebook not in repr(order)
    written = launching.notebook(order.notebook)
    assert written.name == order.launch.asked.notebook
    text = json.dumps(json.loads(written.content))
    assert all(f"map-{n}.fits" in text for n in (0, 1))
    for used in (order.notebook, f"{kept.id}.x", kept.id, "", "x" * 300):
        with pytest.raises(DeniedError, match="gives no notebook"):
            launching.notebook(used)
    assert launching.notebook_of(ADA, kept.id).content == written.content
    with pytest.raises(NotFoundError):
        launching.notebook_of(EVE, kept.id)


def test_the_notebook_of_a_launch_cites_its_records_and_finds_them_again(made: Made) -> None:
    launching, target = made
    launching.launch(ADA, new_id(), WISH)
    found: dict[str, Any] = {}
    cells = [
        "".join(each["source"]) for each in json.loads(launching.notebook(target.orders[0].notebook).content)["cells"]
    ]
    exec(next(each for each in cells if "DATA = " in each), found)
    data = found["DATA"]
    assert data["page"] == f"https://portal.example/selection?id={MAPS[0].id}&id={MAPS[1].id}"
    assert data["again"] == f"{data['page']}&f=ndjson"
    assert [each["citation"].split(" (")[0] for each in data["records"]] == ["Map-0", "Map-1"]


def keep(store: Store, owner: Principal, visibility: str = PRIVATE, name: str = "Deep fields") -> str:
    document = {"ids": [each.id for each in MAPS]}
    return store.creations.add(SELECTION, owner.id, name, document, visibility=visibility).id


def test_a_kept_selection_names_its_launch_and_its_folder_comes_once(store: Store) -> None:
    person = store.people.welcome("https://idp.example", "ada", name="Ada", email="ada@example.org")
    ada = replace(ADA, person=person)
    target = Scripted(HUB_PLACE)
    launching = Launching(store, ZONES, find, People(store), site="https://portal.example", build=lambda _: target)
    id = keep(store, ada)
    kept = launching.launch(ada, new_id(), replace(WISH, selection=id))
    order = target.orders[0]
    assert (kept.asked.title, order.launch.asked.selection) == ("Deep fields", id)
    said = launching.folder(order.notebook)
    assert said["folder"] == f"deep-fields-{id[:6]}"
    assert [each["name"] for each in said["files"]] == ["map-0.fits", "map-1.fits"]
    assert said["files"][0]["volumes"] == [{"volume": VOLUME.id, "path": "/media/data/pla/map-0.fits"}]
    for used in (order.notebook, f"{kept.id}.x", kept.id, ""):
        with pytest.raises(DeniedError, match="gives no folder"):
            launching.folder(used)
    # The notebook is another thing that the same pass is good for, once.
    assert f"/selections/{id}" in launching.notebook(order.notebook).content.decode()
    other = launching.launch(ada, new_id(), WISH)
    with pytest.raises(DeniedError, match="gives no folder"):
        launching.folder(target.orders[1].notebook)
    assert other.asked.selection == ""


def test_a_selection_that_is_somebody_elses_is_not_there(made: Made, store: Store) -> None:
    launching, target = made
    id = keep(store, EVE)
    said = []
    for each in (id, "z" * 26):
        with pytest.raises(NotFoundError, match="or it was not shared with you") as refused:
            launching.launch(ADA, new_id(), replace(WISH, selection=each))
        said.append(str(refused.value).replace(each, "ID"))
    assert said[0] == said[1], "whoever is shut out does not learn that it is there"
    with pytest.raises(NotFoundError):
        launching.choices(replace(WISH, selection=id))
    assert target.orders == []
    assert launching.choices(replace(WISH, selection=keep(store, EVE, PUBLIC))).title == "Deep fields"


def test_a_selection_that_is_shared_no_more_gives_no_folder_and_no_name(store: Store) -> None:
    person = store.people.welcome("https://idp.example", "ada", name="Ada", email="ada@example.org")
    ada, target = replace(ADA, person=person), Scripted(HUB_PLACE)
    launching = Launching(store, ZONES, find, People(store), build=lambda _: target)
    id = keep(store, EVE, PUBLIC, "Secret plan")
    launching.launch(ada, new_id(), replace(WISH, selection=id))
    store.creations.save(replace(store.creations.get(id), visibility=PRIVATE), person=EVE.id)
    with pytest.raises(NotFoundError, match="shared no more"):
        launching.folder(target.orders[0].notebook)
    assert b"Secret plan" not in launching.notebook(target.orders[0].notebook).content


def test_a_double_click_is_one_launch(made: Made) -> None:
    launching, target = made
    id = new_id()
    with ThreadPoolExecutor(6) as pool:
        kept = list(pool.map(lambda _: launching.launch(ADA, id, WISH), range(6)))
    assert len({each.id for each in kept}) == 1
    assert len(target.orders) == 1
    with pytest.raises(ConflictError, match="somebody else"):
        launching.launch(EVE, id, WISH)
    with pytest.raises(BadQueryError, match="not confirmed"):
        launching.launch(ADA, "short", WISH)


def test_nobody_launches_without_the_right_and_no_token_without_its_scope(made: Made) -> None:
    for who in (NOBODY, replace(ADA, scopes=frozenset({READ})), replace(ADA, role=Role.ANONYMOUS)):
        with pytest.raises(DeniedError):
            made[0].launch(who, new_id(), WISH)
    assert made[1].orders == []


def test_a_quota_has_its_sentence_and_ends_with_a_stop(made: Made) -> None:
    launching, target = made
    first = launching.launch(ADA, new_id(), WISH)
    launching.launch(ADA, new_id(), WISH)
    with pytest.raises(LimitError, match="you have 2 running there already"):
        launching.launch(ADA, new_id(), WISH)
    target.now = State(STOPPED)
    assert launching.stop(ADA, first.id).status == STOPPED
    assert launching.stop(ADA, first.id).status == STOPPED
    target.now = State(STARTING)
    launching.launch(ADA, new_id(), WISH)
    launching.launch(EVE, new_id(), WISH)


def test_a_launch_is_followed_from_wherever_it_is(made: Made) -> None:
    launching, target = made
    id = launching.launch(ADA, new_id(), WISH).id
    with pytest.raises(ConflictError, match="is starting and cannot be opened"):
        launching.address(ADA, id)
    target.now = UnavailableError("The hub does not answer just now; nothing is lost")
    away = launching.follow(ADA, id)
    assert (away.status, away.message) == (STARTING, "The hub does not answer just now; nothing is lost")
    target.now = State(READY)
    assert launching.follow(ADA, id).status == READY
    assert launching.address(ADA, id) == "https://hub.example/user/x/y/lab?token=opensesame"
    assert [each.id for each in launching.of(ADA, running=True)] == [id]
    target.now = State(STOPPING)
    assert launching.stop(ADA, id).status == STOPPING
    target.now = State(READY)
    assert launching.follow(ADA, id).status == STOPPING, "a hub that is slow to stop does not make it ready again"
    target.now = State(STOPPED, "the server has ended")
    assert launching.follow(ADA, id).status == STOPPED
    assert launching.of(ADA, running=True) == []
    for act in (launching.follow, launching.stop, launching.address):
        with pytest.raises(NotFoundError, match="no such launch of yours"):
            act(EVE, id)


def test_a_hub_that_is_down_fails_the_launch_and_keeps_what_was_wanted(made: Made) -> None:
    launching, target = made
    target.now = UnavailableError("The hub does not answer just now; nothing is lost")
    failed = launching.launch(ADA, new_id(), WISH)
    assert failed.status == FAILED
    assert "start it again in a moment, or take the notebook as a file" in failed.message
    assert launching.notebook_of(ADA, failed.id).content
    target.now = BadQueryError("The hub refuses this: the volume pla is not mounted on this hub just now")
    assert "pla is not mounted" in launching.launch(ADA, new_id(), WISH).message


def test_what_a_killed_process_has_left_is_started_by_whoever_looks(made: Made, store: Store) -> None:
    launching, target = made
    kept, _ = store.launches.add(
        replace(launching.launch(EVE, new_id(), WISH), id=new_id(), person=ADA.id, status=ASKED), 9
    )
    target.orders.clear()
    assert launching.follow(ADA, kept.id).status == ASKED
    assert target.orders == [], "another request may be at it"
    with store.database.write() as connection:
        connection.execute(update(launches).where(launches.c.id == kept.id).values(updated=kept.updated - 60_000))
    assert launching.follow(ADA, kept.id).status == STARTING
    assert len(target.orders) == 1


def test_a_launch_that_is_never_ready_fails_in_the_end(made: Made, store: Store) -> None:
    launching, _ = made
    id = launching.launch(ADA, new_id(), WISH).id
    with store.database.write() as connection:
        connection.execute(update(launches).where(launches.c.id == id).values(created=0))
    assert "not ready within 15 minutes" in launching.follow(ADA, id).message


def test_a_zone_that_was_taken_away_ends_its_launches(made: Made, store: Store) -> None:
    id = made[0].launch(ADA, new_id(), WISH).id
    without = Launching(store, Zones(), find, People(store))
    ended = without.follow(ADA, id)
    assert ended.status == STOPPED
    assert "not there any more" in ended.message


def test_whoever_looks_after_the_portal_ends_anybodys_launch(made: Made, store: Store) -> None:
    launching, target = made
    id = launching.launch(ADA, new_id(), WISH).id
    target.now = State(STOPPED, "the server has ended")
    assert launching.end(id).status == STOPPED
    assert [each.person for each in store.audit.lines(act="launch.stop")] == [""]
    with pytest.raises(NotFoundError):
        launching.end("nothing")
    target.now = State(STARTING)
    left = launching.launch(ADA, new_id(), WISH).id
    assert "what runs there goes on" in Launching(store, Zones(), find, People(store)).end(left).message


def test_what_was_done_stands_in_the_audit_log(made: Made, store: Store) -> None:
    id = made[0].launch(ADA, new_id(), WISH).id
    made[0].stop(ADA, id)
    assert [each.act for each in store.audit.lines(about=id)] == ["launch.stop", "launch.start"]
