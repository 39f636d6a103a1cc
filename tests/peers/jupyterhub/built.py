"""Prints what DockerSpawner and KubeSpawner would start: `built.py HUB_TOML OPTIONS`, in the environment of the hub.

The shipped configuration is applied to the spawners themselves and their own models are printed as JSON. Nothing is
started, and no daemon and no cluster is asked.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from traitlets.config import Config

sys.path.insert(0, str(Path(__file__).parents[3] / "deploy" / "jupyterhub"))

import discovery_hub

KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "none",
    "clusters": [{"name": "none", "cluster": {"server": "http://127.0.0.1:1"}}],
    "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}],
    "users": [{"name": "none", "user": {}}],
}
"""A cluster that is not there: the spawner reads who it is, and asks nothing of it."""


async def pod(policy: Any, options: object) -> Any:
    """Return the manifest of the pod that KubeSpawner would make."""
    from kubernetes_asyncio.client import ApiClient
    from kubespawner import KubeSpawner

    c = Config()
    c.KubeSpawner.volumes = [{"name": "home", "persistentVolumeClaim": {"claimName": "home-ada"}}]
    c.KubeSpawner.volume_mounts = [{"name": "home", "mountPath": "/home/jovyan"}]
    discovery_hub.kube(c, policy)
    spawner = KubeSpawner(config=c, _mock=True)
    spawner.api_token = "none"
    spawner.port = 8888
    spawner.get_env = lambda: dict(spawner.environment)
    # A server before it had other volumes, which this one must not keep.
    for each in ({"volumes": list(policy.volumes)}, options):
        spawner.apply_user_options(spawner, each)
    async with ApiClient() as client:
        return client.sanitize_for_serialization(await spawner.get_pod_manifest())


async def container(policy: Any, options: object) -> Any:
    """Return what DockerSpawner would have Docker create."""
    from dockerspawner import DockerSpawner

    c = Config()
    c.DockerSpawner.client_kwargs = {"version": "1.43", "base_url": "tcp://127.0.0.1:1"}
    c.DockerSpawner.volumes = {"home-ada": "/home/jovyan"}
    discovery_hub.docker(c, policy)
    spawner = DockerSpawner(
        config=c,
        user=SimpleNamespace(name="ada", escaped_name="ada", url="/user/ada/"),
        hub=SimpleNamespace(api_url="http://hub", public_host="", base_url="/"),
    )
    spawner.get_env = lambda: dict(spawner.environment)
    asked: dict[str, Any] = {}

    async def docker(method: str, *_: Any, **given: Any) -> Any:
        if method == "inspect_image":
            return {"Config": {"Entrypoint": None, "Cmd": ["jupyterhub-singleuser"]}}
        asked.update(given)
        return {"Id": "none"}

    spawner.docker = docker
    for each in ({"volumes": list(policy.volumes)}, options):
        spawner.apply_user_options(spawner, each)
    await spawner.create_object()
    return {**asked, "post_start": spawner.post_start_cmd}


def main(file: Path, options: object) -> None:
    """Print both."""
    policy = discovery_hub.read(file)
    config = file.with_name("kubeconfig")
    config.write_text(json.dumps(KUBECONFIG), encoding="utf-8")
    os.environ["KUBECONFIG"] = str(config)
    made = {"pod": asyncio.run(pod(policy, options)), "container": asyncio.run(container(policy, options))}
    sys.stdout.write(json.dumps(made, default=str) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
