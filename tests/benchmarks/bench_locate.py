"""Measure how many assets a second the resolver places on one core, and the report over a whole catalogue.

bench_locate.py [--records 20000] [--volumes 100] [--rounds 3] [--home DIR]

The records are of the kinds that archives have: scenes with a dozen assets on the web, products in buckets, rows of
an archive whose properties name a path, observations with one file, and datasets that have pages alone. The volumes
have twins, a tenth of them nested. With `--home` the report over that catalogue is timed too, with its memory.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Iterator
from pathlib import Path

from discovery import config, wiring
from discovery.launch.locating import locate
from discovery.launch.resolver import Resolver
from discovery.launch.rules import shipped
from discovery.model.record import Asset, Link, Record
from discovery.model.volume import Volume

BANDS = ("B01", "B02", "B03", "B04", "B08", "B11", "B12", "SCL", "AOT", "WVP")
COGS = "https://sentinel-cogs.s3.us-west-2.amazonaws.com/sentinel-s2-l2a-cogs"


def records(count: int) -> Iterator[Record]:
    """Yield records of five kinds in turn."""
    for n in range(count):
        yield (scene, product, row, spectrum, dataset)[n % 5](n)


def scene(n: int) -> Record:
    """Return a Sentinel-2 scene as Earth Search has it."""
    folder = f"{COGS}/{n % 60}/C/CV/2018/{n % 12 + 1}/S2B_{n}_L2A"
    bands = [Asset(f"{folder}/{band}.tif", band, band, "image/tiff; application=geotiff", ("data",)) for band in BANDS]
    beside = (
        Asset(f"{folder}/thumbnail.jpg", "thumbnail", "Thumbnail", "image/jpeg", ("thumbnail",)),
        Asset(f"{folder}/metadata.xml", "metadata", "Metadata", "application/xml", ("metadata",)),
    )
    return Record("earth-search", "s2", f"scene-{n}", "observation", f"Scene {n}", assets=(*bands, *beside))


def product(n: int) -> Record:
    """Return a product of the Copernicus Data Space with the same bytes at two addresses."""
    path = f"Sentinel-1/SAR/GRD/2024/{n % 12 + 1}/S1A_{n}.SAFE"
    assets = [
        Asset(f"s3://eodata/{path}/{name}.tiff", name, name, "image/tiff", ("data",),
              alternates=(f"https://zipper.dataspace.copernicus.eu/odata/v1/Products({n})/{name}",))
        for name in ("vv", "vh")
    ]  # fmt: skip
    return Record("cdse", "s1", f"product-{n}", "observation", f"Product {n}", assets=tuple(assets))


def row(n: int) -> Record:
    """Return a row of eHST with its path in a property, and the same file on the web."""
    name = f"ib{n:06d}_flt.fits"
    asset = Asset(
        f"https://hst.esac.esa.int/ehst-sl-server/servlet/data-action?ARTIFACT_ID={n}", "data", "", "image/fits"
    )
    properties = {"file_path": f"/hstdata/hstdata_i/i/{n % 100:03d}/04", "file_name": name}
    return Record("ehst", "artifact", name, "observation", name, assets=(asset,), properties=properties)


def spectrum(n: int) -> Record:
    """Return an observation of HEASARC."""
    asset = Asset(f"https://heasarc.gsfc.nasa.gov/FTP/nicer/data/obsids/{n}/ni{n}_0mpu7_cl.evt.gz", "data", "", "")
    return Record("heasarc", "nicermastr", f"ni{n}", "observation", f"NICER {n}", assets=(asset,))


def dataset(n: int) -> Record:
    """Return a product that has pages alone."""
    links = (Link(f"https://zenodo.org/records/{n}", "via", "Access"), Link("https://x.example/", "about"))
    picture = Asset(f"https://x.example/{n}.png", "picture", "", "image/png", ("thumbnail",))
    return Record("osc", "products", f"product-{n}", "dataset", f"Product {n}", assets=(picture,), links=links)


def volumes(count: int) -> list[Volume]:
    """Return volumes that have twins; those of the records are among them."""
    made = [
        Volume("cogs", "COGs", "/media/data/sentinel-cogs", twins=(f"{COGS}/",)),
        Volume("wfc3", "WFC3", "/media/data/hst_wfc3"),
        Volume("eodata", "EO data", "/eodata", twins=("s3://eodata/",)),
        Volume("heasarc", "HEASARC", "/FTP", twins=("https://heasarc.gsfc.nasa.gov/FTP/",)),
    ]
    for n in range(count - len(made)):
        nested = f"/FTP/nicer/{n}" if n % 10 == 0 else f"/media/data/volume-{n}"
        made.append(
            Volume(f"v{n}", f"Volume {n}", nested, twins=(f"https://archive-{n}.example/pub/", f"s3://bucket-{n}/"))
        )
    return made


def measure(count: int, of: int, rounds: int) -> None:
    """Print how many assets and records a second are placed, the best of some rounds."""
    every, known = list(records(count)), volumes(of)
    assets = sum(len(each.assets) for each in every)
    resolver = Resolver(shipped(), known)
    best = float("inf")
    for _ in range(rounds):
        began = time.process_time()
        located = sum(locate(each, resolver).is_located for each in every)
        best = min(best, time.process_time() - began)
    print(f"{count:,} records, {assets:,} assets, {len(shipped())} rules, {of} volumes")
    print(f"located {located / count:.0%}; {assets / best:,.0f} assets/s, {count / best:,.0f} records/s on one core")


def report(home: Path) -> None:
    """Print what the report over a catalogue takes."""
    portal = wiring.open_portal(config.load(home, {}))
    try:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began, busy = time.perf_counter(), time.process_time()
        found = portal.locations.report().total
        seconds, busy = time.perf_counter() - began, time.process_time() - busy
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    finally:
        portal.close()
    print(f"report over {found.records:,} records: {seconds:,.1f} s, CPU {busy:,.1f} s, share {found.share:.1%}")
    print(f"memory {before / 1024:,.0f} MiB before, {after / 1024:,.0f} MiB at most")


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--volumes", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--home", type=Path)
    given = parser.parse_args()
    measure(given.records, given.volumes, given.rounds)
    if given.home:
        report(given.home)


if __name__ == "__main__":
    main()
