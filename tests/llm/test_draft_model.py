"""Another model that drafts leaves every text as it is without it, and spares steps where it is right."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.errors import Unavailable
from headrace.generation import Grammar
from headrace.llm.draft_model import Drafter, DraftModel, widened
from headrace.llm.step_time import StepShape, StepTime, decode_shape
from headrace.llm.warm_up import prompt as block
from tests.fakes_language import FakeLanguage
from tests.llm.engines import Bench, greedy, prompt


class Takes(StepTime):
    """Every step of any shape takes as long."""

    def __init__(self, step_s: float) -> None:
        super().__init__()
        self._step_s = step_s

    def seconds(self, shape: StepShape) -> float:
        return self._step_s

    def observe(self, shape: StepShape, seconds: float, trial: bool = False) -> None:
        pass


class Drafted(Bench):
    """A bench whose engine has another model beside it that drafts: by default it thinks as the model does."""

    def __init__(
        self,
        num_blocks: int = 64,
        *,
        draft: FakeLanguage | None = None,
        draft_blocks: int | None = None,
        step_time: StepTime | None = None,
        **more: Any,
    ) -> None:
        super().__init__(num_blocks, **{"drafts": False} | more)
        self.draft = draft or FakeLanguage(self.vocabulary, 512, 8)
        self.draft.allocate(draft_blocks or num_blocks)
        self.engine.draft_with(Drafter(self.draft, draft_blocks or num_blocks, step_time or Takes(1e-5)))
        self.drafted, self.accepted, self.waiting = 0, 0, 0

    def step(self) -> None:
        super().step()
        facts = self.engine.counts()
        self.drafted += facts.drafted_tokens
        self.accepted += facts.accepted_tokens
        self.waiting = facts.waiting
        self.drafts.texts.check()

    def run(self) -> None:
        self.step()
        while self.engine.busy or self.waiting:
            self.step()

    @property
    def drafts(self) -> DraftModel:
        assert self.engine.drafting.model is not None
        return self.engine.drafting.model


def test_a_model_that_thinks_alike_is_always_right_and_spares_steps() -> None:
    bench, plain = Drafted(), Bench(drafts=False)
    for each in (bench, plain):
        each.add(1, greedy(prompt(1, 30), 60))
        each.run()
    assert bench.ids(1) == plain.ids(1) == bench.alone(prompt(1, 30), 60)
    assert bench.accepted == bench.drafted > 30
    assert bench.model.num_steps < 0.5 * plain.model.num_steps


def test_texts_are_the_same_in_company_with_known_beginnings_and_after_preemption() -> None:
    bench = Drafted(num_blocks=26, period=7, glitch=5, draft=FakeLanguage(Bench().vocabulary, 512, 8, period=7))
    asks = {number: (prompt(number % 3, 20 + number), 30 + number) for number in range(10)}
    for number, (ids, count) in asks.items():
        bench.add(number, greedy(ids, count))
        for _ in range(3):
            bench.step()
    bench.run()
    assert 0 < bench.accepted < bench.drafted
    for number, (ids, count) in asks.items():
        assert bench.ids(number) == bench.alone(ids, count), number
    assert len(bench.drafts.texts) == bench.drafts.texts.pool.num_used == 0


def test_a_model_that_is_always_wrong_changes_nothing_and_is_soon_left_alone() -> None:
    bench = Drafted(draft=FakeLanguage(Bench().vocabulary, 512, 8, period=1), step_time=Takes(1e-4))
    bench.add(1, greedy(prompt(1, 30), 300))
    bench.run()
    assert bench.ids(1) == bench.alone(prompt(1, 30), 300)
    assert 0 < bench.drafted < 30
    assert bench.accepted == 0


def test_a_model_whose_passes_take_as_long_as_steps_drafts_nothing() -> None:
    bench = Drafted(step_time=Takes(1.0))
    bench.add(1, greedy(prompt(1, 30), 50))
    bench.run()
    assert bench.draft.num_steps == 0


def test_a_model_that_seemed_slow_when_it_was_loaded_is_measured_again() -> None:
    slow = StepTime()
    slow.observe(decode_shape(7), 4e-4)
    bench = Drafted(step_time=slow)
    bench.draft.start(block(8, 8))
    bench.draft.wait()
    for number in range(8):
        bench.add(number, greedy(prompt(number, 10), 400))
        bench.run()
    assert bench.draft.num_steps > 1
    assert bench.drafted


@pytest.mark.parametrize("temperature", [0.5, 1.0])
def test_a_sampled_text_is_the_same_with_drafts_that_are_sampled_by_the_same_numbers(temperature: float) -> None:
    rules = {"temperature": temperature, "seed": 5, "top_p": 0.9, "presence_penalty": 0.5}
    bench, plain = Drafted(), Bench(drafts=False)
    for each in (bench, plain):
        for number in (1, 2):
            each.add(number, greedy(prompt(number, 20), 40, sampling=rules))
        each.run()
    assert [bench.ids(number) for number in (1, 2)] == [plain.ids(number) for number in (1, 2)]
    assert bench.accepted == bench.drafted > 20


def test_a_grammar_holds_the_drafts_too() -> None:
    bench, plain = Drafted(), Bench(drafts=False)
    for each in (bench, plain):
        each.add(1, greedy(prompt(1, 20), 30, grammar=Grammar("regex", "[a-z0-9 ]{12}(yes|no)"), sampling={}))
        each.run()
    assert bench.text(1) == plain.text(1)
    assert bench.accepted >= 5  # others lie behind its end


def test_a_model_that_drafts_writes_no_bad_words_either() -> None:
    plain, drafted = Bench(drafts=False), Drafted()
    letters = tuple(plain.tokenizer.encode("abcdef", add_special=False))
    sampling = {"allowed_ids": letters, "bad_words": ("a", "ba", "dc", "bcd")}
    for bench in (plain, drafted):
        bench.add(1, greedy(prompt(1, 20), 40, sampling=sampling))
        bench.run()
    assert drafted.ids(1) == plain.ids(1)
    assert drafted.accepted == drafted.drafted > 0


def test_a_stop_string_ends_the_text_where_it_does_without_drafts() -> None:
    plain = Bench(drafts=False)
    plain.add(1, greedy(prompt(4, 20), 40))
    plain.run()
    stop = plain.text(1)[20:23]
    bench, plain = Drafted(), Bench(drafts=False)
    for each in (bench, plain):
        each.add(1, greedy(prompt(4, 20), 40, sampling={"stop": (stop,)}))
        each.run()
    assert bench.text(1) == plain.text(1)
    assert bench.drafts.texts.pool.num_used == 0


def test_what_is_found_in_the_text_is_taken_first_and_the_model_drafts_the_rest() -> None:
    bench = Drafted(drafts=True, draft=FakeLanguage(Bench().vocabulary, 512, 8), period=6, glitch=0)
    bench.add(1, greedy(prompt(1, 12), 60))
    bench.run()
    assert bench.ids(1) == bench.alone(prompt(1, 12), 60)
    few = bench.draft.num_steps
    bench = Drafted(drafts=True)
    bench.add(1, greedy(prompt(1, 12), 60))
    bench.run()
    assert bench.ids(1) == bench.alone(prompt(1, 12), 60)
    assert bench.accepted > 30
    assert few < bench.draft.num_steps / 2


def test_nothing_is_drafted_while_a_prompt_waits_or_a_first_token_is_to_be_told() -> None:
    bench = Drafted()
    bench.add(1, greedy(prompt(1, 30), 60))
    for _ in range(4):
        bench.step()
    passes = bench.draft.num_steps
    assert passes
    bench.add(2, greedy(prompt(2, 30), 60))
    bench.step()
    assert bench.draft.num_steps == passes
    bench.step()
    assert bench.ids(2)
    assert bench.draft.num_steps == passes


def test_scarce_blocks_leave_texts_without_drafts() -> None:
    bench = Drafted(draft_blocks=8)
    for number in range(4):
        bench.add(number, greedy(prompt(number, 30), 40))
    bench.run()
    for number in range(4):
        assert bench.ids(number) == bench.alone(prompt(number, 30), 40)
    assert bench.drafted


def test_texts_longer_than_the_drafting_models_context_go_on_without_it() -> None:
    bench = Drafted(draft=FakeLanguage(Bench().vocabulary, 40, 8))
    bench.add(1, greedy(prompt(1, 20), 60))
    bench.run()
    assert bench.ids(1) == bench.alone(prompt(1, 20), 60)
    assert 0 < bench.drafted < 25


def test_a_smaller_number_of_logits_is_filled_up() -> None:
    logits = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert widened(logits, 3) is logits
    assert widened(logits, 2).tolist() == [[0, 1], [3, 4]]
    assert widened(logits, 4).tolist() == [[0, 1, 2, -np.inf], [3, 4, 5, -np.inf]]


def test_a_drafting_model_without_memory_is_left_out_and_the_texts_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Drafted()
    bench.add(1, greedy(prompt(1, 30), 40))
    for _ in range(4):
        bench.step()

    def fail() -> None:
        raise Unavailable("not enough memory for this step")

    monkeypatch.setattr(bench.draft, "wait", fail)
    Bench.step(bench)
    Bench.run(bench)
    assert bench.ids(1) == bench.alone(prompt(1, 30), 40)
    assert bench.draft.closed


def test_closing_closes_the_drafting_model() -> None:
    bench = Drafted()
    bench.engine.close()
    assert bench.draft.closed


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 2), st.integers(1, 40), st.integers(1, 30), st.integers(0, 6), st.booleans(), st.booleans()
        ),
        min_size=1,
        max_size=8,
    ),
    st.integers(20, 60),
    st.booleans(),
)
def test_whoever_comes_and_goes_no_text_changes_and_no_block_is_lost(
    asks: list[tuple[int, int, int, int, bool, bool]], num_blocks: int, ngrams: bool
) -> None:
    near = FakeLanguage(Bench().vocabulary, 512, 8, period=5, glitch=3)
    bench = Drafted(num_blocks, draft=near, drafts=ngrams, period=5, glitch=4, max_sequences=4)
    kept: list[tuple[int, list[int], int]] = []
    for number, (seed, length, count, steps, sampled, leaves) in enumerate(asks):
        ids = prompt(seed, length)
        bench.add(number, greedy(ids, count, sampling={"temperature": 1.0, "seed": 3} if sampled else {}))
        for _ in range(steps):
            bench.step()
        if leaves:
            bench.engine.abort(number)
        elif not sampled:
            kept.append((number, ids, count))
    bench.run()
    for number, ids, count in kept:
        assert bench.ids(number) == bench.alone(ids, count)
    assert len(bench.drafts.texts) == bench.drafts.texts.pool.num_used == 0


def test_the_model_that_drafts_rests_once_the_other_has_nothing_left_to_do() -> None:
    class Resting(FakeLanguage):
        left = 2

        def rest(self) -> bool:
            self.left -= 1
            return self.left >= 0

    bench = Drafted()
    bench.drafts._model = Resting(bench.vocabulary, 512, 8)
    assert [bench.engine.rest() for _ in range(3)] == [True, True, False]
