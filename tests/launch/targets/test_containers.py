"""What DockerSpawner and KubeSpawner make of the shipped configuration, by their own models.

Not run here: there is no Docker and no cluster. The spawners themselves build what they would send there.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.peer

ROOT = Path(__file__).parents[3]
HOME = ROOT / ".cache" / "peers" / "jupyterhub"
IMAGE = f"registry.example/lab@sha256:{'0' * 64}"
OTHER = f"registry.example/gpu@sha256:{'1' * 64}"
ONE, TWO = "a" * 16, "b" * 16
PASS = "abcdefghijklmnopqrstuvwxyz.secret"
HUB = f"""
portal = "https://portal.example"
images = ["{IMAGE}", "{OTHER}"]
[volumes.{ONE}]
slug = "pla_legacy"
mount = "/media/data/pla_legacy"
docker = "pla"
claim = "pla-legacy"
[volumes.{TWO}]
slug = "other"
mount = "/media/data/other"
docker = "other"
claim = "other"
[sizes.gpu]
cpu = 4
memory = "16G"
gpu = 1
"""
OPTIONS = {
    "launch": "c" * 26,
    "volumes": [ONE],
    "size": "gpu",
    "image": OTHER,
    "notebook": PASS,
    "name": "a.ipynb",
}
Build = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture(scope="module")
def build(peer: Callable[[bool, str], None], tmp_path_factory: pytest.TempPathFactory) -> Build:
    peer((HOME / ".installed").is_file(), "JupyterHub is not here; tests/peers/jupyterhub/prepare.sh builds it")
    file = tmp_path_factory.mktemp("containers") / "hub.toml"
    file.write_text(HUB)

    def building(options: dict[str, Any]) -> dict[str, Any]:
        command = [HOME / "bin" / "python", ROOT / "tests" / "peers" / "jupyterhub" / "built.py", file]
        done = subprocess.run(
            [*command, json.dumps(options)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"PORTAL_TOKEN": "7" * 40},
        )
        assert done.returncode == 0, done.stderr[-2000:]
        made: dict[str, Any] = json.loads(done.stdout)
        return made

    return building


def test_a_pod_has_the_volumes_read_only_the_image_by_digest_and_no_host_path(build: Build) -> None:
    made = build(OPTIONS)
    pod = made["pod"]["spec"]
    # The home is the operator's; what another server of the person had before is not there.
    assert pod["volumes"] == [
        {"name": "home", "persistentVolumeClaim": {"claimName": "home-ada"}},
        {"name": f"data-{ONE}", "persistentVolumeClaim": {"claimName": "pla-legacy", "readOnly": True}},
    ]
    server = pod["containers"][0]
    assert server["volumeMounts"][1:] == [
        {"name": f"data-{ONE}", "mountPath": "/media/data/pla_legacy", "readOnly": True}
    ]
    assert server["image"] == OTHER
    assert server["resources"]["limits"] == {"cpu": 4.0, "memory": 16 << 30, "nvidia.com/gpu": "1"}
    assert server["securityContext"]["allowPrivilegeEscalation"] is False
    assert pod["automountServiceAccountToken"] is False
    said = {each["name"]: each["value"] for each in server["env"]}
    assert json.loads(said["DISCOVERY_VOLUMES"])[ONE] == "/media/data/pla_legacy"
    assert said["DATA_NOTEBOOK_URL"] == "https://portal.example/launches/notebook"
    command = server["lifecycle"]["postStart"]["exec"]["command"]
    assert command[:2] == ["sh", "-c"]
    # The pass is in the environment alone, and the command is the same for everybody.
    assert PASS not in json.dumps(command)
    assert "hostPath" not in json.dumps(made)

    container = made["container"]
    assert container["image"] == OTHER
    host = container["host_config"]
    assert host["Binds"] == ["home-ada:/home/jovyan:rw", "pla:/media/data/pla_legacy:ro"]
    assert (host["Memory"], host["CpuQuota"], host["PidsLimit"]) == (16 << 30, 400_000, 1024)
    assert (host["CapDrop"], host["SecurityOpt"]) == (["ALL"], ["no-new-privileges"])
    assert host.get("Privileged", False) is False
    assert "docker.sock" not in json.dumps(made)
    assert PASS not in container["post_start"]


def test_without_options_there_is_the_operators_own_and_nothing_else(build: Build) -> None:
    made = build({})
    assert [each["name"] for each in made["pod"]["spec"]["volumes"]] == ["home"]
    assert made["pod"]["spec"]["containers"][0]["image"] == IMAGE
    assert made["container"]["host_config"]["Binds"] == ["home-ada:/home/jovyan:rw"]
    assert "DATA_NOTEBOOK_PASS" not in made["container"]["environment"]


def test_the_command_that_fetches_the_notebook_runs_in_a_shell_and_keeps_what_is_there(
    build: Build, tmp_path: Path
) -> None:
    command = build({})["pod"]["spec"]["containers"][0]["lifecycle"]["postStart"]["exec"]["command"]
    (tmp_path / "source.ipynb").write_text('{"nbformat": 4}')
    told = {
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
        "DATA_NOTEBOOK_URL": (tmp_path / "source.ipynb").as_uri(),
        "DATA_NOTEBOOK_PASS": PASS,
        "DATA_NOTEBOOK_NAME": "a.ipynb",
    }
    subprocess.run(command, env=told, check=True, stdin=subprocess.DEVNULL)
    path = tmp_path / "notebooks" / "a.ipynb"
    assert path.read_text() == '{"nbformat": 4}'
    path.write_text("mine")
    subprocess.run(command, env=told, check=True, stdin=subprocess.DEVNULL)
    assert path.read_text() == "mine"
    # A portal that is away keeps no server from starting.
    subprocess.run(command, env={**told, "DATA_NOTEBOOK_NAME": "b.ipynb", "DATA_NOTEBOOK_URL": "file:///nothing"},
                   check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
