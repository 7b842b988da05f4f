"""Files that show what is usual, and what is wrong with others."""

from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pytest

from headrace.drift.extract import Extract
from headrace.drift.features import plan
from headrace.drift.reference_file import MAX_ROWS, ReferenceInvalid, read_rows
from headrace.types import TensorSpec
from tests.drift.driven import signature

PLAN = plan(signature(), 128)
ROWS = np.random.default_rng(1).standard_normal((300, 4)).astype(np.float32)


def read(path: Path, made: object = None) -> dict[str, tuple[int, ...]]:
    of = PLAN if made is None else plan(made, 128)  # type: ignore[arg-type]
    extracts = {part: Extract(part) for part in (*of.inputs, *of.outputs)}
    return {side: rows.shape for side, rows in read_rows(path, of, extracts).items()}


def test_arrays_are_named_by_their_tensors(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=ROWS, Y=ROWS[:, :1])
    assert read(tmp_path / "a.npz") == {"inputs": (300, 4), "outputs": (300, 1)}


def test_one_array_is_the_only_input(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", ROWS.astype(np.float64))
    assert read(tmp_path / "a.npy") == {"inputs": (300, 4)}


def test_columns_are_named_by_their_features(tmp_path: Path) -> None:
    lines = ["X[1],Y[0]", *(f"{row[1]},{row[0]}" for row in ROWS.tolist()), ""]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    assert read(tmp_path / "a.csv") == {"inputs": (300, 4), "outputs": (300, 1)}


def test_of_many_rows_evenly_many_are_taken(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((MAX_ROWS * 3, 4), np.float32))
    assert read(tmp_path / "a.npy") == {"inputs": (MAX_ROWS, 4)}


def test_texts_and_tokens_are_read_too(tmp_path: Path) -> None:
    specs = [TensorSpec("T", "BYTES", (-1, 1)), TensorSpec("input_ids", "INT64", (-1, -1))]
    np.savez(tmp_path / "a.npz", T=np.array([["yes"]] * 200), input_ids=np.ones((200, 8), np.int32))
    assert read(tmp_path / "a.npz", signature(specs, ()))["inputs"][0] == 200


def numpy_file(shape: tuple[int, ...]) -> bytes:
    """The beginning of a file that is said to hold so much."""
    made = BytesIO()
    np.lib.format.write_array_header_1_0(made, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return made.getvalue()


def zipped(name: str, content: bytes) -> bytes:
    made = BytesIO()
    with ZipFile(made, "w", ZIP_DEFLATED) as file:
        file.writestr(name, content)
    return made.getvalue()


def damaged(content: bytes) -> bytes:
    return content[:40] + b"\xff" * 8 + content[48:]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.npy", b"nothing", "not a file of numpy arrays"),
        ("a.npz", b"PK\x03\x04broken", "cannot be read|not a file"),
        ("a.csv", b"Z[0]\n1\n", "column 'Z.0.'; the features are X.0., X.1."),
        ("a.csv", b"X[0]\nmuch\n", "every line needs 1 numbers"),
        ("a.csv", b"X[0],X[1]\n1,2\n3\n", "every line needs 2 numbers"),
        ("a.csv", b"", "every line needs 0 numbers"),
        ("a.csv", b"X[0]\n1\n2\n", "has 2 rows of inputs; give 100 or more"),
        ("a.csv", b"\xff\xfe", "cannot be read"),
        ("a.csv", b"X[0]\n" + b"1" * 200_000, "cannot be read: field larger"),
        ("a.npy", numpy_file((10**12, 4)), "not a file of numpy arrays"),
        ("a.npy", numpy_file((300, 4)).replace(b"'<f4'", b"'<f4\x00"), "not a file of numpy arrays"),
        ("a.npz", zipped("X.npy", numpy_file((10**30, 4))), "not a file of numpy arrays"),
        ("a.npz", zipped("X", b"hello"), "has 'X', which is not an array"),
        ("a.npz", damaged(zipped("X.npy", bytes(range(256)) * 9)), "cannot be read|not a file of numpy arrays"),
    ],
)
def test_what_is_no_reference_is_said_to_be_none(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ReferenceInvalid, match=message):
        read(tmp_path / name)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"Z": ROWS}, "has 'Z'; the model's tensors are X, Y"),
        ({"X": ROWS[:50]}, "has 50 rows of inputs"),
        ({"X": ROWS[:, :3]}, "rows of 3, which are not those of the model"),
        ({"X": np.float32(1)}, "is one number"),
        ({"X": np.array([["a"]] * 200)}, "give FP32"),
    ],
)
def test_arrays_that_are_not_the_models_are_named(tmp_path: Path, arrays: dict[str, object], message: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(ReferenceInvalid, match=message):
        read(tmp_path / "a.npz")


def test_pickled_objects_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(ReferenceInvalid, match="numpy arrays of numbers"):
        read(tmp_path / "a.npy")


def test_a_file_that_has_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(ReferenceInvalid, match="cannot be read"):
        read(tmp_path / "gone.npy")
