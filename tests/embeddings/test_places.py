"""Where files are, and how a changed one is told."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from obstore.store import LocalStore

from discovery.embeddings import places
from discovery.embeddings.files import opened
from discovery.errors import ConfigError, UnavailableError

CLAY = Path(__file__).resolve().parents[2] / "fixtures" / "embeddings" / "clay_v0_03WVN_20220610.parquet"


def test_a_file_that_changes_has_another_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"x" * 100)
    before, stamp = places.fingerprint(str(path)), places.stamp(str(path))
    assert places.fingerprint(str(path)) == before
    path.write_bytes(b"y" * 100)
    assert places.fingerprint(str(path)) != before
    assert places.stamp(str(path)) != stamp
    path.unlink()
    with pytest.raises(UnavailableError, match="cannot be read"):
        places.fingerprint(str(path))


def test_a_folder_is_told_by_all_its_files(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "0").write_bytes(b"x")
    before = places.fingerprint(str(tmp_path))
    (tmp_path / "c" / "1").write_bytes(b"x")
    assert places.fingerprint(str(tmp_path)) != before


@pytest.mark.parametrize(
    "address", ["https://me:word@example.org/a.parquet", "https://x.org/a.parquet?X-Amz-Signature=1"]
)
def test_an_address_with_a_secret_is_not_kept(address: str) -> None:
    with pytest.raises(ConfigError, match="secret"):
        places.remote(address)


@pytest.mark.parametrize("address", ["https://", "s3://"])
def test_an_address_of_nothing_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="no address"):
        places.remote(address)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    class Ranged(http.server.SimpleHTTPRequestHandler):
        """A web server that knows ranges, as the ones do that hold data."""

        def do_GET(self) -> None:
            path = Path(self.translate_path(self.path))
            wanted = self.headers.get("Range", "")
            if not path.is_file() or not wanted:
                super().do_GET()
                return
            body = path.read_bytes()
            low, high = wanted.removeprefix("bytes=").split("-")
            start = len(body) - int(high) if not low else int(low)
            end = len(body) if not low or not high else int(high) + 1
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{min(end, len(body)) - 1}/{len(body)}")
            self.send_header("Content-Length", str(len(body[start:end])))
            self.send_header("Last-Modified", self.date_time_string(path.stat().st_mtime))
            self.end_headers()
            self.wfile.write(body[start:end])

        def log_message(self, *_: object) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Ranged, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_file_of_another_machine_is_read_piece_by_piece(site: str, tmp_path: Path) -> None:
    (tmp_path / "clay.parquet").write_bytes(CLAY.read_bytes())
    table = opened(f"{site}/clay.parquet")
    here = opened(str(CLAY))
    assert table.about.rows == 417
    rows = np.array([400, 3])
    assert np.array_equal(table.gather(rows), here.gather(rows))
    with pytest.raises(UnavailableError, match="cannot be read"):
        opened(f"{site}/none.parquet")


def test_the_names_of_files_are_told_by_folders_and_stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for each in ("a.zarr/zarr.json", "a.zarr/c/0/0", "a.zarr/c/0/1", "b.zarr/c/0/2"):
        (tmp_path / each).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / each).touch()
    assert sorted(places.names(str(tmp_path / "a.zarr"))) == ["0", "1", "zarr.json"]
    monkeypatch.setattr(places, "remote", lambda _: places.Remote(LocalStore(tmp_path), "a.zarr"))
    assert sorted(places.names("s3://bucket/a.zarr")) == ["0", "1", "zarr.json"]


@pytest.mark.slow
def test_that_nobody_lists_files_of_the_web_is_said(site: str) -> None:
    with pytest.raises(UnavailableError, match=r"a\.zarr cannot be listed"):
        list(places.names(f"{site}/a.zarr"))
