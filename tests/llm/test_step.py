"""Steps as arrays."""

import numpy as np
import pytest

from headrace.llm.sequence import Sequence
from headrace.llm.step import Chunk, Step, StepArrays
from headrace.llm.step_time import StepShape


def sequence(token_ids: list[int], blocks: list[int]) -> Sequence:
    made = Sequence(1, token_ids)
    made.blocks.extend(blocks)
    return made


def step(*chunks: Chunk) -> Step:
    return Step(chunks, (), StepShape(), 0.0)


def test_chunks_lie_one_after_another() -> None:
    decoding = sequence([7, 8, 9], [5, 6])
    prompt = sequence([1, 2, 3, 4, 5, 6], [2, 3, 4])
    batch = StepArrays(2).lay(step(Chunk(decoding, 2, 1, 0, 1, True), Chunk(prompt, 2, 3, 0, 0, False)))
    assert batch.token_ids.tolist() == [9, 3, 4, 5]
    assert batch.positions.tolist() == [2, 2, 3, 4]
    assert batch.past_lens.tolist() == [2, 2]
    assert batch.begins.tolist() == [0, 1, 4]
    assert batch.blocks.tolist() == [5, 6, 2, 3, 4]
    assert batch.block_begins.tolist() == [0, 2, 5]
    assert batch.sample_at.tolist() == [0]


def test_drafts_follow_the_known_tokens_each_as_a_sequence_of_its_own() -> None:
    speculating = sequence([7, 8, 9], [5, 6, 7])
    speculating.draft_ids = [10, 11, 12]
    batch = StepArrays(2).lay(step(Chunk(speculating, 2, 3, 2, 3, True)))
    assert batch.token_ids.tolist() == [9, 10, 11]
    assert batch.positions.tolist() == [2, 3, 4]
    assert batch.sample_at.tolist() == [0, 1, 2]
    assert batch.past_lens.tolist() == [2, 3, 4]
    assert batch.begins.tolist() == [0, 1, 2, 3]
    assert batch.blocks.tolist() == [5, 6, 5, 6, 5, 6, 7]
    assert batch.block_begins.tolist() == [0, 2, 4, 7]


def test_only_blocks_that_are_read_or_written_are_told() -> None:
    batch = StepArrays(2).lay(step(Chunk(sequence([1, 2, 3, 4, 5], [9, 8, 7]), 0, 2, 0, 0, False)))
    assert batch.blocks.tolist() == [9]


def test_rows_are_the_last_of_each_chunk() -> None:
    first, second = sequence([1, 2, 3, 4], [1, 2]), sequence([5, 6, 7], [3, 4])
    batch = StepArrays(2).lay(step(Chunk(first, 0, 4, 0, 3, True), Chunk(second, 0, 3, 0, 1, True)))
    assert batch.sample_at.tolist() == [1, 2, 3, 6]


def test_a_small_step_after_a_large_one_has_its_own_lengths() -> None:
    arrays = StepArrays(2)
    long = sequence(list(range(100)), list(range(1, 51)))
    arrays.lay(step(Chunk(long, 0, 100, 0, 100, True)))
    batch = arrays.lay(step(Chunk(sequence([1], [1]), 0, 1, 0, 1, True)))
    assert [len(array) for array in (batch.token_ids, batch.positions, batch.blocks, batch.sample_at)] == [1, 1, 1, 1]


def test_buffers_are_used_again() -> None:
    arrays = StepArrays(2)
    chunk = Chunk(sequence([1, 2, 3], [1, 2]), 0, 3, 0, 1, True)
    assert np.shares_memory(arrays.lay(step(chunk)).token_ids, arrays.lay(step(chunk)).token_ids)


@pytest.mark.parametrize("field", ["token_ids", "positions", "sample_at"])
def test_what_the_model_reads_as_64_bits_has_64_bits(field: str) -> None:
    batch = StepArrays(2).lay(step(Chunk(sequence([1], [1]), 0, 1, 0, 1, True)))
    assert getattr(batch, field).dtype == np.int64
