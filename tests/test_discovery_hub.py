"""What the shipped configuration of a hub takes and refuses; tests/launch/test_hub_here.py has a real hub run it."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

PLACE = Path(__file__).parents[1] / "deploy" / "jupyterhub" / "discovery_hub.py"
ONE, TWO = "a" * 16, "b" * 16
IMAGE = f"registry.example/lab@sha256:{'0' * 64}"
PASS = "abcdefghijklmnopqrstuvwxyz.secret"
TEXT = f"""
portal = "https://portal.example/"
images = ["{IMAGE}"]
[volumes.{ONE}]
slug = "pla_legacy"
mount = "/media/data/pla_legacy"
path = "PATH"
docker = "pla"
claim = "pla-legacy"
[volumes.{TWO}]
slug = "gone"
mount = "/media/data/gone"
path = "/nowhere/at/all"
[sizes.small]
cpu = 1
memory = "2G"
[sizes.gpu]
cpu = 4.5
memory = "16G"
gpu = 1
"""


def _module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("discovery_hub", PLACE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["discovery_hub"] = module
    spec.loader.exec_module(module)
    return module


hub: Any = _module()


class Spawner(SimpleNamespace):
    __hash__ = object.__hash__  # type: ignore[assignment]


@pytest.fixture
def policy(tmp_path: Path) -> Any:
    (tmp_path / "volume").mkdir()
    file = tmp_path / "hub.toml"
    file.write_text(TEXT.replace("PATH", str(tmp_path / "volume")))
    return hub.read(file)


HOSTILE: list[object] = [
    None,
    [],
    "volumes",
    {"image": "registry.example/lab:latest"},
    {"image": f"registry.example/lab@sha256:{'1' * 64}"},
    {"image": f"{IMAGE} "},
    {"image": IMAGE.upper()},
    {"image": [IMAGE]},
    {"image": "registry.example/lab"},
    {"image": f"evil.example/lab@sha256:{'0' * 64}"},
    {"image": "x" * 500},
    {"size": "huge"},
    {"size": "__class__"},
    {"size": 1},
    {"size": {"cpu": 999}},
    {"cpu": 999},
    {"privileged": True},
    {"host_path": "/"},
    {"volume_mounts": [{"name": "x", "mountPath": "/"}]},
    {"mounts": [{"type": "bind", "source": "/var/run/docker.sock"}]},
    {"environment": {"LD_PRELOAD": "/tmp/x.so"}},
    {"cmd": ["sh"]},
    {"args": ["--ServerApp.token="]},
    {"uid": 0},
    {"volumes": "aaaaaaaaaaaaaaaa"},
    {"volumes": {ONE: "rw"}},
    {"volumes": ["../../etc"]},
    {"volumes": ["/etc"]},
    {"volumes": ["pla_legacy"]},
    {"volumes": [{"id": ONE, "mode": "rw"}]},
    {"volumes": [f"{ONE}\n"]},
    {"volumes": [None]},
    {"volumes": [ONE] * 21},
    {"notebook": PASS, "name": "../../.ssh/authorized_keys"},
    {"notebook": PASS, "name": "/etc/cron.d/x.ipynb"},
    {"notebook": PASS, "name": "..\\x.ipynb"},
    {"notebook": PASS, "name": "x.py"},
    {"notebook": PASS, "name": ".ipynb"},
    {"notebook": PASS, "name": "a\x00.ipynb"},
    {"notebook": PASS},
    {"name": "a.ipynb"},
    {"notebook": "short", "name": "a.ipynb"},
    {"notebook": f"{PASS}\r\nHost: evil.example", "name": "a.ipynb"},
    {"notebook": "http://evil.example/a.ipynb?aaaaaaaaaaaa", "name": "a.ipynb"},
    {"launch": "x; rm -rf /"},
    {"selection": "../../x", "notebook": PASS, "name": "a.ipynb"},
    {"selection": "c" * 26},
    {"selection": ["c" * 26], "notebook": PASS, "name": "a.ipynb"},
    {"datalab": "../x"},
]


@pytest.mark.parametrize("options", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_launch_is_refused_in_words(policy: Any, options: object) -> None:
    assert len(HOSTILE) >= 40
    with pytest.raises(hub.Refused) as refused:
        hub.checked(policy, options)
    assert refused.value.status_code == 400
    assert str(refused.value.jupyterhub_message)


def test_what_the_portal_sends_is_taken(policy: Any) -> None:
    sent = {
        "launch": "c" * 26,
        "volumes": [ONE, ONE],
        "notebook": PASS,
        "name": "a-1.ipynb",
        "image": IMAGE,
        "size": "gpu",
        "datalab": TWO,
    }
    wanted = hub.checked(policy, sent)
    assert [each.slug for each in wanted.volumes] == ["pla_legacy"]
    assert wanted.size == hub.Size(4.5, "16G", 1)
    assert hub.checked(policy, {}) == hub.Wanted()


@pytest.mark.parametrize(
    "wrong",
    [
        TEXT.replace("https://portal.example/", "file:///etc/passwd"),
        TEXT.replace("https://portal.example/", "https://ada:pw@portal.example/"),
        TEXT.replace(IMAGE, "registry.example/lab:latest"),
        TEXT.replace(f"[volumes.{ONE}]", "[volumes.pla]"),
        TEXT.replace('"pla_legacy"', '"../pla"'),
        TEXT.replace('"/media/data/pla_legacy"', '"/"'),
        TEXT.replace('"/media/data/pla_legacy"', '"/media/../etc"'),
        TEXT.replace('docker = "pla"', 'docker = "/var/run/docker.sock"'),
        TEXT.replace('claim = "pla-legacy"', 'claim = "../x"'),
        TEXT.replace('path = "PATH"', 'path = "here"'),
        TEXT.replace('claim = "pla-legacy"', 'hostPath = "/"'),
        TEXT.replace('slug = "gone"', 'slug = "pla_legacy"'),
        TEXT.replace('memory = "2G"', 'memory = "lots"'),
        TEXT.replace("cpu = 1", "cpu = true"),
        TEXT.replace("gpu = 1", "gpu = -1"),
        f"root = '/'\n{TEXT}",
    ],
    ids=range(16),
)
def test_a_file_that_says_what_cannot_be_is_refused(tmp_path: Path, wrong: str) -> None:
    file = tmp_path / "hub.toml"
    file.write_text(wrong)
    with pytest.raises(ValueError, match=r"\S"):
        hub.read(file)


def test_the_local_spawner_links_volumes_and_keeps_what_people_have(policy: Any, tmp_path: Path) -> None:
    spawner = Spawner(home_dir=str(tmp_path / "home"), environment={"KEPT": "1"})
    hub.local_options(policy)(spawner, {"volumes": [ONE]})
    asyncio.run(hub.local_hook(policy)(spawner))
    link = tmp_path / "home" / "data" / "pla_legacy"
    assert link.readlink() == tmp_path / "volume"
    assert json.loads(spawner.environment["DISCOVERY_VOLUMES"]) == {ONE: str(link), "/media/data/pla_legacy": str(link)}
    # Another server of the same person has no volume of this one, and what the operator set.
    hub.local_options(policy)(spawner, {})
    asyncio.run(hub.local_hook(policy)(spawner))
    assert spawner.environment == {"KEPT": "1", "DISCOVERY_VOLUMES": "{}"}
    link.unlink()
    link.mkdir()
    (link / "mine").touch()
    hub.local_options(policy)(spawner, {"volumes": [ONE]})
    with pytest.raises(hub.Refused, match="file or folder of yours"):
        asyncio.run(hub.local_hook(policy)(spawner))
    assert (link / "mine").exists()


def told(**more: object) -> dict[str, Any]:
    inside = {"volume": ONE, "path": "/media/data/pla_legacy/a/map.fits"}
    files = [
        {"name": "map.fits", "volumes": [inside], "addresses": ["https://x.example/map.fits"]},
        {"name": "far.fits", "volumes": [], "addresses": ["s3://b/far.fits"]},
        {"name": "lost.fits", "volumes": [{"volume": ONE, "path": "/media/data/pla_legacy/lost"}], "addresses": []},
    ]
    return {"selection": "c" * 26, "folder": "deep-fields-cccccc", "files": files} | more


def test_a_selection_is_a_folder_of_links_and_a_list_of_the_rest(policy: Any, tmp_path: Path) -> None:
    home, volume = tmp_path / "home", tmp_path / "volume"
    (volume / "a").mkdir()
    (volume / "a" / "map.fits").write_text("here")
    wanted = hub.Wanted(volumes=(policy.volumes[ONE],))
    place = hub._fill(home, policy, wanted, told())
    assert place == home / "data" / "deep-fields-cccccc"
    assert sorted(each.name for each in place.iterdir()) == ["manifest.json", "map.fits"]
    assert (place / "map.fits").read_text() == "here"
    said = json.loads((place / "manifest.json").read_text())
    assert [(each["name"], each["linked"]) for each in said["files"]] == [
        ("map.fits", True),
        ("far.fits", False),
        ("lost.fits", False),
    ]
    assert said["files"][1]["addresses"] == ["s3://b/far.fits"]
    # What is in it no more goes with the next launch; what somebody put there stays.
    (place / "mine.txt").write_text("mine")
    (place / "own").symlink_to(tmp_path)
    hub._fill(home, policy, wanted, told(files=[]))
    assert sorted(each.name for each in place.iterdir()) == ["manifest.json", "mine.txt", "own"]
    # A volume that is not mounted for this server is not linked into.
    hub._fill(home, policy, hub.Wanted(), told())
    assert not (place / "map.fits").exists()


@pytest.mark.parametrize(
    "path",
    [
        "/media/data/pla_legacy/../../etc/passwd",
        "/media/data/pla_legacy/a/../../../secret",
        "/media/data/pla_legacy_too/x",
        "/etc/passwd",
        "a/map.fits",
        "/media/data/pla_legacy/out",
        "/media/data/pla_legacy/a\0b",
        None,
    ],
)
def test_no_path_of_a_selection_leads_out_of_its_volume(policy: Any, tmp_path: Path, path: object) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "volume" / "out").symlink_to(tmp_path / "secret")
    given = told(files=[{"name": "x", "volumes": [{"volume": ONE, "path": path}]}, None, {"name": 1}, {"volumes": "x"}])
    place = hub._fill(tmp_path / "home", policy, hub.Wanted(volumes=(policy.volumes[ONE],)), given)
    assert [each.name for each in place.iterdir()] == ["manifest.json"]


@pytest.mark.parametrize("name", ["../x", "a/b", ".ssh", "manifest.json", "..", "a\nb", "-rf"])
def test_no_name_of_a_file_leads_out_of_its_folder(policy: Any, tmp_path: Path, name: str) -> None:
    (tmp_path / "volume" / "a").touch()
    inside = [{"volume": ONE, "path": "/media/data/pla_legacy/a"}]
    wanted = hub.Wanted(volumes=(policy.volumes[ONE],))
    place = hub._fill(tmp_path / "home", policy, wanted, told(files=[{"name": name, "volumes": inside}]))
    assert [each.name for each in place.iterdir()] == ["manifest.json"]
    assert not (place / "manifest.json").is_symlink()


@pytest.mark.parametrize("folder", ["../x", "pla_legacy", "gone", "", None, "a/b", "A", "." * 3])
def test_a_folder_is_called_as_it_may_be_or_refused(policy: Any, tmp_path: Path, folder: object) -> None:
    with pytest.raises(hub.Refused, match="names no folder"):
        hub._fill(tmp_path / "home", policy, hub.Wanted(), told(folder=folder))
    assert not (tmp_path / "home").exists()


def test_a_link_where_the_folder_would_be_is_left_alone(policy: Any, tmp_path: Path) -> None:
    (tmp_path / "home" / "data").mkdir(parents=True)
    (tmp_path / "home" / "data" / "deep-fields-cccccc").symlink_to(tmp_path / "volume")
    with pytest.raises(hub.Refused, match="give it another name"):
        hub._fill(tmp_path / "home", policy, hub.Wanted(), told())
    assert list((tmp_path / "volume").iterdir()) == []


def test_a_volume_that_is_not_there_and_an_image_have_their_sentences(policy: Any, tmp_path: Path) -> None:
    spawner = Spawner(home_dir=str(tmp_path), environment={})
    with pytest.raises(hub.Refused) as refused:
        hub.local_options(policy)(spawner, {"volumes": [TWO]})
    assert refused.value.jupyterhub_message == "the volume gone is not mounted on this hub just now"
    with pytest.raises(hub.Refused) as refused:
        hub.local_options(policy)(spawner, {"image": IMAGE})
    assert "starts no images" in refused.value.jupyterhub_message
    with pytest.raises(hub.Refused) as refused:
        hub.kube_options(policy)(spawner, {"volumes": [TWO]})
    assert refused.value.jupyterhub_message == "the volume gone is not mounted on this hub"


def test_a_portal_that_does_not_answer_is_told_without_the_pass(policy: Any, tmp_path: Path) -> None:
    spawner = Spawner(home_dir=str(tmp_path), environment={})
    nobody = hub.Policy("http://127.0.0.1:1", policy.volumes)
    hub.local_options(nobody)(spawner, {"notebook": PASS, "name": "a.ipynb"})
    with pytest.raises(hub.Refused, match="did not send the notebook") as refused:
        asyncio.run(hub.local_hook(nobody)(spawner))
    assert PASS not in str(refused.value)


def test_the_hub_wants_a_long_token(monkeypatch: pytest.MonkeyPatch, policy: Any, tmp_path: Path) -> None:
    monkeypatch.setenv("PORTAL_TOKEN", "short")
    with pytest.raises(ValueError, match="openssl"):
        hub.local(SimpleNamespace(JupyterHub=SimpleNamespace()), policy, tmp_path)


LISTENS = "import socket, time; time.sleep(0.4); s = socket.socket(fileno={held}); s.listen(); time.sleep(60)"


@pytest.mark.slow
def test_a_server_of_the_local_spawner_is_there_as_soon_as_it_listens() -> None:
    # Held from the beginning: another test's server cannot come to be there instead.
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        command = [sys.executable, "-I", "-S", "-c", LISTENS.format(held=held.fileno())]
        began = time.monotonic()
        with subprocess.Popen(command, pass_fds=[held.fileno()]) as process:
            asyncio.run(hub._listening(Spawner(proc=process, http_timeout=60), "127.0.0.1", port))
            took = time.monotonic() - began
            socket.create_connection(("127.0.0.1", port), 5).close()
            process.kill()
    assert 0.4 <= took < 30


@pytest.mark.slow
def test_a_server_that_ends_or_never_listens_is_not_waited_for() -> None:
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", ""]) as ended:
        began = time.monotonic()
        asyncio.run(hub._listening(Spawner(proc=ended, http_timeout=30), "127.0.0.1", 1))
        assert time.monotonic() - began < 15
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"]) as mute:
        began = time.monotonic()
        asyncio.run(hub._listening(Spawner(proc=mute, http_timeout=0.2), "127.0.0.1", 1))
        assert 0.2 <= time.monotonic() - began < 15
        mute.kill()


@pytest.mark.slow
def test_the_prompt_spawner_is_the_local_one_of_the_hub() -> None:
    spawner = pytest.importorskip("jupyterhub.spawner", reason="the extra `launch` is not installed")
    made = hub.prompt_spawner()
    assert issubclass(made, spawner.SimpleLocalProcessSpawner)
    assert made.start is not spawner.SimpleLocalProcessSpawner.start
