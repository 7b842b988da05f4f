"""What was usual of a model is read as it was written."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from headrace.drift.kept import FORMAT, KeptModel, KeptReference, file_of, packed, read, remove, unpacked, write
from headrace.drift.reference import Reference, make_reference

NAME = '../a"\n<script>'


def reference() -> Reference:
    random = np.random.default_rng(1)
    names = ["X[0]", "X[1]", "Y.class", *(f"X~{k}" for k in range(4))]
    rows = random.standard_normal((500, len(names)))
    rows[:, 1] = np.exp(3 * rows[:, 1])
    rows[:, 2] = random.integers(0, 3, 500)
    rows[:9, 0] = np.nan
    *_, made = make_reference(names, rows)
    assert made is not None
    return made


def kept() -> KeptModel:
    return KeptModel(
        NAME, packed(reference()), {3: packed(reference())}, {"inputs": ("X[0]",)}, 3, {"inputs/X": ((b"a",), b"")}
    )


def test_a_reference_is_what_it_was() -> None:
    one = reference()
    other = unpacked(msgspec.msgpack.decode(msgspec.msgpack.encode(packed(one)), type=KeptReference))
    for mine, theirs in zip(one.columns, other.columns, strict=True):
        np.testing.assert_equal(msgspec.structs.astuple(mine), msgspec.structs.astuple(theirs))
    np.testing.assert_equal(msgspec.structs.astuple(one.kernels["X"]), msgspec.structs.astuple(other.kernels["X"]))


def test_a_model_is_read_as_it_was_written_whatever_its_name(tmp_path: Path) -> None:
    write(tmp_path / "drift", kept())
    found = read(tmp_path / "drift", NAME)
    assert found == kept()
    assert [path.parent for path in tmp_path.rglob("*.msgpack")] == [tmp_path / "drift"]
    assert read(tmp_path / "drift", "other") is None


def test_what_is_removed_is_gone(tmp_path: Path) -> None:
    write(tmp_path, kept())
    remove(tmp_path, NAME)
    remove(tmp_path, NAME)
    assert read(tmp_path, NAME) is None


def test_another_format_and_what_is_no_such_file_are_left(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path, msgspec.structs.replace(kept(), format=FORMAT + 1))
    assert read(tmp_path, NAME) is None
    file_of(tmp_path, NAME).write_bytes(b"nothing")
    assert read(tmp_path, NAME) is None
    assert "cannot be read, and is seen anew" in caplog.text


def test_where_nothing_can_be_written_the_server_does_without(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    write(tmp_path / "file", kept())
    assert "is not kept for the next start" in caplog.text
