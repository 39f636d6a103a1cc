"""People: links that open once, sessions and tokens that end, roles, and what is written of it all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from discovery.errors import BadQueryError, ConfigError, ConflictError, DeniedError, NotFoundError, UnavailableError
from discovery.model.person import ADMIN, HARVEST, LAUNCH, NOBODY, READ, TOKEN_SCOPES, WRITE, Principal, Role
from discovery.people import CONSOLE, OPERATORS, People
from discovery.people import people as module
from discovery.store.store import Store

TOKEN = "0123456789abcdef" * 4
ISSUER = "https://id.example"
MINUTE = 60_000


class Clock:
    def __init__(self) -> None:
        self.now = module.now()

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def people(store: Store, clock: Clock) -> People:
    return People(store, TOKEN, clock=clock)


@pytest.fixture
def ann(people: People) -> Principal:
    return people.who(None, people.welcome(ISSUER, "ann", "Ann"))


@pytest.fixture
def admin(people: People) -> Principal:
    return people.who(None, people.welcome(ISSUER, "admin", "Root", role=Role.ADMIN))


def issued(people: People, who: Principal, *scopes: str, days: int = 1) -> str:
    return f"Bearer {people.make_token(who, 'for cron', scopes or (READ,), days)[0]}"


def acts(store: Store) -> list[str]:
    return [each.act for each in store.audit.lines()]


# Links and sessions


@pytest.mark.stores
def test_a_link_opens_once_for_one_of_many(people: People) -> None:
    code = people.invite()
    with ThreadPoolExecutor(8) as threads:
        sessions = list(filter(None, threads.map(people.enter, [code] * 16)))
    assert len(sessions) == 1
    who = people.who(None, sessions[0])
    assert (who.role, who.id != "", who.scopes) == (Role.ADMIN, True, frozenset(TOKEN_SCOPES))


def test_every_link_lets_in_the_same_person_who_is_an_admin_again(people: People, admin: Principal) -> None:
    sessions = [people.enter(people.invite()) or "" for _ in range(2)]
    first = people.who(None, sessions[0])
    people.give_role(admin, first.id, Role.USER)
    assert people.who(None, sessions[0]).role is Role.USER
    again = people.who(None, people.enter(people.invite()) or "")
    assert (again.id, again.role) == (first.id, Role.ADMIN)


def test_a_link_that_is_too_old_opens_nothing(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINK_LASTS", -1)
    assert people.enter(people.invite()) is None


def test_a_link_is_no_session_and_a_session_no_link(people: People) -> None:
    code = people.invite()
    assert people.who(None, code) is NOBODY
    session = people.enter(code)
    assert session is not None
    assert people.enter(session) is None
    assert people.who(f"Bearer {session}") is NOBODY
    assert people.who(None, session) is not NOBODY


def test_sessions_end_by_leaving_and_by_themselves(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    session = people.welcome(ISSUER, "ann", "Ann")
    assert people.who(None, session).role is Role.USER
    people.leave(session)
    assert people.who(None, session) is NOBODY
    monkeypatch.setattr(module, "SESSION_IDLE", -1)
    assert people.who(None, people.welcome(ISSUER, "ann", "Ann")) is NOBODY


def test_a_session_slides_while_it_is_used_but_never_beyond_twelve_hours(
    people: People, store: Store, clock: Clock
) -> None:
    session = people.welcome(ISSUER, "ann", "Ann")

    def ends() -> int:
        held = store.sessions.holder(module.digest(session))
        assert held is not None
        return held[3] - held[2]

    assert ends() == module.SESSION_IDLE
    clock.now += MINUTE
    people.who(None, session)
    assert ends() == module.SESSION_IDLE, "a minute later is not worth a write"
    clock.now += 30 * MINUTE
    people.who(None, session)
    assert module.SESSION_IDLE + 30 * MINUTE <= ends() <= module.SESSION_IDLE + 32 * MINUTE
    clock.now += 100 * 60 * MINUTE
    people.who(None, session)
    assert ends() == module.SESSION_LASTS == 12 * 3_600_000


def test_all_sessions_of_a_person_end_at_once_and_nobody_elses(people: People, ann: Principal) -> None:
    other = people.welcome(ISSUER, "ann", "Ann")
    bob = people.welcome(ISSUER, "bob", "Bob")
    assert people.sessions(ann.id) == 2
    assert people.leave_everywhere(ann) == 2
    assert people.who(None, ann.session) is people.who(None, other) is NOBODY
    assert people.who(None, bob) is not NOBODY


def test_each_sign_in_has_a_secret_of_its_own(people: People) -> None:
    assert len({people.welcome(ISSUER, "ann", "Ann") for _ in range(20)}) == 20


def test_what_is_no_session_is_nobody(people: People) -> None:
    for wrong in ("", "x", "\ud800", "\0", "a" * 100_000):
        assert people.who(None, wrong) is NOBODY


# The operators' token


def test_nothing_but_the_token_is_the_token(people: People, store: Store) -> None:
    assert people.who(f"Bearer {TOKEN}").role is Role.OPERATOR
    for wrong in ("", TOKEN[:-1], TOKEN + "0", TOKEN.upper(), "\ud800", "\0"):
        assert not people.accepts(wrong)
        assert people.enter(wrong) is None
        assert people.who(f"Bearer {wrong}") is NOBODY
    assert not People(store).accepts("")
    assert People(store).who("Bearer ") is NOBODY


def test_the_token_is_an_operators_with_an_id_and_no_admins(people: People) -> None:
    who = people.who(f"bearer  {TOKEN} ")
    assert (who.id, who.may(Role.OPERATOR, HARVEST), who.may(Role.ADMIN, ADMIN)) == (OPERATORS.id, True, False)
    assert not who.may(Role.USER, LAUNCH)
    session = people.enter(TOKEN)
    assert session is not None
    there = people.who(None, session)
    assert (there.id, there.role, there.scopes, there.session) == (OPERATORS.id, Role.OPERATOR, who.scopes, session)


def test_browsers_that_the_token_let_in_are_out_when_there_is_another_token(people: People, store: Store) -> None:
    session = people.enter(TOKEN)
    assert session is not None
    assert People(store, TOKEN).who(None, session) is not NOBODY
    assert People(store, TOKEN[::-1]).who(None, session) is NOBODY
    assert People(store).who(None, session) is NOBODY


def test_operators_end_their_sessions_too(people: People) -> None:
    session = people.enter(TOKEN)
    assert session is not None
    assert people.leave_everywhere(people.who(None, session)) == 1
    assert people.who(None, session) is NOBODY


def test_a_token_that_could_be_guessed_is_refused(store: Store) -> None:
    with pytest.raises(ConfigError, match="at least 32"):
        People(store, "secret")


def test_a_wrong_token_is_not_made_good_by_a_session(people: People, ann: Principal) -> None:
    assert people.who(None, ann.session).id == ann.id
    for wrong in ("Bearer wrong", "Basic abc", "", "Bearer dsc_wrong"):
        assert people.who(wrong, ann.session) is NOBODY


# Tokens of people


@pytest.mark.stores
def test_a_token_is_its_person_for_what_it_was_made_for(people: People, ann: Principal) -> None:
    shown, token = people.make_token(ann, "  for   cron ", [LAUNCH, READ, READ], 30)
    assert shown.startswith("dsc_")
    assert len(shown) == 47
    assert (token.name, token.scopes, token.expires - token.created) == ("for cron", (READ, LAUNCH), 30 * 86_400_000)
    who = people.who(f"Bearer {shown}")
    assert (who.id, who.role, who.scopes, who.session) == (ann.id, Role.USER, {READ, LAUNCH}, "")
    people.revoke(ann, ann.id, token.id)
    assert people.who(f"Bearer {shown}") is NOBODY


def test_a_token_may_never_more_than_its_person_may_now(people: People, ann: Principal, admin: Principal) -> None:
    shown = issued(people, ann, *TOKEN_SCOPES)
    assert not people.who(shown).may(Role.ADMIN, ADMIN)
    people.give_role(admin, ann.id, Role.ADMIN)
    assert people.who(shown).may(Role.ADMIN, ADMIN)
    people.give_role(admin, ann.id, Role.USER)
    assert not people.who(shown).may(Role.DEVELOPER)


def test_a_token_ends_when_it_says(people: People, store: Store, ann: Principal, clock: Clock) -> None:
    clock.now -= 2 * 86_400_000
    shown = issued(people, ann, days=1)
    assert people.who(shown) is NOBODY


def test_the_use_of_a_token_is_noted_once_a_minute(people: People, ann: Principal, clock: Clock) -> None:
    shown = issued(people, ann)
    assert people.tokens(ann.id)[0].used is None
    begun = clock.now
    for later, noted in ((0, 0), (59_999, 0), (60_000, 60_000), (61_000, 60_000)):
        clock.now = begun + later
        assert people.who(shown) is not NOBODY
        assert people.tokens(ann.id)[0].used == begun + noted


@pytest.mark.parametrize(
    ("name", "scopes", "days"),
    [
        ("", (READ,), 1),
        (" \t", (READ,), 1),
        ("n" * 81, (READ,), 1),
        ("n", (), 1),
        ("n", ("everything",), 1),
        ("n", (READ, ""), 1),
        ("n", (READ,), 0),
        ("n", (READ,), -1),
        ("n", (READ,), 366),
    ],
)
def test_a_token_that_cannot_be_is_refused(
    people: People, ann: Principal, name: str, scopes: tuple[str, ...], days: int
) -> None:
    with pytest.raises(BadQueryError):
        people.make_token(ann, name, scopes, days)
    assert people.tokens(ann.id) == []


def test_tokens_make_no_tokens_and_nobody_makes_some_for_nobody(people: People, ann: Principal) -> None:
    operators = people.who(None, people.enter(TOKEN) or "")
    for who in (people.who(issued(people, ann, *TOKEN_SCOPES)), people.who(f"Bearer {TOKEN}"), operators, NOBODY):
        with pytest.raises(DeniedError):
            people.make_token(who, "another", [READ], 1)


def test_only_admins_take_away_what_is_somebody_elses(people: People, ann: Principal, admin: Principal) -> None:
    _, token = people.make_token(ann, "mine", [READ], 1)
    bob = people.who(None, people.welcome(ISSUER, "bob", "Bob", role=Role.OPERATOR))
    with pytest.raises(DeniedError):
        people.revoke(bob, ann.id, token.id)
    with pytest.raises(NotFoundError):
        people.revoke(bob, bob.id, token.id)
    people.revoke(admin, ann.id, token.id)
    assert people.tokens(ann.id) == []


# Who may come in


def test_somebody_disabled_is_nobody_by_session_token_and_sign_in(
    people: People, ann: Principal, admin: Principal
) -> None:
    shown = issued(people, ann)
    assert people.disable(admin, ann.id).disabled is not None
    assert people.who(None, ann.session) is people.who(shown) is NOBODY
    with pytest.raises(DeniedError, match="may not come in"):
        people.welcome(ISSUER, "ann", "Ann")
    people.disable(admin, ann.id, on=False)
    assert people.who(None, ann.session) is NOBODY, "sessions that were ended stay so"
    assert people.who(shown).id == ann.id


@pytest.mark.parametrize("role", [each for each in Role if Role.ANONYMOUS < each < Role.ADMIN])
def test_only_admins_give_roles_and_keep_people_out(people: People, ann: Principal, role: Role) -> None:
    other = people.who(None, people.welcome(ISSUER, "other", "Other", role=role))
    for who in (other, NOBODY, people.who(f"Bearer {TOKEN}")):
        with pytest.raises(DeniedError):
            people.give_role(who, ann.id, Role.ADMIN)
        with pytest.raises(DeniedError):
            people.disable(who, ann.id)
        with pytest.raises(DeniedError):
            people.deeds(who)
    assert people.person(ann.id).role is Role.USER


def test_an_admins_token_without_the_scope_gives_no_roles(people: People, ann: Principal, admin: Principal) -> None:
    scopes = [each for each in TOKEN_SCOPES if each != ADMIN]
    with pytest.raises(DeniedError, match="not good for admin"):
        people.give_role(people.who(issued(people, admin, *scopes)), ann.id, Role.ADMIN)


def test_nobody_takes_their_own_way_back(people: People, admin: Principal) -> None:
    with pytest.raises(ConflictError):
        people.give_role(admin, admin.id, Role.USER)
    with pytest.raises(ConflictError):
        people.disable(admin, admin.id)
    assert people.give_role(CONSOLE, admin.id, Role.USER).role is Role.USER


def test_nobody_who_has_signed_in_is_anonymous(people: People, ann: Principal, admin: Principal) -> None:
    with pytest.raises(BadQueryError):
        people.give_role(admin, ann.id, Role.ANONYMOUS)
    with pytest.raises(NotFoundError):
        people.give_role(admin, "nobody", Role.USER)


# What is written


def test_what_admins_do_is_written_with_what_was_before(
    people: People, store: Store, ann: Principal, admin: Principal
) -> None:
    people.give_role(admin, ann.id, Role.MODERATOR)
    people.disable(admin, ann.id)
    lines = people.deeds(admin, about=ann.id)
    assert [each.act for each in lines] == ["person.disable", "person.role", "signin"]
    role = lines[1]
    assert (role.person, role.name, role.before, role.after) == (admin.id, "Root", "user", "moderator")
    assert people.deeds(admin, act="person", by=admin.id) == lines[:2]


def test_neither_the_store_nor_the_log_holds_a_secret(people: People, store: Store, ann: Principal) -> None:
    code, operators = people.invite(), people.enter(TOKEN)
    shown, _ = people.make_token(ann, "for dsc_abcdefgh https://u:p4ss@x.example/?token=s3cr3t", [READ], 1)
    assert operators is not None
    people.note(ann, "act", "thing", f"was {shown}", "https://ann:p4ss@x.example/?X-Amz-Signature=s3cr3t")
    with store.database.read() as connection:
        tables = ("passes", "sessions", "tokens", "people", "audit")
        rows = {each: repr(connection.exec_driver_sql(f"SELECT * FROM {each}").all()) for each in tables}
    assert all(len(each) > 2 for each in rows.values())
    for secret in (code, operators, ann.session, TOKEN, shown, shown.removeprefix("dsc_")):
        assert secret not in repr(rows)
    assert "p4ss" not in rows["audit"]
    assert "s3cr3t" not in rows["audit"]
    assert "token.create" in acts(store)


def test_what_cannot_be_noted_keeps_nobody_out(
    people: People, store: Store, ann: Principal, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = issued(people, ann, WRITE)
    clock.now += 60 * MINUTE

    def full(*_: object) -> None:
        raise UnavailableError("the store cannot be written: disk full")

    monkeypatch.setattr(store.tokens, "used", full)
    monkeypatch.setattr(store.sessions, "prolong", full)
    assert people.who(shown).id == ann.id
    assert people.who(None, ann.session).id == ann.id
