"""The demo's data pack: where it is, and how it becomes a folder that harvesters can read."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import tempfile
from pathlib import Path

from discovery.errors import ConfigError

_MARK = ".complete"  # written last; holds the digest of the pack that was unpacked
_SUFFIX = ".tar.gz"


def pack_dir() -> Path:
    """Return the folder of the data pack: inside the installed package, or `fixtures/demo` of a checkout.

    Raises:
        ConfigError: The installation came without its pack.
    """
    here = Path(__file__).resolve()
    for candidate in (here.parent / "_pack", here.parents[2] / "fixtures" / "demo"):
        if (candidate / "sources.toml").is_file():
            return candidate
    raise ConfigError("the demo's data pack is missing; install a complete wheel, or run from a checkout")


def embeddings() -> Path:
    """Return the folder of embeddings: in the pack of an installed package, or `fixtures/embeddings` of a checkout."""
    pack = pack_dir()
    return next((each for each in (pack / "embeddings", pack.parent / "embeddings") if each.is_dir()), pack)


def unpack(pack: Path, into: Path) -> Path:
    """Make `into` a readable copy of the pack, each archive unpacked where it lies, and return it.

    A folder that already holds this pack is left alone; one that was cut short, or holds another pack, is replaced.
    What is there before the last step stays whole when the disk fills up or the process is killed.

    Raises:
        ConfigError: The pack cannot be read or the folder cannot be written.
    """
    try:
        digest = _digest(pack)
        if _mark_of(into) == digest:
            return into
        into.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{into.name}-", dir=into.parent) as scratch:
            fresh = Path(scratch) / "fresh"
            _copy(pack, fresh)
            (fresh / _MARK).write_text(digest, encoding="ascii")
            if into.exists():
                into.rename(Path(scratch) / "old")
            fresh.rename(into)
    except (OSError, tarfile.TarError, EOFError) as error:
        raise ConfigError(f"the demo's data cannot be unpacked into {into}: {error}") from error
    return into


def sources(pack: Path, unpacked: Path, tap: str) -> str:
    """Return the text of the pack's sources file for this machine.

    Args:
        pack: The pack.
        unpacked: What `unpack` returned.
        tap: Address of the replay server, without a slash at the end.
    """
    text = (pack / "sources.toml").read_text(encoding="utf-8")
    comments, first, rest = text.partition("[[source]]")  # the comments explain the words, so they keep them
    return comments + first + rest.replace("{pack}", unpacked.resolve().as_uri()).replace("{tap}", tap)


def _files(pack: Path) -> list[Path]:
    return sorted(path for path in pack.rglob("*") if path.is_file())


def _digest(pack: Path) -> str:
    digest = hashlib.sha256()
    for path in _files(pack):
        name, body = str(path.relative_to(pack)).encode(), path.read_bytes()
        digest.update(b"%d:%d:" % (len(name), len(body)) + name + body)
    return digest.hexdigest()


def _mark_of(folder: Path) -> str:
    mark = folder / _MARK
    return mark.read_text(encoding="ascii", errors="replace") if mark.is_file() else ""


def _copy(pack: Path, target: Path) -> None:
    for path in _files(pack):
        to = target / path.relative_to(pack)
        to.parent.mkdir(parents=True, exist_ok=True)
        if path.name.endswith(_SUFFIX):
            extract(path, to.parent)
        else:
            shutil.copyfile(path, to)


def extract(archive: Path, folder: Path) -> None:
    """Unpack plain files and folders of a tar archive; everything else, and what would lead outside, is refused.

    Python's own filter for this came with 3.11.4, and Debian 12 has 3.11.2.

    Raises:
        tarfile.TarError: Something in it is neither, or leads outside.
    """
    root = folder.resolve()
    with tarfile.open(archive) as members:
        for member in members:
            to = (root / member.name).resolve()
            if not (member.isfile() or member.isdir()) or not to.is_relative_to(root):
                raise tarfile.ReadError(f"{member.name!r} in {archive.name} is no file within it")
            if member.isdir():
                to.mkdir(parents=True, exist_ok=True)
                continue
            to.parent.mkdir(parents=True, exist_ok=True)
            body = members.extractfile(member)
            assert body is not None  # It is for links and devices, which are refused above.
            with body, to.open("wb") as file:
                shutil.copyfileobj(body, file)
