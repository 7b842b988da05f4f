"""Which tokens are computed in which step."""

import pytest

from headrace.errors import ContextLengthExceeded, InvalidRequest, QueueFull
from headrace.llm.scheduler import Limits, Scheduler
from headrace.llm.sequence import Sequence, Status
from headrace.llm.step import Step
from headrace.llm.step_plan import Budget
from headrace.llm.step_time import StepTime
from headrace.llm.terms import Terms

BLOCK = 4


def scheduler(num_blocks: int = 100, max_context: int = 200, **limits: int) -> Scheduler:
    return Scheduler(num_blocks, BLOCK, StepTime(), Limits(max_context, **limits), Budget())


def add(to: Scheduler, number: int, prompt: list[int] | int, max_tokens: int = 20, **more: object) -> Sequence:
    ids = [number * 100 + index for index in range(prompt)] if isinstance(prompt, int) else prompt
    sequence = Sequence(number, ids, max_tokens=max_tokens, arrived_ns=number, **more)  # type: ignore[arg-type]
    to.add(sequence)
    return sequence


def run(of: Scheduler, token: int = 7) -> Step:
    """One step, in which every sequence that samples is given the same token."""
    step = of.schedule(0)
    of.update(step, [[token] if chunk.samples else [] for chunk in step.chunks])
    of.pool.check(sequence.blocks for sequence in of.running)
    return step


def ids_of(step: Step) -> list[int]:
    return [chunk.sequence.id for chunk in step.chunks]


def test_a_prompt_is_computed_then_one_token_a_step() -> None:
    made = scheduler()
    sequence = add(made, 1, 10)
    assert [chunk.num_tokens for _ in range(3) for chunk in run(made).chunks] == [10, 1, 1]
    assert sequence.generated_ids == [7, 7, 7]
    assert sequence.num_uncomputed_tokens == 1


def test_nothing_is_scheduled_where_nothing_is_to_be_done() -> None:
    made = scheduler()
    assert not made.busy
    assert made.schedule(0).chunks == ()


def test_all_share_a_step() -> None:
    made = scheduler()
    for number in (1, 2, 3):
        add(made, number, 10)
    assert ids_of(run(made)) == [1, 2, 3]
    assert ids_of(run(made)) == [1, 2, 3]


def test_who_arrived_first_starts_first() -> None:
    made = scheduler(max_sequences=1)
    add(made, 2, 10)
    add(made, 1, 10)
    assert ids_of(run(made)) == [1]


def test_a_higher_priority_starts_before_who_arrived_first() -> None:
    made = scheduler(max_sequences=1)
    add(made, 1, 10)
    add(made, 2, 10, terms=Terms(priority=1))
    assert ids_of(run(made)) == [2]


def test_no_more_run_at_once_than_may() -> None:
    made = scheduler(max_sequences=2)
    sequences = [add(made, number, 10) for number in (1, 2, 3)]
    assert ids_of(run(made)) == [1, 2]
    made.finish(sequences[0])
    assert ids_of(run(made)) == [2, 3]


@pytest.mark.parametrize(
    ("length", "num_blocks", "message"),
    [
        (
            200,
            100,
            "the prompt is too long: 200 tokens; this model's maximum context length is 200 tokens, with at least one "
            "for the answer",
        ),
        (
            36,
            10,
            "the prompt is too long: 36 tokens; the key-value memory holds 36 tokens, with at least one for the answer",
        ),
    ],
)
def test_a_prompt_that_is_too_long_is_refused_in_the_words_and_the_code_that_clients_know(
    length: int, num_blocks: int, message: str
) -> None:
    made = scheduler(num_blocks)
    with pytest.raises(ContextLengthExceeded) as refused:
        add(made, 1, [1] * length)
    assert (refused.value.where, refused.value.message) == ("prompt", message)
    assert not made.busy


def test_a_prompt_without_a_token_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="at least one is needed"):
        add(scheduler(), 1, [])


def test_an_answer_is_no_longer_than_the_context_and_the_memory_hold() -> None:
    assert add(scheduler(), 1, [1] * 190, max_tokens=50).max_tokens == 10
    assert add(scheduler(num_blocks=10), 1, [1] * 30, max_tokens=50).max_tokens == 6
    sequence = Sequence(1, [1] * 30)
    scheduler().add(sequence)
    assert sequence.max_tokens == 170


def test_more_than_may_wait_are_refused() -> None:
    made = scheduler(max_waiting=1)
    add(made, 1, 10)
    with pytest.raises(QueueFull):
        add(made, 2, 10)


def test_what_has_no_room_now_waits_and_nobody_overtakes_it() -> None:
    made = scheduler(num_blocks=11)
    first = add(made, 1, 20)
    add(made, 2, 24)
    add(made, 3, 4)
    assert ids_of(run(made)) == [1]
    assert ids_of(run(made)) == [1]
    made.finish(first)
    assert 2 in ids_of(run(made))


def test_a_known_beginning_is_not_computed_again() -> None:
    made = scheduler()
    made.finish(run_alone(made, add(made, 1, list(range(10)))))
    second = add(made, 2, [*range(9), 50, 51])
    [chunk] = run(made).chunks
    assert (chunk.past, chunk.num_tokens) == (8, 3)
    assert second.num_cached_tokens == made.num_found_tokens == 8


def run_alone(of: Scheduler, sequence: Sequence) -> Sequence:
    run(of)
    return sequence


def test_one_token_is_always_computed() -> None:
    made = scheduler()
    made.finish(run_alone(made, add(made, 1, list(range(8)))))
    add(made, 2, list(range(8)))
    [chunk] = run(made).chunks
    assert (chunk.past, chunk.num_tokens) == (4, 4)


def test_another_salt_finds_nothing() -> None:
    made = scheduler()
    made.finish(run_alone(made, add(made, 1, list(range(8)), salt="a")))
    add(made, 2, list(range(8)), salt="b")
    assert run(made).chunks[0].past == 0


def test_a_prompt_whose_rows_are_wanted_is_computed_whole() -> None:
    made = scheduler()
    made.finish(run_alone(made, add(made, 1, list(range(8)))))
    add(made, 2, list(range(8)), prompt_rows=True)
    [chunk] = run(made).chunks
    assert (chunk.past, chunk.num_rows) == (0, 8)


def test_what_another_computes_now_is_waited_for() -> None:
    made = scheduler()
    add(made, 1, [*range(12), 50, 51])
    add(made, 2, [*range(12), 60, 61])
    add(made, 3, 10)
    assert ids_of(run(made)) == [1, 3]
    step = run(made)
    assert ids_of(step) == [1, 3, 2]
    assert (step.chunks[2].past, step.chunks[2].num_tokens) == (12, 2)


def test_no_piece_of_a_prompt_is_a_single_token() -> None:
    made = scheduler()
    add(made, 1, [*range(13)])
    run(made)
    add(made, 2, [*range(12), 60])
    step = run(made)
    assert [(chunk.past, chunk.num_tokens) for chunk in step.chunks if chunk.sequence.id == 2] == [(8, 5)]


def test_when_that_other_goes_its_work_is_taken_over() -> None:
    made = scheduler()
    add(made, 1, [*range(12), 50])
    add(made, 2, [*range(12), 60])
    step = made.schedule(0)
    made.abort(1)
    made.update(step, [[7]])
    [chunk] = run(made).chunks
    assert (chunk.sequence.id, chunk.past, chunk.num_tokens) == (2, 0, 13)


def test_the_last_gives_way_where_memory_is_short_and_loses_little() -> None:
    made = scheduler(num_blocks=9)
    add(made, 1, 10)
    second = add(made, 2, 10)
    while not second.num_preempted:
        step = run(made)
    assert step.preempted == (second,)
    assert second.status is Status.WAITING
    length = len(second)
    made.abort(1)
    [chunk] = run(made).chunks
    assert chunk.sequence is second
    assert chunk.past >= length - 1 - BLOCK - 3
    assert made.num_preempted == 1
    assert (len(second.pauses), second.paused_ns) == (1, None)


def test_an_abort_frees_blocks_at_once_wherever_the_sequence_is() -> None:
    made = scheduler(max_sequences=1)
    running, waiting = add(made, 1, 10), add(made, 2, 10)
    step = made.schedule(0)
    assert made.abort(1) is running
    assert made.abort(2) is waiting
    assert made.pool.num_used == 0
    made.update(step, [[7]])
    assert running.generated_ids == []
    assert made.abort(1) is None
    assert not made.busy


def test_accepted_drafts_are_known_and_computed() -> None:
    made = scheduler()
    sequence = add(made, 1, 10)
    run(made)
    sequence.draft_ids, sequence.acceptance = [1, 2, 3], {0: 0.95}
    step = made.schedule(0)
    assert step.num_drafts == 3
    made.update(step, [[1, 2, 9]])
    assert sequence.generated_ids == [7, 1, 2, 9]
    assert sequence.num_computed_tokens == 13
    assert sequence.draft_ids == []
    assert (made.draft_length.num_drafted, made.draft_length.num_accepted) == (3, 2)


def test_a_block_with_an_unverified_draft_is_not_found() -> None:
    made = scheduler()
    sequence = add(made, 1, [1, 2, 3])
    run(made)
    sequence.draft_ids, sequence.acceptance = [8, 8, 8, 8], {0: 0.95}
    step = made.schedule(0)
    assert step.chunks[0].num_tokens == 5  # the first block is filled, the second too
    made.update(step, [[8, 9]])
    made.finish(sequence)
    add(made, 2, [1, 2, 3, 7, 8, 8, 8, 8, 8, 8])
    assert run(made).chunks[0].past == 4


def test_tokens_known_beyond_the_sampled_are_computed_next() -> None:
    made = scheduler()
    sequence = add(made, 1, 10)
    made.update(made.schedule(0), [[7, 8, 9]])
    [chunk] = run(made).chunks
    assert (chunk.past, chunk.num_tokens, chunk.num_rows) == (10, 3, 1)
    assert sequence.generated_ids == [7, 8, 9, 7]


def test_tokens_after_a_wrong_draft_are_computed_though_they_were_known() -> None:
    made = scheduler()
    sequence = add(made, 1, 10)
    run(made)
    sequence.draft_ids, sequence.acceptance = [1, 2, 3], {0: 0.95}
    made.update(made.schedule(0), [[1, 9, 8, 7]])
    assert sequence.num_computed_tokens == 12


def test_a_sequence_knows_when_it_first_ran() -> None:
    made = scheduler()
    sequence = add(made, 1, 10)
    made.schedule(123)
    assert sequence.started_ns == 123
