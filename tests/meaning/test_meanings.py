from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from discovery.errors import UnavailableError
from discovery.meaning.meanings import FILE, Meanings, described

VECTORS = {
    "rain": (1, 0, 0),
    "precipitation": (0.9, 0.3, 0),
    "ice": (0, 1, 0),
    "glacier": (0, 0.95, 0.2),
    "galaxy": (0, 0, 1),
}
TEXTS = [(1, "Precipitation"), (2, "Glacier"), (3, "Galaxy"), (4, "Words that nobody knows")]


def archive(path: Path, turned: float = 1.0) -> Path:
    np.savez(path, words=np.array(list(VECTORS)), vectors=turned * np.array(list(VECTORS.values()), dtype=np.float32))
    return path


@pytest.fixture
def held(tmp_path: Path) -> Meanings:
    made = Meanings(tmp_path / "home", archive(tmp_path / "w.npz"))
    assert made.build(TEXTS, 7) == 4
    return made


def test_the_nearest_resources_come_first_and_far_ones_not_at_all(held: Meanings) -> None:
    assert held.nearest(["rain"], 10) == (1,)
    assert held.nearest(["ice", "rain"], 10) == (1, 2)
    assert held.nearest(["ice", "rain"], 1) == (1,)
    assert (held.change, held.check()) == (7, [])


def test_words_of_which_most_are_unknown_are_near_to_nothing(held: Meanings) -> None:
    assert held.nearest(["rain", "qwertz"], 10) == (1,)
    assert held.nearest(["rain", "qwertz", "zzz"], 10) == ()
    assert held.nearest([], 10) == ()
    assert held.nearest(["zzz"], 10) == ()


def test_changes_replace_add_and_forget_resources(held: Meanings) -> None:
    assert held.write([(2, "Rain"), (9, "Galaxy")], [3, 1, 77], 12) == 2
    assert held.nearest(["precipitation"], 10) == (2,)
    assert held.nearest(["galaxy"], 10) == (9,)
    assert held.change == 12


def test_another_process_sees_what_was_written(held: Meanings, tmp_path: Path) -> None:
    other = Meanings(tmp_path / "home", tmp_path / "w.npz")
    assert other.nearest(["rain"], 10) == (1,)
    held.write([(5, "rain")], [], 8)
    assert other.nearest(["rain"], 10) == (5, 1)
    assert other.change == 8


def test_what_was_counted_of_few_resources_is_counted_again_when_there_are_many(held: Meanings) -> None:
    held.write([(key, "rain") for key in range(10, 130)], [], 8)
    assert held.change == 0


def test_what_most_resources_say_means_less_than_what_few_say(tmp_path: Path) -> None:
    made = Meanings(tmp_path / "home", archive(tmp_path / "w.npz"))
    made.build([*((key, "ice") for key in range(1, 40)), (40, "galaxy ice")], 1)
    assert made.nearest(["galaxy"], 1) == (40,)
    assert made.nearest(["ice", "galaxy"], 1) == (40,)


@pytest.mark.parametrize("at", [0, 30, 200, 500, -1])
def test_a_damaged_file_means_no_signal_and_is_told(held: Meanings, tmp_path: Path, at: int) -> None:
    path = tmp_path / "home" / FILE
    data = path.read_bytes()
    for spoilt in (data[: len(data) // 2], b"", data[: at % len(data)] + b"\xff\xff" + data[at % len(data) + 2 :]):
        path.write_bytes(spoilt)
        other = Meanings(tmp_path / "home", tmp_path / "w.npz")
        if other.check():
            assert (other.nearest(["rain"], 10), other.change) == ((), 0)
            assert "damaged" in other.check()[0]
        else:
            assert other.nearest(["rain"], 10) == (1,)  # Two bytes that nothing depends on.


def test_a_byte_of_a_vector_that_was_turned_is_noticed(held: Meanings, tmp_path: Path) -> None:
    path = tmp_path / "home" / FILE
    data = bytearray(path.read_bytes())
    data[data.index(b"vectors.npy") + 150] ^= 1
    path.write_bytes(bytes(data))
    assert "damaged" in Meanings(tmp_path / "home", tmp_path / "w.npz").check()[0]


def test_without_a_file_nothing_is_near_and_it_is_told(tmp_path: Path) -> None:
    made = Meanings(tmp_path / "home", archive(tmp_path / "w.npz"))
    assert (made.nearest(["rain"], 10), made.change, made.write([(1, "rain")], [], 3)) == ((), 0, 0)
    assert "no vectors" in made.check()[0]


def test_vectors_of_other_weights_are_not_compared(held: Meanings, tmp_path: Path) -> None:
    other = Meanings(tmp_path / "home", archive(tmp_path / "other.npz", -1.0))
    assert (other.nearest(["rain"], 10), other.change) == ((), 0)
    assert "other weights" in other.check()[0]


def test_weights_that_cannot_be_used_are_told_and_fail_nothing(held: Meanings, tmp_path: Path) -> None:
    other = Meanings(tmp_path / "home", tmp_path / "none.npz")
    assert (other.nearest(["rain"], 10), other.fingerprint, other.build(TEXTS, 1)) == ((), "", 0)
    assert "none.npz is missing" in other.check()[0]


def test_a_full_disk_leaves_the_file_as_it_was(held: Meanings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UnavailableError, match="No space left"):
        held.write([(5, "rain")], [], 8)
    assert held.nearest(["rain"], 10) == (1,)
    assert not list((tmp_path / "home").glob("*.part"))


def test_a_resource_is_described_by_its_title_its_keywords_and_its_text() -> None:
    assert described("Title", ("a", "b"), "Text") == "Title ; a ; b ; Text"
