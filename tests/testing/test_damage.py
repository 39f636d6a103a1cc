"""Damage is where it is said to be, and what it is done with says what came of it."""

from __future__ import annotations

import io
import signal
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from discovery.testing import damage


@pytest.mark.parametrize("value", [0, -1, 1, 63, 64, -65, 2**31 - 1, 2**62])
def test_numbers_are_written_as_thrift_has_them(value: int) -> None:
    left = (value << 1) ^ (value >> 63)
    read = sum((byte & 127) << (7 * at) for at, byte in enumerate(damage.varint(value)))
    assert read == left & (2**64 - 1)


def test_a_footer_whose_numbers_are_as_they_were_is_the_same_file() -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table({"a": [1, 2, 3]}), sink)
    data = sink.getvalue()
    cases = dict(damage.parquet(data))
    assert len(cases) > 100
    assert all(each.startswith(b"PAR1") and each.endswith(b"PAR1") for each in cases.values())
    readable = 0
    for each in cases.values():
        try:
            readable += pq.ParquetFile(io.BytesIO(each)).metadata.num_columns == 1
        except (pa.ArrowException, OSError):
            continue
    assert readable > len(cases) / 2


def test_every_place_of_a_document_is_damaged_and_the_document_is_not() -> None:
    document = {"a": {"b": [1, 2]}, "c": "x"}
    cases = dict(damage.values(document))
    assert document == {"a": {"b": [1, 2]}, "c": "x"}
    assert len(cases) == 5 * (len(damage.VALUES) + 1)
    assert cases["a.b.1-gone"] == {"a": {"b": [1]}, "c": "x"}


def test_words_that_are_to_stay_do() -> None:
    cases = [made for _, made in damage.words(bytes(40), (range(8, 40),))]
    assert cases
    assert all(each[16:] == bytes(24) for each in cases)


@pytest.mark.slow
def test_the_judge_tells_what_came_of_a_file(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.npy", tmp_path / "bad.npy"
    np.save(good, np.eye(4, dtype=np.float32))
    bad.write_bytes(b"no such thing")
    found = damage.judged([good, bad, tmp_path / "none.npy"], tmp_path / "space")
    assert found[str(good)] == "read"
    assert found[str(bad)].startswith("config: ")
    assert found[str(tmp_path / "none.npy")].startswith("unavailable: ")


@pytest.mark.slow
@pytest.mark.parametrize(("limit", "told"), [("SECONDS", "ended by SIGPROF"), ("PATIENCE", "ended by SIGALRM")])
def test_the_judge_ends_who_works_for_too_long_and_who_does_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, told: str
) -> None:
    def endless(_path: str, _folder: Path) -> str:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # pytest-timeout has its own use of it.
        while True:
            time.sleep(0 if limit == "SECONDS" else 60)

    monkeypatch.setattr(damage, "_read", endless)
    monkeypatch.setattr(damage, limit, 1)
    assert damage._alone("x", tmp_path) == told
