"""The reference says what the code says, no more and no less."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from discovery import cli, config, errors
from discovery.app import create_app
from discovery.config import Settings
from discovery.query import fields, form
from harvesters import registry
from ui import links

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in DOCS.rglob("*.md"))
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def first_column(page: str) -> list[str]:
    return re.findall(r"(?m)^\| `([^`]+)`", text(page))


@pytest.mark.parametrize("page", PAGES)
def test_tables_are_as_the_code_says(generate: ModuleType, page: str) -> None:
    assert generate.rendered(text(page)) == text(page), "run `make docs` and commit what it writes"


def test_each_table_stands_on_one_page(generate: ModuleType) -> None:
    blocks = Counter(found[1] for page in PAGES for found in generate.BLOCK.finditer(text(page)))
    assert blocks == dict.fromkeys(generate.BLOCKS, 1)


def test_an_old_table_is_found(generate: ModuleType) -> None:
    page = text("docs/reference/limits.md").replace("| 1,024 |", "| 1,023 |", 1)
    assert generate.rendered(page) != page


def test_every_setting_has_a_row() -> None:
    assert first_column("docs/reference/settings.md") == [each.name for each in config.TABLE]


def test_every_field_has_a_row() -> None:
    assert first_column("docs/reference/fields.md") == list(fields.FIELDS)


def test_every_parameter_has_a_row_and_is_an_option_of_the_command(generate: ModuleType) -> None:
    rows = re.findall(r"(?m)^\| `([^`]+)`", generate.parameters())
    assert rows == [*form.NAMES, f"{form.FACET}NAME", f"{form.RANGE}NAME"]


def test_parameters_of_the_pages_alone_are_named() -> None:
    page = text("docs/reference/parameters.md")
    assert [name for name in links.OWN if f"`{name}`" not in page and f"`{name}=" not in page] == []


def test_every_source_kind_has_a_heading_and_its_settings() -> None:
    page = text("docs/reference/sources.md")
    assert re.findall(r"(?m)^## ([a-z0-9-]+)$", page) == list(registry.KINDS)
    known = {each.name for kind in registry.KINDS.values() for each in kind.settings}
    assert set(first_column("docs/reference/sources.md")) == known


def test_every_command_has_a_heading(generate: ModuleType) -> None:
    import typer

    known = [" ".join(name) for name, _ in generate.leaves(typer.main.get_command(cli.app))]
    assert re.findall(r"(?m)^## discovery (.+)$", text("docs/reference/commands.md")) == known


def test_every_limit_that_is_raised_has_a_row_with_a_number_and_a_meaning(generate: ModuleType) -> None:
    assert generate.raised_limits() == set(generate.LIMITS)
    said = {name: generate.constant(place) for name, place in generate.LIMITS.items()}
    assert [name for name, (value, meaning) in said.items() if not isinstance(value, int) or not meaning] == []


def test_names_of_limits_are_spelt_one_way(generate: ModuleType) -> None:
    assert [name for name in generate.LIMITS if not NAME.fullmatch(name)] == []


def test_every_error_has_a_row(generate: ModuleType) -> None:
    def below(kind: type[errors.DiscoveryError]) -> set[type[errors.DiscoveryError]]:
        return {kind}.union(*map(below, kind.__subclasses__()))

    ours = {each for each in below(errors.DiscoveryError) if not each.__module__.startswith(("test", "conftest"))}
    assert {each.kind for each in ours} <= set(first_column("docs/reference/errors.md"))
    assert {each for each in ours if each.__module__ == "discovery.errors"} <= set(generate.error_classes())


@pytest.mark.parametrize(
    "kind",
    [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, errors.DiscoveryError)],
)
def test_commands_end_with_the_status_that_the_page_says(
    generate: ModuleType, monkeypatch: pytest.MonkeyPatch, kind: type[errors.DiscoveryError]
) -> None:
    error = kind.__new__(kind, "no")
    Exception.__init__(error, "no")

    def fail(**_: Any) -> None:
        raise error

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit) as end:
        cli.main([])
    assert end.value.code == generate.exit_status(kind)


def test_every_word_for_a_failing_source_is_explained(generate: ModuleType) -> None:
    used = set()
    for path in generate.sources():
        if path.parent.name not in ("http", "harvesters"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "detail":
                used |= generate._texts(node.value)
    explained = set(re.findall(r"`([a-z_]+)`", "".join(re.findall(r"(?m)^\| (.*?) \|", generate.source_failures()))))
    assert used
    assert used <= explained


def test_codes_of_records_are_those_that_the_code_uses(generate: ModuleType) -> None:
    found = generate.record_codes()
    assert {"broken-json", "missing-id", "mapper", "region"} <= set(found["quarantine"])
    assert {"bad-date", "no-place", "secret-in-link"} <= set(found["warning"])


def test_every_address_of_the_stac_api_is_named(tmp_path: Path) -> None:
    app = create_app(Settings(tmp_path), steward=False)
    found = {path.replace("_id:path}", "}") for path in app.openapi()["paths"] if path.startswith("/stac")}
    known = {
        re.sub(r"\{[a-z]+\}", "{}", each) for each in re.findall(r"`(/stac[^`]*)`", text("docs/reference/stac.md"))
    }
    missing = {re.sub(r"\{[^}]+\}", "{}", each) for each in found} - known
    assert missing <= {"/stac/conformance", "/stac/_mgmt/ping", "/stac/_mgmt/health"}
