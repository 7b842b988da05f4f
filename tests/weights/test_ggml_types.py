"""Every encoding gives the values of the reference, bit for bit."""

import gguf
import numpy as np
import pytest
from numpy.typing import NDArray

from headrace.errors import ModelInvalid
from headrace.weights.ggml_types import KINDS, NUMBERS, dense, ggml_kind
from tests.weights.files import TYPE_NUMBERS, random_blocks

QUANTISED = [name for name, kind in KINDS.items() if kind.unpack]


def _rows(name: str, shape: tuple[int, int], seed: int = 0) -> NDArray[np.uint8]:
    raw = random_blocks(name, shape, seed)[2]
    return np.frombuffer(raw, np.uint8).reshape(shape[0], -1)


@pytest.mark.parametrize("name", KINDS)
def test_values_equal_the_reference_bit_for_bit(name: str) -> None:
    kind = KINDS[name]
    rows = np.random.default_rng(1).integers(0, 256, (7, 512 // kind.values * kind.size), np.uint8)
    with np.errstate(all="ignore"):
        expected = gguf.quants.dequantize(rows, gguf.GGMLQuantizationType[name]).astype(np.float32)
    found = dense(kind, rows)
    assert found.shape == (7, 512)
    undefined = np.isnan(expected)
    assert np.array_equal(undefined, np.isnan(found))
    assert np.array_equal(found.view(np.uint32)[~undefined], expected.view(np.uint32)[~undefined])


@pytest.mark.parametrize("name", QUANTISED)
def test_rows_of_more_than_one_chunk_are_all_unpacked(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = _rows(name, (9, 512))
    whole = dense(KINDS[name], rows)
    monkeypatch.setattr("headrace.weights.ggml_types.CHUNK", 1024)
    assert np.array_equal(dense(KINDS[name], rows), whole)


def test_numbers_are_those_of_ggml() -> None:
    known = {kind.value: kind.name for kind in gguf.GGMLQuantizationType}
    assert {number: name for number, name in NUMBERS.items() if number in known} == known


def test_block_sizes_are_those_of_ggml() -> None:
    for name, kind in KINDS.items():
        assert gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[name]] == (kind.values, kind.size)


@pytest.mark.parametrize("name", sorted(TYPE_NUMBERS.keys() - KINDS.keys()))
def test_a_type_that_is_not_read_is_refused_by_name_and_with_what_is_read(name: str) -> None:
    with pytest.raises(ModelInvalid) as refusal:
        ggml_kind(TYPE_NUMBERS[name], "w")
    assert str(refusal.value) == f"w: tensor type {name} is not supported; read are {', '.join(KINDS)}"


def test_a_number_that_is_no_type_is_refused() -> None:
    with pytest.raises(ModelInvalid, match="999 is unknown"):
        ggml_kind(999, "w")
