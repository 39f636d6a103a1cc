"""The command that tells what is inside Zarr data, where they lie."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from discovery import wiring
from discovery.cli.context import opened_portal, settings_of
from discovery.cli.output import INCOMPLETE, AsJson, complaints, console, print_json, print_table
from discovery.errors import BadQueryError, ConfigError

if TYPE_CHECKING:
    from discovery.arrays.facts import Look, Variable
    from discovery.arrays.reach import Reach
    from discovery.portal import Portal

app = typer.Typer()
_FILES = frozenset({".json", ".zip"})
"""Ends of files that are stores: documents of references, and archives."""


@app.command()
def inspect(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A record, or the address, folder or file of a Zarr group or array.")],
    asset: Annotated[str, typer.Option(help="Which of the record's Zarr files, by its key; else the first.")] = "",
    variable: Annotated[str, typer.Option(help="The path of the array to draw; else one is chosen.")] = "",
    picture: Annotated[Path | None, typer.Option(help="Write the quicklook to this file, as PNG.")] = None,
    as_json: AsJson = False,
) -> None:
    """Tell what is inside Zarr data: arrays, dimensions, chunks, units, where coordinates go; and draw a quicklook."""
    with opened_portal(context) as portal:
        look = _look(context, portal, name, asset, variable)
    if picture is not None and look.picture is not None:
        try:
            picture.write_bytes(look.picture.png)
        except OSError as error:
            raise ConfigError(f"{picture} cannot be written: {error.strerror}") from error
    if as_json:
        print_json(look.to_dict())
    else:
        _show(look, picture)
    if look.structure is None or (picture is not None and look.picture is None):
        raise typer.Exit(INCOMPLETE)


def _look(context: typer.Context, portal: Portal, name: str, asset: str, variable: str) -> Look:
    from discovery.arrays.arrays import here, on_web
    from discovery.arrays.reach import reaches
    from discovery.http import Policy

    policy = Policy()
    folder = Path(name).expanduser()
    if folder.is_dir() or (folder.suffix.lower() in _FILES and folder.is_file()):
        ways: tuple[Reach, ...] = (here(str(folder.resolve())),)
    elif (record := portal.locations.record(name)) is not None:
        return portal.arrays.look(record, asset, variable)
    elif name.lower().startswith(("http://", "https://")):
        way, policy = on_web(name, policy)
        ways = (way,)
    else:
        mounts = wiring.mounts(settings_of(context))
        ways = reaches(portal.locations.address(name), portal.locations.volumes(), mounts)
    if asset:
        raise BadQueryError(f"--asset {asset!r} is of a record; {name[:80]!r} is none", parameter="asset")
    return portal.arrays.at(ways, policy, variable)


def _show(look: Look, picture: Path | None) -> None:
    found = look.structure
    if found is None:
        complaints.print(look.message, markup=False, soft_wrap=True)
        return
    console.print(f"{look.address}: Zarr {found.format}, {found.size:,} bytes", markup=False, soft_wrap=True)
    if found.levels:
        console.print(f"levels: {', '.join(found.levels)}", markup=False, soft_wrap=True)
    columns = ("array", "dimensions", "chunks", "type", "units", "from", "to")
    print_table(columns, [tuple(_row(each)) for each in found.variables], empty="it has no arrays")
    if found.left:
        console.print(f"and {found.left:,} more arrays")
    if look.picture is None:
        console.print(f"No quicklook. {look.picture_message}", markup=False, soft_wrap=True)
    else:
        written = f"written to {picture}" if picture else "write it with --picture FILE"
        console.print(f"{look.picture.alt} ({written})", markup=False, soft_wrap=True)


def _row(each: Variable) -> Iterator[str]:
    yield each.path or each.name or "."
    yield " x ".join(f"{dim} {length:,}".strip() for dim, length in zip(each.dims, each.shape, strict=False))
    yield " x ".join(f"{length:,}" for length in each.chunks)
    yield each.dtype
    yield each.units
    yield each.low
    yield each.high
