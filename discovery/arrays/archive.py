"""Stores that are packed into one file (`.zarr.zip`): the directory at its end is read, and then the entries wanted.

Python's own reader makes sense of the directory, which is as long as the file says: that is looked at before it is
read. What is packed is never unpacked to more than a look may read, whatever the directory claims of its size.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import Final

from zarr.abc.store import ByteRequest, RangeByteRequest

from discovery.arrays import stores
from discovery.arrays.stores import Budget, Files, Listed, bounds, cut
from discovery.errors import NotFoundError, SourceUnavailableError

MAX_ENTRIES: Final = 200_000
"""Entries of an archive that are looked through: each takes half a kilobyte of memory."""
_TAIL: Final = 66_000
"""Bytes at the end of a file in which the last record of an archive is, with the longest comment and what is before."""
_END: Final = struct.Struct("<4s4H2LH")
_END_MAGIC: Final = b"PK\x05\x06"
_LOCATOR: Final = struct.Struct("<4sLQL")
_LOCATOR_MAGIC: Final = b"PK\x06\x07"
_LARGE_END: Final = struct.Struct("<4sQ2H2L4Q")
_LARGE_MAGIC: Final = b"PK\x06\x06"
_ENTRY: Final = struct.Struct("<4s22x2H")
_ENTRY_MAGIC: Final = b"PK\x03\x04"
_SLACK: Final = 64
"""Bytes that stand before the data of an entry beside what the directory says, such as times."""
_ENCRYPTED: Final = 1


class Archive(Listed):
    """A store whose keys are the entries of a zip file.

    Args:
        files: Where the file is.
        key: Its key there.
        budget: Counts what is read.

    Raises:
        NotFoundError: There is no such file.
        SourceUnavailableError: Its directory is larger than we read, or its server tells nobody how large the file is.
        ValueError: It is no zip file, or a damaged one.
    """

    def __init__(self, files: Files, key: str, budget: Budget) -> None:
        found = _unfolded(_directory(files, key, budget))
        super().__init__(found, budget)
        self._files = files
        self._key = key
        self._found = found
        self._begins: dict[str, int] = {}

    def read(self, key: str, part: ByteRequest | None) -> bytes | None:
        """Return the bytes of an entry, or of a part of it; None where there is none."""
        entry = self._found.get(key)
        if entry is None:
            return None
        if entry.flag_bits & _ENCRYPTED:
            raise ValueError(f"{key[:80]} is encrypted")
        if entry.compress_type == zipfile.ZIP_STORED and part is not None:
            start, length = bounds(part, entry.file_size)
            return self._piece(self._begin(entry) + start, min(length, max(0, entry.file_size - start)))
        most = self._budget.most(key)
        if max(entry.file_size, entry.compress_size) > most:
            raise SourceUnavailableError(f"{key[:80]} has {entry.file_size:,} bytes", detail=stores.TOO_LARGE)
        return cut(_unpacked(entry, self._packed(entry)), part)

    def _packed(self, entry: zipfile.ZipInfo) -> bytes:
        """Return the bytes of an entry as they lie in the file, in one piece with what stands before them."""
        before = _ENTRY.size + len(entry.orig_filename.encode()) + len(entry.extra) + _SLACK
        found = self._piece(entry.header_offset, before + entry.compress_size)
        begin = _begin(entry, found)
        data = found[begin : begin + entry.compress_size]
        missing = entry.compress_size - len(data)
        return data + self._piece(entry.header_offset + begin + len(data), missing) if missing else data

    def _begin(self, entry: zipfile.ZipInfo) -> int:
        """Return where in the file the bytes of an entry begin."""
        if entry.filename not in self._begins:
            found = self._piece(entry.header_offset, _ENTRY.size)
            self._begins[entry.filename] = entry.header_offset + _begin(entry, found)
        return self._begins[entry.filename]

    def _piece(self, start: int, length: int) -> bytes:
        return _at(self._files, self._key, start, start + length)


def _directory(files: Files, key: str, budget: Budget) -> dict[str, zipfile.ZipInfo]:
    """Return the entries of an archive by their names."""
    head = files.piece(key, RangeByteRequest(0, len(_ENTRY_MAGIC)))
    if head is None:
        raise NotFoundError("there is no such file")
    if head.size < _END.size:
        raise ValueError("its server does not say how large it is" if head.size < 0 else "it is no zip file")
    # Not every server gives the end of a file by how long it is, but each one by where it begins.
    start = max(0, head.size - _TAIL)
    data = _at(files, key, start, head.size)
    begin, entries = _placed(data, start)
    if entries > MAX_ENTRIES or head.size - begin > stores.MAX_REFERENCES:
        raise SourceUnavailableError(
            f"its directory has {entries:,} entries in {head.size - begin:,} bytes", detail=stores.TOO_LARGE
        )
    if begin < start:
        data, start = _at(files, key, begin, start) + data, begin
    # It has the checksum of every entry.
    budget.note(key, data)
    try:
        with zipfile.ZipFile(_Held(data, start)) as found:
            return {each.filename: each for each in found.infolist() if not each.is_dir()}
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise ValueError(f"it is no zip file that can be read: {error}") from error


def _at(files: Files, key: str, start: int, end: int) -> bytes:
    """Return the bytes between two places of a file, fewer where it ends before."""
    if start < 0:
        raise ValueError("something lies before the beginning of the file")
    found = files.piece(key, RangeByteRequest(start, end)) if end > start else None
    return found.data if found is not None else b""


def _placed(tail: bytes, start: int) -> tuple[int, int]:
    """Return where the directory of an archive begins, and how many entries it says it has.

    Args:
        tail: The end of the archive.
        start: Where that begins.
    """
    at = tail.rfind(_END_MAGIC)
    if at < 0 or at + _END.size > len(tail):
        raise ValueError("it is no zip file, or is cut off")
    _, _, _, _, entries, size, _, _ = _END.unpack_from(tail, at)
    before = at - _LOCATOR.size
    if before >= _LARGE_END.size and tail.startswith(_LOCATOR_MAGIC, before):
        at = before - _LARGE_END.size
        if not tail.startswith(_LARGE_MAGIC, at):
            raise ValueError("its directory is not where it should be")
        *_, entries, size, _ = _LARGE_END.unpack_from(tail, at)
    begin = start + at - size
    if begin < 0:
        raise ValueError(f"its directory of {size:,} bytes does not fit into the file")
    return begin, entries


class _Held(io.RawIOBase):
    """The end of a file, as if it were all of it.

    Args:
        data: What is there of it.
        start: Where in the file that begins.
    """

    def __init__(self, data: bytes, start: int) -> None:
        super().__init__()
        self._data = data
        self._start = start
        self._at = 0

    def readable(self) -> bool:
        """It is read."""
        return True

    def seekable(self) -> bool:
        """It is gone about in."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place, and return which it is."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._start + len(self._data)}[whence]
        if base + offset < 0:
            raise OSError("that is before the beginning")
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        """Return where it stands."""
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Return bytes from where it stands on.

        Raises:
            ValueError: They are not among those at the end.
        """
        begin = self._at - self._start
        if begin < 0:
            raise ValueError("its directory is not where it should be")
        found = self._data[begin : begin + size if size >= 0 else None]
        self._at += len(found)
        return found


def _unfolded(found: Mapping[str, zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """Return entries without the folder that all of them are in, where somebody packed the folder and not its files."""
    tops = {name.partition("/")[0] for name in found}
    if len(tops) == 1 and all("/" in name for name in found):
        (top,) = tops
        return {name[len(top) + 1 :]: each for name, each in found.items()}
    return dict(found)


def _begin(entry: zipfile.ZipInfo, found: bytes) -> int:
    """Return how far behind the head of an entry its bytes begin."""
    if len(found) < _ENTRY.size or not found.startswith(_ENTRY_MAGIC):
        raise ValueError(f"{entry.filename[:80]} is not where the directory says")
    _, name, extra = _ENTRY.unpack_from(found)
    return int(_ENTRY.size + name + extra)


def _unpacked(entry: zipfile.ZipInfo, packed: bytes) -> bytes:
    """Return the bytes of an entry.

    Raises:
        ValueError: They are other ones, or more, than the directory says, or are packed in an unusual way.
    """
    data = packed
    if entry.compress_type == zipfile.ZIP_DEFLATED:
        try:
            data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, entry.file_size + 1)
        except zlib.error as error:
            raise ValueError(f"{entry.filename[:80]} is damaged: {error}") from error
    elif entry.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{entry.filename[:80]} is packed in a way that Zarr does not know")
    if len(data) != entry.file_size or zlib.crc32(data) != entry.CRC:
        raise ValueError(f"{entry.filename[:80]} is not what the directory says")
    return data
