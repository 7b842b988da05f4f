"""Whatever comes, what was promised is kept where memory is short, and nobody starves; steps take what is foreseen."""

from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.llm.step_time import StepShape
from headrace.llm.terms import Terms
from tests.llm.overload import Arriving, Overload, arrivals
from tests.llm.simulate import cpu_seconds

MS = 1_000_000
SECONDS = 5.0
ANSWERS = st.sampled_from([10, 40, 120])


def run(num_blocks: int, coming: list[Arriving], max_sequences: int = 64) -> Overload:
    made = Overload(twice, num_blocks=num_blocks, max_sequences=max_sequences)
    room = (num_blocks - 1) * 32
    made.run([each._replace(prompt_tokens=min(each.prompt_tokens, room - each.max_tokens - 1)) for each in coming])
    return made


def twice(shape: StepShape) -> float:
    return 2 * cpu_seconds(shape)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(
    num_blocks=st.integers(15, 120),
    seed=st.integers(0, 1000),
    rates=st.tuples(st.integers(1, 8), st.integers(1, 6)),
    answers=st.tuples(ANSWERS, ANSWERS),
    ttft_ms=st.sampled_from([800, 2000]),
    max_sequences=st.sampled_from([4, 64]),
)
def test_preemption_breaks_no_promise_and_everybody_is_answered(
    num_blocks: int,
    seed: int,
    rates: tuple[int, int],
    answers: tuple[int, int],
    ttft_ms: int,
    max_sequences: int,
) -> None:
    terms = Terms(ttft_ns=ttft_ms * MS, tpot_ns=100 * MS)
    promised = arrivals(rates[0], SECONDS, terms, seed, answers[0])
    others = arrivals(rates[1], SECONDS, Terms(), seed + 1, answers[1])
    made = run(num_blocks, [*promised, *others], max_sequences)
    for step in made.simulation.steps:
        preempted = {each.id for each in step.preempted}
        if any(each.terms.asks for each in step.preempted):
            assert all(chunk.sequence.terms.asks for chunk in step.chunks if chunk.sequence.id not in preempted)
    late = [each for each in made.let_in if each.terms.asks and not made.met(each)]
    assert len(late) <= 1  # a forecast may be wrong
    assert not any(each.num_preempted for each in late)
    assert all(each.num_generated_tokens == answers[1] for each in made.let_in if not each.terms.asks)
    assert made.simulation.scheduler.pool.num_used == 0
