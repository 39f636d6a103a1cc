"""The commands over spaces of embeddings, and the one that finds what is similar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import orjson
import typer

from discovery.cli.context import opened_portal, pair
from discovery.cli.output import AsJson, complaints, console, print_json, print_table, say
from discovery.errors import BadQueryError
from discovery.model.instant import iso

if TYPE_CHECKING:
    from rich.progress import TaskID

    from discovery.embeddings.space import Space
    from discovery.hits import Hit, Hits
    from discovery.portal import Portal
    from discovery.query.query import Query

app = typer.Typer(no_args_is_help=True, help="Spaces of embeddings, searched where their files are.")
finding = typer.Typer()
MAX_VECTOR: Final = 4 << 20
"""Bytes of a file with one vector."""


@app.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What the space is called: letters, digits, dots and dashes.")],
    data: Annotated[list[str], typer.Option(help="A file or address of Parquet, Arrow, Zarr or npy; repeatable.")],
    record: Annotated[str, typer.Option(help="The id of the record that the vectors belong to.")] = "",
    model: Annotated[str, typer.Option(help="What made the vectors.")] = "",
    model_version: Annotated[str, typer.Option(help="Which version of it.")] = "",
    preprocessing: Annotated[str, typer.Option(help="What was done to the data before.")] = "",
    metric: Annotated[str, typer.Option(help="cosine or l2.")] = "cosine",
    quantization: Annotated[str, typer.Option(help="none, signed-square (AlphaEarth), or scale=S,offset=O.")] = "none",
    column: Annotated[list[str] | None, typer.Option(help="ROLE=COLUMN, such as vector=emb; repeatable.")] = None,
    sidecar: Annotated[
        bool, typer.Option(help="Keep vectors once more as float16 where files cannot be mapped.")
    ] = False,
    retrain: Annotated[bool, typer.Option(help="Make the lists anew, and all codes.")] = False,
    dask: Annotated[
        str, typer.Option(help="Have the workers of the Dask cluster at this address read the files, one each.")
    ] = "",
    engine: Annotated[
        str,
        typer.Option(help="Have elasticsearch hold the rows, too, and find them; see `embeddings engine`."),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Add files to a space, or make it; files that it has already are not read again."""
    from discovery.embeddings import apart
    from discovery.embeddings.building import DRIFTED, Wanted
    from discovery.embeddings.space import Model

    with opened_portal(context) as portal:
        if record:
            portal.record(record)
        wanted = Wanted(
            tuple(data),
            Model(model, model_version, preprocessing),
            metric,
            _quantization(quantization),
            record,
            dict(pair(each, "column") for each in column or []) or None,
            sidecar,
            retrain,
            dask,
        )
        with _Bar() as bar:
            made = apart.add(portal.spaces.folder, name, wanted, bar.told)
            if by := engine or (made.held.engine if made.held is not None else ""):
                made = portal.spaces.hold(name, by, progress=bar.told)
    if made.drift > DRIFTED:
        complaints.print(f"the new rows lie {made.drift:.0%} farther from their lists: --retrain makes them anew")
    say(as_json, made.to_dict(), _sentence(made))


@app.command("engine")
def let_hold(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Of the space.")],
    engine: Annotated[str, typer.Argument(help="elasticsearch, or own for the codes in the home alone.")],
    kind: Annotated[str, typer.Option(help="bbq_hnsw or int8_hnsw; without it the better one for the size.")] = "",
    as_json: AsJson = False,
) -> None:
    """Say what finds the rows of a space: the codes in the home, or an engine that holds the rows once more."""
    from discovery.embeddings.held import OWN

    if kind and engine == OWN:
        raise BadQueryError("--kind is for elasticsearch; own codes have one kind", parameter="kind")
    with opened_portal(context) as portal, _Bar() as bar:
        spaces = portal.spaces
        made = spaces.release(name) if engine == OWN else spaces.hold(name, engine, kind, bar.told)
    say(as_json, made.to_dict(), _sentence(made))


@app.command("list")
def show_all(context: typer.Context, as_json: AsJson = False) -> None:
    """List the spaces that there are."""
    with opened_portal(context) as portal:
        found = [portal.spaces.get(name) for name in portal.spaces.names()]
    if as_json:
        print_json([each.to_dict() for each in found])
        return
    rows = [(each.name, f"{each.live:,}", each.dimensions, each.model.name, each.record) for each in found]
    print_table(
        ("space", "vectors", "numbers", "model", "record"), rows, empty="no spaces; see `discovery embeddings add`"
    )


@app.command()
def show(
    context: typer.Context, name: Annotated[str, typer.Argument(help="Of the space.")], as_json: AsJson = False
) -> None:
    """Show a space: its files, and how well its rows are found."""
    with opened_portal(context) as portal:
        found = portal.spaces.get(name)
    if as_json:
        print_json(found.to_dict())
        return
    console.print(f"{found.name}: {found.live:,} vectors of {found.dimensions} numbers, {found.metric}", markup=False)
    files = [(each.start, f"{each.rows:,}", each.address, each.gone or "") for each in found.segments]
    print_table(("first row", "rows", "file", "gone"), files, empty="no files")
    if found.held is not None:
        console.print(f"held by {found.held.engine} as {found.held.kind}: {found.held.index}", markup=False)
    _print_recall(found, "recall was not measured")


@app.command()
def audit(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Of the space.")],
    queries: Annotated[int, typer.Option(min=1, max=256, help="How many rows are looked for.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Measure how many of the truly nearest rows are found, and keep that."""
    with opened_portal(context) as portal:
        found = portal.spaces.audit(name, queries)
    if as_json:
        told = found.to_dict()
        print_json([*told["recall"], *((told["held"] or {}).get("recall", ()))])
        return
    _print_recall(found, "there are no rows")


@app.command()
def remove(
    context: typer.Context, name: Annotated[str, typer.Argument(help="Of the space.")], as_json: AsJson = False
) -> None:
    """Remove what was derived for a space; the files that hold its vectors stay."""
    with opened_portal(context) as portal:
        portal.spaces.remove(name)
    say(as_json, {"removed": name}, f"{name} is removed; its files are where they were")


Size = Annotated[int, typer.Option(help="How many.")]
Bbox = Annotated[str | None, typer.Option(help="Only in west,south,east,north in degrees.")]
Cone = Annotated[str | None, typer.Option(help="Only in lon,lat,radius in degrees.")]
Frame = Annotated[str | None, typer.Option(help="earth, sky or a body.")]
Time = Annotated[str | None, typer.Option(help="Only in A/B, with .. for an open end.")]
Condition = Annotated[str | None, typer.Option(help="Only of records that match a CQL2 text filter.")]
Chosen = Annotated[list[str] | None, typer.Option(help="Only of records with NAME=VALUE; repeatable.")]


@app.command()
def change(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Of the space.")],
    earlier: Annotated[str | None, typer.Option(help="A/B; without it the first row of each place.")] = None,
    later: Annotated[str | None, typer.Option(help="A/B; without it the last row of each place.")] = None,
    by: Annotated[str, typer.Option(help="What tells a place: place (lon and lat to four decimals) or id.")] = "place",
    size: Size = 10,
    bbox: Bbox = None,
    cone: Cone = None,
    frame: Frame = None,
    time: Time = None,
    filter: Condition = None,
    facet: Chosen = None,
    as_json: AsJson = False,
) -> None:
    """Find the places that differ most between two times."""
    from discovery.query.time import interval
    from discovery.similarity import Contrast

    given = {"bbox": bbox, "cone": cone, "frame": frame, "time": time, "filter": filter}
    first = interval(earlier, parameter="earlier") if earlier else None
    last = interval(later, parameter="later") if later else None
    with opened_portal(context) as portal:
        found = portal.change(name, Contrast(_within(portal, facet, given), size, by, first, last))
    if as_json:
        print_json(found.to_dict())
        return
    rows = [
        (f"{each.change:.4f}", each.earlier.row, each.later.row, _day(each.earlier), _day(each.later), each.later.id)
        for each in found.changes
    ]
    print_table(("change", "row", "later row", "from", "to", "id"), rows, empty="no place is there at two times")
    console.print(f"{found.compared:,} places, {found.elapsed_ms:.1f} ms", markup=False)


@app.command()
def outliers(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Of the space.")],
    of: Annotated[str, typer.Option(help="Far from the middle of all rows, or of those of the same list.")] = "all",
    size: Size = 10,
    bbox: Bbox = None,
    cone: Cone = None,
    frame: Frame = None,
    time: Time = None,
    filter: Condition = None,
    facet: Chosen = None,
    as_json: AsJson = False,
) -> None:
    """Find the rows that are farthest from the middle."""
    from discovery.similarity import Contrast

    given = {"bbox": bbox, "cone": cone, "frame": frame, "time": time, "filter": filter}
    with opened_portal(context) as portal:
        found = portal.outliers(name, Contrast(_within(portal, facet, given), size, of=of))
    if as_json:
        print_json(found.to_dict())
        return
    rows = [(each.row, f"{each.score:.4f}", each.id, each.record.title if each.record else "") for each in found.hits]
    print_table(("row", "away", "id", "record"), rows, empty="nothing is in there")
    console.print(f"{found.compared:,} rows, {found.elapsed_ms:.1f} ms", markup=False)


@finding.command()
def similar(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Of the space.")],
    row: Annotated[
        list[int] | None, typer.Option(help="Like this row, counted from 0 over the files; repeatable.")
    ] = None,
    id: Annotated[list[str] | None, typer.Option(help="Like the row that its file calls so; repeatable.")] = None,
    vector: Annotated[
        list[Path] | None, typer.Option(help="Like the vector in a file: JSON or npy; repeatable.")
    ] = None,
    region: Annotated[
        str | None, typer.Option(help="Like what is here: west,south,east,north or lon,lat,radius in degrees.")
    ] = None,
    not_row: Annotated[list[int] | None, typer.Option(help="Unlike this row; repeatable.")] = None,
    not_id: Annotated[list[str] | None, typer.Option(help="Unlike the row that is called so; repeatable.")] = None,
    size: Size = 10,
    mode: Annotated[str, typer.Option(help="fast, balanced or exact.")] = "balanced",
    bbox: Bbox = None,
    cone: Cone = None,
    polygon: Annotated[str | None, typer.Option(help="Only in lon,lat,lon,lat,... in degrees.")] = None,
    near: Annotated[str | None, typer.Option(help="Only at the place or thing of this name.")] = None,
    frame: Frame = None,
    time: Time = None,
    filter: Condition = None,
    facet: Chosen = None,
    with_examples: Annotated[bool, typer.Option(help="Let the examples themselves be found.")] = False,
    each: Annotated[
        bool, typer.Option("--each", help="Ask for each example by itself, all at once; 64 at most.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Find the rows of a space that are most like a row, a vector or a region."""
    from discovery.query import region as regions
    from discovery.similarity import Examples, Question

    given = {"bbox": bbox, "cone": cone, "polygon": polygon, "near": near, "frame": frame, "time": time,
             "filter": filter}  # fmt: skip
    question = Question(
        like=Examples(tuple(row or ()), tuple(id or ()), tuple(map(_vector, vector or ()))),
        unlike=Examples(tuple(not_row or ()), tuple(not_id or ())),
        region=regions.numbers(region, frame=frame or "earth") if region else None,
        size=size,
        mode=mode,
        with_examples=with_examples,
    )
    with opened_portal(context) as portal:
        question = replace(question, within=_within(portal, facet, given))
        alone = [replace(question, like=one) for one in question.like.singly()] if each else [question]
        answers = portal.similar_batch(name, alone)
    if as_json:
        print_json({"answers": [one.to_dict() for one in answers]} if each else answers[0].to_dict())
        return
    for one in answers:
        _print(one)


def _sentence(made: Space) -> str:
    """Return what there is to say of a space that was made or changed."""
    least = min((each.value for each in made.measured if each.mode == "balanced"), default=1.0)
    by = f", found by {made.held.engine} ({made.held.kind})" if made.held is not None else ""
    return f"{made.name}: {made.live:,} vectors of {made.dimensions} numbers{by}; recall@10 {least:.3f} or more"


def _print_recall(found: Space, empty: str) -> None:
    by = [("own codes", found.recall), *([(found.held.engine, found.held.recall)] if found.held is not None else [])]
    rows = [
        (engine, each.kind, each.mode, f"{each.value:.3f}", each.queries) for engine, recall in by for each in recall
    ]
    print_table(("found by", "narrowed by", "mode", "recall@10", "queries"), rows, empty=empty)


def _day(hit: Hit) -> str:
    return iso(hit.start)[:10] if hit.start is not None else ""


def _print(found: Hits) -> None:
    rows = [(each.row, f"{each.score:.4f}", each.id, each.record.title if each.record else "") for each in found.hits]
    print_table(("row", "score", "id", "record"), rows, empty="nothing is in there")
    how = "exact" if found.exact else f"{found.mode}, recall {found.recall:.3f}"
    console.print(f"{found.eligible:,} rows, {how}, {found.elapsed_ms:.1f} ms", markup=False)
    for each in found.warnings:
        complaints.print(each, markup=False)


def _within(portal: Portal, facet: list[str] | None, given: Mapping[str, str | None]) -> Query | None:
    """Return what narrows rows, read as the pages read their parameters; None where nothing does."""
    from discovery.query import form

    pairs = [(each, value) for each, value in given.items() if value is not None]
    pairs += [(f"facet.{one}", value) for one, value in (pair(each, "facet") for each in facet or [])]
    return form.parse(pairs, resolver=portal.resolve) if pairs else None


def _quantization(text: str) -> Any:
    from discovery.embeddings.space import Quantization

    if "=" not in text:
        return Quantization(text)
    given = dict(pair(each.strip(), "quantization") for each in text.split(","))
    try:
        return Quantization("scale", float(given.pop("scale", 1)), float(given.pop("offset", 0)))
    except ValueError as error:
        raise BadQueryError(
            f"--quantization {text!r} is not of the form scale=S,offset=O", parameter="quantization"
        ) from error


def _vector(path: Path) -> list[float]:
    """Return the numbers of a file: a JSON array, or what numpy wrote."""
    import numpy as np

    try:
        if path.stat().st_size > MAX_VECTOR:
            raise BadQueryError(f"{path} is too large for one vector", parameter="vector")
        if path.suffix == ".npy":
            found: Any = np.load(path, allow_pickle=False).tolist()
        else:
            found = orjson.loads(path.read_bytes())
    except (OSError, ValueError, EOFError) as error:
        raise BadQueryError(f"{path} holds no vector: {str(error)[:200]}", parameter="vector") from error
    while isinstance(found, list) and len(found) == 1 and isinstance(found[0], list):
        found = found[0]
    if not isinstance(found, list):
        raise BadQueryError(f"{path} holds no list of numbers", parameter="vector")
    return found


class _Bar:
    """A bar on the terminal, one line for each file."""

    def __init__(self) -> None:
        # Few commands draw a bar; the others do not wait for it to be imported.
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=complaints)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> _Bar:
        if complaints.is_terminal:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def told(self, what: str, done: int, of: int) -> None:
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=of)
        self._progress.update(self._tasks[what], completed=done)
