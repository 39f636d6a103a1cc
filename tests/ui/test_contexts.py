from __future__ import annotations

import ast
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader, meta, nodes

from ui import contexts
from ui.rendering import ROOM

PAGES = {
    "home.html": contexts.HomeContext,
    "search.html": contexts.SearchContext,
    "record.html": contexts.RecordContext,
    "error.html": contexts.ErrorContext,
}


def used(environment: Environment, name: str, seen: set[str]) -> set[str]:
    """Return the names that a template and all that it includes take from its context."""
    if name in seen:
        return set()
    seen.add(name)
    tree = environment.parse((ROOM / "templates" / name).read_text(encoding="utf-8"))
    imported = [each for node in tree.find_all(nodes.FromImport) for each in node.names]
    names = meta.find_undeclared_variables(tree) - {each if isinstance(each, str) else each[1] for each in imported}
    for other in meta.find_referenced_templates(tree):
        assert other is not None
        names |= used(environment, other, seen)
    return names


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_all_of_its_context_and_nothing_else(name: str) -> None:
    environment = Environment(loader=FileSystemLoader(ROOM / "templates"), autoescape=True)
    given = {each.name for each in fields(PAGES[name])}
    names = used(environment, name, set()) - set(environment.globals)
    assert names <= given
    assert given - names <= {"id"}


def test_every_class_is_frozen_and_says_what_it_is() -> None:
    classes = [each for each in vars(contexts).values() if is_dataclass(each) and each.__module__ == contexts.__name__]
    assert len(classes) > 12
    for each in classes:
        assert vars(each)["__dataclass_params__"].frozen
        assert each.__doc__


def test_templates_stay_short_and_pages_have_no_logic_of_urls() -> None:
    for path in sorted((ROOM / "templates").glob("*.html")):
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") <= 80, path.name
        assert "urlencode" not in text
        assert "|safe" not in text, path.name


def test_nothing_is_marked_safe_outside_of_text() -> None:
    for path in sorted(Path(contexts.__file__).parent.glob("*.py")):
        calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
        made = [each for each in calls if isinstance(each.func, ast.Name) and each.func.id == "Markup"]
        assert not made or path.name == "text.py"
