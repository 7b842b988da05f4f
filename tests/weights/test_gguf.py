"""GGUF files, right and wrong ones."""

import os
import struct
from pathlib import Path

import gguf
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.errors import ModelInvalid
from headrace.weights.gguf import MOST_PAIRS, MOST_STRINGS, MOST_TENSORS, MOST_TEXT, GgufFile, num_weights, read_gguf
from tests.weights.files import gguf_bytes, random_blocks, string, value

METADATA = {
    "general.architecture": "llama",
    "llama.block_count": 2,
    "llama.rope.freq_base": 10000.0,
    "tokenizer.ggml.tokens": ["a", "b", "é"],
    "tokenizer.ggml.scores": [0.0, -1.0, -2.0],
    "tokenizer.ggml.add_bos_token": True,
}
VECTOR = np.arange(5, dtype=np.float32)
GOOD = gguf_bytes(METADATA, {"norm": VECTOR, "w": random_blocks("Q4_1", (3, 64))})


def _read(tmp_path: Path, content: bytes) -> GgufFile:
    path = tmp_path / "m.gguf"
    path.write_bytes(content)
    return read_gguf(path)


def _refused(tmp_path: Path, content: bytes, match: str) -> None:
    with pytest.raises(ModelInvalid, match=match):
        _read(tmp_path, content)


def _header(num_tensors: int, num_pairs: int, rest: bytes = b"", version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, num_tensors, num_pairs) + rest


def test_metadata_is_read_as_it_was_written(tmp_path: Path) -> None:
    found = _read(tmp_path, GOOD).metadata
    assert found["general.architecture"] == "llama"
    assert found["llama.block_count"] == 2
    assert found["tokenizer.ggml.tokens"] == ["a", "b", "é"]
    assert list(found["tokenizer.ggml.scores"]) == [0.0, -1.0, -2.0]
    assert found["tokenizer.ggml.add_bos_token"] is True


def test_tensors_are_read_as_they_were_written(tmp_path: Path) -> None:
    tensors = _read(tmp_path, GOOD).tensors
    assert np.array_equal(tensors["norm"].dense(), VECTOR)
    assert tensors["w"].shape == (3, 64)
    assert tensors["w"].kind == "Q4_1"


def test_version_2_is_read(tmp_path: Path) -> None:
    assert _read(tmp_path, gguf_bytes(METADATA, {"norm": VECTOR}, version=2)).metadata["llama.block_count"] == 2


def test_a_file_of_the_reference_writer_is_read(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(3)
    writer.add_tensor("w", np.arange(12, dtype=np.float16).reshape(3, 4))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    found = read_gguf(path)
    assert found.metadata["llama.block_count"] == 3
    assert np.array_equal(found.tensors["w"].dense(), np.arange(12).reshape(3, 4))


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "empty"),
        (b"GG", "magic: needs 4 bytes at 0, and the file ends at 2: it is cut short or damaged"),
        (b"PK\x03\x04 not this", "no GGUF file"),
        (_header(0, 0, version=1), "version: must be 2 or 3, is 1"),
        (b"GGUF" + struct.pack(">I", 3) + bytes(16), "big-endian"),
        (_header(1 << 60, 0), f"tensor_count: is {1 << 60}, more than"),
        (_header(0, 1 << 60), f"metadata_kv_count: is {1 << 60}, more than"),
        (_header(0, 1, struct.pack("<Q", 1 << 60) + bytes(20)), r"metadata\[0\]: needs"),
        (_header(0, 1, string("a") + struct.pack("<II", 13, 0)), "a: has the type 13"),
        (_header(0, 1, string("a") + struct.pack("<IIQ", 9, 8, 1 << 60)), "a: has 1152921504606846976 strings"),
        (_header(0, 1, string("a") + struct.pack("<IIQ", 9, 4, 1 << 60)), "a: needs 4611686018427387904 bytes"),
        (_header(0, 1, string("a") + struct.pack("<IIQ", 9, 9, 1)), "a: is an array of arrays"),
        (_header(0, 1, string("a") + struct.pack("<IIQQ", 9, 8, 1, 1 << 60)), "a: a string of 1152921504606846976"),
        (_header(0, 1, string("a") + struct.pack("<I", 8) + string(b"\xff")), "a: is not UTF-8"),
        (_header(0, 2, (string("a") + value(1)) * 2), "a: is given twice"),
        (_header(0, 1, string("general.alignment") + value(24)), "general.alignment: must be a power of two"),
        (GOOD[:-64], r"tensors\[w\]: .* truncated"),
    ],
)
def test_a_file_that_lies_is_refused_with_the_field(tmp_path: Path, content: bytes, match: str) -> None:
    _refused(tmp_path, content, match)


STRINGS = struct.pack("<II", 9, 8)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (
            _header(0, 1, string("a") + STRINGS + struct.pack("<Q", 1 << 28)),
            "a: has 268435456 strings; a file may have",
        ),
        (
            _header(0, 2, string("a") + STRINGS + struct.pack("<QQQ", 2, 0, 0) + string("b") + STRINGS)
            + struct.pack("<Q", MOST_STRINGS - 1),
            f"b: has {MOST_STRINGS - 1} strings; a file may have",
        ),
        (
            _header(0, 1, string("a") + STRINGS + struct.pack("<QQ", 1, MOST_TEXT)),
            f"a: has a string of {MOST_TEXT} bytes",
        ),
        (_header(0, 1, string("a") + struct.pack("<IQ", 8, MOST_TEXT)), f"a: has a string of {MOST_TEXT} bytes"),
        (_header(0, MOST_PAIRS + 1), f"metadata_kv_count: is {MOST_PAIRS + 1}, more than {MOST_PAIRS}"),
        (_header(MOST_TENSORS + 1, 0), f"tensor_count: is {MOST_TENSORS + 1}, more than {MOST_TENSORS}"),
    ],
)
def test_a_large_file_that_holds_nothing_is_refused_before_it_is_gone_through(
    tmp_path: Path, content: bytes, match: str
) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(content)
    os.truncate(path, 3 << 30)
    with pytest.raises(ModelInvalid, match=match):
        read_gguf(path)


def _tensor(shape: tuple[int, ...], number: int = 0, offset: int = 0, name: str = "w") -> bytes:
    return string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, number, offset)


@pytest.mark.parametrize(
    ("tensors", "match"),
    [
        ([_tensor((4,)), _tensor((4,), offset=32)], r"tensors\[w\]: is there twice"),
        ([_tensor((4,)), _tensor((4,), name="x")], r"tensors\[x\]: overlaps with w"),
        ([_tensor((4,), offset=4)], "no multiple of the alignment"),
        ([_tensor((4,), offset=1 << 60)], "past the end"),
        ([_tensor((1 << 60, 1 << 60, 1 << 60))], "past the end"),
        ([_tensor(())], "must have 1 to 4 dimensions, has 0"),
        ([_tensor((1, 1, 1, 1, 1))], "has 5"),
        ([_tensor((4, 0))], "shape"),
        ([_tensor((16, 2), number=2)], "multiples of 32"),
        ([_tensor((32,), number=2)], "a vector is stored as Q4_0"),
        ([_tensor((256, 2), number=21)], r"tensors\[w\]: tensor type IQ3_S is not supported; read are F32, F16"),
    ],
)
def test_a_tensor_that_lies_is_refused_with_its_name(tmp_path: Path, tensors: list[bytes], match: str) -> None:
    _refused(tmp_path, _header(len(tensors), 0, b"".join(tensors)) + bytes(256), match)


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


def test_the_header_alone_says_how_many_weights_there_are(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(GOOD)
    assert num_weights(path) == 5 + 3 * 64


@pytest.mark.parametrize("cut", range(0, len(GOOD) - 200, 7))
def test_a_header_that_is_cut_short_says_nothing(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(GOOD[:cut])
    with pytest.raises(ModelInvalid):
        num_weights(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, len(GOOD) - 1), byte=st.integers(0, 255))
def test_any_other_header_says_something_or_nothing(tmp_path: Path, place: int, byte: int) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(GOOD[:place] + bytes([byte]) + GOOD[place + 1 :])
    try:
        assert num_weights(path) >= 0
    except ModelInvalid:
        pass
