"""Generations in a folder: one answers, one is kept, and a crash leaves the old or the new."""

from __future__ import annotations

from pathlib import Path

import pytest

from discovery.errors import ConfigError, NotFoundError
from discovery.index import generations
from discovery.index.generations import Generations, Pointer, State


def test_nothing_answers_in_an_empty_folder(tmp_path: Path) -> None:
    files = Generations(tmp_path / "resources")
    assert files.pointer() == Pointer()
    assert files.signature() is None
    with pytest.raises(NotFoundError):
        files.rollback()


def test_publishing_keeps_one_generation_before(tmp_path: Path) -> None:
    files = Generations(tmp_path)
    for _ in range(3):
        files.publish(files.begin())
    assert files.pointer() == Pointer("g000003", "g000002", 3)
    assert sorted(each.name for each in tmp_path.glob("g*")) == ["g000002", "g000003"]


def test_names_are_never_given_twice(tmp_path: Path) -> None:
    files = Generations(tmp_path)
    for _ in range(2):
        files.publish(files.begin())
    assert files.rollback() == "g000001"
    assert files.begin() == "g000003"


def test_a_new_build_sweeps_what_nobody_uses(tmp_path: Path) -> None:
    files = Generations(tmp_path)
    files.publish(files.begin())
    left, active = files.begin(), "g000009"
    files.folder(active).mkdir()
    files.begin({active})
    assert not files.folder(left).exists()
    assert files.folder(active).exists()


def test_the_signature_changes_with_each_publication(tmp_path: Path) -> None:
    files = Generations(tmp_path)
    seen = set()
    for _ in range(3):
        files.publish(files.begin())
        seen.add(files.signature())
    assert len(seen) == 3


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"current":"../../etc","previous":"","last":1}', '{"current":1}'])
def test_a_damaged_pointer_is_said_and_healed_by_the_next_generation(tmp_path: Path, text: str) -> None:
    files = Generations(tmp_path)
    files.publish(files.begin())
    (tmp_path / "CURRENT").write_text(text)
    with pytest.raises(ConfigError, match="reindex"):
        files.pointer()
    name = files.begin()
    assert name == "g000002"
    files.publish(name)
    assert files.pointer().current == name


def test_a_state_comes_back_as_it_was_written(tmp_path: Path) -> None:
    state = State(812, "abc", {"a.idx": (3, "ff")})
    assert generations.read_state(tmp_path) == State()
    generations.write_state(tmp_path, state)
    assert generations.read_state(tmp_path) == state
    assert [each.name for each in tmp_path.iterdir()] == ["state.json"]


def test_a_replacement_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    generations.write_state(tmp_path, State(1))
    (tmp_path / "state.json.part").mkdir()
    with pytest.raises(Exception, match="cannot be written"):
        generations.write_state(tmp_path, State(2))
    assert generations.read_state(tmp_path).change == 1


def test_damage_is_found_by_size_and_by_digest(tmp_path: Path) -> None:
    for name in ("a", "b", "c", "gone"):
        (tmp_path / name).write_text("data")
    state = State(files=generations.manifest(tmp_path, {}, ["a", "b", "c", "gone", "never"]))
    assert set(state.files) == {"a", "b", "c", "gone"}
    assert generations.damaged(tmp_path, state) == []
    (tmp_path / "a").write_text("dat")
    (tmp_path / "b").write_text("dada")
    (tmp_path / "gone").unlink()
    assert [sentence.split()[0] for sentence in generations.damaged(tmp_path, state)] == [
        str(tmp_path / "a"),
        str(tmp_path / "b"),
    ]


def test_what_is_known_is_not_read_again(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("data")
    assert generations.manifest(tmp_path, {"a": (1, "known")}, ["a"]) == {"a": (1, "known")}


def test_a_large_file_is_held_to_its_size_until_there_is_time_for_its_digest(tmp_path: Path) -> None:
    file = tmp_path / "merged"
    file.write_bytes(b"x" * 100)
    quick = generations.manifest(tmp_path, {}, ["merged"], most=99)
    assert quick == {"merged": (100, "")}
    file.write_bytes(b"y" * 100)
    assert generations.damaged(tmp_path, State(files=quick)) == []
    file.write_bytes(b"y" * 101)
    assert len(generations.damaged(tmp_path, State(files=quick))) == 1
    assert generations.manifest(tmp_path, quick, ["merged"]) == {"merged": (101, generations.digest(file))}
    assert generations.manifest(tmp_path, {}, ["merged"], most=101) == {"merged": (101, generations.digest(file))}
