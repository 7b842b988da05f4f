"""What runs take, kept on disk."""

import json
import os
from pathlib import Path

import pytest

from headrace.batching.latency import Latency
from headrace.batching.latency_store import FRESH_S, LARGEST_BYTES, LatencyStore, latency_key, model_digest

KEY = latency_key(["minilm", 1])


def known(runs: int = 10) -> Latency:
    latency = Latency()
    for _ in range(runs):
        latency.learn(1, 16, 2e6)
    return latency


def age(folder: Path, key: str, s: float) -> None:
    os.utime(folder / f"latency-{key}.json", (s, s))


def test_what_is_written_is_read_with_its_age(tmp_path: Path) -> None:
    LatencyStore(tmp_path).write(KEY, known().to_json())
    age(tmp_path, KEY, 1000.0)
    kept = LatencyStore(tmp_path).read(KEY, now_s=1060.0)
    assert kept is not None
    assert kept.latency.typical(1, 16) == pytest.approx(2e6, rel=0.01)
    assert kept.age_s == 60.0
    assert kept.fresh


def test_what_is_old_or_from_the_future_is_not_fresh(tmp_path: Path) -> None:
    store = LatencyStore(tmp_path)
    store.write(KEY, known().to_json())
    age(tmp_path, KEY, 1000.0)
    for now_s in (1000.0 + FRESH_S + 1, 900.0):
        kept = store.read(KEY, now_s)
        assert kept is not None
        assert not kept.fresh


def test_of_another_key_nothing_is_known(tmp_path: Path) -> None:
    store = LatencyStore(tmp_path)
    store.write(KEY, known().to_json())
    assert store.read(latency_key(["minilm", 2]), 0.0) is None


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'"text"',
        b"\xff\xfe",
        b"[" * 100_000,
        b" " * (LARGEST_BYTES + 1),
        json.dumps(known().to_json()).encode()[:-40],
        json.dumps({**known().to_json(), "form": 999}).encode(),
        json.dumps({**known().to_json(), "knots": [[0, 0, float("inf"), 1.0]]}).encode(),
        json.dumps({**known().to_json(), "margin": {"factor": 10**400, "ratios": []}}).encode(),
        json.dumps({**known().to_json(), "knots": [["a", "b", "c", "d"]]}).encode(),
        json.dumps({**known().to_json(), "margin": {"factor": 1.0, "ratios": None}}).encode(),
    ],
)
def test_a_file_that_is_no_latency_is_as_if_it_were_not_there_and_written_anew(tmp_path: Path, text: bytes) -> None:
    (tmp_path / f"latency-{KEY}.json").write_bytes(text)
    store = LatencyStore(tmp_path)
    assert store.read(KEY, 0.0) is None
    store.write(KEY, known().to_json())
    assert store.read(KEY, 0.0) is not None


def test_without_a_folder_nothing_is_kept() -> None:
    store = LatencyStore(None)
    store.write(KEY, known().to_json())
    assert store.read(KEY, 0.0) is None


def test_a_folder_that_cannot_be_made_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = LatencyStore(tmp_path / "file" / "folder")
    store.write(KEY, known().to_json())
    assert store.read(KEY, 0.0) is None


def test_the_folder_is_bounded_and_what_was_written_last_stays(tmp_path: Path) -> None:
    size = len(json.dumps(known().to_json()))
    store = LatencyStore(tmp_path, most_bytes=3 * size + size // 2)
    for number in range(5):
        store.write(str(number), known().to_json())
        age(tmp_path, str(number), 1000.0 + number)
    assert [number for number in range(5) if store.read(str(number), 0.0)] == [2, 3, 4]


def test_among_many_files_it_is_not_looked_for_room_at_each_write(tmp_path: Path) -> None:
    size = len(json.dumps(known().to_json()))
    store = LatencyStore(tmp_path, most_bytes=200 * size)
    store.write("first", known().to_json())
    (tmp_path / "latency-other.json").write_bytes(b" " * 200 * size)
    for number in range(3):
        store.write(str(number), known().to_json())
    assert (tmp_path / "latency-other.json").exists()
    store.write("fourth", known().to_json())
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 200 * size


def test_nothing_half_written_stays_beside(tmp_path: Path) -> None:
    store = LatencyStore(tmp_path)
    with pytest.raises(TypeError):
        store.write(KEY, {"knots": object()})
    assert list(tmp_path.iterdir()) == []


def test_a_model_is_known_by_its_content(tmp_path: Path) -> None:
    one, same, other = tmp_path / "a.onnx", tmp_path / "b.onnx", tmp_path / "c.onnx"
    one.write_bytes(b"x" * 10_000_000)
    same.write_bytes(b"x" * 10_000_000)
    other.write_bytes(b"x" * 9_999_999 + b"y")
    assert model_digest(one) == model_digest(same) != model_digest(other)


def test_a_folder_is_known_by_its_files(tmp_path: Path) -> None:
    (tmp_path / "variables").mkdir()
    (tmp_path / "variables" / "data").write_bytes(b"1")
    before = model_digest(tmp_path)
    (tmp_path / "variables" / "data").rename(tmp_path / "variables" / "other")
    assert model_digest(tmp_path) != before


def test_a_key_tells_its_parts_apart() -> None:
    assert latency_key(["a", "b"]) != latency_key(["ab", ""]) != latency_key(["b", "a"])
