"""Write the tables of the reference pages from the code: `make docs`, or with `--check` say which are not fresh.

A page keeps its own words; what stands between `<!-- begin NAME -->` and `<!-- end NAME -->` is made here, and
`tests/docs/test_reference.py` fails when it is not what the code says.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import typer
from graphql import GraphQLInputObjectType, GraphQLObjectType, build_schema, get_named_type

from discovery import cli, config, errors
from discovery.arrays.facts import STATES
from discovery.cli import output
from discovery.demands import DEMANDS
from discovery.http import answer
from discovery.http.policy import Policy
from discovery.model import datalab_document, document, pipeline_document, volume_document
from discovery.model import source as runs
from discovery.model.person import Role
from discovery.query import fields, form
from discovery_graphql.operations import Operations, published
from harvesters import registry
from ui import listing

Command = Any
"""A command of typer, which brings a click of its own whose types are private."""
ROOT: Final = Path(__file__).parents[1]
DOCS: Final = ROOT / "docs"
ROOMS: Final = ("discovery", "harvesters", "ui", "graphql/discovery_graphql")
BLOCK: Final = re.compile(r"<!-- begin ([a-z-]+) -->\n(.*?)<!-- end \1 -->\n", re.DOTALL)

LIMITS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "query-parameters": "discovery.query.form:MAX_PAIRS",
        "page-size": "discovery.query.form:MAX_SIZE",
        "text-characters": "discovery.query.text:QUERY_CHARACTERS",
        "text-words": "discovery.query.text:QUERY_GROUPS",
        "filter-bytes": "discovery.query.cql2.limits:MAX_BYTES",
        "filter-json-bytes": "discovery.query.cql2.limits:MAX_JSON_BYTES",
        "filter-depth": "discovery.query.cql2.limits:MAX_DEPTH",
        "filter-predicates": "discovery.query.cql2.limits:MAX_PREDICATES",
        "filter-positions": "discovery.query.cql2.limits:MAX_POSITIONS",
        "filter-regions": "discovery.query.cql2.limits:MAX_REGIONS",
        "filter-pattern": "discovery.query.checks:MAX_PATTERN",
        "filter-wildcards": "discovery.query.checks:MAX_WILDCARDS",
        "region-vertices": "discovery.query.region:MAX_QUERY_VERTICES",
        "region-crossings": "discovery.query.knots:MAX_CROSSINGS",
        "region-moc": "discovery.query.region:MAX_QUERY_MOC",
        "sort-fields": "discovery.query.order:MAX_FIELDS",
        "relevance-window": "discovery.index.base:RELEVANCE_WINDOW",
        "overlap-window": "discovery.overlaps:WINDOW",
        "facet-size": "discovery.index.plans:MAX_BUCKETS",
        "facet-text": "discovery.index.plans:MAX_FIND",
        "range-bins": "discovery.index.ranges:MAX_RANGES",
        "range-selections": "discovery.index.ranges:MAX_TICKED",
        "histogram-days": "discovery.index.calendar:MAX_DAYS",
        "heat-cells": "discovery.index.cells:MAX_CELLS",
        "index-page": "discovery.index.plans:MAX_PAGE",
        "stac-names": "discovery.stac_api.question:MAX_NAMES",
        "stac-aggregations": "discovery.stac_api.aggregations:MAX_AGGREGATIONS",
        "stac-fields": "discovery.stac_api.chosen:MAX_FIELDS",
        "stac-depth": "discovery.stac_api.submission:MAX_DEPTH",
        "stac-items": "discovery.stac_api.submission:MAX_ITEMS",
        "stac-rows": "discovery.stac_api.formats:MAX_ROWS",
        "stac-seconds": "discovery.exports.limits:MAX_SECONDS",
        "stac-columns": "discovery.exports.geoparquet:MAX_COLUMNS",
        "stac-bytes": "discovery.exports.geoparquet:MAX_BYTES",
        "ogc-names": "discovery.ogc_api.question:MAX_NAMES",
        "ogc-offset": "discovery.ogc_api.question:MAX_OFFSET",
        "ogc-facets": "discovery.ogc_api.facets:MAX_FACETS",
        "graphql-bytes": "discovery_graphql.message:MAX_BYTES",
        "graphql-nesting": "discovery_graphql.message:MAX_NESTING",
        "graphql-objects": "discovery_graphql.message:MAX_OBJECTS",
        "graphql-tokens": "discovery_graphql.schema:MAX_TOKENS",
        "similar-examples": "discovery.similarity:MAX_EXAMPLES",
        "similar-batch": "discovery.similarity:MAX_BATCH",
        "similar-rows": "discovery.similarity:MAX_ROWS",
        "similar-region": "discovery.similarity:MAX_REGION",
        "similar-linked": "discovery.similarity:MAX_LINKED",
        "similar-joined": "discovery.embeddings.differing:MAX_JOINED",
        "similar-compared": "discovery.embeddings.differing:MAX_COMPARED",
        "similar-body": "ui.asking:MAX_BODY",
        "graphql-similar": "discovery_graphql.likeness:MAX_SIMILAR",
        "graphql-depth": "discovery_graphql.limits:MAX_DEPTH",
        "graphql-aliases": "discovery_graphql.limits:MAX_ALIASES",
        "graphql-cost": "discovery_graphql.limits:MAX_COST",
        "graphql-page": "discovery_graphql.search:MAX_PAGE",
        "graphql-buckets": "discovery_graphql.search:MAX_BUCKETS",
        "graphql-selections": "discovery_graphql.inputs:MAX_TICKED",
        "graphql-numbers": "discovery_graphql.measures:MAX_NUMBERS",
        "graphql-suggestions": "discovery_graphql.naming:MAX_SUGGESTIONS",
        "graphql-subscriptions": "discovery_graphql.sockets:MAX_OPERATIONS",
        "creation-bytes": "discovery.store.creations:MAX_BYTES",
        "creation-name": "discovery.store.creations:MAX_NAME",
        "creation-people": "discovery.store.creations:MAX_LISTED",
        "creations": "discovery.store.creations:MAX_OWNED",
        "selection-ids": "discovery.selection:MAX_IDS",
        "selection-rows": "discovery.selection:MAX_ROWS",
        "compared": "ui.compare:MOST",
        "launches": "discovery.launch.zones:SERVERS",
        "launch-records": "discovery.launching:MAX_RECORDS",
        "launch-volumes": "discovery.launching:MAX_VOLUMES",
        "marks": "discovery.store.marks:MAX_MARKS",
        "tokens": "discovery.store.tokens:MAX_TOKENS",
    }
)
"""Where the number behind the name of each limit stands; its meaning is the sentence written beneath it there."""

CUTS: Final = (
    "discovery.stac_api.question:MAX_PAGE",
    "discovery.ogc_api.question:MAX_LIMIT",
    "discovery.ogc_api.api:CRAWLED",
    "discovery.model.instant:MAX_YEAR",
    "discovery.query.footprint:MAX_VERTICES",
    "discovery.index.document:MAX_VALUES",
    "discovery.index.document:MAX_TAIL",
    "discovery.index.document:MAX_LINKS",
    "discovery.index.plans:MAX_TERM",
    "discovery.index.plans:COUNTED",
    "discovery.store.ingest:MAX_QUARANTINED_BODY",
    "discovery.launch.notebook:MAX_FILES",
    "discovery.arrays.apart:SECONDS",
    "discovery.arrays.apart:MEMORY",
    "discovery.arrays.arrays:SLOTS",
    "discovery.arrays.arrays:WAITING",
    "discovery.arrays.archive:MAX_ENTRIES",
    "discovery.arrays.picture:MAX_CHUNK",
    "discovery.arrays.picture:MAX_PLANE",
    "discovery.arrays.picture:MAX_CHUNKS",
    "discovery.arrays.stores:MAX_BYTES",
    "discovery.arrays.stores:MAX_METADATA",
    "discovery.arrays.stores:MAX_REFERENCES",
    "discovery.arrays.stores:MAX_REQUESTS",
    "discovery.arrays.tables:MAX_GROUP",
    "discovery.arrays.tables:MAX_RECORDS",
    "discovery.arrays.structure:MAX_VARIABLES",
    "discovery.arrays.structure:MAX_COORDINATES",
    "discovery.launch.folder:MAX_FILES",
    "discovery.launch.folder:MAX_BYTES",
    "discovery.app:MAX_BODY",
    "ui.forms:MAX_FIELDS",
    "harvesters.documents:MAX_DOCUMENT",
    "harvesters.trail:MAX_DOCUMENTS",
    "harvesters.stac_items:MAX_LINE",
    "harvesters.votable:MAX_CELL",
    "harvesters.places:MAX_POSITIONS",
    "harvesters.document:MAX_VALUES",
    "harvesters.run:MOST_VANISHED",
    "harvesters.run:SHARE_VANISHED",
)
"""Numbers that cut, skip or hold without an error of their own, as far as an operator meets them."""


# Pages


def rendered(page: str) -> str:
    """Return the text of a page with every block as the code says now."""

    def block(found: re.Match[str]) -> str:
        name = found[1]
        return f"<!-- begin {name} -->\n\n{BLOCKS[name]().strip()}\n\n<!-- end {name} -->\n"

    return BLOCK.sub(block, page)


def pages() -> list[Path]:
    """Return every page of the documentation that has a block."""
    return [path for path in sorted(DOCS.rglob("*.md")) if BLOCK.search(path.read_text(encoding="utf-8"))]


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or only say which are not fresh; the exit status is 1 where one is not."""
    stale = [path for path in pages() if rendered(path.read_text(encoding="utf-8")) != path.read_text(encoding="utf-8")]
    for path in stale:
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")
        if "--check" not in arguments:
            path.write_text(rendered(path.read_text(encoding="utf-8")), encoding="utf-8")
    return int(bool(stale) and "--check" in arguments)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(_cell(each) for each in row) + " |" for row in lines)


def _cell(value: object) -> str:
    return re.sub(r"\s+", " ", str(value)).replace("|", "\\|").strip()


def _code(value: object) -> str:
    return f"`{value}`" if value not in ("", None) else ""


def _joined(values: Iterable[object]) -> str:
    return ", ".join(_code(each) for each in values)


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


# What the source text says of itself


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(inspect.getsource(import_module(module)))


def _meanings(body: Sequence[ast.stmt]) -> dict[str, str]:
    """Return the sentence beneath each name that is assigned in a module or class."""
    found = {}
    for one, beneath in pairwise(body):
        target = (
            one.target if isinstance(one, ast.AnnAssign) else one.targets[0] if isinstance(one, ast.Assign) else None
        )
        if (
            isinstance(target, ast.Name)
            and isinstance(beneath, ast.Expr)
            and isinstance(beneath.value, ast.Constant)
            and isinstance(beneath.value.value, str)
        ):
            found[target.id] = inspect.cleandoc(beneath.value.value)
    return found


def constant(place: str) -> tuple[Any, str]:
    """Return the value of `module:NAME` and the sentence beneath it."""
    module, name = place.split(":")
    return getattr(import_module(module), name), _meanings(_tree(module).body).get(name, "")


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def sources() -> list[Path]:
    """Return every Python file of the product."""
    found = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    return sorted(path for path in found if "testing" not in path.parts and "migrations" not in path.parts)


def raised_limits() -> set[str]:
    """Return the name of every limit that the code can raise or report."""
    found = set()
    for path in sources():
        for node in ast.walk(_parsed(path)):
            if isinstance(node, ast.Call) and _called(node) in ("LimitError", "TooLargeError"):
                found.update(_texts(node.args[0]))
            elif isinstance(node, ast.Dict) and path.name == "failures.py":
                found.update(
                    text
                    for key, value in zip(node.keys, node.values, strict=True)
                    if isinstance(key, ast.Constant) and key.value == "limit"
                    for text in _texts(value)
                )
            elif isinstance(node, ast.Assign) and path.name == "failures.py" and _target(node) == "limit":
                found.update(_texts(node.value) - {"tokens"})
    return found


@cache
def record_codes() -> dict[str, dict[str, list[str]]]:
    """Return the codes of issues by what they do (`quarantine`, `warning`), each with what its messages say."""
    found: dict[str, dict[str, list[str]]] = {"quarantine": {}, "warning": {}}
    faces = ("stac_api", "discovery_graphql", "ui")  # their codes are those of answers, not of records
    for path in [each for each in sources() if not set(each.parts) & set(faces)]:
        tree = _parsed(path)
        takers = {"RecordError": 0, "Issue": 0, **_takers(tree)}
        for function in [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)]:
            said = {_target(each): each.value for each in ast.walk(function) if isinstance(each, ast.Assign)}
            for node in [each for each in ast.walk(function) if isinstance(each, ast.Call)]:
                warns = isinstance(node.func, ast.Attribute) and node.func.attr == "add" and len(node.args) > 1
                at = 0 if warns else takers.get(_called(node), -1)
                if not 0 <= at < len(node.args) or not _texts(node.args[at]):
                    continue
                message = node.args[at + 1] if len(node.args) > at + 1 else None
                words = _words(said.get(message.id) if isinstance(message, ast.Name) else message)
                for code in _texts(node.args[at]):
                    kept = found["warning" if warns else "quarantine"].setdefault(code, [])
                    if words and words not in kept:
                        kept.append(words)
    return found


def _takers(tree: ast.Module) -> dict[str, int]:
    """Return the functions of a module that take a `code`, with its place among the arguments."""
    found = {}
    for each in ast.walk(tree):
        if isinstance(each, ast.FunctionDef):
            names = [arg.arg for arg in each.args.args if arg.arg != "self"]
            if "code" in names:
                found[each.name] = names.index("code")
    return found


def _called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def _target(node: ast.Assign) -> str:
    return node.targets[0].id if isinstance(node.targets[0], ast.Name) else ""


def _texts(node: ast.expr) -> set[str]:
    """Return the texts that an expression may be: itself, or either branch of a condition."""
    if isinstance(node, ast.IfExp):
        return _texts(node.body) | _texts(node.orelse)
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()


def _words(node: ast.expr | None) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(each.value) if isinstance(each, ast.Constant) else "…" for each in node.values)
    return ""


# Blocks


def settings() -> str:
    """Return the table of settings."""
    rows = [
        (_code(each.name), _code(f"DISCOVERY_{each.name.upper()}"), each.type.__name__, _code(each.default), each.help)
        for each in config.TABLE
    ]
    return table(("setting", "environment", "type", "default", "meaning"), rows)


def commands() -> str:
    """Return every command with its arguments and options."""
    group = typer.main.get_command(cli.app)
    parts = [f"## discovery\n\n{_options(group)}"]
    parts += [
        f"## discovery {' '.join(name)}\n\n{inspect.cleandoc(command.help or '')}\n\n{_options(command)}"
        for name, command in leaves(group)
    ]
    return "\n\n".join(part.strip() for part in parts)


def leaves(command: Command, name: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Command]]:
    """Yield every command that does something, with its name as it is typed."""
    inner: Mapping[str, Command] | None = getattr(command, "commands", None)
    if inner is None:
        yield name, command
        return
    for word, each in inner.items():
        yield from leaves(each, (*name, word))


def _options(command: Command) -> str:
    rows = []
    for each in command.params:
        if each.name in ("help", "install_completion", "show_completion"):
            continue
        argument = each.param_type_name == "argument"
        name = (each.name or "").upper() if argument else ", ".join([*each.opts, *each.secondary_opts])
        default = each.default if each.default not in (None, False, "", ()) and not callable(each.default) else ""
        needed = "needed" if each.required else _code(_default(default))
        many = "; repeatable" if getattr(each, "multiple", False) and "repeatable" not in _help(each) else ""
        rows.append((_code(name), needed, f"{_help(each)}{many}"))
    return table(("argument or option", "default", "meaning"), rows) if rows else ""


def _default(value: object) -> str:
    # typer keeps the value that means "not given" in several guises, none of which says anything to a reader.
    text = str(value)
    return "" if "Sentinel" in text or "UNSET" in text else text


def _help(parameter: Any) -> str:
    return str(getattr(parameter, "help", None) or "")


def parameters() -> str:
    """Return the parameters of a question; each has the same name as an option of `discovery search`."""
    (search,) = (command for name, command in leaves(typer.main.get_command(cli.app)) if name == ("search",))
    help = {each.name: _help(each) for each in search.params}
    rows = [(_code(name), help["text" if name == "q" else name]) for name in form.NAMES]
    rows.append((_code(f"{form.FACET}NAME"), "A value of the facet NAME; repeatable."))
    rows.append((_code(f"{form.RANGE}NAME"), "A range of a number: `A..B`, `A..<B`, `A..` or `..B`; repeatable."))
    return table(("parameter", "meaning"), rows)


def queryables() -> str:
    """Return the table of fields."""
    rows = [
        (
            _code(each.name),
            each.label,
            each.type.value + (f" ({each.unit})" if each.unit else ""),
            "tree" if each.tree else "yes" if each.facet else "",
            "yes" if each.sort else "",
            _code(each.stac),
            _code(each.obscore),
        )
        for each in fields.FIELDS.values()
    ]
    return table(("field", "label", "type", "facet", "sort", "STAC", "ObsCore"), rows)


def shown_facets() -> str:
    """Return the facets that pages and `f=json` count in each scope."""
    return table(("scope", "facets"), [(_code(scope), _joined(names)) for scope, names in listing.SHOWN.items()])


def demands() -> str:
    """Return what every route demands of whoever asks."""
    rows = [
        (
            each.method,
            _code(each.path),
            "" if each.role is Role.ANONYMOUS else each.role.word,
            "" if each.role is Role.ANONYMOUS else _code(each.scope),
            "a token" if each.by_token else "the key of a form, or a token" if each.changes else "",
            each.note,
        )
        for each in DEMANDS
    ]
    return table(("method", "route", "role", "scope of a token", "shown by", "beside"), rows)


def limits() -> str:
    """Return the table of limits that are an error with a name."""
    rows = []
    for name, place in LIMITS.items():
        value, meaning = constant(place)
        rows.append((_code(name), _number(value), meaning))
    return table(("limit", "value", "what is counted"), rows)


def cuts() -> str:
    """Return the numbers that cut or skip in silence or with a warning."""
    rows = []
    for place in CUTS:
        value, meaning = constant(place)
        rows.append((_code(place.replace(":", ".")), _number(value), meaning))
    return table(("constant", "value", "what is counted"), rows)


def http_limits() -> str:
    """Return what the HTTP client of the harvesters allows."""
    (policy,) = (
        each for each in _tree("discovery.http.policy").body if isinstance(each, ast.ClassDef) and each.name == "Policy"
    )
    meaning = _meanings(policy.body)
    default = Policy()
    rows = [
        (_code(name), _number(value), meaning.get(name, ""))
        for name in Policy.__dataclass_fields__
        if isinstance(value := getattr(default, name), int | float)
    ]
    return table(("limit", "value", "meaning"), rows)


def source_kinds() -> str:
    """Return each kind of source with its settings, those that all share apart."""
    common = {each.name for each in registry.COMMON}
    parts = ["## Settings of every kind", _settings_of(registry.COMMON)]
    for kind in registry.KINDS.values():
        own = [each for each in kind.settings if each.name not in common]
        parts += [f"## {kind.name}", kind.help, _settings_of(own) if own else "No settings of its own."]
    return "\n\n".join(parts)


def _settings_of(found: Iterable[registry.Setting]) -> str:
    rows = [
        (
            _code(each.name),
            each.type.__name__,
            _code(each.default),
            _joined(value for value in each.allowed if value),
            each.help,
        )
        for each in found
    ]
    return table(("setting", "type", "default", "allowed", "meaning"), rows)


def error_kinds() -> str:
    """Return every error with its status and exit status."""
    rows = [
        (_code(each.kind), each.status, exit_status(each), _first_sentence(each.__doc__ or ""))
        for each in error_classes()
    ]
    return table(("kind", "HTTP", "exit", "meaning"), rows)


def error_classes() -> list[type[errors.DiscoveryError]]:
    """Return every class of error, in the order in which `discovery.errors` draws them, the faces' own at the end."""
    found = [errors.DiscoveryError]
    for each in found:
        found += [inner for inner in each.__subclasses__() if inner.__module__ != "discovery_graphql.message"]
    drawn = [each for each in vars(errors).values() if each in found]
    own = import_module("discovery_graphql.message")
    return [*drawn, *(each for each in vars(own).values() if inspect.isclass(each) and each.__module__ == own.__name__
                      and issubclass(each, errors.DiscoveryError))]  # fmt: skip


def exit_status(error: type[errors.DiscoveryError]) -> int:
    """Return the status with which the command line ends on an error."""
    wrong = (errors.BadQueryError, errors.NotFoundError, errors.ConfigError)
    return output.WRONG_USE if issubclass(error, wrong) else output.INCOMPLETE


def source_failures() -> str:
    """Return the words for what went wrong with a source."""
    lines = (answer.__doc__ or "").partition("`SourceUnavailableError.detail`:")[2].strip().splitlines()
    rows = [re.split(r"\s{2,}", each.strip(), maxsplit=1) for each in lines]
    return table(("detail", "meaning"), [(_joined(names.split(", ")), meaning) for names, meaning in rows])


def quarantine_codes() -> str:
    """Return the codes of what cannot become a record."""
    return _codes("quarantine")


def warning_codes() -> str:
    """Return the codes of warnings on records."""
    return _codes("warning")


def _codes(name: str) -> str:
    rows = [(_code(code), "; ".join(said)) for code, said in sorted(record_codes()[name].items())]
    return table(("code", "what its message says (… stands for a value)"), rows)


def report() -> str:
    """Return the members of a harvest's report, with an example's types."""
    example = runs.Report("mine", 1, runs.COMPLETE).to_dict()
    return table(("member", "type"), [(_code(name), type(value).__name__) for name, value in example.items()])


def run_statuses() -> str:
    """Return what a run can end as."""
    names = ("RUNNING", "COMPLETE", "PARTIAL", "HELD", "FAILED")
    meaning = _meanings(_tree(runs.__name__).body)
    rows = [
        (_code(getattr(runs, name)), 0 if name == "COMPLETE" else output.INCOMPLETE, meaning.get(name, ""))
        for name in names
    ]
    return table(("status", "exit", "meaning"), rows)


def graphql_queries() -> str:
    """Return what the GraphQL schema can be asked."""
    return _graphql_fields("query")


def graphql_mutations() -> str:
    """Return what the GraphQL schema can be told to do."""
    return _graphql_fields("mutation")


def graphql_subscriptions() -> str:
    """Return what can be followed by the GraphQL schema."""
    return _graphql_fields("subscription")


def _graphql_fields(operation: str) -> str:
    schema = build_schema((published() / "schema.graphql").read_text(encoding="utf-8"))
    kind = getattr(schema, f"{operation}_type")
    rows = [
        (_code(name), _joined(each.args), _code(each.type), each.description or "")
        for name, each in kind.fields.items()
    ]
    return table((operation, "arguments", "answer", "meaning"), rows)


def graphql_connection() -> str:
    """Return what one search can answer."""
    schema = build_schema((published() / "schema.graphql").read_text(encoding="utf-8"))
    kind = schema.type_map["SearchConnection"]
    assert isinstance(kind, GraphQLObjectType)
    rows = [(_code(name), _joined(each.args), each.description or "") for name, each in kind.fields.items()]
    return table(("member", "arguments", "meaning"), rows)


def graphql_filters() -> str:
    """Return the inputs that a filter is made of."""
    schema = build_schema((published() / "schema.graphql").read_text(encoding="utf-8"))
    kind = schema.type_map["RecordFilter"]
    assert isinstance(kind, GraphQLInputObjectType)
    inputs = {get_named_type(each.type).name for each in kind.fields.values()} - {kind.name}
    rows = []
    for name in sorted(inputs):
        inner = schema.type_map[name]
        if isinstance(inner, GraphQLInputObjectType):
            rows.append((_code(name), _joined(inner.fields), inner.description or ""))
    return table(("input", "members", "meaning"), rows)


def operations() -> str:
    """Return the published operations with the comment that each begins with."""
    rows = []
    for each in Operations(published() / "operations").all:
        comment = " ".join(line[1:].strip() for line in each.text.splitlines() if line.startswith("#"))
        rows.append((f"[`{each.name}`](../../graphql/operations/{each.name}.graphql)", comment))
    return table(("operation", "what it asks"), rows)


def volume_fields() -> str:
    """Return what a document of a volume may say."""
    return _document(volume_document.FIELDS)


def datalab_fields() -> str:
    """Return what a document of a datalab may say."""
    return _document(datalab_document.FIELDS)


def pipeline_fields() -> str:
    """Return what a document of a pipeline may say."""
    return _document(pipeline_document.FIELDS)


def _document(found: Iterable[document.Field]) -> str:
    rows = []
    for each in found:
        inner = f" A table of {_joined(one.name for one in each.fields)}." if each.fields else ""
        several = each.shape in (document.LIST, document.TABLES, document.MAP)
        most = f"{each.many:,} of {each.most:,}" if several else f"{each.most:,}"
        values = f" One of {_joined(each.choices)}." if each.choices else ""
        limit = "" if each.shape in (document.FLAG, document.SIZE, document.CHOICE, document.TABLE) else most
        rows.append((_code(each.name), each.tier, each.shape, f"{each.help}{values}{inner}", limit, _joined(each.also)))
    return table(("field", "tier", "shape", "meaning", "characters", "other names"), rows)


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=\.)\s+(?=[A-Z])", textwrap.dedent(text).strip(), maxsplit=1)[0]


def array_states() -> str:
    """Return what can come of a look into Zarr data."""
    return table(("state", "what it means"), ((_code(state), said) for state, said in STATES.items()))


BLOCKS: Final[Mapping[str, Callable[[], str]]] = MappingProxyType(
    {
        each.__name__.replace("_", "-"): each
        for each in (
            settings, commands, parameters, queryables, shown_facets, limits, cuts, http_limits, source_kinds,
            error_kinds, source_failures, quarantine_codes, warning_codes, report, run_statuses, graphql_queries,
            graphql_mutations, graphql_subscriptions, graphql_connection, graphql_filters, operations,
            volume_fields, datalab_fields, pipeline_fields, demands, array_states,
        )
    }
)  # fmt: skip
"""Every block by the name that pages give it."""

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
