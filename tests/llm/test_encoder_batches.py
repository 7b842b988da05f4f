"""Texts are divided so that little is computed for padding and few runs are needed."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from headrace.llm.encoder_batches import RUN_TOKENS, batches, first_that_fit
from headrace.runtimes.language import padded_length


def cost(lengths: list[int], divided: list[list[int]]) -> int:
    return sum(len(batch) * padded_length(max(lengths[index] for index in batch)) + RUN_TOKENS for batch in divided)


@given(st.lists(st.integers(1, 256), min_size=1, max_size=80), st.sampled_from((128, 1024)))
def test_each_text_is_in_one_batch_and_none_is_too_large(lengths: list[int], most: int) -> None:
    divided = batches(lengths, most)
    assert sorted(index for batch in divided for index in batch) == list(range(len(lengths)))
    for batch in divided:
        assert len(batch) == 1 or len(batch) * padded_length(max(lengths[index] for index in batch)) <= most


@given(st.lists(st.integers(1, 64), min_size=1, max_size=7))
def test_no_other_division_of_the_sorted_texts_costs_less(lengths: list[int]) -> None:
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    every = [
        [order[begin:end] for begin, end in zip((0, *cuts), (*cuts, len(order)), strict=True)]
        for count in range(len(order))
        for cuts in combinations(range(1, len(order)), count)
    ]
    assert cost(lengths, batches(lengths)) == min(cost(lengths, each) for each in every)


def test_mixed_lengths_cost_little_padding() -> None:
    lengths = [5 + (index * 97) % 252 for index in range(64)]
    assert cost(lengths, batches(lengths)) < 1.15 * sum(lengths)


def test_nothing_makes_no_batch() -> None:
    assert batches([]) == []
    assert first_that_fit([]) == 0


@given(st.lists(st.integers(1, 256), min_size=1, max_size=80), st.sampled_from((128, 1024)))
def test_where_none_is_filled_up_the_first_are_taken_as_long_as_they_fit(lengths: list[int], most: int) -> None:
    taken = first_that_fit(lengths, most)
    assert taken == 1 or sum(lengths[:taken]) <= most
    assert taken == len(lengths) or sum(lengths[: taken + 1]) > most
