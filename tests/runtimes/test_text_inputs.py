"""A batch of texts becomes what graphs take."""

import numpy as np

from headrace.runtimes.language import TextBatch
from headrace.runtimes.text_inputs import packed_inputs, padded_inputs

BATCH = TextBatch(np.array([5, 6, 7, 8, 9, 4]), np.array([5, 1]), np.array([0, 0, 1, 1, 1, 0]))


def test_filled_up_each_text_has_a_row_of_whole_steps() -> None:
    found = padded_inputs(BATCH, 512)
    assert found["input_ids"].tolist() == [[5, 6, 7, 8, 9, 0, 0, 0], [4, 0, 0, 0, 0, 0, 0, 0]]
    assert found["attention_mask"].tolist() == [[1, 1, 1, 1, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0]]
    assert found["token_type_ids"].tolist() == [[0, 0, 1, 1, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 0]]


def test_none_is_filled_up_over_what_the_model_reads() -> None:
    assert padded_inputs(BATCH, 5)["input_ids"].tolist() == [[5, 6, 7, 8, 9], [4, 0, 0, 0, 0]]


def test_one_behind_another_each_text_counts_its_places_anew() -> None:
    found = packed_inputs(BATCH)
    assert found["input_ids"].tolist() == [5, 6, 7, 8, 9, 4]
    assert found["position_ids"].tolist() == [0, 1, 2, 3, 4, 0]
    assert found["token_type_ids"].tolist() == [0, 0, 1, 1, 1, 0]
    assert found["begins"].tolist() == [0, 5, 6] and found["begins"].dtype == np.int32
