"""How much goes into a step."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.llm.draft_length import DraftLength
from headrace.llm.sequence import Sequence
from headrace.llm.step import Step
from headrace.llm.step_plan import PIECE, Budget, StepPlan
from headrace.llm.step_time import StepShape, StepTime

BLOCK = 32


def sequence(count: int, computed: int = 0, *, generated: int = 0, prompt_rows: bool = False) -> Sequence:
    """Of a prompt of `count` tokens."""
    made = Sequence(1, [1] * count, max_tokens=100, prompt_rows=prompt_rows, generated=[1] * generated)
    made.num_computed_tokens = computed
    return made


def plan(decodes: int = 0, token_s: float = 0.001, budget: Budget | None = None) -> StepPlan:
    """A step with so many sequences that sample: each of a 10 ms floor, a millisecond a token."""
    made = StepPlan(BLOCK, StepTime(floor_s=0.01, token_s=token_s), budget or Budget())
    for _ in range(decodes):
        made.add_sampling(sequence(50, 49))
    made.open_to_prompts([])
    return made


def lengths(step: Step) -> list[int]:
    return [chunk.num_tokens for chunk in step.chunks]


def test_a_prompt_alone_is_computed_at_once() -> None:
    made = plan(token_s=0.0001)
    assert made.add_prompt(sequence(500), 0)
    assert lengths(made.step(())) == [500]
    assert not made.full


def test_a_long_prompt_alone_is_cut_at_the_largest_chunk() -> None:
    made = plan(token_s=0.0001)
    made.add_prompt(sequence(1500), 0)
    assert lengths(made.step(())) == [512]
    assert made.full


@pytest.mark.parametrize(("token_s", "length"), [(0.0005, 384), (0.001, 256), (0.1, 256)])
def test_where_nobody_samples_a_step_ends_soon_but_is_not_made_small(token_s: float, length: int) -> None:
    made = plan(token_s=token_s)
    made.add_prompt(sequence(1500), 0)
    assert lengths(made.step(()))[0] in (length, length + BLOCK)


@pytest.mark.parametrize(("token_s", "length"), [(0.0008, 512), (0.001, 256)])
def test_a_prompt_alone_is_not_cut_for_a_short_rest(token_s: float, length: int) -> None:
    made = plan(token_s=token_s)
    made.add_prompt(sequence(512), 0)
    assert lengths(made.step(()))[0] in (length, length + BLOCK)


def test_a_second_prompt_is_cut_where_the_step_would_become_too_long() -> None:
    made = plan(token_s=0.0006)
    made.add_prompt(sequence(256), 0)
    made.add_prompt(sequence(256), 0)
    assert sum(lengths(made.step(()))) < 512


def test_a_prompt_beside_others_may_stretch_their_step_so_far() -> None:
    made = plan(decodes=100, token_s=0.0001)
    alone = made.step(()).seconds
    made.add_prompt(sequence(1500), 0)
    step = made.step(())
    assert 1.6 * alone < step.seconds < 2.2 * alone
    assert step.chunks[-1].num_tokens % BLOCK == 0


@pytest.mark.parametrize("margin", [1.0, 1.5])
def test_beside_a_promised_pace_a_step_is_as_long_as_it_allows_however_uncertain(margin: float) -> None:
    step_time = StepTime(floor_s=0.01, token_s=0.0001)
    step_time.margin = margin
    made = StepPlan(BLOCK, step_time, Budget())
    made.add_sampling(sequence(50, 49))
    made.open_to_prompts([], limit_s=0.03)
    made.add_prompt(sequence(1500), 0)
    assert 0.024 < made.step(()).seconds <= 0.03


def test_where_many_are_coming_it_may_take_what_their_steps_will_take() -> None:
    made = StepPlan(BLOCK, StepTime(floor_s=0.01, token_s=0.0005), Budget())
    made.add_sampling(sequence(50, 49))
    made.open_to_prompts([sequence(100)] * 40)
    made.add_prompt(sequence(1500), 0)
    assert 0.04 < made.step(()).seconds < 2.5 * (0.01 + 42 * 0.0006)


def test_a_piece_of_a_block_is_always_computed_so_that_nobody_starves() -> None:
    made = plan(decodes=1, token_s=0.1)
    made.add_prompt(sequence(1500), 0)
    assert lengths(made.step(())) == [1, PIECE]


def test_where_a_block_takes_too_long_as_many_of_its_pieces_are_computed_as_fit() -> None:
    lengths_at = []
    for past in range(0, 4096, BLOCK):
        made = plan(decodes=16, token_s=0.0005)
        alone = made.step(()).seconds
        made.add_prompt(sequence(4500), past)
        step = made.step(())
        lengths_at.append(lengths(step)[-1])
        assert step.seconds < 2.2 * alone or lengths_at[-1] == PIECE
    assert lengths_at == sorted(lengths_at, reverse=True)
    assert {BLOCK, PIECE, 2 * PIECE} <= set(lengths_at)


def test_a_prompt_that_was_cut_within_a_block_goes_on_to_its_end() -> None:
    made = plan(token_s=0.0001)
    made.add_prompt(sequence(1500), 3 * PIECE)
    assert lengths(made.step(())) == [512 - 3 * PIECE]


def test_beside_a_promised_pace_a_pressing_prompt_is_given_a_block() -> None:
    made = StepPlan(BLOCK, StepTime(floor_s=0.01, token_s=0.1), Budget())
    made.add_sampling(sequence(50, 49))
    made.open_to_prompts([], limit_s=0.03, pressing=True)
    made.add_prompt(sequence(1500), 0)
    assert lengths(made.step(())) == [1, BLOCK]


def test_only_the_first_prompt_has_that_right() -> None:
    made = plan(decodes=1, token_s=0.1)
    assert made.add_prompt(sequence(BLOCK), 0)
    assert not made.add_prompt(sequence(BLOCK), 0)
    assert made.full


def test_chunks_end_with_a_block_wherever_they_begin() -> None:
    made = plan(decodes=1, token_s=0.0001)
    made.add_prompt(sequence(1500), 20)
    assert (20 + lengths(made.step(()))[-1]) % BLOCK == 0


def test_several_prompts_share_a_step() -> None:
    made = plan(token_s=0.0001)
    for count in (100, 200, 300):
        made.add_prompt(sequence(count), 0)
    assert lengths(made.step(())) == [100, 200, 192]


def test_only_the_last_token_of_a_prompt_gives_a_row() -> None:
    made = plan(token_s=0.0001)
    made.add_prompt(sequence(100), 0)
    made.add_prompt(sequence(900), 0)
    first, second = made.step(()).chunks
    assert (first.num_rows, first.samples) == (1, True)
    assert (second.num_rows, second.samples) == (0, False)


def test_rows_of_a_prompt_are_given_in_chunks() -> None:
    made = plan(token_s=0.0001, budget=Budget(max_prompt_rows=64))
    made.add_prompt(sequence(100, prompt_rows=True), 0)
    [chunk] = made.step(()).chunks
    assert (chunk.num_tokens, chunk.num_rows, chunk.samples) == (64, 64, False)


def test_rows_that_were_given_are_not_given_again() -> None:
    resumed = sequence(100, prompt_rows=True)
    resumed.num_prompt_rows = 64
    made = plan(token_s=0.0001, budget=Budget(max_prompt_rows=64))
    made.add_prompt(resumed, 0)
    [chunk] = made.step(()).chunks
    assert (chunk.num_tokens, chunk.num_rows, chunk.samples) == (100, 36, True)


def drafting(max_tokens: int = 100) -> Sequence:
    made = Sequence(1, [1] * 49, max_tokens=max_tokens + 1, generated=[1])
    made.num_computed_tokens = 49
    made.draft_ids, made.draft_kind = [2] * 6, 4
    made.acceptance[4], made.num_judged[4] = 0.95, 20
    return made


def drafted(sequence: Sequence, room: int = 100, prompt: bool = False) -> Step:
    made = StepPlan(BLOCK, StepTime(floor_s=0.01, token_s=0.0001), Budget())
    made.add_sampling(sequence)
    made.open_to_prompts([])
    if prompt:
        made.add_prompt(Sequence(2, [1] * 40, max_tokens=1), 0)
    made.add_drafts(DraftLength(), lambda _, count: min(room, count))
    return made.step(())


def test_drafts_that_pay_are_added_with_their_rows() -> None:
    step = drafted(drafting())
    [chunk] = step.chunks
    assert (chunk.num_tokens, chunk.num_drafts, chunk.num_rows) == (7, 6, 7)
    assert step.num_drafts == 6
    assert step.shape.tokens == step.shape.rows == 7


def test_no_more_drafts_are_added_than_there_is_memory_for() -> None:
    assert drafted(drafting(), room=2).num_drafts == 2


def test_a_token_is_left_to_choose_after_the_drafts() -> None:
    assert drafted(drafting(max_tokens=3)).num_drafts == 2
    assert drafted(drafting(max_tokens=1)).num_drafts == 0


def test_there_are_no_drafts_beside_prompts() -> None:
    assert drafted(drafting(), prompt=True).num_drafts == 0


def test_there_are_no_drafts_behind_the_end_of_a_prompt_that_is_computed() -> None:
    ending = sequence(50, 46)
    ending.draft_ids, ending.draft_kind = [2] * 6, 4
    ending.acceptance[4], ending.num_judged[4] = 0.95, 20
    step = drafted(ending)
    assert (lengths(step), step.num_drafts) == ([4], 0)


def test_a_prompt_that_is_computed_again_ends_a_chunk_and_others_fit_beside_it() -> None:
    made = plan(token_s=0.0001)
    assert made.add_prompt(sequence(40, generated=60), 0)
    assert made.add_prompt(sequence(30), 0)
    again, other = made.step(()).chunks
    assert (again.num_tokens, again.num_rows, again.samples) == (40, 0, False)
    assert (other.num_tokens, other.samples) == (30, True)


def test_few_tokens_on_both_sides_of_a_prompts_end_are_computed_in_two_steps() -> None:
    made = StepPlan(BLOCK, StepTime(), Budget())
    made.add_sampling(sequence(37, BLOCK, generated=2))
    [chunk] = made.step(()).chunks
    assert (chunk.past, chunk.num_tokens, chunk.samples) == (BLOCK, 5, False)


@given(
    prompt=st.integers(1, 200),
    generated=st.integers(0, 200),
    found=st.integers(0, 12),
    decodes=st.integers(0, 3),
    token_s=st.sampled_from([0.0001, 0.001, 0.1]),
    prompt_rows=st.booleans(),
)
def test_no_chunk_has_tokens_on_both_sides_of_a_prompts_end(
    prompt: int, generated: int, found: int, decodes: int, token_s: float, prompt_rows: bool
) -> None:
    text = sequence(prompt, generated=generated, prompt_rows=prompt_rows)
    text.num_computed_tokens = min(found * BLOCK, len(text) - 1)
    while text.num_uncomputed_tokens:
        made = plan(decodes, token_s)
        if text.num_uncomputed_tokens <= 8:
            made.add_sampling(text)
        else:
            made.add_prompt(text, text.num_computed_tokens)
        *_, chunk = made.step(()).chunks
        end = chunk.past + chunk.num_tokens
        assert chunk.past < end <= prompt or prompt <= chunk.past < end <= len(text)
        assert chunk.samples == (end == len(text))
        text.num_computed_tokens = end


def test_only_chunks_of_prompts_have_a_past_to_unpack() -> None:
    decoding = sequence(40, 50)
    decoding.token_ids.extend([1] * 11)
    made = StepPlan(BLOCK, StepTime(), Budget())
    made.add_sampling(decoding)
    made.open_to_prompts([])
    assert made.step(()).shape == StepShape(1, 1, 50)
    made.add_prompt(sequence(164), 64)
    assert made.step(()).shape.past == 64
