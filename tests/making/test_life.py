"""What people make goes its way from draft to record, each step by those who may take it and by nobody else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import orjson
import pytest
from sqlalchemy import Connection

from discovery.errors import BadQueryError, ConflictError, DeniedError, DocumentError, GoneError, NotFoundError
from discovery.making import KINDS, Making
from discovery.making.life import stars
from discovery.model.creation import DEPRECATED, DRAFT, LINK, LISTED, PRIVATE, PUBLIC, PUBLISHED, REVIEW, Creation
from discovery.model.person import NOBODY, READ, Principal, Role
from discovery.people import CONSOLE
from discovery.store.marks import STAR
from discovery.store.store import Store

SignIn = Callable[[str, Role], Principal]
Given = dict[str, Any]


def published(making: Making, ada: Principal, mod: Principal, document: Given) -> Creation:
    draft = making.write(ada, "datalab", document)
    waiting = making.hand_in(ada, draft.id, draft.version)
    return making.accept(mod, waiting.id, waiting.version, "fine")


@pytest.mark.stores
def test_a_datalab_goes_from_draft_to_record(
    making: Making, ada: Principal, mod: Principal, store: Store, datalab: Given
) -> None:
    draft = making.write(ada, "datalab", datalab)
    assert (draft.state, draft.visibility, draft.record, store.catalogue.counts()) == (DRAFT, PRIVATE, "", {})
    waiting = making.hand_in(ada, draft.id, draft.version)
    assert [each.id for each in making.reviews(mod)] == [draft.id]
    done = making.accept(mod, waiting.id, waiting.version, "fine")
    assert (done.state, making.reviews(mod)) == (PUBLISHED, [])
    record = store.catalogue.get(done.record).record
    assert (record.source, record.container, record.source_id) == ("portal", "datalabs", "jl-euclid")
    assert (record.title, record.properties["version"]) == ("JupyterLab for Euclid", "1.4")
    told = [(each.act, each.person, each.state, each.reason) for each in making.history(ada, draft.id)]
    assert told == [
        ("accepted", mod.id, PUBLISHED, "fine"),
        ("handed in", ada.id, REVIEW, ""),
        ("made", ada.id, DRAFT, ""),
    ]
    acts = [each.act for each in store.audit.lines(act="datalab")]
    assert acts == ["datalab.accepted", "datalab.handed_in", "datalab.write"]


def test_the_address_of_its_contact_is_in_no_record_and_not_in_what_was_sent(
    making: Making, ada: Principal, mod: Principal, store: Store, datalab: Given
) -> None:
    done = published(making, ada, mod, datalab)
    assert b"help@euclid" not in store.catalogue.get(done.record).record.to_json()
    raw = store.catalogue.raw(done.record)
    assert b"help@euclid" not in raw.body
    assert orjson.loads(raw.body)["contact"] == {"name": "Desk"}


def test_nobody_decides_on_their_own_but_an_admin(
    making: Making, ada: Principal, someone: SignIn, datalab: Given
) -> None:
    mod, root = someone("Mod", Role.MODERATOR), someone("Root", Role.ADMIN)
    own = making.write(mod, "datalab", datalab)
    own = making.hand_in(mod, own.id, own.version)
    assert not making.may_decide(mod, own)
    for decide in (making.accept, making.reject):
        with pytest.raises(DeniedError, match="this is your own"):
            decide(mod, own.id, own.version, "mine")
    with pytest.raises(DeniedError, match="needs the role moderator"):
        making.accept(ada, own.id, own.version)
    roots = making.write(root, "datalab", datalab | {"alternate_name": "roots"})
    roots = making.hand_in(root, roots.id, roots.version)
    assert making.accept(root, roots.id, roots.version).state == PUBLISHED


def test_what_is_rejected_comes_back_with_the_reason(
    making: Making, ada: Principal, mod: Principal, store: Store, datalab: Given
) -> None:
    draft = making.write(ada, "datalab", datalab)
    waiting = making.hand_in(ada, draft.id, draft.version)
    with pytest.raises(BadQueryError, match="say why"):
        making.reject(mod, waiting.id, waiting.version, "  ")
    back = making.reject(mod, waiting.id, waiting.version, "no licence")
    assert (back.state, making.history(ada, draft.id)[0].reason) == (DRAFT, "no licence")
    assert store.catalogue.counts() == {}


def test_a_new_version_of_what_is_published_shows_only_when_it_is_accepted(
    making: Making, ada: Principal, mod: Principal, store: Store, datalab: Given
) -> None:
    done = published(making, ada, mod, datalab)
    newer = making.write(ada, "datalab", datalab | {"version": "2.0"}, id=done.id, version=done.version)
    assert (newer.state, newer.record) == (DRAFT, done.record)
    assert store.catalogue.get(done.record).record.properties["version"] == "1.4"
    with pytest.raises(ConflictError, match="the short name of what is published stays 'jl-euclid'"):
        making.write(ada, "datalab", datalab | {"alternate_name": "other"}, id=done.id, version=newer.version)
    waiting = making.hand_in(ada, newer.id, newer.version)
    with pytest.raises(ConflictError, match="waits for a decision"):
        making.write(ada, "datalab", datalab, id=done.id, version=waiting.version)
    back = making.take_back(ada, waiting.id, waiting.version)
    waiting = making.hand_in(ada, back.id, back.version)
    making.accept(mod, waiting.id, waiting.version)
    assert store.catalogue.get(done.record).record.properties["version"] == "2.0"


def test_what_is_deprecated_stays_and_says_why_until_it_is_published_again(
    making: Making, ada: Principal, mod: Principal, store: Store, datalab: Given
) -> None:
    done = published(making, ada, mod, datalab)
    old = making.deprecate(mod, done.id, done.version, "use jl-euclid-2")
    assert old.state == DEPRECATED
    assert store.catalogue.get(done.record).record.properties["deprecated"] == "use jl-euclid-2"
    again = making.revive(ada, old.id, old.version)
    assert (again.state, "deprecated" in store.catalogue.get(done.record).record.properties) == (PUBLISHED, False)


@pytest.mark.stores
def test_what_is_withdrawn_is_gone_for_readers_and_stays_with_its_owner(
    making: Making, ada: Principal, mod: Principal, store: Store, datalab: Given
) -> None:
    done = published(making, ada, mod, datalab)
    with pytest.raises(ConflictError, match="withdraw it first"):
        making.delete(ada, done.id, done.version)
    back = making.withdraw(mod, done.id, done.version, "leaks a key")
    assert (back.state, back.record) == (DRAFT, "")
    with pytest.raises(GoneError):
        store.catalogue.get(done.record)
    waiting = making.hand_in(ada, back.id, back.version)
    assert store.catalogue.get(making.accept(mod, waiting.id, waiting.version).record).record.title
    with pytest.raises(ConflictError, match="version"):
        making.withdraw(mod, done.id, done.version, "again")


def test_a_draft_may_lack_things_but_what_is_handed_in_may_not(making: Making, ada: Principal, datalab: Given) -> None:
    draft = making.write(ada, "datalab", {"name": "Half"})
    with pytest.raises(DocumentError) as caught:
        making.hand_in(ada, draft.id, draft.version)
    assert {path for path, _ in caught.value.problems} == {
        "alternate_name",
        "abstract",
        "contact",
        "creator",
        "version",
    }
    with pytest.raises(DocumentError, match="nme is no name here"):
        making.write(ada, "datalab", {"nme": "x"})
    making.delete(ada, draft.id, draft.version)
    assert making.mine(ada, "datalab") == []


def test_a_short_name_is_that_of_one_thing(
    making: Making, ada: Principal, mod: Principal, someone: SignIn, datalab: Given
) -> None:
    published(making, ada, mod, datalab)
    with pytest.raises(ConflictError, match="is that of 'JupyterLab for Euclid'"):
        making.write(someone("Bob", Role.DEVELOPER), "datalab", datalab)


def test_two_with_one_short_name_that_wait_are_not_both_published(
    making: Making, ada: Principal, mod: Principal, someone: SignIn, datalab: Given
) -> None:
    bob = someone("Bob", Role.DEVELOPER)
    one, other = making.write(ada, "datalab", datalab), making.write(bob, "datalab", datalab)
    one, other = making.hand_in(ada, one.id, 1), making.hand_in(bob, other.id, 1)
    making.accept(mod, one.id, one.version)
    with pytest.raises(ConflictError, match="is that of"):
        making.accept(mod, other.id, other.version)


def test_outsiders_learn_nothing_of_a_draft(
    making: Making, ada: Principal, mod: Principal, someone: SignIn, datalab: Given
) -> None:
    draft = making.write(ada, "datalab", datalab)
    eve, root = someone("Eve", Role.DEVELOPER), someone("Root", Role.ADMIN)
    for who in (NOBODY, eve, mod, root):
        for ask in (
            lambda who=who: making.get(who, draft.id),
            lambda who=who: making.history(who, draft.id),
            lambda who=who: making.write(who, "datalab", datalab, id=draft.id, version=1),
            lambda who=who: making.hand_in(who, draft.id, 1),
            lambda who=who: making.delete(who, draft.id, 1),
            lambda who=who: making.withdraw(who, draft.id, 1, "x"),
            lambda who=who: making.share(who, draft.id, 1, LINK),
        ):
            with pytest.raises((NotFoundError, DeniedError)) as caught:
                ask()
            assert isinstance(caught.value, NotFoundError) or who is NOBODY
    assert making.shared(eve, "datalab") == making.mine(eve, "datalab") == []


def test_a_draft_is_shared_with_some_or_by_its_link(
    making: Making, ada: Principal, someone: SignIn, datalab: Given
) -> None:
    draft = making.write(ada, "datalab", datalab)
    eve = someone("Eve", Role.USER)
    with pytest.raises(BadQueryError, match="name at least one person"):
        making.share(ada, draft.id, draft.version, LISTED, [" "])
    with pytest.raises(BadQueryError, match="what nobody has reviewed is not public"):
        making.share(ada, draft.id, draft.version, PUBLIC)
    with pytest.raises(BadQueryError, match="is no e-mail address"):
        making.share(ada, draft.id, draft.version, LISTED, ["a b"])
    draft = making.share(ada, draft.id, draft.version, LISTED, ["EVE@example.org"])
    assert [each.id for each in making.shared(eve, "datalab")] == [draft.id]
    assert making.get(eve, draft.id).name == draft.name
    with pytest.raises(DeniedError):
        making.write(eve, "datalab", datalab, id=draft.id, version=draft.version)
    with pytest.raises(NotFoundError):
        making.get(NOBODY, draft.id)
    draft = making.share(ada, draft.id, draft.version, LINK)
    assert making.get(NOBODY, draft.id).id == draft.id


def test_every_step_is_of_the_version_that_was_seen(
    making: Making, ada: Principal, mod: Principal, datalab: Given
) -> None:
    draft = making.write(ada, "datalab", datalab)
    waiting = making.hand_in(ada, draft.id, draft.version)
    for step in (
        lambda: making.hand_in(ada, draft.id, 1),
        lambda: making.take_back(ada, draft.id, 1),
        lambda: making.accept(mod, draft.id, 1),
        lambda: making.reject(mod, draft.id, 1, "x"),
        lambda: making.hand_in(ada, draft.id, waiting.version),
        lambda: making.deprecate(ada, draft.id, waiting.version, "x"),
        lambda: making.revive(ada, draft.id, waiting.version),
    ):
        with pytest.raises(ConflictError):
            step()


def test_of_two_moderators_one_decides(
    making: Making, ada: Principal, mod: Principal, someone: SignIn, datalab: Given
) -> None:
    draft = making.write(ada, "datalab", datalab)
    waiting, other, start = making.hand_in(ada, draft.id, 1), someone("Two", Role.MODERATOR), threading.Barrier(2)

    def decide(who: Principal) -> bool:
        start.wait()
        try:
            making.accept(who, waiting.id, waiting.version)
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(decide, (mod, other))) == [False, True]


@pytest.mark.stores
def test_of_two_drafts_with_one_short_name_that_are_accepted_at_once_one_is_published(
    making: Making, ada: Principal, mod: Principal, someone: SignIn, store: Store, datalab: Given,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    theirs = someone("Bob", Role.DEVELOPER)
    first, second = (
        making.hand_in(who, making.write(who, "datalab", {**datalab, "abstract": text}).id, 1)
        for who, text in ((ada, "Hers."), (theirs, "His."))
    )
    # Both moderators have looked before either of them wrote.
    monkeypatch.setattr(making, "_free", lambda *_: None)
    done = making.accept(mod, first.id, first.version)
    with pytest.raises(ConflictError, match="the short name is that of"):
        making.accept(mod, second.id, second.version)
    assert making.get(mod, second.id).state == REVIEW
    assert "Hers." in store.catalogue.get(done.record).record.description


@pytest.mark.stores
def test_two_clicks_at_once_make_one_draft(making: Making, ada: Principal, datalab: Given) -> None:
    start = threading.Barrier(4)

    def click(_: int) -> str:
        start.wait()
        return making.write(ada, "datalab", datalab).id

    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(click, range(4)))) == 1


@pytest.mark.parametrize("step", ["accept", "reject", "take_back"])
def test_whoever_decides_second_is_told_that_it_is_late_whatever_came_first(
    making: Making, ada: Principal, mod: Principal, someone: SignIn, datalab: Given, step: str
) -> None:
    waiting = making.hand_in(ada, making.write(ada, "datalab", datalab).id, 1)
    if step == "reject":
        making.reject(mod, waiting.id, waiting.version, "Not yet.")
    else:
        getattr(making, step)(mod if step == "accept" else ada, waiting.id, waiting.version)
    with pytest.raises(ConflictError, match="waits for no decision any more"):
        making.accept(someone("Two", Role.MODERATOR), waiting.id, waiting.version)


def test_a_moderator_does_not_learn_of_a_draft_that_nobody_handed_in(
    making: Making, ada: Principal, mod: Principal, datalab: Given
) -> None:
    with pytest.raises(NotFoundError):
        making.accept(mod, making.write(ada, "datalab", datalab).id, 1)


def test_a_step_whose_record_cannot_be_written_is_not_taken(
    making: Making, ada: Principal, mod: Principal, store: Store, datalab: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = making.write(ada, "datalab", datalab)
    waiting = making.hand_in(ada, draft.id, 1)

    def full(_connection: Connection, *_args: object, **_more: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(store.ingest, "within", full)
        with pytest.raises(OSError, match="no space"):
            making.accept(mod, waiting.id, waiting.version)
    assert making.get(ada, draft.id) == waiting


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("kind", list(KINDS))
def test_only_writers_write(making: Making, someone: SignIn, role: Role, kind: str) -> None:
    who = NOBODY if role is Role.ANONYMOUS else someone("X", role)
    if role >= KINDS[kind].writer:
        assert making.write(who, kind, {"name": "X"}).owner == who.id
    else:
        with pytest.raises(DeniedError):
            making.write(who, kind, {"name": "X"})


def test_a_token_that_only_reads_writes_nothing(making: Making, ada: Principal, datalab: Given) -> None:
    draft = making.write(ada, "datalab", datalab)
    reader = replace(ada, scopes=frozenset({READ}))
    assert making.get(reader, draft.id) == draft
    for step in (
        lambda: making.write(reader, "datalab", datalab),
        lambda: making.hand_in(reader, draft.id, 1),
        lambda: making.share(reader, draft.id, 1, LINK),
    ):
        with pytest.raises(DeniedError, match="not good for write"):
            step()


def test_volumes_are_published_at_once_and_every_operator_looks_after_them(
    making: Making, someone: SignIn, store: Store, volume: Given
) -> None:
    one, other = someone("One", Role.OPERATOR), someone("Other", Role.OPERATOR)
    draft = making.write(one, "volume", volume)
    done = making.hand_in(one, draft.id, draft.version)
    assert (done.state, store.catalogue.get(done.record).record.kind) == (PUBLISHED, "volume")
    newer = making.write(other, "volume", volume | {"size": 5}, id=done.id, version=done.version)
    making.hand_in(other, newer.id, newer.version)
    assert store.catalogue.get(done.record).record.numbers == {"size": 5.0}


# Files


@pytest.mark.stores
def test_a_file_is_applied_and_says_what_it_changed(making: Making, store: Store, volume: Given) -> None:
    other = volume | {"slug": "q2", "name": "Q2"}
    assert making.apply(CONSOLE, "volume", [volume, other], dry_run=True) == [("q1", "added"), ("q2", "added")]
    assert store.catalogue.counts() == {}
    making.apply(CONSOLE, "volume", [volume, other])
    assert store.catalogue.counts() == {"portal": {"volume": 2}}
    change = store.catalogue.last_change()
    assert making.apply(CONSOLE, "volume", [volume]) == [("q1", "as it was")]
    assert store.catalogue.last_change() == change
    assert making.apply(CONSOLE, "volume", [volume | {"size": "1 TB"}]) == [("q1", "changed: size")]
    found = making.behind(KINDS["volume"].document_id(volume))
    assert found is not None
    assert [each.act for each in making.history(CONSOLE, found.id)] == ["published", "made"]


def test_of_a_wrong_file_nothing_is_applied(making: Making, store: Store, volume: Given, someone: SignIn) -> None:
    with pytest.raises(DocumentError, match="volume q2: mount is missing"):
        making.apply(CONSOLE, "volume", [volume, {"slug": "q2", "name": "x", "provider": "p"}])
    with pytest.raises(BadQueryError, match="volume q1 is there twice"):
        making.apply(CONSOLE, "volume", [volume, volume])
    with pytest.raises(DeniedError, match="role operator"):
        making.apply(someone("M", Role.MODERATOR), "volume", [volume])
    with pytest.raises(DeniedError, match="role admin"):
        making.apply(someone("O", Role.OPERATOR), "datalab", [])
    assert store.catalogue.counts() == {}


def test_stars_are_counted_beside_records(store: Store, ada: Principal) -> None:
    store.marks.set(ada.id, STAR, "r1")
    store.marks.set("other", STAR, "r1")
    assert stars(store, ["r1", "r2"], ada) == {"r1": (2, True), "r2": (0, False)}
    assert stars(store, ["r1"]) == {"r1": (2, False)}
