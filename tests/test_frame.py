"""The frame holds: the name graphql stays graphql-core's, the lock fits, and nothing foreign is committed."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
# Written in pieces, so that this file passes its own test.
REGISTRIES = ("pypi" + ".org", "pythonhosted" + ".org", "npm" + "js.org", "npm" + "js.com", "yarn" + "pkg.com")
MACHINE_PATH = re.compile(rb"(?<![\w.~-])/(?:work/(?:main|shared|brief)|root|home/\w+|tmp/\w+)/")


@cache
def committed() -> tuple[Path, ...]:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return tuple(path for name in listed.split("\0") if name and (path := ROOT / name).is_file())


def written_by_us() -> list[Path]:
    """Committed text; fixtures are what the world sent us and may say anything."""
    return [
        path
        for path in committed()
        if path.relative_to(ROOT).parts[0] != "fixtures" and b"\0" not in path.read_bytes()[:8000]
    ]


@pytest.mark.slow
@pytest.mark.parametrize("package", ["graphql", "graphql.language"])
def test_graphql_is_graphql_core_even_in_the_repository_root(package: str) -> None:
    code = f"import {package} as p, discovery_graphql, sys; sys.stdout.write(p.__file__)"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert "site-packages" in Path(found).parts


def test_our_graphql_folder_is_no_package() -> None:
    assert (ROOT / "graphql").is_dir()
    assert not (ROOT / "graphql" / "__init__.py").exists()


def test_folders_under_tests_are_no_packages() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_readme_is_read_in_one_sitting() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 150


@pytest.mark.parametrize("registry", REGISTRIES)
def test_no_committed_text_names_a_package_registry(registry: str) -> None:
    holders = [str(path.relative_to(ROOT)) for path in written_by_us() if registry.encode() in path.read_bytes()]
    assert holders == []


def test_no_committed_text_names_a_folder_of_one_machine() -> None:
    holders = {
        str(path.relative_to(ROOT)): found.group().decode()
        for path in written_by_us()
        if (found := MACHINE_PATH.search(path.read_bytes()))
    }
    assert holders == {}


def test_no_script_or_style_of_others_is_committed() -> None:
    scripts = [path for path in committed() if path.suffix in {".js", ".mjs", ".css", ".wasm"}]
    foreign = [
        str(path.relative_to(ROOT))
        for path in scripts
        if ".min." in path.name
        or path.suffix == ".wasm"
        or "vendor" in path.relative_to(ROOT).parts
        or max(map(len, path.read_bytes().splitlines()), default=0) > 400
    ]
    assert foreign == []


def test_browser_files_are_pinned_to_one_version() -> None:
    package = (ROOT / "package.json").read_text("utf-8")
    lock = (ROOT / "package-lock.json").read_text("utf-8")
    versions = re.findall(r'"(?:graphiql|htmx\.org|react|react-dom|axe-core)": "([^"]+)"', package)
    assert len(versions) == 5
    assert [version for version in versions if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []
    assert '"resolved"' not in lock


def locked() -> dict[str, str]:
    text = (ROOT / "requirements.lock").read_text("utf-8")
    return {canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE)}


def test_lock_meets_every_requirement_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        # Who has a GPU brings torch: its wheels are gigabytes, and are in no lock.
        *(line for name, extra in project["optional-dependencies"].items() if name != "gpu" for line in extra),
    ]
    versions = locked()
    unmet = [
        line
        for line in wanted
        if not (need := Requirement(line)).specifier.contains(versions.get(canonicalize_name(need.name), "0"))
    ]
    assert unmet == []


def test_lock_checks_every_package_by_hash_and_names_no_place() -> None:
    text = (ROOT / "requirements.lock").read_text("utf-8")
    blocks = re.split(r"(?m)^(?=[\w.-]+==)", text)[1:]
    assert len(blocks) == len(locked())
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert "://" not in text
    assert "--index-url" not in text


@pytest.mark.parametrize("host", ["203.0.113.7", "2001:db8::7", "::ffff:203.0.113.7"])
def test_a_test_that_leaves_the_machine_fails(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as outside, pytest.raises(AssertionError, match="loopback"):
        outside.connect((host, 9))


def test_a_test_that_looks_up_a_name_fails() -> None:
    with pytest.raises(AssertionError, match="loopback"):
        socket.create_connection(("example.org", 80))


def test_a_test_may_talk_to_this_machine() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.getpeername() == server.getsockname()


def test_imports_that_leave_their_fence_are_found(tmp_path: Path) -> None:
    """The contracts must be able to fail: a copy of the rules over a tree that breaks two of them."""
    for package in ("discovery", "harvesters", "ui", "discovery_graphql"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    (tmp_path / "discovery" / "errors.py").write_text("import harvesters\n")
    (tmp_path / "ui" / "pages.py").write_text("import tantivy\n")
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    (tmp_path / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "fences.py", tmp_path / "tests")
    code = "import sys; sys.path.insert(0, ''); from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False, capture_output=True, text=True)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "Imports point one way BROKEN" in ran.stdout
    assert "tantivy stays in its engine BROKEN" in ran.stdout
    assert "jinja2 stays in the pages KEPT" in ran.stdout
