"""People are known by what their provider calls them, and by nothing else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from discovery.errors import NotFoundError
from discovery.model.person import Role
from discovery.store.store import Store

pytestmark = pytest.mark.stores
ISSUER = "https://id.example"


def test_whoever_comes_again_is_the_same_person_under_the_name_of_today(store: Store) -> None:
    first = store.people.welcome(ISSUER, "1", "Ann", email="ann@example.org")
    again = store.people.welcome(ISSUER, "1", "Ann B.")
    assert (again.id, again.name, again.email) == (first.id, "Ann B.", "")
    assert len(first.id) == 16
    assert store.people.get(first.id) == again
    others = {store.people.welcome("https://other.example", "1", "Ann").id, store.people.welcome(ISSUER, "2", "Ann").id}
    assert first.id not in others
    assert len(others) == 2


def test_two_browsers_of_somebody_new_make_one_person(store: Store) -> None:
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: store.people.welcome(ISSUER, "1", "Ann").id, range(16)))
    assert len(set(made)) == 1


def test_a_role_that_was_given_stays_and_one_of_the_settings_is_the_least(store: Store) -> None:
    ann = store.people.welcome(ISSUER, "1", "Ann")
    before, after = store.people.set_role(ann.id, Role.MODERATOR)
    assert (before.role, after.role) == (Role.USER, Role.MODERATOR)
    assert store.people.welcome(ISSUER, "1", "Ann").role is Role.MODERATOR
    assert store.people.welcome(ISSUER, "1", "Ann", role=Role.ADMIN, least=True).role is Role.ADMIN
    assert store.people.welcome(ISSUER, "1", "Ann", role=Role.USER, least=True).role is Role.ADMIN


def test_somebody_is_disabled_and_let_in_again(store: Store) -> None:
    ann = store.people.welcome(ISSUER, "1", "Ann")
    assert store.people.disable(ann.id, 5)[1].disabled == 5
    assert store.people.welcome(ISSUER, "1", "Ann").disabled == 5
    assert store.people.disable(ann.id, None)[1].disabled is None


def test_nobody_is_found_by_an_id_that_is_nobodys(store: Store) -> None:
    for id in ("", "nobody", "\0", "\ud800"):
        with pytest.raises(NotFoundError):
            store.people.get(id)
        with pytest.raises(NotFoundError):
            store.people.set_role(id, Role.ADMIN)


def test_people_are_found_by_parts_of_their_names_and_addresses(store: Store) -> None:
    ann = store.people.welcome(ISSUER, "1", "Ann 100%", email="frost@example.org")
    store.people.welcome(ISSUER, "2", "Bob")
    assert {each.name for each in store.people.all()} == {"Ann 100%", "Bob"}
    for text in ("ANN", "frost@", "0%", ann.id[3:9]):
        assert [each.id for each in store.people.all(text=text)] == [ann.id]
    assert store.people.all(text="%%") == []
    assert len(store.people.all(1)) == 1


def test_names_that_no_database_takes_are_cut_to_what_it_does(store: Store) -> None:
    ann = store.people.welcome(ISSUER, "1", "A\0n\ud800" + "n" * 5_000)
    assert ann.name.startswith("A\ufffdn\ufffdnnn")
    assert len(ann.name) == 200
