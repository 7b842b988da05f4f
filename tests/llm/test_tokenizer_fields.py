"""Tokenizer fields are checked where they are read."""

import numpy as np
import pytest

from headrace.errors import ModelInvalid
from headrace.llm.tokenizer_fields import MAX_TOKEN_CHARACTERS, Fields, Kind


def test_arrays_may_be_numpys() -> None:
    fields = Fields({"tokens": ["a", "b"], "scores": np.array([0.5, 1], np.float32), "token_type": np.array([1, 3])})
    assert fields.scores(2) == [0.5, 1.0]
    assert fields.kinds(2) == [Kind.NORMAL, Kind.CONTROL]


def test_all_tokens_are_normal_where_the_file_does_not_say() -> None:
    assert Fields({}).kinds(2) == [Kind.NORMAL, Kind.NORMAL]


def test_an_id_may_be_a_numpy_scalar_and_must_be_a_tokens() -> None:
    assert Fields({"bos_token_id": np.uint32(1)}).token_ids("bos_token_id", 2) == [1]
    assert Fields({}).token_ids("bos_token_id", 2) == []
    with pytest.raises(ModelInvalid, match="below 2"):
        Fields({"bos_token_id": 2}).token_ids("bos_token_id", 2)


def test_a_token_of_a_megabyte_is_refused() -> None:
    with pytest.raises(ModelInvalid, match="characters"):
        Fields({"tokens": ["x" * (MAX_TOKEN_CHARACTERS + 1)]}).tokens()
