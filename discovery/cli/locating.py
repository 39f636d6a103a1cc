"""The command that says where files are, and why some records have none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from discovery import wiring
from discovery.cli.context import opened_portal, settings_of
from discovery.cli.output import AsJson, console, print_json, print_table
from discovery.errors import BadQueryError

if TYPE_CHECKING:
    from discovery.launch.existence import Checker
    from discovery.launch.locating import Located, Report
    from discovery.launch.resolver import File, Place
    from discovery.model.record import Record
    from discovery.portal import Portal

app = typer.Typer()


@app.command()
def locate(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(help="A record's id, DOI, ivo:// identifier or page; or an address of an archive's file.")
    ] = "",
    source: Annotated[str, typer.Option(help="The name is the one that this source has for the record.")] = "",
    container: Annotated[str, typer.Option(help="The collection or table of the source that it is in.")] = "",
    platform: Annotated[str, typer.Option(help="Give the paths that volumes have on this platform.")] = "",
    check: Annotated[bool, typer.Option("--check", help="Look whether the files are there.")] = False,
    links: Annotated[bool, typer.Option("--links", help="Ask the archive's DataLink document too, now.")] = False,
    report: Annotated[
        bool, typer.Option("--report", help="Count the records that have a place, or a reason why not.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say where the files of a record are: in volumes, on the web and in object stores; or why there are none."""
    from discovery.launch.platforms import moved

    if report == bool(name):
        raise BadQueryError("locate needs a record or an address, or --report without one", parameter="name")
    with opened_portal(context) as portal:
        if report:
            _tell(portal.locations.report(), as_json=as_json)
            return
        record = _record(portal, name, source, container)
        checker = _checker(context, portal, record) if check else None
        if record is None:
            found = portal.locations.address(name)
            _show_address(name, found, checker, as_json=as_json)
            return
        located = portal.locations.of(record)
        if platform:
            located = replace(located, files=moved(located.files, portal.locations.volumes(), platform))
        asked = _linked(context, portal, record) if links else []
    _show(record, located, asked, checker, as_json=as_json)


def _record(portal: Portal, name: str, source: str, container: str) -> Record | None:
    if source:
        return portal.store.catalogue.find(source, container, name).record
    return portal.locations.record(name)


def _checker(context: typer.Context, portal: Portal, record: Record | None) -> Checker:
    from discovery.launch.existence import Checker

    found = settings_of(context)
    sources = {each.id: each for each in portal.store.ledger.sources()}
    client = wiring.checking_client(found, sources.get(record.source) if record else None)
    return Checker(portal.locations.volumes(), client, mounts=wiring.mounts(found))


def _linked(context: typer.Context, portal: Portal, record: Record) -> list[dict[str, Any]]:
    """Return what the DataLink documents of a record say of the data themselves; signed addresses stay untold."""
    from harvesters.datalink import Reader, addresses

    sources = {each.id: each for each in portal.store.ledger.sources()}
    out: list[dict[str, Any]] = []
    with wiring.client(settings_of(context), sources.get(record.source)) as client:
        reader = Reader(client)
        for document in map(reader.read, addresses(record)):
            for link in document.links:
                if link.semantics != "#this":
                    continue
                places = [] if link.signed or not link.url else portal.locations.places(record, link.url)
                out.append(
                    {
                        "description": link.description,
                        "media_type": link.media_type or None,
                        "size": link.size,
                        "signed": link.signed,
                        "error": link.error or None,
                        "places": [each.to_dict() for each in places],
                    }
                )
    return out


def _show(
    record: Record, located: Located, asked: list[dict[str, Any]], checker: Checker | None, *, as_json: bool
) -> None:
    if as_json:
        out = located.to_dict() | {"title": record.title, "kind": record.kind}
        if checker:
            for told, file in zip(out["files"], located.files, strict=True):
                told["places"] = _checked(file.places, checker)
        print_json(out | {"links": asked} if asked else out)
        return
    console.print(f"{record.title or record.source_id}  {record.id}", markup=False, soft_wrap=True)
    if located.reason:
        console.print(f"{located.reason.code}: {located.reason.sentence} {located.reason.instead}", markup=False)
    if located.mount_path:
        console.print(f"mounted at {located.mount_path}", markup=False, soft_wrap=True)
    for twin in located.twins:
        console.print(f"the same as {twin}", markup=False, soft_wrap=True)
    if located.files:
        print_table(_columns(checker), list(_rows(located.files, checker)), empty="")
    for each in asked:
        where = ", ".join(place["address"] for place in each["places"])
        said = (
            "an address that is signed for a while: open the notebook to have one" if each["signed"] else each["error"]
        )
        console.print(f"DataLink: {where or said or 'no address'}", markup=False, soft_wrap=True)


def _show_address(name: str, found: Iterable[Place], checker: Checker | None, *, as_json: bool) -> None:
    places = tuple(found)
    if as_json:
        told = _checked(places, checker) if checker else [each.to_dict() for each in places]
        print_json({"address": name, "located": bool(places), "places": told})
        return
    rows = [("", *_row(each, checker)) for each in places]
    print_table(_columns(checker), rows, empty="that address leads to no place that anybody may ask for")


def _columns(checker: Checker | None) -> tuple[str, ...]:
    return ("file", "kind", "address", "volume", "rule", *(("there", "bytes") if checker else ()))


def _rows(files: Iterable[File], checker: Checker | None) -> Iterable[tuple[object, ...]]:
    for file in files:
        for number, place in enumerate(file.places):
            yield ("" if number else file.key, *_row(place, checker))


def _row(place: Place, checker: Checker | None) -> tuple[object, ...]:
    shown = (place.kind, place.address, place.volume, place.rule)
    if checker is None:
        return shown
    found = checker.check(place)
    return (*shown, found.state, found.size)


def _checked(places: Iterable[Place], checker: Checker) -> list[dict[str, Any]]:
    return [each.to_dict() | {"check": checker.check(each).to_dict()} for each in places]


def _tell(found: Report, *, as_json: bool) -> None:
    if as_json:
        print_json(found.to_dict())
        return
    rows = [
        (source, each.records, each.located, each.explained, f"{each.share:.1%}", _reasons(each.reasons))
        for source, each in sorted(found.by_source.items())
    ]
    total = found.total
    rows.append(("all", total.records, total.located, total.explained, f"{total.share:.1%}", ""))
    print_table(("source", "records", "located", "explained", "share", "reasons"), rows, empty="")


def _reasons(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{code} {number}" for code, number in sorted(counted.items(), key=lambda each: -each[1]))
