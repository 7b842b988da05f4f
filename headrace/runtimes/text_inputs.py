"""A batch of texts as a graph's inputs: filled up to one length, or one behind another. Pure."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from headrace.runtimes.language import TextBatch, padded_length

Inputs = Mapping[str, NDArray[np.generic]]


def padded_inputs(batch: TextBatch, max_tokens: int) -> Inputs:
    """By name, i64 [texts, tokens]: zeros are behind what is shorter than the longest."""
    length = min(padded_length(int(batch.lengths.max())), max_tokens)
    there = np.arange(length) < batch.lengths[:, None]
    ids, types = np.zeros(there.shape, np.int64), np.zeros(there.shape, np.int64)
    ids[there], types[there] = batch.token_ids, batch.types
    return {"input_ids": ids, "attention_mask": there.astype(np.int64), "token_type_ids": types}


def packed_inputs(batch: TextBatch) -> Inputs:
    """By name, i64 [tokens], and where texts begin and the last one ends, i32 [texts + 1]."""
    begins = np.concatenate([[0], np.cumsum(batch.lengths)])
    places = np.arange(begins[-1]) - np.repeat(begins[:-1], batch.lengths)
    return {
        "input_ids": batch.token_ids,
        "position_ids": places,
        "token_type_ids": batch.types,
        "begins": begins.astype(np.int32),
    }
