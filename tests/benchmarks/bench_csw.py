"""Measure harvests of a CSW that we did not write beside what it delivers, and how quick ISO 19115 is mapped.

bench_csw.py [--rounds 3] [--times 5] [--fail-share 0.9] [--fail-times 20] [--fail-mapping 5000]

The peer is pycsw with a thousand records of 5 kB (tests/peers/pycsw/prepare.sh), so many times over, each under other
identifiers: what a harvest asks before its first page would be a quarter of a thousand records. In one run are
measured: its own delivery, as a bare loop over pages reads it without looking at them; our harvest into the store, of
an empty store and of one where nothing has changed; and the pattern of harvesters that ask for identifiers first and
then for each record (a hundred of them: it is slow). Mapping is measured on one core, parsing included, without HTTP
and store.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import runpy
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlencode

import httpx

from discovery import wiring
from discovery.config import Settings
from discovery.http import Client, Policy
from discovery.model.source import COMPLETE, RawRecord, Source
from harvesters import xml_record
from harvesters.defaults import Defaults
from harvesters.run import harvest

ROOT = Path(__file__).parents[2]
HOME, RECIPE = ROOT / ".cache" / "peers" / "pycsw", ROOT / "tests" / "peers" / "pycsw"
PAGE = 100
ONE_BY_ONE = 100


def multiply(database: Path, times: int) -> None:
    """Have every record so many times in a database of pycsw, each under another identifier."""
    with closing(sqlite3.connect(database)) as store, store:
        names = [row[1] for row in store.execute("PRAGMA table_info(records)")]
        new = ", ".join(
            "identifier || :end" if name == "identifier"
            else "replace(xml, '>' || identifier || '<', '>' || identifier || :end || '<')" if name == "xml"
            else name
            for name in names
        )  # fmt: skip
        for number in range(1, times):
            once = f"INSERT INTO records SELECT {new} FROM records WHERE identifier NOT LIKE '%-again-%'"
            store.execute(once, {"end": f"-again-{number}"})


@contextmanager
def pycsw(folder: Path, times: int) -> Iterator[str]:
    """Serve the peer's records; give its address."""
    if not (HOME / "catalogue.db").is_file():
        raise SystemExit("pycsw is not here; tests/peers/pycsw/prepare.sh builds it")
    database = folder / "catalogue.db"
    shutil.copyfile(HOME / "catalogue.db", database)
    multiply(database, times)
    command = [
        str(HOME / "bin" / "python"),
        "-W",
        "ignore",
        str(RECIPE / "serve.py"),
        "run",
        str(database),
        str(folder),
    ]
    with subprocess.Popen(
        [*command, str(PAGE)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.kill()


@contextmanager
def fresh(folder: Path, times: int) -> Iterator[str]:
    """Serve the records by a process that has answered some pages and no more: it becomes slower the more it has."""
    with pycsw(folder, times) as url:
        delivery(url, most=10)
        yield url


def ask(**more: str | int) -> str:
    """Return the parameters of a request."""
    given = {
        "service": "CSW",
        "version": "2.0.2",
        "request": "GetRecords",
        "typeNames": "gmd:MD_Metadata",
        "outputSchema": "http://www.isotc211.org/2005/gmd",
        "elementSetName": "full",
        "resultType": "results",
        "sortBy": "apiso:Identifier:A",
    }
    return urlencode({**given, **more})


def delivery(url: str, most: int = 1_000_000) -> tuple[int, float]:
    """Read every page one after the other and look at nothing; return how many records came and the seconds."""
    began, start, count = time.perf_counter(), 1, 1
    with httpx.Client(timeout=60) as client:
        while start <= min(count, most * PAGE):
            body = client.get(f"{url}?{ask(startPosition=start, maxRecords=PAGE)}").content
            found = re.search(rb'numberOfRecordsMatched="(\d+)"', body)
            count = int(found[1]) if found else 0
            start += PAGE
    return count, time.perf_counter() - began


def one_by_one(url: str) -> tuple[int, float]:
    """Ask for identifiers by ten and for each record by its own; return how many came and the seconds."""
    began, done = time.perf_counter(), 0
    with httpx.Client(timeout=60) as client:
        for start in range(1, ONE_BY_ONE + 1, 10):
            short = ask(startPosition=start, maxRecords=10, elementSetName="brief")
            page = client.get(f"{url}?{short}").text
            for id in re.findall(r"fileIdentifier>\s*<gco:CharacterString>([^<]+)<", page):
                whole = {
                    "service": "CSW",
                    "version": "2.0.2",
                    "request": "GetRecordById",
                    "id": id,
                    "outputSchema": "http://www.isotc211.org/2005/gmd",
                    "elementSetName": "full",
                }
                client.get(f"{url}?{urlencode(whole)}").raise_for_status()
                done += 1
    return done, time.perf_counter() - began


def ours(home: Path, url: str) -> tuple[int, float, float]:
    """Harvest into an empty store and again; return how many records came and the seconds of both."""
    source = Source("bench", "csw", url, settings={"page": str(PAGE)})
    seconds, count = [], 0
    with closing(wiring.open_store(Settings(home))) as store, Client(Policy().with_hosts("127.0.0.1")) as client:
        for _ in range(2):
            began = time.perf_counter()
            report = harvest(store, source, client=client, full=True)
            if report.status != COMPLETE or report.counts.quarantined:
                raise SystemExit(f"the harvest went wrong: {report}")
            seconds.append(time.perf_counter() - began)
            count = report.counts.seen
    return count, *seconds  # type: ignore[return-value]


def mapping() -> tuple[int, float, float]:
    """Parse and map every made record; return how many, and the seconds of CPU of everything and of parsing alone."""
    made = runpy.run_path(str(RECIPE / "records.py"))
    # As they are cut out of a page: without a declaration.
    bodies = [made["iso"](n).partition("?>")[2].strip().encode() for n in range(1000)]
    raws = [RawRecord("records", made["identifier"](n), body) for n, body in enumerate(bodies)]
    defaults = Defaults("bench", fallback_domain="earth-observation")
    for raw in raws[:200]:
        xml_record.to_mapped(raw, xml_record.parse(raw), defaults)
    began = time.process_time()
    for raw in raws:
        xml_record.to_mapped(raw, xml_record.parse(raw), defaults)
    both = time.process_time() - began
    began = time.process_time()
    for raw in raws:
        xml_record.parse(raw)
    return len(raws), both, time.process_time() - began


def row(what: str, count: int, seconds: float) -> float:
    """Print a row of the table and return the rate."""
    print(f"| {what} | {count} | {seconds:.2f} | {count / seconds:,.0f} |", flush=True)
    return count / seconds


def main() -> None:
    """Measure everything some times, print the best of each, and fail where a wanted figure is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--times", type=int, default=5, help="how often the peer has each of its records")
    parser.add_argument("--fail-share", type=float, default=0.0, help="of the peer's own delivery")
    parser.add_argument("--fail-times", type=float, default=0.0, help="as quick as record by record")
    parser.add_argument("--fail-mapping", type=float, default=0.0, help="records a second on a core")
    asked = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; "
          f"load average at the start {os.getloadavg()[0]:.2f}")  # fmt: skip
    folder = Path(tempfile.mkdtemp(prefix="discovery-csw-"))
    peer, mine, each = [], [], []
    try:
        for number in range(asked.rounds):
            with fresh(folder, asked.times) as url:
                peer.append(delivery(url))
            with fresh(folder, asked.times) as url:
                mine.append(ours(folder / f"home{number}", url))
            with fresh(folder, asked.times) as url:
                each.append(one_by_one(url))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("\n| what | records | seconds | records/s |\n| --- | --- | --- | --- |")
    delivered = row("pycsw's own delivery, pages of 100", peer[0][0], min(seconds for _, seconds in peer))
    first = row("ours, HTTP to store", mine[0][0], min(seconds for _, seconds, _ in mine))
    row("ours, nothing changed", mine[0][0], min(seconds for *_, seconds in mine))
    alone = row("record by record", each[0][0], min(seconds for _, seconds in each))
    found = [mapping() for _ in range(asked.rounds)]
    mapped = row("ISO 19139 parsed and mapped, one core", found[0][0], min(both for _, both, _ in found))
    row("of that parsing", found[0][0], min(parsing for *_, parsing in found))
    print(f"\nours is {first / delivered:.0%} of the peer's delivery and {first / alone:.1f} times record by record; "
          f"load average at the end {os.getloadavg()[0]:.2f}")  # fmt: skip
    if first < asked.fail_share * delivered or first < asked.fail_times * alone or mapped < asked.fail_mapping:
        sys.exit("a wanted figure was missed")


if __name__ == "__main__":
    main()
