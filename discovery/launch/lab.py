"""The launch target of one's own machine: the notebook in a folder, and JupyterLab on it."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NoReturn

from discovery.errors import ConfigError
from discovery.launch.notebook import Notebook

MAX_COPIES: Final = 1_000
_LAB: Final = (
    "import runpy, sys; sys.modules['rfc3987_syntax'] = None; "
    "runpy.run_module('jupyterlab', run_name='__main__', alter_sys=True)"
)
"""`python -m jupyterlab`, without the two seconds that `discovery.launch.notebook` spares as well."""


def save(notebook: Notebook, folder: Path, *, fresh: bool = False) -> tuple[Path, bool]:
    """Return where a notebook is in a folder, and whether it was written now.

    A notebook that is there already may hold somebody's work: it is kept, and with `fresh` another one is written
    beside it.

    Raises:
        ConfigError: The folder cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in _names(folder, notebook.name):
            with suppress(FileExistsError):
                _create(path, notebook.content)
                return path, True
            if not fresh or path.read_bytes() == notebook.content:
                return path, False
    except OSError as error:
        raise ConfigError(f"the notebook cannot be written to {folder}: {error.strerror}") from error
    raise ConfigError(f"{folder} holds {MAX_COPIES} notebooks of this record; remove some")


def write(notebook: Notebook, file: Path) -> None:
    """Write a notebook to a file, in place of what is there.

    Raises:
        ConfigError: It cannot be written.
    """
    try:
        path = _whole(file.parent, notebook.content)
        try:
            path.replace(file)
        except OSError:
            path.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigError(f"the notebook cannot be written to {file}: {error.strerror}") from error


def start(path: Path, *, browser: bool = True) -> NoReturn:
    """Become JupyterLab with a notebook open: this process ends when JupyterLab does, and signals reach it.

    It listens on loopback and wants its token, as Jupyter does by itself.

    Raises:
        ConfigError: JupyterLab is not installed in this environment; see `missing`.
    """
    if lacking := missing():
        raise ConfigError(lacking)
    # The address that it prints is that of the notebook, for those who have no browser here.
    where = [f"--ServerApp.root_dir={path.parent.absolute()}", f"--LabApp.default_url=/lab/tree/{path.name}"]
    arguments = [sys.executable, "-c", _LAB, "--ServerApp.ip=127.0.0.1", *where]
    if not browser:
        arguments.append("--no-browser")
    if os.geteuid() == 0:
        # Somebody who is root has asked for it; without this Jupyter refuses to start in most containers.
        arguments.append("--allow-root")
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, arguments)  # noqa: S606  # arguments of ours, and no shell


def missing() -> str:
    """Return what to install before JupyterLab can be started; empty when all is there."""
    lacking = [name for name in ("jupyterlab", "ipykernel") if find_spec(name) is None]
    if not lacking:
        return ""
    return (
        f"{' and '.join(lacking)} cannot be found: install discovery-portal[launch], "
        "or write the notebook with --output FILE and open it elsewhere"
    )


def _names(folder: Path, name: str) -> list[Path]:
    stem = name.removesuffix(".ipynb")
    return [folder / name, *(folder / f"{stem}-{number}.ipynb" for number in range(2, MAX_COPIES))]


def _create(path: Path, content: bytes) -> None:
    """Write a new file whole or not at all; one that is there stays as it is."""
    made = _whole(path.parent, content)
    try:
        os.link(made, path)
    finally:
        made.unlink()


def _whole(folder: Path, content: bytes) -> Path:
    """Return a new file with this content, on the disk."""
    number, name = tempfile.mkstemp(prefix=".notebook-", dir=folder)
    try:
        with os.fdopen(number, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        Path(name).chmod(0o644)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)
