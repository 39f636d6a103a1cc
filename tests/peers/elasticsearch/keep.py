"""Keeps one Elasticsearch node for as long as somebody wants it: `keep.py HOME FOLDER [large]` returns at once.

FOLDER/address says where the node is as soon as it answers, FOLDER/failed that it never will, and why. Whoever wants
the node holds FOLDER/users locked, shared. The kernel lets go for a process that dies, so the node ends with the last
of them, however that one ends; and the node itself ends with the process that keeps it. `large` is for benchmarks:
4 GiB of heap, every compiler, data on the disk in FOLDER.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

SETTINGS = """\
cluster.name: discovery-tests
node.name: test
path.data: {data}
path.logs: {data}
network.host: 127.0.0.1
http.port: 0
transport.port: 0
discovery.type: single-node
cluster.routing.allocation.disk.threshold_enabled: false
cluster.max_shards_per_node: 5000
action.destructive_requires_name: false
"""
SMALL = ("-Xms512m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""Quick to warm up: a test suite is over before the second compiler pays."""
LARGE = ("-Xms4g", "-Xmx4g", "-XX:+AlwaysPreTouch")
JAVA = (
    "--add-modules=jdk.net,jdk.management.agent,jdk.incubator.vector,ALL-MODULE-PATH",
    "--add-opens=java.base/java.nio.file=ALL-UNNAMED",
    "--enable-native-access=org.elasticsearch.nativeaccess,org.apache.lucene.core,org.elasticsearch.foreign",
)
_PR_SET_PDEATHSIG = 1
_MEMORY = Path("/dev/shm")
"""Nothing that a test writes needs to be on a disk, and Elasticsearch waits for the disk at every step."""


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def started(home: Path, own: Path, log: Path, *, large: bool) -> subprocess.Popen[str]:
    """Start the node of an assembled home with its settings and data in a folder of its own."""
    shutil.copytree(home / "config", own / "config")
    (own / "config" / "elasticsearch.yml").write_text(SETTINGS.format(data=own / "data"))
    for name in ("modules", "lib"):
        (own / name).symlink_to(home / name)
    command = [
        home / "jdk" / "bin" / "java",
        *(LARGE if large else SMALL),
        *JAVA,
        f"-Des.nativelibs.path={home / 'lib' / 'platform'}",
        *("-p", home / "lib", "-cp", home / "classes", "Server", own),
    ]
    with log.open("w") as errors:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - this process has one thread
        )


def address(node: subprocess.Popen[str]) -> str:
    """Return where the node answers; nothing when it has ended instead."""
    assert node.stdout is not None
    return next((line.strip() for line in node.stdout if line.startswith("http://")), "")


def keep(home: Path, folder: Path, *, large: bool) -> None:
    """Run the node until nobody wants it."""
    log = folder / "log"
    memory = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    own = Path(tempfile.mkdtemp(prefix="discovery-elasticsearch-", dir=folder if large else memory))
    node = None
    try:
        node = started(home, own, log, large=large)
        found = address(node)
        part = folder / "address.part"
        part.write_text(found or log.read_text()[-2000:])
        part.replace(folder / ("address" if found else "failed"))
        if found:
            with (folder / "users").open("a") as users:
                fcntl.flock(users, fcntl.LOCK_EX)
    finally:
        (folder / "address").unlink(missing_ok=True)
        if node is not None:
            node.kill()
            node.wait()
        shutil.rmtree(own, ignore_errors=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if os.fork() == 0:
        os.setsid()
        keep(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve(), large=sys.argv[3:] == ["large"])
