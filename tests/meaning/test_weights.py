from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from discovery.errors import ConfigError
from discovery.meaning.weights import MAX_DIMENSIONS, Weights, load

WORDS = {"rain": 0, "[UNK]": 1, "pre": 2, "##cip": 3, "##itation": 4, "ice": 5}
ROWS = np.arange(24, dtype=np.float32).reshape(6, 4)


def safetensors(path: Path, **arrays: np.ndarray) -> None:
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    body = b""
    names = {"float32": "F32", "float16": "F16", "int64": "I64", "float64": "F64"}
    for name, array in arrays.items():
        data = array.tobytes()
        header[name] = {
            "dtype": names[str(array.dtype)],
            "shape": list(array.shape),
            "data_offsets": [len(body), len(body) + len(data)],
        }
        body += data
    told = json.dumps(header).encode()
    path.write_bytes(len(told).to_bytes(8, "little") + told + body)


def folder(path: Path, kind: str = "WordPiece", **arrays: np.ndarray) -> Path:
    path.mkdir(exist_ok=True)
    safetensors(path / "model.safetensors", **(arrays or {"embeddings": ROWS}))
    (path / "tokenizer.json").write_text(json.dumps({"model": {"type": kind, "vocab": WORDS}}))
    return path


def numbers(weights: Weights, text: str) -> list[list[int]]:
    return list(weights.words(text))


def test_a_folder_of_model2vec_is_read_and_unknown_words_are_taken_to_pieces(tmp_path: Path) -> None:
    weights = load(folder(tmp_path / "m"))
    assert (weights.size, weights.dimensions) == (6, 4)
    assert numbers(weights, "Rain and precipitation of xyz") == [[0], [2, 3, 4], []]
    assert weights.vectors(np.array([5, 0])).tolist() == [[20, 21, 22, 23], [0, 1, 2, 3]]


def test_whole_words_have_no_pieces(tmp_path: Path) -> None:
    assert numbers(load(folder(tmp_path / "m", "WordLevel")), "rain precipitation") == [[0], []]


def test_rows_count_as_the_table_says_and_may_be_shared(tmp_path: Path) -> None:
    shared = np.array([1, 1, 0, 0, 0, 0])
    scale = np.array([2.0, 1, 1, 1, 1, 1])
    weights = load(folder(tmp_path / "m", embeddings=ROWS[:2].astype(np.float16), mapping=shared, weights=scale))
    assert weights.vectors(np.array([0, 1])).tolist() == [[8, 10, 12, 14], [4, 5, 6, 7]]


def test_an_archive_of_words_is_read_and_the_first_spelling_holds(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", words=np.array(["Rain", "rain", "Schnée"]), vectors=ROWS[:3])
    weights = load(tmp_path / "w.npz")
    assert numbers(weights, "RAIN schnee precipitation") == [[0], [2], []]


def test_other_contents_have_other_fingerprints(tmp_path: Path) -> None:
    first, same = load(folder(tmp_path / "a")), load(folder(tmp_path / "b"))
    other = load(folder(tmp_path / "c", embeddings=ROWS + 1))
    assert first.fingerprint == same.fingerprint != other.fingerprint


def test_a_vector_that_is_not_finite_says_nothing(tmp_path: Path) -> None:
    rows = ROWS.astype(np.float64)
    rows[0, 1], rows[1, 1] = np.nan, 1e300
    assert load(folder(tmp_path / "m", embeddings=rows)).vectors(np.array([0, 1])).tolist() == [[0] * 4, [0] * 4]


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"one": ROWS, "two": ROWS}, "2 tables"),
        ({"embeddings": np.arange(6)}, "0 tables"),
        ({"embeddings": np.arange(12).reshape(6, 2)}, "no table of floating point"),
        ({"embeddings": ROWS[:5]}, "not those of the 5 rows"),
        ({"embeddings": np.zeros((6, MAX_DIMENSIONS + 1), dtype=np.float32)}, "6 rows of 2049"),
        ({"embeddings": ROWS, "weights": np.ones(5)}, "5 weights for 6 rows"),
        ({"embeddings": ROWS, "weights": np.ones(6, dtype=np.int64)}, "weights is no list"),
        ({"embeddings": ROWS, "mapping": np.full(6, 6)}, "rows that are not there"),
        ({"embeddings": ROWS, "mapping": np.full(6, -1)}, "rows that are not there"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(tmp_path: Path, arrays: dict[str, np.ndarray], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load(folder(tmp_path / "m", "WordPiece", **arrays))


@pytest.mark.parametrize(
    "header",
    [
        {"embeddings": {"dtype": "F32", "shape": [6, 4], "data_offsets": [0, 4096]}},
        {"embeddings": {"dtype": "F32", "shape": [6, 4], "data_offsets": [-96, 0]}},
        {"embeddings": {"dtype": "F32", "shape": [-6, -4], "data_offsets": [0, 96]}},
        {"embeddings": {"dtype": "F32", "shape": [600, 4], "data_offsets": [0, 96]}},
        {"embeddings": {"dtype": "F32", "shape": [], "data_offsets": [0, 96]}},
        {"embeddings": {"dtype": "F32", "shape": ["x"], "data_offsets": [0, 96]}},
        {"embeddings": {"dtype": "F32"}},
        {"embeddings": 7},
        [],
    ],
)
def test_a_header_that_lies_is_refused_before_anything_is_mapped(tmp_path: Path, header: object) -> None:
    place = folder(tmp_path / "m")
    told = json.dumps(header).encode()
    (place / "model.safetensors").write_bytes(len(told).to_bytes(8, "little") + told + bytes(96))
    with pytest.raises(ConfigError, match="the weights in m cannot be used"):
        load(place)


@pytest.mark.parametrize("size", [0, 4, 8, 60, 200])
def test_a_file_that_is_cut_off_is_refused(tmp_path: Path, size: int) -> None:
    place = folder(tmp_path / "m")
    model = place / "model.safetensors"
    model.write_bytes(model.read_bytes()[:size])
    with pytest.raises(ConfigError, match="the weights in m cannot be used"):
        load(place)


@pytest.mark.parametrize(
    "tokenizer",
    [
        "",
        "[]",
        "{}",
        '{"model": {"type": "BPE", "vocab": {"rain": 0}}}',
        '{"model": {"type": "WordPiece", "vocab": {}}}',
        '{"model": {"type": "WordPiece", "vocab": {"rain": "x"}}}',
        '{"model": {"type": "WordPiece", "vocab": {"rain": -1}}}',
        "[" * 100_000,
    ],
)
def test_a_tokenizer_that_we_cannot_follow_is_refused(tmp_path: Path, tokenizer: str) -> None:
    place = folder(tmp_path / "m")
    (place / "tokenizer.json").write_text(tokenizer)
    with pytest.raises(ConfigError, match="the weights in m cannot be used"):
        load(place)


@pytest.mark.parametrize("name", ["nothing", "w.npz", "w.txt", "empty"])
def test_what_is_not_there_or_is_no_table_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "w.npz").write_bytes(b"PK\x03\x04 no archive")
    (tmp_path / "w.txt").write_text("rain 1 2 3")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="cannot be used"):
        load(tmp_path / name)


def test_an_archive_with_pickled_words_is_not_opened(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", words=np.array(["rain"], dtype=object), vectors=ROWS[:1])
    with pytest.raises(ConfigError, match="cannot be used"):
        load(tmp_path / "w.npz")
