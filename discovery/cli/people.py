"""The commands about people: who has signed in, what they may, and their tokens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from discovery import wiring
from discovery.cli.context import settings_of
from discovery.cli.output import AsJson, print_json, print_table, say, shown_time
from discovery.errors import BadQueryError
from discovery.model.instant import iso
from discovery.model.person import READ, Person, Role, Token

if TYPE_CHECKING:
    from discovery.people import People

app = typer.Typer(no_args_is_help=True, help="People who have signed in, and what they may.")
tokens = typer.Typer(no_args_is_help=True, help="Tokens that let programs in as somebody.")

Who = Annotated[str, typer.Argument(help="The id of the person.")]


@contextmanager
def _opened(context: typer.Context) -> Iterator[People]:
    from discovery.people import People

    found = settings_of(context)
    with wiring.home_lock(found).share(), closing(wiring.open_store(found)) as store:
        yield People(store, found.operator_token)


@app.command("list")
def person_list(
    context: typer.Context,
    text: Annotated[str, typer.Argument(help="What stands in their name, address or id.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many.")] = 200,
    as_json: AsJson = False,
) -> None:
    """List people, those first who were here last."""
    with _opened(context) as people:
        found = people.persons(limit, text=text)
    if as_json:
        print_json([_person(each) for each in found])
        return
    rows = [
        (each.id, each.name, each.email, each.role.word, shown_time(each.seen), shown_time(each.disabled))
        for each in found
    ]
    print_table(("person", "name", "e-mail", "role", "signed in", "kept out"), rows, empty="nobody has signed in yet")


@app.command("role")
def person_role(
    context: typer.Context,
    person: Who,
    role: Annotated[str, typer.Argument(help="user, developer, moderator, operator or admin.")],
    as_json: AsJson = False,
) -> None:
    """Give somebody a role."""
    from discovery.people import CONSOLE

    wanted = next((each for each in Role if each.word == role and each is not Role.ANONYMOUS), None)
    if wanted is None:
        allowed = ", ".join(each.word for each in Role if each is not Role.ANONYMOUS)
        raise BadQueryError(f"role {role[:40]!r} is not one of {allowed}", parameter="role")
    with _opened(context) as people:
        found = people.give_role(CONSOLE, person, wanted)
    say(as_json, _person(found), f"{found.name} is {found.role.word}")


@app.command("disable")
def person_disable(
    context: typer.Context,
    person: Who,
    undo: Annotated[bool, typer.Option("--undo", help="Let them in again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Keep somebody out and end their sessions; their tokens open nothing either."""
    from discovery.people import CONSOLE

    with _opened(context) as people:
        found = people.disable(CONSOLE, person, on=not undo)
    say(as_json, _person(found), f"{found.name} {'may come in again' if undo else 'is kept out'}")


@tokens.command("create")
def token_create(
    context: typer.Context,
    person: Who,
    name: Annotated[str, typer.Option(help="What it is for.")],
    scope: Annotated[list[str] | None, typer.Option(help="read, write, launch, harvest or admin; repeatable.")] = None,
    days: Annotated[int, typer.Option(help="How long it lasts, a year at most.")] = 90,
    as_json: AsJson = False,
) -> None:
    """Make a token for somebody and print it; it is shown this once."""
    from discovery.people import CONSOLE

    with _opened(context) as people:
        shown, token = people.issue(CONSOLE, people.person(person), name, scope or [READ], days)
    say(as_json, {"token": shown, **_token(token)}, shown)


@tokens.command("list")
def token_list(context: typer.Context, person: Who, as_json: AsJson = False) -> None:
    """List the tokens of somebody; none of them is shown."""
    with _opened(context) as people:
        found = people.tokens(people.person(person).id)
    if as_json:
        print_json([_token(each) for each in found])
        return
    rows = [
        (each.id, each.name, " ".join(each.scopes), shown_time(each.created), shown_time(each.expires),
         shown_time(each.used))
        for each in found
    ]  # fmt: skip
    print_table(("token", "name", "scopes", "made", "ends", "used"), rows, empty="there are none")


@tokens.command("revoke")
def token_revoke(
    context: typer.Context,
    person: Who,
    token: Annotated[str, typer.Argument(help="The id of the token, as `token list` prints it.")],
    as_json: AsJson = False,
) -> None:
    """Take a token away."""
    from discovery.people import CONSOLE

    with _opened(context) as people:
        people.revoke(CONSOLE, person, token)
    say(as_json, {"revoked": token}, f"revoked {token}")


def _person(person: Person) -> dict[str, Any]:
    return {
        "person": person.id,
        "name": person.name,
        "email": person.email,
        "role": person.role.word,
        "issuer": person.issuer,
        "subject": person.subject,
        "seen": iso(person.seen),
        "disabled": None if person.disabled is None else iso(person.disabled),
    }


def _token(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "person": token.person,
        "name": token.name,
        "scopes": list(token.scopes),
        "created": iso(token.created),
        "expires": iso(token.expires),
        "used": None if token.used is None else iso(token.used),
    }
