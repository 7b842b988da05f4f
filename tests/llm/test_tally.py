"""What steps did is counted once."""

from headrace.llm.sequence import Sequence
from headrace.llm.step import Chunk, Step
from headrace.llm.step_time import StepShape
from headrace.llm.tally import Tally


def step(*chunks: Chunk, preempted: tuple[Sequence, ...] = ()) -> Step:
    return Step(chunks, preempted, StepShape(), 0.0)


def test_tokens_are_counted_as_the_prompts_or_as_generated() -> None:
    tally = Tally()
    first, second = Sequence(1, range(10)), Sequence(2, range(3))
    second.num_computed_tokens = 3
    taken = step(Chunk(first, 0, 10, 0, 1, True), Chunk(second, 3, 3, 2, 3, True), preempted=(second,))
    tally.end(taken, [[5], [6, 7]], 0.5, 0)
    facts = tally.facts(2, 1, 4, 8)
    assert (facts.seconds, facts.prompt_tokens, facts.generated_tokens, facts.preempted) == (0.5, 10, 3, 1)
    assert (facts.drafts, facts.drafted_tokens, facts.accepted_tokens) == (1, 2, 1)
    assert (facts.running, facts.waiting, facts.used_blocks, facts.num_blocks) == (2, 1, 4, 8)


def test_what_steps_were_expected_to_take_is_told_beside_what_they_took() -> None:
    tally = Tally()
    tally.end(Step((), (), StepShape(), 0.4), [], 0.5, 0)
    facts = tally.facts(0, 0, 0, 0)
    assert (facts.seconds, facts.expected_seconds) == (0.5, 0.4)
    assert tally.facts(0, 0, 0, 0).expected_seconds == 0.0


def test_a_prompt_is_looked_for_in_the_cache_once() -> None:
    tally = Tally()
    sequence = Sequence(1, range(100))
    sequence.num_computed_tokens = sequence.num_cached_tokens = 32
    tally.end(step(Chunk(sequence, 32, 32, 0, 0, False)), [[]], 0.1, 0)
    tally.end(step(Chunk(sequence, 64, 36, 0, 1, True)), [[7]], 0.1, 1)
    facts = tally.facts(1, 0, 0, 0)
    assert (facts.queried_tokens, facts.cached_tokens, facts.prompt_tokens) == (100, 32, 68)


def test_what_is_computed_again_was_looked_for_before() -> None:
    tally = Tally()
    sequence = Sequence(1, range(100))
    sequence.num_preempted = 1
    tally.end(step(Chunk(sequence, 0, 100, 0, 1, True)), [[7]], 0.1, 0)
    facts = tally.facts(1, 0, 0, 0)
    assert (facts.queried_tokens, facts.prompt_tokens) == (0, 100)


def test_a_gap_is_from_a_sequences_tokens_to_its_next() -> None:
    tally = Tally()
    first, second, third = (Sequence(number, range(4)) for number in (1, 2, 3))
    both = step(*(Chunk(each, 4, 1, 0, 1, True) for each in (first, second)))
    all_three = step(*(Chunk(each, 5, 1, 0, 1, True) for each in (first, second, third)))
    tally.end(both, [[1], [1]], 0.0, 100)
    tally.end(all_three, [[1], [1], []], 0.0, 130)
    tally.end(all_three, [[1], [], [1]], 0.0, 170)
    assert sorted(tally.facts(3, 0, 0, 0).gaps) == [(30, 2), (40, 1)]


def test_counting_begins_anew_when_it_is_asked() -> None:
    tally = Tally()
    tally.aborted, tally.saved_tokens = 1, 5
    facts = tally.facts(0, 0, 0, 0)
    assert (facts.aborted, facts.saved_tokens) == (1, 5)
    assert tally.facts(0, 0, 0, 0).aborted == 0
