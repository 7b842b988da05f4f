"""Steps that are too small for the same bits alone and in company are filled up, and others left as they are."""

import numpy as np
import pytest

from headrace.runtimes.filling import filled_up
from tests.runtimes.paging import batch


@pytest.mark.parametrize(("threads", "sequences"), [(2, 1), (8, 3), (8, 7), (2, 2), (1, 1), (2, 5)])
def test_single_tokens_have_as_many_sequences_as_there_are_threads_and_no_token_more(
    threads: int, sequences: int
) -> None:
    given = batch(*[([9], 4, [1 + i]) for i in range(sequences)])
    found = filled_up(given, threads, least_rows=1)
    assert found.past_lens.size == max(threads, sequences)
    assert np.array_equal(found.token_ids, given.token_ids)
    assert np.array_equal(found.begins, [*given.begins, *[sequences] * (found.past_lens.size - sequences)])
    assert found.block_begins.size == found.begins.size
    assert found.block_begins[-1] == found.blocks.size


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_one_token_is_given_another_where_a_product_needs_two_rows(threads: int) -> None:
    found = filled_up(batch(([9], 4, [1])), threads, least_rows=2)
    assert found.token_ids.tolist() == [9, 0]
    assert found.begins[:3].tolist() == [0, 1, 2]
    assert found.blocks.tolist() == [1, 0]
    assert found.block_begins[:3].tolist() == [0, 1, 2]
    assert found.past_lens.size == max(2, threads)


@pytest.mark.parametrize(
    ("wanted", "least", "count"), [([], 1, 1), ([2], 1, 1), ([], 2, 2), ([2], 2, 2), ([2, 1], 2, 2)]
)
def test_so_many_rows_are_wanted_at_least_and_those_that_were_asked_for_come_first(
    wanted: list[int], least: int, count: int
) -> None:
    found = filled_up(batch(([7, 8, 9], 0, [1]), rows=wanted), 2, least)
    assert found.sample_at.size == count
    assert found.sample_at[: len(wanted)].tolist() == wanted


def test_a_step_with_a_prompt_in_it_needs_no_further_sequences() -> None:
    given = batch(([7, 8, 9], 0, [1]))
    assert filled_up(given, 64, least_rows=1).past_lens.size == 1


def test_numbers_keep_their_kinds() -> None:
    given = batch(([9], 4, [1]))
    found = filled_up(given, 4, least_rows=2)
    for name in given.__struct_fields__:
        assert getattr(found, name).dtype == getattr(given, name).dtype, name
