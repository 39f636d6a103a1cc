"""Measure the harvest of a TAP service beside what the service delivers to a bare loop; prints a Markdown table.

bench_tap.py [--rows 50000] [--fail-under SHARE]

The service is DaCHS with at most 5,000 rows in an answer (tests/peers/dachs). The bare loop sends the same queries and
counts rows, and is made before and after the harvest: who shares the machine is then in both. The harvest is a process
of its own, whose own memory is what it has beside the pages of the store's file.
"""

from __future__ import annotations

import argparse
import fcntl
import gzip
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

ROOT = Path(__file__).parents[2]
KEEPER = ROOT / "tests" / "peers" / "dachs" / "keep.py"
PAGE = 5000
DID = re.compile(rb"ivo://x-discovery-test/[^<]+")
HARVEST = """
import sys, threading, time
import orjson
from pathlib import Path
from discovery import wiring
from discovery.config import Settings
from discovery.http import Client, Policy
from discovery.model.source import Source
from harvesters.run import harvest

most = 0
def watch():
    global most
    while True:
        with open("/proc/self/status") as status:
            said = dict(line.split(":", 1) for line in status)
        most = max(most, int(said["RssAnon"].split()[0]))
        time.sleep(0.05)
threading.Thread(target=watch, daemon=True).start()
store = wiring.open_store(Settings(Path(sys.argv[1])))
source = Source("bench", "tap", sys.argv[2], settings=orjson.loads(sys.argv[3]))
with Client(Policy().with_hosts("127.0.0.1")) as client:
    began, worked = time.perf_counter(), time.process_time()
    report = harvest(store, source, client=client)
    seconds, cpu = time.perf_counter() - began, time.process_time() - worked
print(orjson.dumps([report.status, report.counts.seen, seconds, cpu, most / 1024]).decode())
"""


@contextmanager
def dachs(rows: int, folder: Path) -> Iterator[str]:
    """Run the service; give its address."""
    folder.mkdir()
    with (folder / "users").open("a") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        subprocess.run([sys.executable, KEEPER, folder, str(rows)], stdin=subprocess.DEVNULL, check=True)
        while not (folder / "address").exists():
            if (folder / "failed").exists():
                raise SystemExit((folder / "failed").read_text())
            time.sleep(0.1)
        yield (folder / "address").read_text().splitlines()[0]


def bare(url: str) -> tuple[int, float]:
    """Ask for everything page by page, and return how many rows came and in how many seconds."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    began, rows, last = time.perf_counter(), 0, ""
    while True:
        where = f"obs_publisher_did > '{last}'" if last else "obs_publisher_did IS NOT NULL"
        asked = {
            "REQUEST": "doQuery",
            "LANG": "ADQL",
            "QUERY": f"SELECT * FROM ivoa.ObsCore WHERE {where} ORDER BY obs_publisher_did",
            "MAXREC": str(PAGE),
            "RESPONSEFORMAT": "application/x-votable+xml;serialization=tabledata",
        }
        request = urllib.request.Request(
            f"{url}/sync", urllib.parse.urlencode(asked).encode(), {"Accept-Encoding": "gzip"}
        )
        with opener.open(request, timeout=600) as answer:
            body = answer.read()
            if answer.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
        rows += body.count(b"<TR>")
        if b'value="OVERFLOW"' not in body[-2000:]:
            return rows, time.perf_counter() - began
        last = DID.findall(body, max(0, body.rfind(b"<TR>")))[0].decode()


def ours(home: Path, url: str, strategy: str) -> tuple[int, float, float, float]:
    """Harvest into an empty store, and return rows, seconds, seconds of CPU and MiB of memory."""
    settings = orjson.dumps({"strategy": strategy}).decode()
    command: list[str | Path] = [sys.executable, "-W", "ignore", "-c", HARVEST, home, url, settings]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=ROOT)
    status, rows, seconds, cpu, memory = orjson.loads(done.stdout)
    if status != "complete":
        raise SystemExit(f"the harvest went wrong: {status}")
    return int(rows), float(seconds), float(cpu), float(memory)


def compare(rows: int, fail_under: float) -> None:
    """Print the table.

    Raises:
        SystemExit: The harvest by identifier is slower than a share of the bare loop.
    """
    folder = Path(tempfile.mkdtemp(prefix="discovery-tap-"))
    try:
        with dachs(rows, folder / "dachs") as url:
            print("\n| what | rows | seconds | rows/s | CPU, us a row | memory, MiB |")
            print("| --- | --- | --- | --- | --- | --- |", flush=True)
            before = bare(url)
            print(
                f"| DaCHS to a bare loop, before | {before[0]:,} | {before[1]:.1f} | {before[0] / before[1]:,.0f} | | |"
            )
            rates = {}
            for strategy in ("keyset", "window"):
                found, seconds, cpu, memory = ours(folder / strategy, url, strategy)
                rates[strategy] = found / seconds
                said = f"{found:,} | {seconds:.1f} | {found / seconds:,.0f} | {cpu / found * 1e6:,.0f} | {memory:,.0f}"
                print(f"| harvest into the store, `{strategy}` | {said} |", flush=True)
            after = bare(url)
            print(f"| DaCHS to a bare loop, after | {after[0]:,} | {after[1]:.1f} | {after[0] / after[1]:,.0f} | | |")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    share = rates["keyset"] * (before[1] + after[1]) / (before[0] + after[0])
    print(f"\nthe harvest by identifier is {share:.0%} of the bare loop")
    if share < fail_under:
        raise SystemExit(f"{share:.0%} of the peer's own delivery; wanted {fail_under:.0%}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--fail-under", type=float, default=0.0, help="share of the bare loop's rows a second")
    asked = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; "
          f"load average at the start {os.getloadavg()[0]:.2f}")  # fmt: skip
    compare(asked.rows, asked.fail_under)
    print(f"load average at the end {os.getloadavg()[0]:.2f}")


if __name__ == "__main__":
    main()
