"""Starts a JupyterHub with the shipped configuration: `serve.py FOLDER`, run in the environment of the hub.

FOLDER has the hub's own `hub.toml`; homes, database and logs go there. The address is printed when the hub answers, and
everything that was started ends with this process.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[3]
HOME = ROOT / ".cache" / "peers" / "jupyterhub"
ATTEMPTS = 3
CONFIG = """
import runpy, sys
c = get_config()
sys.argv[:] = sys.argv[:1]
runpy.run_path({shipped!r}, {{"get_config": lambda: c}})
c.JupyterHub.bind_url = "http://127.0.0.1:{0}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{1}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{2}"
c.ConfigurableHTTPProxy.command = [{proxy!r}]
{own}
"""


def ports(count: int) -> list[int]:
    """Return ports that nobody has just now."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    numbers: list[int] = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return numbers


def begun(folder: Path, numbers: list[int]) -> subprocess.Popen[bytes]:
    """Start the hub on some ports: its own address, that of the hub behind the proxy, and that of the proxy's API."""
    own = folder / "own.py"
    text = CONFIG.format(
        *numbers,
        shipped=str(ROOT / "deploy" / "jupyterhub" / "jupyterhub_config.py"),
        proxy=str(HOME / "proxy" / "node_modules" / ".bin" / "configurable-http-proxy"),
        own=own.read_text(encoding="utf-8") if own.exists() else "",
    )
    (folder / "config.py").write_text(text, encoding="utf-8")
    environment = os.environ | {"HUB_FOLDER": str(folder), "PATH": f"{HOME / 'bin'}:{os.environ['PATH']}"}
    command = [sys.executable, "-m", "jupyterhub", "--config", str(folder / "config.py")]
    with (folder / "hub.log").open("w") as log:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def answers(address: str) -> bool:
    """Say whether the hub at an address is ours: no other one knows the token."""
    asked = urllib.request.Request(
        f"{address}/hub/api/users?limit=1", headers={"Authorization": f"token {os.environ['PORTAL_TOKEN']}"}
    )
    try:
        urllib.request.urlopen(asked, timeout=5).close()
    except OSError:
        return False
    return True


def comes_up(hub: subprocess.Popen[bytes], address: str) -> bool:
    """Say whether the hub answers within a minute."""
    deadline = time.monotonic() + 60
    while hub.poll() is None and time.monotonic() < deadline:
        if answers(address):
            return True
        time.sleep(0.1)
    return False


def main(folder: Path) -> None:
    """Start the hub, say where it is, and wait for its end."""
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: sys.exit())
    for _ in range(ATTEMPTS):  # Somebody may take a port between the look and the use.
        numbers = ports(3)
        hub = begun(folder, numbers)
        try:
            address = f"http://127.0.0.1:{numbers[0]}"
            if comes_up(hub, address):
                sys.stdout.write(f"{address}\n")
                sys.stdout.flush()
                hub.wait()
                return
            sys.stderr.write((folder / "hub.log").read_text()[-4000:])
        finally:
            # The hub ends its proxy and its servers by itself when it is asked kindly.
            hub.terminate()
            hub.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
