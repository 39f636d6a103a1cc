"""The audit log: written once, read newest first, ended by age."""

from __future__ import annotations

import pytest

from discovery.model.person import Deed
from discovery.store import audit as module
from discovery.store.ingest import now
from discovery.store.store import Store

pytestmark = pytest.mark.stores


def test_lines_are_read_newest_first_and_by_what_they_say(store: Store) -> None:
    store.audit.note(Deed(0, "ann", "Ann", "person.role", "bob", "user", "admin", "r1"))
    store.audit.note(Deed(0, "ann", "Ann", "personal", "bob"))
    store.audit.note(Deed(0, "bob", "Bob", "token.make", "t1"))
    newest = store.audit.lines()
    assert [each.act for each in newest] == ["token.make", "personal", "person.role"]
    assert newest[2].moment > 0
    assert (newest[2].before, newest[2].after, newest[2].request) == ("user", "admin", "r1")
    assert [each.act for each in store.audit.lines(person="ann")] == ["personal", "person.role"]
    assert [each.act for each in store.audit.lines(act="person")] == ["person.role"]
    assert [each.act for each in store.audit.lines(act="person.role")] == ["person.role"]
    assert [each.act for each in store.audit.lines(about="t1")] == ["token.make"]
    assert [each.act for each in store.audit.lines(1, before=newest[1].id)] == ["person.role"]
    assert store.audit.lines(act="%") == []


def test_a_line_ends_after_the_stated_time_and_not_before(store: Store) -> None:
    store.audit.note(Deed(now() - module.KEPT - 60_000, "ann", "Ann", "old", ""))
    store.audit.note(Deed(now() - module.KEPT + 60_000, "ann", "Ann", "kept", ""))
    store.audit.note(Deed(0, "ann", "Ann", "new", ""))
    assert [each.act for each in store.audit.lines()] == ["new", "kept"]


def test_a_line_has_an_end_and_takes_any_text(store: Store) -> None:
    store.audit.note(Deed(0, "ann", "A\0\ud800", "act", "x" * 9_999, before="b" * 9_999))
    (line,) = store.audit.lines()
    assert line.name == "A\ufffd\ufffd"
    assert (len(line.about), len(line.before)) == (200, 2_000)


def test_nothing_of_the_log_can_be_changed_by_its_room(store: Store) -> None:
    assert {name for name in dir(store.audit) if not name.startswith("_")} == {"note", "lines"}
