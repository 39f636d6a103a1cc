"""What a JupyterHub needs to start what a Discovery portal sends: one file, copied beside `jupyterhub_config.py`.

The portal sends ids alone. What they mean here, which folder, claim or image, stands in a file of the hub's own,
`hub.toml`, and what does not stand there is refused with a sentence that the portal shows.

`local`, `docker` and `kube` each set a hub up for one kind of spawner. The local spawner isolates nothing: every server
runs as the user of the hub and reads whatever that user can read. It is for one person on one machine.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import shlex
import shutil
import sys
import tempfile
import time
import tomllib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final
from weakref import WeakKeyDictionary

from tornado import web
from tornado.httpclient import AsyncHTTPClient, HTTPClientError

log = logging.getLogger("discovery_hub")

SERVICE: Final = "discovery"
SCOPES: Final = ("admin:users", "servers", "tokens", "access:servers")
"""What the portal's token may: make users, start and stop servers, and make tokens that open one of them."""
SINGLE_USER: Final = (
    "import sys; sys.modules['rfc3987_syntax'] = None; from jupyterhub.singleuser import main; sys.exit(main())"
)
"""`jupyterhub-singleuser`, in half the time: where that package is installed, jsonschema builds forty grammars with it
for a format that no schema there asks for."""
LOOKS: Final = 0.05
"""Seconds between looks whether a server of the local spawner listens."""
MAX_VOLUMES: Final = 20
MAX_NOTEBOOK: Final = 8 << 20
"""Bytes of a notebook; those that the portal builds have some ten thousand."""
MAX_LINKS: Final = 2_000
"""Links in the folder of a selection."""
MANIFEST: Final = "manifest.json"
PATIENCE: Final = 15.0
"""Seconds in which the portal has to send a notebook."""

_ID: Final = re.compile(r"[a-z2-7]{16}")
_LAUNCH: Final = re.compile(r"[a-z2-7]{26}")
_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,120}\.ipynb")
_FILE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,150}")
_PASS: Final = re.compile(r"[A-Za-z0-9_.-]{20,200}")
_IMAGE: Final = re.compile(r"[a-z0-9][a-z0-9._:/-]{0,200}@sha256:[0-9a-f]{64}")
_MOUNT: Final = re.compile(r"(/[A-Za-z0-9_.-]+){2,8}")
_DOCKER: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{1,200}")
_CLAIM: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,251}[a-z0-9])?")
_MEMORY: Final = re.compile(r"[1-9][0-9]{0,4}[MG]")
_WEB: Final = re.compile(r"https?://[A-Za-z0-9.\[\]:-]+(/[A-Za-z0-9._~/-]*)?")
_OPTIONS: Final = frozenset({"launch", "volumes", "notebook", "name", "image", "size", "datalab", "selection"})

# It runs in the container, where only Python is sure to be there; it takes the pass out of no other place.
FETCH: Final = """
import os, pathlib, urllib.request
url, key, name = (os.environ.get("DATA_NOTEBOOK_" + each) for each in ("URL", "PASS", "NAME"))
path = pathlib.Path.home() / "notebooks" / name if name else None
if path and not path.exists():
    path.parent.mkdir(parents=True, exist_ok=True)
    asked = urllib.request.Request(url, headers={"Authorization": "Bearer " + key})
    body = urllib.request.urlopen(asked, timeout=15).read(8 << 20)
    path.write_bytes(body)
""".strip()
_FETCHING: Final = f"python3 -c {shlex.quote(FETCH)} || true"
"""A server starts without its notebook rather than not at all."""


class Refused(web.HTTPError):
    """What was asked for is not to be had here; the hub answers 400 with these words."""

    def __init__(self, words: str) -> None:
        super().__init__(400, "%s", words, reason="Refused")
        # Where a hook fails, the hub shows this of an exception.
        self.jupyterhub_message = words


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume as this hub has it."""

    id: str
    """Of the volume in the portal."""
    slug: str
    """The folder below `data`."""
    mount: str
    """Where the catalogue says that it is mounted; notebooks ask for that."""
    path: str = ""
    """A folder of this machine, for the local spawner alone."""
    docker: str = ""
    """A volume of Docker's."""
    claim: str = ""
    """A PersistentVolumeClaim."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much of a machine one server may use."""

    cpu: float
    memory: str
    gpu: int = 0


@dataclass(frozen=True, slots=True)
class Policy:
    """What this hub starts."""

    portal: str
    """The address of the portal, as the hub reaches it."""
    volumes: Mapping[str, Volume] = field(default_factory=dict)
    images: tuple[str, ...] = ()
    """Each by its digest: what a tag names today it may not name tomorrow."""
    sizes: Mapping[str, Size] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options of one server, checked."""

    launch: str = ""
    volumes: tuple[Volume, ...] = ()
    notebook: str = ""
    """The pass that the portal gives the notebook for, once."""
    name: str = ""
    image: str = ""
    size: Size | None = None
    selection: str = ""
    """The id of the kept selection whose folder is made where that can be."""


# The hub's own file


def read(path: Path) -> Policy:
    """Return what a `hub.toml` says.

    Raises:
        ValueError: It says what cannot be, or more than it may.
    """
    said = tomllib.loads(path.read_text(encoding="utf-8"))
    _known(said, {"portal", "volumes", "images", "sizes"}, "hub.toml")
    portal = said.get("portal", "")
    if not (isinstance(portal, str) and _WEB.fullmatch(portal)):
        raise ValueError(f"portal = {portal!r} is not the address of a portal")
    images = said.get("images", [])
    for each in images:
        if not (isinstance(each, str) and _IMAGE.fullmatch(each)):
            raise ValueError(f"images: {each!r} is not an image with its digest, name@sha256:...")
    volumes = {id: _volume(id, given) for id, given in said.get("volumes", {}).items()}
    slugs = [each.slug for each in volumes.values()]
    if twice := {each for each in slugs if slugs.count(each) > 1}:
        raise ValueError(f"volumes: {', '.join(sorted(twice))} is the slug of several")
    sizes = {name: _size(name, given) for name, given in said.get("sizes", {}).items()}
    return Policy(portal.rstrip("/"), volumes, tuple(images), sizes)


def _known(said: Mapping[str, Any], known: set[str], where: str) -> None:
    if unknown := set(said) - known:
        raise ValueError(f"{where}: {', '.join(sorted(unknown))} is not known; allowed: {', '.join(sorted(known))}")


def _volume(id: str, said: Mapping[str, Any]) -> Volume:
    _known(said, {"slug", "mount", "path", "docker", "claim"}, f"volumes.{id}")
    if not _ID.fullmatch(id):
        raise ValueError(f"volumes.{id}: not the id of a volume, which has 16 characters")
    forms = {"slug": _SLUG, "mount": _MOUNT, "docker": _DOCKER, "claim": _CLAIM}
    for name, form in forms.items():
        value = said.get(name, "")
        if (value or name in ("slug", "mount")) and not (isinstance(value, str) and form.fullmatch(value)):
            raise ValueError(f"volumes.{id}.{name} = {value!r} cannot be")
    if ".." in said["mount"].split("/"):
        raise ValueError(f"volumes.{id}.mount = {said['mount']!r} leads upwards")
    path = said.get("path", "")
    if path and not Path(path).is_absolute():
        raise ValueError(f"volumes.{id}.path = {path!r} is not absolute")
    return Volume(id=id, **{name: str(value) for name, value in said.items()})


def _size(name: str, said: Mapping[str, Any]) -> Size:
    _known(said, {"cpu", "memory", "gpu"}, f"sizes.{name}")
    cpu, memory, gpu = said.get("cpu"), said.get("memory"), said.get("gpu", 0)
    if isinstance(cpu, bool) or not isinstance(cpu, int | float) or not 0 < cpu <= 1024:
        raise ValueError(f"sizes.{name}.cpu = {cpu!r} is not a number of cores")
    if not isinstance(memory, str) or not _MEMORY.fullmatch(memory):
        raise ValueError(f"sizes.{name}.memory = {memory!r} is not of the form 2G")
    if not isinstance(gpu, int) or isinstance(gpu, bool) or not 0 <= gpu <= 16:
        raise ValueError(f"sizes.{name}: gpu is a number up to 16")
    return Size(float(cpu), memory, gpu)


# What is asked for


def checked(policy: Policy, options: object) -> Wanted:
    """Return the options of a server if all of them may be.

    Raises:
        Refused: One may not; it says which.
    """
    if not isinstance(options, Mapping):
        raise Refused("the options of a server are an object")
    if unknown := [str(each)[:40] for each in options if each not in _OPTIONS]:
        raise Refused(f"this hub knows no option {', '.join(sorted(unknown)[:3])}")
    size = _text(options, "size", None)
    if size and size not in policy.sizes:
        raise Refused(f"this hub has no size {size[:40]!r}; it has {', '.join(policy.sizes) or 'none'}")
    image = _text(options, "image", None)
    if image and image not in policy.images:
        raise Refused("this image is not allowed on this hub: it is not among its images, by digest")
    wanted = Wanted(
        launch=_text(options, "launch", _LAUNCH),
        volumes=_volumes(policy, options.get("volumes", [])),
        notebook=_text(options, "notebook", _PASS),
        name=_text(options, "name", _NAME),
        image=image,
        size=policy.sizes[size] if size else None,
        selection=_text(options, "selection", _LAUNCH),
    )
    _text(options, "datalab", _ID)
    if bool(wanted.notebook) != bool(wanted.name):
        raise Refused("a notebook has a pass and a name, or neither")
    if wanted.selection and not wanted.notebook:
        raise Refused("what is in a selection is told for the pass of a notebook, and there is none")
    return wanted


def _text(options: Mapping[str, Any], name: str, form: re.Pattern[str] | None) -> str:
    value = options.get(name, "")
    if not isinstance(value, str) or len(value) > 400:
        raise Refused(f"the option {name} is no short text")
    if value and form is not None and not form.fullmatch(value):
        raise Refused(f"the option {name} is not of its form")
    return value


def _volumes(policy: Policy, ids: object) -> tuple[Volume, ...]:
    if not isinstance(ids, list) or len(ids) > MAX_VOLUMES:
        raise Refused(f"the option volumes is a list of at most {MAX_VOLUMES}")
    found = []
    for each in ids:
        if not isinstance(each, str) or each not in policy.volumes:
            raise Refused(f"this hub has no volume {str(each)[:40]!r}")
        if policy.volumes[each] not in found:
            found.append(policy.volumes[each])
    return tuple(found)


def _having(wanted: Wanted, how: str) -> tuple[Volume, ...]:
    for each in wanted.volumes:
        if not getattr(each, how):
            raise Refused(f"the volume {each.slug} is not mounted on this hub")
    return wanted.volumes


# The local spawner

Hook = Callable[[Any], Awaitable[None]]
Options = Callable[[Any, object], None]
_wanted: WeakKeyDictionary[Any, Wanted] = WeakKeyDictionary()
_before: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()


def local(c: Any, policy: Policy, homes: Path) -> None:
    """Set a hub up that starts servers as processes of its own user: for one person, as it isolates nothing.

    Args:
        c: What `get_config()` returns.
        policy: Of `read`.
        homes: The folder in which each user has a home.
    """
    log.warning("the local spawner isolates nothing: this hub is for one person on one machine")
    _hub(c)
    c.JupyterHub.spawner_class = prompt_spawner()
    c.SimpleLocalProcessSpawner.home_dir_template = str(homes / "{username}")
    c.Spawner.ip = "127.0.0.1"
    if Path(shutil.which("jupyterhub-singleuser") or "").parent == Path(sys.executable).parent:
        c.Spawner.cmd = [sys.executable, "-c", SINGLE_USER]
    if os.geteuid() == 0:
        c.Spawner.args = ["--allow-root"]
    c.Spawner.apply_user_options = local_options(policy)
    c.Spawner.pre_spawn_hook = local_hook(policy)


def prompt_spawner() -> type[Any]:
    """Return the local spawner, whose servers are there as soon as they listen.

    The hub itself looks after ever longer pauses: seconds in which a server is ready and nobody knows.
    """
    from jupyterhub.spawner import SimpleLocalProcessSpawner  # type: ignore[import-untyped, unused-ignore]

    class PromptSpawner(SimpleLocalProcessSpawner):  # type: ignore[misc, unused-ignore]
        async def start(self) -> tuple[str, int]:
            ip, port = await super().start()
            await _listening(self, ip, port)
            return ip, port

    return PromptSpawner


async def _listening(spawner: Any, ip: str, port: int) -> None:
    """Wait until a server listens, its process has ended, or it is the hub's turn to say that it takes too long."""
    deadline = time.monotonic() + spawner.http_timeout
    while time.monotonic() < deadline and spawner.proc.poll() is None:
        try:
            _, writer = await asyncio.open_connection(ip, port)
        except OSError:
            await asyncio.sleep(LOOKS)
        else:
            writer.close()
            return


def local_options(policy: Policy) -> Options:
    """Return what checks the options of a server that the local spawner starts."""

    def apply(spawner: Any, options: object) -> None:
        wanted = checked(policy, options)
        for each in _having(wanted, "path"):
            if not Path(each.path).is_dir():
                raise Refused(f"the volume {each.slug} is not mounted on this hub just now")
        if wanted.image:
            raise Refused("this hub starts no images: its servers are processes of its own machine")
        _wanted[spawner] = wanted

    return apply


def local_hook(policy: Policy) -> Hook:
    """Return what links volumes and the files of a selection into a person's home and writes the notebook there."""

    async def prepare(spawner: Any) -> None:
        wanted = _wanted.get(spawner, Wanted())
        home = Path(spawner.home_dir)
        _environment(spawner, _places({each: str(_link(home, each)) for each in wanted.volumes}))
        place = home / "notebooks" / wanted.name
        # One that is there may hold somebody's work.
        if wanted.notebook and not place.exists():
            if wanted.selection:
                said = json.loads(await _fetched(policy, wanted, "folder"))
                await asyncio.to_thread(_fill, home, policy, wanted, said)
            _write(place, await _fetched(policy, wanted, "notebook"))

    return prepare


def _link(home: Path, volume: Volume) -> Path:
    """Return `data/SLUG`, a link to the volume; what somebody else put there stays."""
    place = home / "data" / volume.slug
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.is_symlink() and str(place.readlink()) != volume.path:
        place.unlink()
    with suppress(FileExistsError):
        place.symlink_to(volume.path)
    if not place.is_symlink():
        raise Refused(f"data/{volume.slug} in your home is a file or folder of yours: give it another name")
    return place


def _fill(home: Path, policy: Policy, wanted: Wanted, said: Mapping[str, Any]) -> Path:
    """Return the folder of a selection: links to its files in volumes that are mounted, and a list of all of them.

    What an earlier launch linked and is in it no more goes; what somebody put there themselves stays.
    """
    name, files = said.get("folder"), said.get("files")
    taken = {MANIFEST, *(each.slug for each in policy.volumes.values())}
    if not (isinstance(name, str) and _SLUG.fullmatch(name)) or name in taken or not isinstance(files, list):
        raise Refused("what the portal says of the selection names no folder")
    place = home / "data" / name
    if place.is_symlink() or (place.exists() and not place.is_dir()):
        raise Refused(f"data/{name} in your home is a file or link of yours: give it another name")
    place.mkdir(parents=True, exist_ok=True)
    links = {each["name"]: target for each in files[:MAX_LINKS] if (target := _target(wanted, each)) is not None}
    for there in [each for each in place.iterdir() if each.is_symlink()]:
        if links.get(there.name) != there.readlink() and _is_ours(policy, there.readlink()):
            there.unlink()
    for link, target in links.items():
        with suppress(FileExistsError):
            (place / link).symlink_to(target)
    listed = [
        {**each, "linked": (place / str(each.get("name"))).is_symlink() and str(each.get("name")) in links}
        for each in files
        if isinstance(each, Mapping)
    ]
    _write(place / MANIFEST, json.dumps({**said, "files": listed}, indent=1).encode() + b"\n")
    return place


def _target(wanted: Wanted, said: object) -> Path | None:
    """Return where a file of a selection lies in a volume that is mounted; None where it lies in none of them."""
    if not isinstance(said, Mapping) or not isinstance(said.get("name"), str) or said["name"] == MANIFEST:
        return None
    if not _FILE.fullmatch(said["name"]):
        return None
    return next((each for each in _inside(wanted, said.get("volumes")) if each.exists()), None)


def _inside(wanted: Wanted, places: object) -> Iterator[Path]:
    """Yield the paths of a file in the volumes of this server, none of which leads out of its volume."""
    mounted = {each.id: each for each in wanted.volumes}
    for each in places if isinstance(places, list) else ():
        volume = mounted.get(str(each.get("volume"))) if isinstance(each, Mapping) else None
        said = str(each.get("path")) if isinstance(each, Mapping) else ""
        if volume is None or "\0" in said or not f"{said}/".startswith(f"{volume.mount}/"):
            continue
        within = PurePosixPath(said).relative_to(volume.mount)
        root = Path(volume.path)
        if ".." not in within.parts and (root / within).resolve().is_relative_to(root.resolve()):
            yield root / within


def _is_ours(policy: Policy, target: Path) -> bool:
    """Say whether a link leads into a volume of this hub, as those do that are made here."""
    return any(each.path and target.is_relative_to(each.path) for each in policy.volumes.values())


async def _fetched(policy: Policy, wanted: Wanted, what: str) -> bytes:
    asked = AsyncHTTPClient(force_instance=True, defaults={"max_body_size": MAX_NOTEBOOK})
    try:
        answer = await asked.fetch(
            f"{policy.portal}/launches/{what}",
            headers={"Authorization": f"Bearer {wanted.notebook}"},
            request_timeout=PATIENCE,
            follow_redirects=False,
        )
        content = json.loads(answer.body)
        if not isinstance(content, dict) or (what == "notebook" and content.get("nbformat") != 4):
            raise ValueError(f"no {what}")
    except (HTTPClientError, OSError, ValueError) as error:
        # The pass stands in no message.
        raise Refused(f"the portal did not send the {what} ({type(error).__name__}): launch it again") from error
    finally:
        asked.close()
    return bytes(answer.body)


def _write(path: Path, content: bytes) -> None:
    """Write a notebook whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(prefix=".notebook-", dir=path.parent)
    with os.fdopen(number, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    Path(name).chmod(0o644)
    Path(name).rename(path)


# Spawners of containers


def docker(c: Any, policy: Policy) -> None:
    """Set a hub up that starts servers in Docker: images by digest, volumes of Docker's read-only, no host paths."""
    _hub(c)
    c.JupyterHub.spawner_class = "docker"
    c.DockerSpawner.allowed_images = list(policy.images)
    if policy.images:
        c.DockerSpawner.image = policy.images[0]
    c.DockerSpawner.remove = True
    c.DockerSpawner.extra_host_config = {"cap_drop": ["ALL"], "security_opt": ["no-new-privileges"], "pids_limit": 1024}
    c.DockerSpawner.post_start_cmd = f"sh -c {shlex.quote(_FETCHING)}"
    c.Spawner.apply_user_options = docker_options(policy)


def docker_options(policy: Policy) -> Options:
    """Return what checks and applies the options of a server that DockerSpawner starts."""

    def apply(spawner: Any, options: object) -> None:
        wanted = checked(policy, options)
        kept = _as_before(spawner, ("read_only_volumes", "image", "cpu_limit", "mem_limit"))
        mounts = {each.docker: {"bind": each.mount, "mode": "ro"} for each in _having(wanted, "docker")}
        spawner.read_only_volumes = {**kept["read_only_volumes"], **mounts}
        spawner.image = wanted.image or kept["image"]
        _limit(spawner, wanted, kept)
        _environment(spawner, _told(policy, wanted))

    return apply


def kube(c: Any, policy: Policy) -> None:
    """Set a hub up that starts servers on Kubernetes: images by digest, claims read-only, no host paths."""
    _hub(c)
    c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
    if policy.images:
        c.KubeSpawner.image = policy.images[0]
    c.KubeSpawner.allow_privilege_escalation = False
    c.KubeSpawner.automount_service_account_token = False
    c.KubeSpawner.lifecycle_hooks = {"postStart": {"exec": {"command": ["sh", "-c", _FETCHING]}}}
    c.Spawner.apply_user_options = kube_options(policy)


def kube_options(policy: Policy) -> Options:
    """Return what checks and applies the options of a server that KubeSpawner starts."""

    def apply(spawner: Any, options: object) -> None:
        wanted = checked(policy, options)
        given = _having(wanted, "claim")
        names = ("volumes", "volume_mounts", "image", "cpu_limit", "mem_limit", "extra_resource_limits")
        kept = _as_before(spawner, names)
        named = {each.id: f"data-{each.id}" for each in given}
        spawner.volumes = [
            *kept["volumes"],
            *(
                {"name": named[each.id], "persistentVolumeClaim": {"claimName": each.claim, "readOnly": True}}
                for each in given
            ),
        ]
        spawner.volume_mounts = [
            *kept["volume_mounts"],
            *({"name": named[each.id], "mountPath": each.mount, "readOnly": True} for each in given),
        ]
        spawner.image = wanted.image or kept["image"]
        _limit(spawner, wanted, kept)
        gpus = {"nvidia.com/gpu": str(wanted.size.gpu)} if wanted.size and wanted.size.gpu else {}
        spawner.extra_resource_limits = {**kept["extra_resource_limits"], **gpus}
        _environment(spawner, _told(policy, wanted))

    return apply


def _told(policy: Policy, wanted: Wanted) -> dict[str, str]:
    """Return what a container is told by its environment: where volumes are, and how it comes by its notebook."""
    told = _places({each: each.mount for each in wanted.volumes})
    if wanted.notebook:
        told["DATA_NOTEBOOK_URL"] = f"{policy.portal}/launches/notebook"
        told["DATA_NOTEBOOK_PASS"] = wanted.notebook
        told["DATA_NOTEBOOK_NAME"] = wanted.name
    return told


def _places(volumes: Mapping[Volume, str]) -> dict[str, str]:
    """Return what tells notebooks where volumes are, each by its id and by the folder that the catalogue names."""
    places = {name: where for each, where in volumes.items() for name in (each.id, each.mount)}
    return {"DISCOVERY_VOLUMES": json.dumps(places)}


def _limit(spawner: Any, wanted: Wanted, kept: Mapping[str, Any]) -> None:
    spawner.cpu_limit = wanted.size.cpu if wanted.size else kept["cpu_limit"]
    spawner.mem_limit = wanted.size.memory if wanted.size else kept["mem_limit"]


def _as_before(spawner: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """Return what the operator has set: a spawner lives longer than a server, and must not keep its volumes."""
    kept = _before.setdefault(spawner, {})
    for name in names:
        if name not in kept:
            value = getattr(spawner, name)
            kept[name] = (
                dict(value) if isinstance(value, Mapping) else list(value) if isinstance(value, list) else value
            )
    return kept


def _environment(spawner: Any, told: Mapping[str, str]) -> None:
    kept = _as_before(spawner, ("environment",))["environment"]
    spawner.environment = {**kept, **told}


# What all of them have in common


def _hub(c: Any) -> None:
    """Give the portal its token and its rights; people come by a token for one server, which the portal makes."""
    token = os.environ.get("PORTAL_TOKEN", "")
    if len(token) < 32:
        raise ValueError("PORTAL_TOKEN is shorter than 32 characters: openssl rand -hex 32")
    c.JupyterHub.services = [{"name": SERVICE, "api_token": token}]
    c.JupyterHub.load_roles = [{"name": "discovery-launcher", "services": [SERVICE], "scopes": list(SCOPES)}]
    c.JupyterHub.allow_named_servers = True
    c.JupyterHub.named_server_limit_per_user = 5
    # Nobody signs in at the hub itself, until its operator puts an authenticator here.
    c.JupyterHub.authenticator_class = "null"
    # The portal follows the start by itself, so its request need not wait for it.
    c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}
    c.Spawner.default_url = "/lab"
    # A token in an address opens the one server that it was made for, for a while; the server makes a cookie of it.
    c.Spawner.environment = {"JUPYTERHUB_ALLOW_TOKEN_IN_URL": "1"}
