"""Inputs that are made up."""

import numpy as np
import pytest

from headrace.arrays import split_bytes, to_array
from headrace.bench.tensors import has_free_length, make_inputs, takes_rows
from headrace.types import TensorSpec

SPECS = [
    TensorSpec("input_ids", "INT64", (-1, -1)),
    TensorSpec("attention_mask", "INT64", (-1, -1)),
    TensorSpec("token_type_ids", "INT64", (-1, -1)),
]


def test_free_dimensions_are_rows_and_lengths() -> None:
    ids, mask, types = make_inputs(SPECS, 2, 5, np.random.default_rng(0))
    assert ids.shape == mask.shape == types.shape == (2, 5)
    assert to_array(mask).tolist() == [[1] * 5] * 2
    assert to_array(types).sum() == 0
    assert to_array(ids).max() < 100


@pytest.mark.parametrize("datatype", ["BOOL", "UINT8", "INT32", "FP16", "BF16", "FP32", "FP64"])
def test_every_datatype_has_values_of_its_size(datatype: str) -> None:
    (tensor,) = make_inputs([TensorSpec("x", datatype, (-1, 3))], 2, 9, np.random.default_rng(0))
    assert to_array(tensor).shape == (2, 3)
    assert (tensor.name, tensor.datatype) == ("x", datatype)


def test_a_text_has_as_many_words_as_its_length() -> None:
    (tensor,) = make_inputs([TensorSpec("TEXT", "BYTES", (-1, -1))], 2, 7, np.random.default_rng(0))
    texts = list(split_bytes(tensor.data))
    assert tensor.shape == (2, 1)
    assert [len(text.split()) for text in texts] == [7, 7]
    assert texts[0] != texts[1]


def test_the_same_seed_makes_the_same_inputs() -> None:
    one, other = (make_inputs(SPECS, 1, 8, np.random.default_rng(3))[0].data for _ in range(2))
    assert bytes(one) == bytes(other)


def test_what_is_absurdly_large_is_refused() -> None:
    with pytest.raises(ValueError, match="input 'x' would be 100000x100000 of FP64: too large"):
        make_inputs([TensorSpec("x", "FP64", (-1, -1))], 100_000, 100_000, np.random.default_rng(0))


def test_a_model_says_whether_lengths_and_rows_mean_anything() -> None:
    fixed = [TensorSpec("x", "FP32", (1, 3))]
    assert (has_free_length(SPECS), takes_rows(SPECS)) == (True, True)
    assert (has_free_length(fixed), takes_rows(fixed)) == (False, False)
    assert has_free_length([TensorSpec("t", "BYTES", (-1,))])
    assert not takes_rows([])
