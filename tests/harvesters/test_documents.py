from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from discovery.errors import ConfigError, NotFoundError, SourceRefusedError, SourceUnavailableError
from discovery.http import Client
from harvesters import documents
from harvesters.documents import Documents


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "a.json").write_bytes(b'{"a": 1}')
    (root / "sub" / "ü b.json").write_bytes(b"{}")
    (root / "lines.gz").write_bytes(gzip.compress(b"one\ntwo\nthree\n"))
    (tmp_path / "secret.json").write_bytes(b"secret")
    return root


@pytest.fixture
def files(client: Client, folder: Path) -> Documents:
    return Documents(client, folder, "file:a.json")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def served(client: Client, folder: Path) -> Iterator[Documents]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield Documents(client, Path(), f"http://127.0.0.1:{server.server_port}/a.json")
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_document_is_read_and_counted(files: Documents) -> None:
    assert files.read(files.first) == b'{"a": 1}'
    assert (files.bytes_read, files.local) == (8, True)


def test_documents_over_http_are_read_alike(served: Documents) -> None:
    assert served.read(served.first) == b'{"a": 1}'
    assert (served.local, served.relative(served.resolve(served.first, "sub/x.json#y"))) == (False, "sub/x.json")
    with served.stream(served.resolve(served.first, "lines.gz"), skip=4) as file:
        assert file.readline(100) == b"two\n"
    with pytest.raises(NotFoundError):
        served.read(served.resolve(served.first, "missing.json"))


def test_links_of_files_stay_paths_below_the_root(files: Documents) -> None:
    below = files.resolve("file:a.json", "./sub/%C3%BC%20b.json")
    assert files.read(below) == b"{}"
    assert files.resolve(below, "../a.json") == "file:a.json"
    assert files.resolve(below, "https://example.org/x#y") == "https://example.org/x"
    assert files.relative(below) == "sub/%C3%BC%20b.json"


@pytest.mark.parametrize("href", ["../secret.json", "sub/../../secret.json", "/etc/passwd", "%2e%2e/secret.json"])
def test_no_file_outside_the_root_is_read(href: str, files: Documents) -> None:
    with pytest.raises(SourceRefusedError, match="outside"):
        files.read(files.resolve("file:a.json", href))


def test_a_link_in_the_folder_does_not_lead_out(files: Documents, folder: Path) -> None:
    (folder / "out.json").symlink_to(folder.parent / "secret.json")
    with pytest.raises(SourceRefusedError, match="outside"):
        files.read("file:out.json")


@pytest.mark.parametrize("name", ["missing.json", "sub"])
def test_what_is_no_file_is_not_found(name: str, files: Documents) -> None:
    with pytest.raises(NotFoundError):
        files.read(f"file:{name}")


def test_a_name_with_a_nul_is_refused(files: Documents) -> None:
    with pytest.raises(SourceRefusedError):
        files.read("file:a%00.json")


def test_a_document_that_is_too_large_is_not_taken(
    files: Documents, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MAX_DOCUMENT", 7)
    with pytest.raises(SourceUnavailableError, match="larger than 7 bytes"):
        files.read(files.first)


def test_archives_are_unpacked_as_they_are_read(files: Documents, folder: Path) -> None:
    with files.stream("file:lines.gz", skip=4) as file:
        assert (file.readline(100), file.read(100)) == (b"two\n", b"three\n")
    assert files.bytes_read == 10
    (folder / "lines.gz").write_bytes((folder / "lines.gz").read_bytes()[:-6])
    with pytest.raises(SourceUnavailableError, match="damaged archive"), files.stream("file:lines.gz") as file:
        file.read(100)


def test_the_files_of_a_folder_come_by_name(files: Documents, served: Documents) -> None:
    assert list(files.beside("*.json")) == ["file:a.json", "file:sub/%C3%BC%20b.json"]
    assert list(served.beside("*.json")) == []


@pytest.mark.parametrize("url", ["ftp://example.org/x", "file://host/x", "x.json"])
def test_other_schemes_are_refused(url: str, client: Client) -> None:
    with pytest.raises(ConfigError):
        Documents(client, Path(), url)
