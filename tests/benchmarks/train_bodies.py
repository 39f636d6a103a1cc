"""Make what the store packs bodies by, from documents that the demo ships; prints what it saves on others.

train_bodies.py OUT [--bytes 16384]

What is packed by such a file can be read by it alone, so a file that a release has written with is never made again:
another one gets a name and a first byte of its own in discovery/store/codec.py.
"""

from __future__ import annotations

import argparse
import random
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import zstandard
from bench_stac import item

from discovery.http import Client, Policy
from discovery.model.source import Mapped, RawRecord, Source
from harvesters.mapping import map_one
from harvesters.registry import harvester

DEMO = Path(__file__).parents[2] / "fixtures" / "demo"
ARCHIVES = ("earth-search/earth-search-sentinel-2-100", "planetary-computer/planetary-computer",
            "open-science-catalog/open-science-catalog")  # fmt: skip
MOST = 150
"""Documents of one archive: a thousand images of one kind shall not crowd out the others."""
LONGEST = 100_000
LEVEL = 3


def documents(archive: Path) -> Iterator[bytes]:
    """Yield the Items and Collections of an archive, each as a source sends it."""
    with tarfile.open(archive) as members:
        for member in members:
            file = members.extractfile(member) if member.name.endswith(("json",)) else None
            if file is None:
                continue
            for part in file.read().splitlines() if member.name.endswith(".ndjson") else (file.read(),):
                value = orjson.loads(part or b"null")
                for each in value.get("features", (value,)) if isinstance(value, dict) else ():
                    if each.get("type") in ("Feature", "Collection"):
                        yield orjson.dumps(each)


def stored(bodies: list[bytes]) -> list[bytes]:
    """Return what the store keeps of documents: what was sent, and the record of it."""
    with Client(Policy()) as client:
        worker = harvester(Source("s", "stac-items", "file:items.ndjson"), client)
        found: list[bytes] = []
        for body in bodies:
            document = orjson.loads(body)
            mapped = map_one(worker, RawRecord(document.get("collection") or "", document["id"], body))
            if isinstance(mapped, Mapped):
                found += [body, mapped.body]
    return [each for each in found if len(each) < LONGEST]


def told(name: str, by: zstandard.ZstdCompressionDict | None, bodies: list[bytes]) -> None:
    """Print how small bodies become, and what that costs."""
    if by is not None:
        by.precompute_compress(level=LEVEL)
    compressor = zstandard.ZstdCompressor(level=LEVEL, dict_data=by, write_checksum=True, write_dict_id=False)
    least, packed = float("inf"), list[bytes]()
    for _ in range(5):
        began = time.process_time()
        packed = [compressor.compress(each) for each in bodies]
        least = min(least, time.process_time() - began)
    records = len(bodies) / 2
    print(f"| {name} | {sum(map(len, packed)) / records:,.0f} | {least / records * 1e6:.1f} |")


def main() -> None:
    """Train, write, and compare on items that were not seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--bytes", type=int, default=16_384)
    asked = parser.parse_args()
    chance = random.Random(1)
    seen: list[bytes] = []
    for name in ARCHIVES:
        bodies = list(documents(DEMO / f"{name}.tar.gz"))
        seen += stored(chance.sample(bodies, min(MOST, len(bodies))))
    samples: list[bytes | bytearray | memoryview] = [*seen]
    made = zstandard.train_dictionary(asked.bytes, samples, level=LEVEL)
    asked.out.write_bytes(made.as_bytes())
    others = stored([orjson.dumps(item(number)) for number in range(1_000)])
    print("| bodies of an item of bench_stac.py | bytes | us |\n| --- | --- | --- |")
    told("alone", None, others)
    told("by what they have in common", made, others)


if __name__ == "__main__":
    main()
