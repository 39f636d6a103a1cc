"""The commands about what is made here: volumes, datalabs and pipelines, each with those that its kind needs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from discovery.cli.context import opened_portal, pair, settle
from discovery.cli.output import AsJson, console, print_json, print_table, say, shown_time
from discovery.errors import BadQueryError, ConfigError, NotFoundError

if TYPE_CHECKING:
    from discovery.making import Kind
    from discovery.model.creation import Creation
    from discovery.portal import Portal

File = Annotated[Path, typer.Argument(help="The file.")]
Named = Annotated[str, typer.Argument(help="Its short name, or its id.")]
Reason = Annotated[str, typer.Option(help="Why; whoever made it reads it.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")]


def group(name: str, help: str) -> typer.Typer:
    """Return the commands about one kind of thing."""
    app = typer.Typer(no_args_is_help=True, help=help)
    for command, made in (
        ("list", _list(name)),
        ("show", _show(name)),
        ("apply", _apply(name)),
        ("deprecate", _step(name, "deprecate", "Say that nobody should begin with one any more; its record stays.")),
        ("withdraw", _step(name, "withdraw", "Take one from the catalogue; what was written stays as a draft.")),
    ):
        app.command(command)(made)
    return app


def _list(name: str) -> Callable[..., None]:
    def command(
        context: typer.Context,
        state: Annotated[str, typer.Option(help="Only draft, review, published or deprecated.")] = "",
        as_json: AsJson = False,
    ) -> None:
        from discovery.model.creation import STATES

        if state and state not in STATES:
            raise BadQueryError(f"state {state[:40]!r} is not one of {', '.join(STATES)}", parameter="state")
        with opened_portal(context) as portal:
            found = [each for one in STATES for each in portal.store.creations.in_state(name, one)]
        rows = [_row(each) for each in found if state in ("", each.state)]
        rows.sort(key=lambda row: (str(row["short"]), str(row["id"])))
        if as_json:
            print_json(rows)
            return
        cells = [(row["short"], row["name"], row["state"], row["version"], row["changed"]) for row in rows]
        print_table(("short name", "name", "state", "version", "changed"), cells, empty=f"no {name}s yet")

    command.__doc__ = f"List the {name}s that were made here, with the state of each."
    return command


def _show(name: str) -> Callable[..., None]:
    def command(
        context: typer.Context,
        id: Named,
        form: Annotated[str, typer.Option(help="json, toml or yaml.")] = "toml",
        history: Annotated[bool, typer.Option("--history", help="Show what became of it instead.")] = False,
        as_json: AsJson = False,
    ) -> None:
        from discovery.making import files, kind

        if form not in files.FORMATS:
            raise BadQueryError(f"form {form[:40]!r} is not one of {', '.join(files.FORMATS)}", parameter="form")
        with opened_portal(context) as portal:
            found = _found(portal, name, id)
            happened = portal.store.creations.history(found.id)
        if history:
            rows = [(shown_time(e.moment), e.act, e.state, e.person or "the command line", e.reason) for e in happened]
            if as_json:
                print_json([dict(zip(("when", "what", "state", "by", "reason"), row, strict=True)) for row in rows])
            else:
                print_table(("when", "what", "state", "by", "reason"), rows, empty="")
        elif as_json:
            print_json({**_row(found), "document": found.document})
        else:
            sys.stdout.write(files.written(found.document, kind(name), form))

    command.__doc__ = f"Show a {name} as the file that it can be written in, or what became of it."
    return command


def _apply(name: str) -> Callable[..., None]:
    def command(context: typer.Context, file: File, dry_run: DryRun = False, as_json: AsJson = False) -> None:
        from discovery.making import files, kind
        from discovery.people import CONSOLE

        documents = files.read_toml(text_of(file), kind(name))
        with opened_portal(context) as portal:
            done = portal.making.apply(CONSOLE, name, documents, dry_run=dry_run)
            if not dry_run:
                settle(context, portal)
        if as_json:
            print_json([{"short": slug, "change": change} for slug, change in done])
            return
        print_table(("short name", "change"), done, empty=f"the file names no {name}")

    command.__doc__ = f"Publish the {name}s of a TOML file, showing what differs; those not in the file stay."
    return command


def _step(name: str, step: str, about: str) -> Callable[..., None]:
    def command(context: typer.Context, id: Named, reason: Reason = "", as_json: AsJson = False) -> None:
        take(context, name, step, id, reason, as_json)

    command.__doc__ = about
    return command


def take(context: typer.Context, name: str, step: str, id: str, reason: str, as_json: bool) -> None:
    """Take one step with something that was made here, and say what it is now."""
    from discovery.people import CONSOLE

    with opened_portal(context) as portal:
        found = _found(portal, name, id)
        given = (reason,) if step in ("deprecate", "withdraw", "accept", "reject") else ()
        done = getattr(portal.making, step)(CONSOLE, found.id, found.version, *given)
        settle(context, portal)
    say(as_json, _row(done), f"{_row(done)['short']} is {done.state}")


def keep(context: typer.Context, kind_name: str, given: dict[str, Any], as_json: bool) -> None:
    """Publish one document, or say what is wrong with it."""
    from discovery.people import CONSOLE

    with opened_portal(context) as portal:
        ((slug, change),) = portal.making.apply(CONSOLE, kind_name, [given])
        settle(context, portal)
    say(as_json, {"short": slug, "change": change}, f"{slug}: {change}")


def draft(context: typer.Context, name: str, given: dict[str, Any], as_json: bool) -> None:
    """Keep one document as a draft of the portal's own: a new one, or a new version of what has its short name."""
    from discovery.making import kind
    from discovery.people import CONSOLE

    known = kind(name)
    document = known.read(given, complete=False)
    with opened_portal(context) as portal:
        old = portal.making.behind(known.document_id(document)) if known.slug in document else None
        same = [
            e
            for e in portal.store.creations.of(CONSOLE.id, name)
            if e.document.get(known.slug) == document.get(known.slug)
        ]
        before = old or next(iter(same), None)
        made = portal.making.write(
            CONSOLE, name, document, id=before.id if before else "", version=before.version if before else 0
        )
    say(as_json, _row(made), f"{made.id} is {made.state}; next: discovery {name} hand-in {made.id}")


def text_of(file: Path) -> str:
    """Return the text of a file.

    Raises:
        ConfigError: It cannot be read.
    """
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} is no text in UTF-8") from error


def settings(pairs: list[str]) -> dict[str, Any]:
    """Return the fields that `--set k=v` gives; one that is given again becomes a list."""
    out: dict[str, Any] = {}
    for each in pairs:
        name, value = pair(each, "set")
        if name in out:
            out[name] = [*(out[name] if isinstance(out[name], list) else [out[name]]), value]
        else:
            out[name] = value
    return out


def _found(portal: Portal, name: str, id: str) -> Creation:
    """Return what has an id, or what is published under a short name, or the only draft that has it."""
    from discovery.making import kind
    from discovery.model.creation import STATES

    known: Kind = kind(name)
    by_name = portal.making.behind(known.document_id({known.slug: id}))
    if by_name is not None:
        return by_name
    drafts = [
        each
        for state in STATES
        for each in portal.store.creations.in_state(name, state)
        if each.document.get(known.slug) == id
    ]
    if len(drafts) == 1:
        return drafts[0]
    if drafts:
        raise BadQueryError(f"{len(drafts)} drafts have the short name {id[:64]!r}; name one by its id", parameter="id")
    found = portal.store.creations.get(id)
    if found.kind != name:
        raise NotFoundError(f"{id[:64]!r} is a {found.kind}, and no {name}")
    return found


def _row(made: Creation) -> dict[str, Any]:
    from discovery.making import kind

    return {
        "id": made.id,
        "short": made.document.get(kind(made.kind).slug, ""),
        "name": made.name,
        "state": made.state,
        "version": made.version,
        "owner": made.owner,
        "record": made.record,
        "changed": shown_time(made.updated),
    }


def tell(rows: list[tuple[str, str]]) -> None:
    """Print names with what is said of each."""
    for name, said in rows:
        console.print(f"{name}: {said}", markup=False, soft_wrap=True)
