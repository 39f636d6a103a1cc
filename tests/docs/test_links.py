"""What pages lead to is there."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [path.name for path in sorted(ROOT.glob("*.md"))]
PAGES += sorted(path.relative_to(ROOT).as_posix() for path in DOCS.rglob("*.md"))
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
COMING: set[str] = set()
"""Pages that somebody writes at this moment; whoever brings one takes it out here and links it in docs/index.md."""
FENCE = re.compile(r"(?ms)^```.*?^```$")


@cache
def prose(path: Path) -> str:
    return FENCE.sub("", path.read_text(encoding="utf-8"))


def anchors(path: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    found = re.findall(r"(?m)^#+ (.+)$", prose(path))
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in found}


def relative(page: str) -> list[str]:
    return [each for each in LINK.findall(prose(ROOT / page)) if "://" not in each]


@pytest.mark.parametrize("page", PAGES)
def test_every_relative_link_leads_somewhere(page: str) -> None:
    broken = []
    for link in relative(page):
        name, _, anchor = link.partition("#")
        target = (ROOT / page).parent / name if name else ROOT / page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_page_can_be_reached_from_the_first() -> None:
    seen, waiting = set(), [DOCS / "index.md"]
    while waiting:
        path = waiting.pop()
        if path in seen or path.suffix != ".md" or DOCS not in path.parents:
            continue
        seen.add(path)
        page = path.relative_to(ROOT).as_posix()
        waiting += [(path.parent / link.partition("#")[0]).resolve() for link in relative(page) if link[0] != "#"]
    lost = {path.relative_to(ROOT).as_posix() for path in DOCS.rglob("*.md") if path not in seen}
    assert lost <= COMING


def test_pages_that_the_code_names_are_there() -> None:
    rooms = ("discovery", "harvesters", "ui", "graphql", "tests")
    # Committed files only, so that one half-written beside us is not our failure.
    listed = subprocess.run(["git", "ls-files", "-z", *rooms], cwd=ROOT, check=False, capture_output=True, text=True)
    files = [path for name in listed.stdout.split("\0") if (path := ROOT / name).suffix == ".py" and path.is_file()]
    if not files:
        pytest.skip("not a git checkout")
    named = {found for path in files for found in re.findall(r"\bdocs/[\w/-]+\.md", path.read_text(encoding="utf-8"))}
    assert named
    assert {each for each in named if not (ROOT / each).is_file()} <= COMING


@pytest.mark.parametrize("page", [each for each in PAGES if each.startswith("docs/")])
def test_every_page_has_one_title(page: str) -> None:
    assert len(re.findall(r"(?m)^# ", prose(ROOT / page))) == 1
