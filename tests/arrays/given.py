"""Real stores written by zarr-python, looks into them, and servers of their files that can misbehave."""

from __future__ import annotations

import http.server
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import zarr

from discovery.arrays import apart
from discovery.arrays.arrays import here
from discovery.arrays.facts import Look
from discovery.arrays.reach import PATIENCE, Reach, policy_of, policy_to_dict
from discovery.http import Policy

MISSING = -32768
Format = Literal[2, 3]


def put(
    group: zarr.Group, name: str, data: Any, dims: tuple[str, ...], fill: Any = None, **more: Any
) -> zarr.Array[Any]:
    """Write an array with the names of its dimensions, in either version of the format."""
    attrs = more.pop("attrs", {})
    values = np.asarray(data)
    named = {"dimension_names": dims} if group.metadata.zarr_format == 3 else {}
    more.setdefault("chunks", values.shape)
    made = group.create_array(name, shape=values.shape, dtype=values.dtype, fill_value=fill, **named, **more)
    made[...] = values
    made.attrs.update(attrs if named else {**attrs, "_ARRAY_DIMENSIONS": list(dims)})
    return made


def cube(path: Path, format: Format = 3, *, sharded: bool = False, consolidated: bool = True) -> Path:
    """Write ten days of temperature, packed as CF has it; the southern twenty rows of each day are missing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        root = zarr.open_group(path, mode="w", zarr_format=format)
        lat, lon = np.linspace(-60, 60, 240), np.linspace(-180, 180, 480)
        put(root, "lat", lat, ("lat",), attrs={"units": "degrees_north"})
        put(root, "lon", lon, ("lon",), attrs={"units": "degrees_east"})
        put(root, "time", np.arange(10, dtype="i4"), ("time",), attrs={"units": "days since 2020-01-01"})
        day = (np.sin(np.deg2rad(lat))[:, None] * np.cos(np.deg2rad(lon))[None] * 1000).astype("i2")
        days = np.broadcast_to(day, (10, 240, 480)).copy()
        days[:, :20] = MISSING
        about: dict[str, Any] = {"units": "K", "long_name": "surface temperature"}
        about |= {"scale_factor": 0.01, "add_offset": 280.0} | ({"_FillValue": MISSING} if format == 3 else {})
        shards = {"shards": (1, 240, 480)} if sharded else {}
        dims = ("time", "lat", "lon")
        fill = MISSING if format == 2 else 0
        put(root, "temperature", days, dims, fill, chunks=(1, 60, 120), attrs=about, **shards)
        if consolidated:
            zarr.consolidate_metadata(path)
    return path


def gathered(cubes: Path, folder: Path, url: str) -> dict[str, Any]:
    """Write the cube's chunks into one file, and return references to its pieces; times stand in them themselves."""
    whole, found = bytearray(b"header of a file that is no Zarr"), dict[str, Any]()
    for path in sorted((cubes / "v2.zarr").rglob("*")):
        key = path.relative_to(cubes / "v2.zarr").as_posix()
        if path.is_dir() or key == ".zmetadata":
            continue
        data = path.read_bytes()
        if path.name.startswith(".z") or key == "time/0":
            found[key] = data.decode() if path.name.startswith(".z") else data
        else:
            found[key] = [url, len(whole), len(data)]
            whole += data
    (folder / "whole.bin").write_bytes(whole)
    return found


def looked(*ways: Reach, policy: Policy | None = None, variable: str = "", known: str = "") -> Look | None:
    """Return what a look gives, in this process."""
    given = policy_of(policy_to_dict(policy or Policy()), PATIENCE, 32 << 20)
    return apart.read(apart.Question(ways, given, variable, known))


def look_here(path: Path, variable: str = "") -> Look:
    """Return what is in a folder."""
    found = looked(here(str(path)), variable=variable)
    assert found is not None
    return found


@dataclass
class Served:
    """A server of a folder, with what it was asked."""

    url: str
    asked: list[str] = field(default_factory=list)
    ranges: list[str] = field(default_factory=list)
    parts: bool = True
    """Whether it answers a question for a part with that part alone."""
    status: dict[str, int] = field(default_factory=dict)
    """Answers by the end of a path, instead of the file."""
    bodies: dict[str, bytes] = field(default_factory=dict)
    redirect: str = ""
    delay: threading.Event = field(default_factory=threading.Event)
    slow: str = ""
    """The end of paths that are answered only when `delay` is set."""

    @property
    def policy(self) -> Policy:
        """Who may be asked: this server alone."""
        return Policy().with_hosts(self.url.partition("//")[2])


def handler(folder: Path, served: Served) -> type[http.server.SimpleHTTPRequestHandler]:
    """Return what answers for a server."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *given: Any, **more: Any) -> None:
            super().__init__(*given, directory=str(folder), **more)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

        def do_GET(self) -> None:
            served.asked.append(self.path)
            served.ranges += [self.headers["Range"]] if "Range" in self.headers else []
            path = self.path.partition("?")[0]
            if served.slow and path.endswith(served.slow):
                served.delay.wait(20)
            if served.redirect:
                self.send_response(302)
                self.send_header("Location", served.redirect)
                self.end_headers()
                return
            known = Path(self.translate_path(self.path))
            body = next((each for end, each in served.bodies.items() if path.endswith(end)), None)
            status = next((each for end, each in served.status.items() if path.endswith(end)), 0)
            if body is None and known.is_file():
                body = known.read_bytes()
            if body is None or status:
                self.send_error(status or 404)
                return
            self._send(body)

        def _send(self, body: bytes) -> None:
            found = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", "")) if served.parts else None
            self.send_response(206 if found else 200)
            if found:
                start = int(found[1]) if found[1] else max(0, len(body) - int(found[2]))
                end = min(int(found[2]) + 1, len(body)) if found[1] and found[2] else len(body)
                self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(body)}")
                body = body[start:end]
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


@contextmanager
def serving(folder: Path) -> Iterator[Served]:
    """Serve a folder on loopback."""
    served = Served("")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler(folder, served))
    server.daemon_threads = True
    served.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield served
    finally:
        served.delay.set()
        server.shutdown()
        server.server_close()
