"""The scheduler over thousands of steps: nothing lost, nobody starved, the same tokens as alone."""

import random
from statistics import mean

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from headrace.errors import WouldBeLate
from headrace.llm.scheduler import Limits
from headrace.llm.sequence import Sequence
from headrace.llm.step_plan import Budget
from headrace.llm.terms import Terms
from tests.fakes_language import FakeLanguage
from tests.llm.simulate import Simulation, cpu_seconds, text


def assert_as_alone(simulation: Simulation, sequences: list[Sequence]) -> None:
    assert isinstance(simulation.model, FakeLanguage)
    for sequence in sequences:
        ids = sequence.token_ids[: sequence.num_prompt_tokens].tolist()
        assert sequence.generated_ids == simulation.model.greedy(ids, sequence.num_generated_tokens), sequence
        assert not sequence.num_tokens_left


def exact(block_size: int, **more: int) -> FakeLanguage:
    """A model that also minds by which kernel a token is computed; for prompts of `prompt`."""
    return FakeLanguage(100, block_size=block_size, exact=True, **more)


def prompt(seed: int, count: int) -> list[int]:
    return text(seed, count, vocabulary=50)


@pytest.mark.parametrize("max_chunk", [32, 33, 63, 96, 512])
def test_mixed_batches_and_chunks_give_the_tokens_of_each_alone(max_chunk: int) -> None:
    simulation = Simulation(model=exact(32), budget=Budget(max_chunk=max_chunk))
    sequences = []
    for number in range(12):
        sequences.append(simulation.add(prompt(number, 1 + 61 * number), max_tokens=5 + 3 * number))
        simulation.step()
    simulation.run()
    assert_as_alone(simulation, sequences)


def test_preemption_gives_the_tokens_of_each_alone() -> None:
    simulation = Simulation(num_blocks=30, model=exact(4))
    sequences = [simulation.add(prompt(number, 15), max_tokens=40) for number in range(6)]
    simulation.run()
    assert simulation.scheduler.num_preempted > 3
    assert_as_alone(simulation, sequences)


def test_known_beginnings_of_any_length_give_the_tokens_of_each_alone() -> None:
    simulation = Simulation(model=exact(4), budget=Budget(max_chunk=7))
    sequences = [simulation.add(prompt(1, 40), max_tokens=5)]
    simulation.run()
    for length in range(1, 41):
        sequences.append(simulation.add(prompt(1, length) + [49] * (length % 3), max_tokens=6))
        simulation.step()
    simulation.run()
    assert simulation.scheduler.num_found_tokens > 400
    assert_as_alone(simulation, sequences)


def test_a_dialogue_that_goes_on_gives_the_tokens_of_each_alone() -> None:
    simulation = Simulation()
    sequences = [simulation.add(text(1, 200)[: 40 * number], max_tokens=50) for number in range(1, 6)]
    simulation.run()
    sequences += [simulation.add([*sequence.token_ids, 3], max_tokens=5) for sequence in sequences]
    simulation.run()
    assert sequences[-1].num_cached_tokens > 200
    assert_as_alone(simulation, sequences)


def test_speculation_gives_the_tokens_of_each_alone() -> None:
    simulation = Simulation(model=exact(8, period=23, glitch=6), most_drafts=15)
    sequences = [simulation.add(prompt(number, 40 + number), max_tokens=80) for number in range(4)]
    simulation.run()
    assert simulation.scheduler.draft_length.num_accepted > 50
    assert simulation.scheduler.draft_length.num_accepted < simulation.scheduler.draft_length.num_drafted
    assert_as_alone(simulation, sequences)


def test_choices_of_one_prompt_compute_it_once() -> None:
    simulation = Simulation()
    sequences = [simulation.add(text(1, 500), max_tokens=5) for _ in range(8)]
    simulation.run()
    assert isinstance(simulation.model, FakeLanguage)
    assert simulation.model.num_tokens < 500 + 8 * (32 + 5)
    assert_as_alone(simulation, sequences)


@pytest.mark.parametrize("noise", [0.0, 0.15])
def test_a_long_prompt_does_not_stop_those_that_decode(noise: float) -> None:
    rng = random.Random(1)
    simulation = Simulation(seconds=lambda shape: cpu_seconds(shape) * rng.uniform(1 - noise, 1 + noise))
    decoding = [simulation.add(text(number, 50 + number), max_tokens=150) for number in range(16)]
    for _ in range(40):
        simulation.step()
    long = simulation.add(text(99, 1500), max_tokens=4)
    simulation.run()
    largest, median = simulation.gaps(decoding)
    assert largest < 2.7 * median
    assert simulation.first_token_s(long) < 2.0


def test_a_prompt_alone_takes_one_step_until_its_first_token() -> None:
    simulation = Simulation()
    sequence = simulation.add(text(1, 512), max_tokens=2)
    simulation.run()
    assert len(simulation.steps) == 2
    assert simulation.first_token_s(sequence) == simulation.seconds(simulation.steps[0].shape)


def mean_first_token_s(prompts: list[list[int]]) -> float:
    simulation = Simulation(num_blocks=2000)
    sequences = [simulation.add(ids, max_tokens=8) for ids in prompts]
    simulation.run()
    return mean(simulation.first_token_s(sequence) for sequence in sequences)


def test_a_shared_beginning_lowers_the_time_to_the_first_token() -> None:
    endings = [text(100 + number, 20) for number in range(64)]
    shared = mean_first_token_s([text(1, 400) + ending for ending in endings])
    apart = mean_first_token_s([text(200 + number, 400) + ending for number, ending in enumerate(endings)])
    assert apart > 4 * shared


def test_everyone_is_served_in_the_order_of_arrival_under_overload() -> None:
    simulation = Simulation(num_blocks=60, limits=Limits(max_context=4096, max_sequences=4))
    sequences = [simulation.add(text(number, 20 + 37 * (number % 9)), max_tokens=6) for number in range(40)]
    simulation.run()
    starts = [sequence.started_ns or 0 for sequence in sequences]
    assert starts == sorted(starts)


def seconds_with_drafts(most_drafts: int, period: int, num_sequences: int) -> float:
    model = FakeLanguage(vocabulary=30, period=period, glitch=12)
    simulation = Simulation(model=model, most_drafts=most_drafts)
    for number in range(num_sequences):
        simulation.add(text(number, 60, vocabulary=30), max_tokens=200)
    simulation.run()
    return simulation.now_s


def test_speculation_pays_on_text_that_copies() -> None:
    assert seconds_with_drafts(0, 37, 1) > 1.8 * seconds_with_drafts(15, 37, 1)


@pytest.mark.parametrize("num_sequences", [1, 3, 8, 16])
def test_speculation_costs_next_to_nothing_on_text_that_does_not_copy(num_sequences: int) -> None:
    assert seconds_with_drafts(15, 0, num_sequences) < seconds_with_drafts(0, 0, num_sequences) / 0.985


class Storm(RuleBasedStateMachine):
    """Arrivals, aborts and steps in any order, in a memory that is too small for all."""

    def __init__(self) -> None:
        super().__init__()
        model = FakeLanguage(vocabulary=12, max_context=80, block_size=4, period=9, glitch=4, exact=True)
        limits = Limits(max_context=80, max_sequences=6)
        self.simulation = Simulation(24, model, limits, Budget(max_chunk=24, max_prompt_rows=8), most_drafts=5)
        self.sequences: list[Sequence] = []

    @rule(
        length=st.integers(1, 60),
        seed=st.integers(0, 2),
        max_tokens=st.integers(1, 30),
        terms=st.builds(
            Terms,
            st.integers(0, 2),
            st.sampled_from("ab"),
            st.none(),
            st.none(),
            st.sampled_from([None, 5_000_000, 10**9]),
        ),
        salt=st.sampled_from(["", "b"]),
        prompt_rows=st.booleans(),
    )
    def arrive(self, length: int, seed: int, max_tokens: int, terms: Terms, salt: str, prompt_rows: bool) -> None:
        ids = text(seed, length, vocabulary=6)
        self.sequences.append(self.simulation.add(ids, max_tokens, salt=salt, terms=terms, prompt_rows=prompt_rows))

    @rule(data=st.data())
    @precondition(lambda self: self.sequences)
    def abort(self, data: st.DataObject) -> None:
        self.simulation.scheduler.abort(self.sequences.pop(data.draw(st.integers(0, len(self.sequences) - 1))).id)
        self.simulation.check()

    @rule(count=st.integers(1, 8))
    def step(self, count: int) -> None:
        for _ in range(count):
            self.simulation.step()

    def teardown(self) -> None:
        self.simulation.run(3000)
        assert self.simulation.scheduler.pool.num_used == 0
        assert_as_alone(self.simulation, self.sequences)


def drawn_terms(rng: random.Random) -> Terms:
    """Any level, either tenant, and often a time that can be kept, or cannot."""
    ttft_ns, tpot_ns = (rng.choice([None, int(rng.uniform(5, 1500) * 1e6)]) for _ in range(2))
    return Terms(rng.randrange(10), rng.choice("ab"), None, ttft_ns, tpot_ns)


def offered(simulation: Simulation, ids: list[int], max_tokens: int, terms: Terms) -> list[Sequence]:
    """The sequence, unless it was refused."""
    try:
        return [simulation.offer(ids, max_tokens, terms, int(simulation.now_s * 1e9))]
    except WouldBeLate:
        return []


def test_ten_thousand_operations_lose_no_block() -> None:
    rng = random.Random(4)
    model = exact(8)
    simulation = Simulation(60, model, Limits(max_context=400, max_sequences=12), most_drafts=4)
    sequences: list[Sequence] = []
    for _ in range(10_000):
        chance = rng.random()
        if chance < 0.1:
            ids = prompt(rng.randrange(9), rng.randrange(1, 200))
            sequences += offered(simulation, ids, rng.randrange(1, 100), drawn_terms(rng))
        elif chance < 0.11:
            given_up = [late for late, _ in simulation.scheduler.late(int(simulation.now_s * 1e9))]
            for late in given_up:
                simulation.scheduler.finish(late)
            sequences = [each for each in sequences if each not in given_up]
        elif chance < 0.13 and sequences:
            simulation.scheduler.abort(sequences.pop(rng.randrange(len(sequences))).id)
        elif chance > 0.4 or len(simulation.scheduler.waiting) > 20:
            simulation.step()
    simulation.run()
    assert simulation.scheduler.num_preempted > 10
    assert simulation.scheduler.pool.num_used == 0
    assert_as_alone(simulation, sequences)


Storm.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
test_a_storm_loses_no_block_and_changes_no_token = Storm.TestCase
