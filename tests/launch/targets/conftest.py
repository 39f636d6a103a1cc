"""A real JupyterHub with the shipped configuration, in an environment of its own."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class RunningHub:
    """A real JupyterHub with the shipped configuration."""

    url: str
    token: str
    folder: Path

    @property
    def log(self) -> str:
        """What it has written so far."""
        return (self.folder / "hub.log").read_text()

    def home(self, user: str) -> Path:
        """Return where a person's files are."""
        return self.folder / "homes" / user


@pytest.fixture(scope="module")
def start_hub(
    peer: Callable[[bool, str], None], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., RunningHub]]:
    """Return `start(portal, volumes)`: a hub with volumes by id, which fetches notebooks there."""
    home, recipe = ROOT / ".cache" / "peers" / "jupyterhub", ROOT / "tests" / "peers" / "jupyterhub"
    here = (home / ".installed").is_file() and (home / "proxy" / ".installed").is_file()
    peer(here, "JupyterHub is not here; tests/peers/jupyterhub/prepare.sh builds it")
    with ExitStack() as stack:

        def start(portal: str, volumes: Mapping[str, tuple[str, Path]], own: str = "") -> RunningHub:
            folder = tmp_path_factory.mktemp("hub")
            lines = [f"portal = {json.dumps(portal)}"]
            for id, (slug, path) in volumes.items():
                lines += [f"[volumes.{id}]", f'slug = "{slug}"', f'mount = "/media/data/{slug}"']
                lines += [f"path = {json.dumps(str(path))}"]
            (folder / "hub.toml").write_text("\n".join(lines) + "\n")
            (folder / "own.py").write_text(own)
            token = secrets.token_hex(32)
            server = stack.enter_context(
                subprocess.Popen(
                    [home / "bin" / "python", recipe / "serve.py", folder],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    text=True,
                    env=os.environ | {"PORTAL_TOKEN": token},
                )
            )
            stack.callback(server.terminate)
            assert server.stdout is not None
            address = server.stdout.readline().strip()
            assert address, (folder / "hub.log").read_text()[-3000:]
            return RunningHub(address, token, folder)

        yield start
