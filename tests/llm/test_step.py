"""Steps as arrays."""

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.llm.sequence import Sequence
from headrace.llm.step import Chunk, Step, StepArrays
from headrace.llm.step_time import StepShape


def sequence(token_ids: list[int], blocks: list[int], generated: Iterable[int] = ()) -> Sequence:
    made = Sequence(1, token_ids, generated=generated)
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
    speculating = sequence([7, 8], [5, 6, 7], [9])
    speculating.draft_ids = [10, 11, 12]
    batch = StepArrays(2).lay(step(Chunk(speculating, 2, 3, 2, 3, True)))
    assert batch.token_ids.tolist() == [9, 10, 11]
    assert batch.positions.tolist() == [2, 3, 4]
    assert batch.sample_at.tolist() == [0, 1, 2]
    assert batch.past_lens.tolist() == [2, 3, 4]
    assert batch.begins.tolist() == [0, 1, 2, 3]
    assert batch.blocks.tolist() == [5, 6, 5, 6, 5, 6, 7]
    assert batch.block_begins.tolist() == [0, 2, 4, 7]


def test_behind_a_prompt_each_token_that_is_computed_again_is_a_sequence() -> None:
    resumed, other = sequence([1, 2, 3], [4, 5, 6], [7, 8]), sequence([1, 2], [9])
    batch = StepArrays(2).lay(step(Chunk(resumed, 3, 2, 0, 1, True), Chunk(other, 0, 2, 0, 1, True)))
    assert batch.token_ids.tolist() == [7, 8, 1, 2]
    assert batch.past_lens.tolist() == [3, 4, 0]
    assert batch.begins.tolist() == [0, 1, 2, 4]
    assert batch.blocks.tolist() == [4, 5, 4, 5, 6, 9]
    assert batch.block_begins.tolist() == [0, 2, 5, 6]
    assert batch.sample_at.tolist() == [1, 3]


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans(), st.integers(0, 2)), min_size=1), st.integers(1, 9))
def test_single_tokens_alone_are_laid_as_beside_a_prompt(sizes: list[tuple[int, bool, int]], block_size: int) -> None:
    singles = []
    for number, (past, samples, spare) in enumerate(sizes):
        blocks = range(100 * number, 100 * number + past // block_size + 1 + spare)
        singles.append(Chunk(sequence(list(range(past + 1)), list(blocks)), past, 1, 0, int(samples), samples))
    prompt = Chunk(sequence([1, 2], [1]), 0, 2, 0, 0, False)
    alone = StepArrays(block_size).lay(step(*singles))
    beside = StepArrays(block_size).lay(step(*singles, prompt))
    count = len(singles)
    assert alone.token_ids.tolist() == beside.token_ids[:count].tolist()
    assert alone.positions.tolist() == beside.positions[:count].tolist()
    assert alone.past_lens.tolist() == beside.past_lens[:count].tolist()
    assert alone.begins.tolist() == beside.begins[: count + 1].tolist()
    assert alone.blocks.tolist() == beside.blocks[: len(alone.blocks)].tolist()
    assert alone.block_begins.tolist() == beside.block_begins[: count + 1].tolist()
    assert alone.sample_at.tolist() == beside.sample_at.tolist()


@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(0, 30), st.integers(0, 60), st.integers(0, 5)), min_size=1),
    st.integers(1, 9),
)
def test_every_token_is_laid_once_with_what_is_before_it(
    sizes: list[tuple[int, int, int, int]], block_size: int
) -> None:
    arrays = StepArrays(block_size)
    chunks = []
    for number, (prompt, generated, most_past, most_drafts) in enumerate(sizes):
        known = prompt + generated
        made = sequence(list(range(prompt)), [number * 100 + index for index in range(100)], range(prompt, known))
        past = min(most_past, known - 1)
        end = prompt if past < prompt else known
        drafts = most_drafts if past >= prompt else 0
        made.draft_ids = list(range(known, known + drafts))
        chunks.append(Chunk(made, past, end - past + drafts, drafts, 1 + drafts, end == known))
    batch = arrays.lay(step(*chunks))
    laid = []
    for index, past in enumerate(batch.past_lens.tolist()):
        table = batch.blocks[batch.block_begins[index] : batch.block_begins[index + 1]].tolist()
        places = batch.positions[batch.begins[index] : batch.begins[index + 1]].tolist()
        assert places[0] == past
        chunk = chunks[table[0] // 100]
        assert table == chunk.sequence.blocks[: -(-(places[-1] + 1) // block_size)].tolist()
        assert len(places) == 1 or places[-1] < chunk.sequence.num_prompt_tokens
        laid += [(table[0] // 100, place) for place in places]
    expected = [
        (number, chunk.past + index) for number, chunk in enumerate(chunks) for index in range(chunk.num_tokens)
    ]
    assert laid == expected
    assert batch.token_ids.tolist() == batch.positions.tolist()
    wanted = [expected[row] for row in batch.sample_at.tolist()]
    assert wanted == [
        (number, chunk.past + chunk.num_tokens - chunk.num_rows + index)
        for number, chunk in enumerate(chunks)
        for index in range(chunk.num_rows)
    ]


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
