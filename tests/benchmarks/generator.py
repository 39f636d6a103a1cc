"""A realistic catalogue of any size: record number `i` depends on the seed and `i` alone."""

from __future__ import annotations

import random
from collections.abc import Iterator

import orjson

from discovery.model.extent import EARTH, SKY, Extent
from discovery.model.record import Asset, Record, record_id
from discovery.model.source import Mapped, RawRecord

SEED = 7
_COMMON = """
ocean colour coast forest fire snow glacier urban heat crop soil moisture flood river desert
volcano cloud aerosol harvest wetland mangrove coral reef lake algae drought landslide
permafrost tundra savanna biomass albedo galaxy spectrum photometry quasar cluster nebula survey
catalogue transit exoplanet corona flare magnetosphere ionosphere
"""
COMMON = _COMMON.split()
MISSIONS = {
    "earth-observation": [f"earth-observation/{name}" for name in ("sentinel-1", "sentinel-2", "sentinel-3", "smos")],
    "space-science": [f"astronomy/{name}" for name in ("hubble", "gaia", "xmm-newton", "herschel", "jwst", "euclid")],
    "navigation": ["navigation/galileo", "navigation/gnss"],
}
_RARE = [f"word{number:05d}" for number in range(60_000)]
_DATASETS = 2_000
_1990, _2026 = 631_152_000_000, 1_767_225_600_000
_DAY = 86_400_000


def _words(r: random.Random, count: int) -> str:
    # Half common words, half from a long tail that thins out as real vocabularies do (Zipf, exponent about 1).
    chosen = [
        r.choice(COMMON) if r.random() < 0.5 else _RARE[min(59_999, int(60_000 ** r.random()))] for _ in range(count)
    ]
    return " ".join(chosen)


def resource(i: int) -> Record:
    """Return dataset `i`."""
    r = random.Random(f"{SEED}:resource:{i}")
    domain = r.choices(tuple(MISSIONS), (0.3, 0.65, 0.05))[0]
    start = r.randrange(_1990, _2026 - 365 * _DAY)
    west, south = r.uniform(-180, 150), r.uniform(-80, 50)
    size = r.choice((2.0, 10.0, 30.0))
    return Record(
        source=f"source-{i % 7}",
        container="datasets",
        source_id=f"dataset-{i:07d}",
        kind="dataset",
        title=_words(r, r.randint(6, 12)).capitalize(),
        description=_words(r, r.randint(45, 75)),
        domain=domain,
        missions=(r.choice(MISSIONS[domain]),),
        instruments=tuple({f"instrument-{int(300 ** r.random()):03d}" for _ in range(r.randint(1, 3))}),
        themes=(r.choice(("land", "oceans", "atmosphere", "cryosphere", "solid-earth")),),
        keywords=tuple({f"keyword {int(5_000 ** r.random())}" for _ in range(r.randint(2, 8))}),
        variables=tuple({f"variable {int(400 ** r.random())}" for _ in range(r.randint(0, 3))}),
        provider=f"Provider {int(60 ** r.random())}",
        license=r.choice(("CC-BY-4.0", "CC0-1.0", "proprietary")),
        level=r.choice(("L1", "L2", "L3", "L4")),
        formats=(r.choice(("application/x-netcdf", "image/tiff", "application/fits", "application/vnd+zarr")),),
        extent=Extent(EARTH, None, (west, south, west + size, south + size), start, start + r.randrange(3650) * _DAY),
        assets=(Asset(f"https://data.example.org/{i}", "data", media_type="application/zip", size=r.randrange(10**9)),),
        updated=r.randrange(_2026 - 1000 * _DAY, _2026),
    )


def observation(i: int) -> Record:
    """Return observation `i`, half of them on the sky."""
    r = random.Random(f"{SEED}:observation:{i}")
    domain = "space-science" if i % 2 else "earth-observation"
    start = r.randrange(_1990, _2026)
    lon, lat = r.uniform(-179, 178), r.uniform(-85, 84)
    parent = i % _DATASETS
    return Record(
        source=f"source-{parent % 7}",
        container=f"dataset-{parent:07d}",
        source_id=f"observation-{i:08d}",
        kind="observation",
        title=f"Scene {_words(r, 3)} {i:08d}",
        description=_words(r, 12),
        domain=domain,
        missions=(r.choice(MISSIONS[domain]),),
        instruments=(f"instrument-{int(300 ** r.random()):03d}",),
        keywords=tuple({f"keyword {int(5_000 ** r.random())}" for _ in range(r.randint(1, 4))}),
        level=r.choice(("L1", "L2")),
        product_type=r.choice(("image", "spectrum", "cube")),
        formats=(r.choice(("image/tiff", "application/fits")),),
        dataset=record_id(f"source-{parent % 7}", "datasets", f"dataset-{parent:07d}"),
        extent=Extent(SKY if i % 2 else EARTH, None, (lon, lat, lon + 1, lat + 1), start, start + r.randrange(1, _DAY)),
        assets=(Asset(f"https://data.example.org/o/{i}.tif", "data", media_type="image/tiff"),),
        numbers={"cloud_cover": round(100 * r.random() ** 1.5, 2)} if not i % 2 else {"exposure": r.uniform(1, 5000)},
    )


def mapped(record: Record) -> Mapped:
    """Return the record with a raw element about as large as its source would have sent."""
    body = orjson.dumps({"id": record.source_id, "title": record.title, "description": record.description})
    return Mapped(record, RawRecord(record.container, record.source_id, body))


def pages(resources: int, observations: int, size: int = 1000) -> Iterator[list[Mapped]]:
    """Yield everything in pages as a harvest would bring it."""
    page: list[Mapped] = []
    for make, count in ((resource, resources), (observation, observations)):
        for i in range(count):
            page.append(mapped(make(i)))
            if len(page) == size:
                yield page
                page = []
    if page:
        yield page
