"""What a manifest asks to be run before a version is served is run as asked, or is why it is not."""

from pathlib import Path
from struct import pack

import numpy as np
import pytest

from headrace.errors import ModelInvalid
from headrace.runtimes.runtime import Arrays
from headrace.runtimes.warm_up import warm_up
from headrace.types import FREE, BatchAxis, Manifest, Signature, TensorSpec, WarmUp, WarmUpInput


class Keeping:
    """A model that keeps what it was run on."""

    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    platform = "fake"
    runtime = "fake"
    coarse = False

    def __init__(self) -> None:
        self.seen: list[Arrays] = []

    def run(self, arrays: Arrays, outputs: tuple[str, ...]) -> Arrays:
        self.seen.append(dict(arrays))
        return {}

    def close(self) -> None: ...


def run(folder: Path, asked: WarmUp, datatype: str = "FP32", batched: bool = True) -> list[Arrays]:
    model = Keeping()
    found = Signature((TensorSpec("x", datatype, (FREE, 2)),), (), BatchAxis(batched, 8), "fake", "fake")
    said_by = {"warm_up": "model.toml"}
    warm_up(model, Manifest("m", 1, folder / "model.onnx", "onnx", folder=folder, provenance=said_by), found, asked)
    return model.seen


def of_file(datatype: str = "FP32", file: str = "rows") -> dict[str, WarmUpInput]:
    return {"x": WarmUpInput(datatype, (2,), "file", file)}


def test_a_file_of_all_rows_is_what_runs(tmp_path: Path) -> None:
    (tmp_path / "rows").write_bytes(np.arange(4, dtype="<f4").tobytes())
    (seen,) = run(tmp_path, WarmUp(batch_size=2, inputs=of_file()))
    assert seen["x"].tolist() == [[0, 1], [2, 3]]


def test_a_file_of_one_row_is_repeated_for_all(tmp_path: Path) -> None:
    (tmp_path / "rows").write_bytes(np.arange(2, dtype="<f4").tobytes())
    (seen,) = run(tmp_path, WarmUp(batch_size=3, inputs=of_file()))
    assert seen["x"].tolist() == [[0, 1]] * 3


def test_strings_of_a_file_have_their_lengths_before_them(tmp_path: Path) -> None:
    (tmp_path / "rows").write_bytes(pack("<I", 2) + b"ab" + pack("<I", 0))
    (seen,) = run(tmp_path, WarmUp(batch_size=2, inputs=of_file("BYTES")), "BYTES")
    assert seen["x"].tolist() == [[b"ab", b""]] * 2


def test_what_is_not_said_is_zeros_and_runs_as_often_as_asked(tmp_path: Path) -> None:
    seen = run(tmp_path, WarmUp(batch_size=2, count=3))
    assert [each["x"].tolist() for each in seen] == [[[0, 0], [0, 0]]] * 3


def test_rows_that_are_not_joined_have_the_whole_shape(tmp_path: Path) -> None:
    (seen,) = run(tmp_path, WarmUp(batch_size=2), batched=False)
    assert seen["x"].shape == (1, 2)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"y": WarmUpInput("FP32", (2,))}, "warm-up 'w': inputs: the model has no 'y'; it has x"),
        ({"x": WarmUpInput("INT64", (2,))}, "warm-up 'w': inputs.x.datatype: is FP32 in the file, not INT64"),
        (of_file(file="../../etc/passwd"), "warm-up 'w': '../../etc/passwd' is not in the model's folder"),
        (of_file(), "warm-up 'w': 'rows' has 3 bytes, where FP32 of [2] takes 8 bytes"),
    ],
)
def test_what_cannot_be_run_is_told(tmp_path: Path, given: dict[str, WarmUpInput], message: str) -> None:
    (tmp_path / "rows").write_bytes(b"abc")
    with pytest.raises(ModelInvalid) as refusal:
        run(tmp_path, WarmUp("w", inputs=given))
    assert str(refusal.value) == f"model.toml: {message}"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (pack("<I", 1) + b"a", "'rows' has 1 elements, where BYTES of [2] takes 2 elements"),
        (pack("<I", 0) * 3, "'rows' has 3 elements, where BYTES of [2] takes 2 elements"),
        (b"abc", "'rows', whose elements have their lengths before them: 3 bytes left at byte 0"),
    ],
)
def test_a_file_of_other_strings_than_asked_is_told(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "rows").write_bytes(data)
    with pytest.raises(ModelInvalid) as refusal:
        run(tmp_path, WarmUp(inputs=of_file("BYTES")), "BYTES")
    assert message in str(refusal.value)
