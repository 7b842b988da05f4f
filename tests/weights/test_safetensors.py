"""Safetensors files, right and wrong ones."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.errors import ModelInvalid
from headrace.weights.safetensors import SafetensorsFile, read_safetensors
from tests.weights.files import safetensors_bytes

MATRIX = np.arange(12, dtype=np.float32).reshape(3, 4)
GOOD = safetensors_bytes({"w": MATRIX, "half": MATRIX.astype(np.float16), "b": ("BF16", (2,), b"\x80\x3f\x00\x40")})


def _read(tmp_path: Path, content: bytes) -> SafetensorsFile:
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    return read_safetensors(path)


def _file(header: Any, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def _entry(dtype: Any = "F32", shape: Any = (2,), offsets: Any = (0, 8)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def test_tensors_of_every_dtype_are_read(tmp_path: Path) -> None:
    tensors = _read(tmp_path, GOOD).tensors
    assert np.array_equal(tensors["w"].dense(), MATRIX)
    assert np.array_equal(tensors["half"].dense(), MATRIX)
    assert np.array_equal(tensors["b"].dense(), [1.0, 2.0])
    assert [tensor.kind for tensor in tensors.values()] == ["F32", "F16", "BF16"]


def test_a_file_of_the_reference_writer_is_read(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    safetensors.numpy.save_file({"a": MATRIX, "b": MATRIX[0]}, path)
    found = read_safetensors(path).tensors
    assert np.array_equal(found["a"].dense(), MATRIX)
    assert np.array_equal(found["b"].dense(), MATRIX[0])


def test_ignored_tensors_may_have_any_dtype(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(_file({"ids": _entry("I64", [1])}, bytes(8)))
    assert not read_safetensors(path, lambda name: name == "ids").tensors


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "is empty"),
        (b"\x01", "shorter than the length"),
        (struct.pack("<Q", 1 << 60) + b"{}", "says that its header has 1152921504606846976 bytes"),
        (_file(b"{"), "its header is not JSON"),
        (_file(b"[" * 100_000), "its header is not JSON"),
        (_file(b"\xff\xff"), "its header is not JSON"),
        (_file([]), "must be an object"),
        (_file(b'{"w": {}, "w": {}}'), "given twice"),
        (_file({"w": 3}), "w: must have dtype, shape and data_offsets"),
        (_file({"w": _entry(offsets=[0])}, bytes(8)), "two whole numbers"),
        (_file({"w": _entry(offsets=[0, -1])}, bytes(8)), "two whole numbers"),
        (_file({"w": _entry(offsets=[8, 0])}, bytes(8)), "data_offsets are"),
        (_file({"w": _entry(offsets=[0, 1 << 60])}, bytes(8)), "and the data has 8 bytes"),
        (_file({"w": _entry(dtype="F8_E4M3")}, bytes(8)), "dtype 'F8_E4M3' is not supported; read are F32, F16, BF16"),
        (_file({"w": _entry(shape=[3])}, bytes(8)), "does not need the 8 bytes"),
        (_file({"w": _entry(shape=[1 << 60, 1 << 60])}, bytes(8)), "does not need the 8 bytes"),
        (_file({"w": _entry(shape=[-2])}, bytes(8)), "shape must be"),
        (_file({"w": _entry(shape=[True, 2])}, bytes(8)), "shape must be"),
        (_file({"w": _entry(), "x": _entry(offsets=[4, 12])}, bytes(12)), "overlap or leave a hole"),
        (_file({"w": _entry(offsets=[4, 12])}, bytes(12)), "overlap or leave a hole"),
        (_file({"w": _entry()}, bytes(12)), "has 12 bytes of data, and its header describes 8"),
    ],
)
def test_a_file_that_lies_is_refused_with_the_field(tmp_path: Path, content: bytes, match: str) -> None:
    with pytest.raises(ModelInvalid, match=match):
        _read(tmp_path, content)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
@given(at=st.integers(0, len(GOOD) - 1), byte=st.integers(0, 255), keep=st.integers(0, len(GOOD)))
def test_a_damaged_file_is_read_or_refused_and_nothing_else(tmp_path: Path, at: int, byte: int, keep: int) -> None:
    damaged = bytearray(GOOD)
    damaged[at] = byte
    for content in (damaged, damaged[:keep]):
        try:
            for tensor in _read(tmp_path, bytes(content)).tensors.values():
                tensor.dense()
        except ModelInvalid:
            pass
