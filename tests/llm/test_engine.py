"""The engine gives every request the text that it would have alone, and ends one without harm to the others."""

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.errors import Unavailable
from headrace.generation import (
    Detokenize,
    Detokenized,
    Embed,
    Generate,
    Grammar,
    Prompt,
    Sampling,
    Score,
    Tokenize,
    Tokenized,
)
from headrace.llm.detokenize import Detokenizer
from headrace.llm.step_plan import Budget
from headrace.llm.terms import Terms
from tests.llm.engines import EOS, Bench, greedy, prompt


def fault(bench: Bench, number: int) -> tuple[str, str]:
    (answer,) = bench.answers[number]
    assert answer.fault is not None
    assert answer.final
    return answer.fault.code, answer.fault.where


def test_a_request_alone_gets_what_the_model_says() -> None:
    bench = Bench()
    bench.add(1, greedy(prompt(1, 20)))
    bench.run()
    assert bench.ids(1) == bench.alone(prompt(1, 20), 12)
    assert bench.text(1) == bench.tokenizer.decode(bench.ids(1), skip_special=False)


@settings(max_examples=25, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 60), min_size=2, max_size=10),
    shared=st.integers(0, 40),
    num_blocks=st.integers(14, 60),
    period=st.sampled_from((0, 7)),
    max_chunk=st.sampled_from((8, 16, 512)),
    pauses=st.lists(st.integers(0, 4), min_size=10, max_size=10),
)
def test_whatever_shares_the_steps_each_has_its_own_text(
    lengths: list[int], shared: int, num_blocks: int, period: int, max_chunk: int, pauses: list[int]
) -> None:
    bench = Bench(num_blocks, period, glitch=5, budget=Budget(max_chunk=max_chunk))
    prompts = [prompt(99, shared) + prompt(index, length) for index, length in enumerate(lengths)]
    prompts = [each for each in prompts if len(each) + 12 <= 8 * (num_blocks - 1)]
    for number, (each, pause) in enumerate(zip(prompts, pauses, strict=False)):
        bench.add(number, greedy(each))
        for _ in range(pause):
            bench.step()
    bench.run()
    for number, each in enumerate(prompts):
        assert bench.ids(number) == bench.alone(each, 12)
    assert bench.engine.counts().used_blocks == 0


def test_drafts_change_the_number_of_steps_and_not_the_text() -> None:
    ids, steps = {}, {}
    for drafts in (False, True):
        bench = Bench(period=6, drafts=drafts)
        bench.add(1, greedy(prompt(1, 24), max_tokens=60))
        bench.run()
        ids[drafts], steps[drafts] = bench.ids(1), bench.model.num_steps
        assert bool(bench.engine.counts().num_blocks)
    assert ids[True] == ids[False]
    assert steps[True] < steps[False] / 2


def test_the_same_seed_gives_the_same_text_whoever_shares_the_batch() -> None:
    ask = greedy(prompt(1, 20), sampling={"temperature": 1.5, "seed": 7})
    alone, crowded = Bench(), Bench(num_blocks=20)
    alone.add(1, ask)
    for number in (2, 1, 3, 4):
        other = greedy(prompt(number, 30), 30, sampling={"temperature": 1.0})
        crowded.add(number, ask if number == 1 else other)
    alone.run()
    crowded.run()
    assert crowded.ids(1) == alone.ids(1) != alone.alone(prompt(1, 20), 12)


def test_choices_of_one_request_differ_and_share_its_prompt() -> None:
    bench = Bench()
    bench.add(1, greedy(prompt(1, 40), n=3, sampling={"temperature": 1.5, "seed": 7}))
    bench.run()
    assert len({tuple(bench.ids(1, index)) for index in range(3)}) == 3
    assert bench.generated(1)[-1].usage.completion_tokens == 36
    assert bench.model.num_tokens < 40 + 3 * (12 + 8)


def test_the_best_of_several_are_kept() -> None:
    bench = Bench()
    ask = greedy(prompt(1, 9), 6, n=1, best_of=4, stream=False, sampling={"temperature": 1.5, "seed": 7, "logprobs": 0})
    bench.add(1, ask)
    bench.add(2, greedy(prompt(1, 9), 6, n=4, stream=False, sampling={"temperature": 1.5, "seed": 7, "logprobs": 0}))
    bench.run()
    sums = {delta.token_ids: sum(each.logprob or 0 for each in delta.logprobs) for delta in bench.deltas(2)}
    assert tuple(bench.ids(1)) == max(sums, key=lambda ids: sums[ids])
    assert [delta.index for delta in bench.deltas(1)] == [0]


def test_an_answer_that_does_not_stream_comes_once() -> None:
    bench = Bench()
    bench.add(1, greedy(prompt(1, 9), n=2, stream=False))
    bench.run()
    (only,) = bench.generated(1)
    assert [delta.finish for delta in only.deltas] == ["length", "length"]
    assert list(only.prompt_token_ids) == prompt(1, 9)


def test_the_text_ends_at_the_end_token_which_is_counted_and_not_told() -> None:
    bench = Bench()
    ids = bench.alone(prompt(1, 9), 12)
    bench.add(1, greedy(prompt(1, 9), sampling={"stop_ids": (ids[3],)}))
    bench.run()
    assert bench.ids(1) == ids[: ids.index(ids[3]) + 1]
    assert bench.deltas(1)[-1].stopped_by == ids[3]
    assert bench.text(1) == bench.tokenizer.decode(ids[: ids.index(ids[3])], skip_special=False)


def test_a_stop_string_ends_the_text_before_it() -> None:
    bench = Bench()
    whole = bench.tokenizer.decode(bench.alone(prompt(1, 9), 30), skip_special=False)
    stop = whole[8:12]
    bench.add(1, greedy(prompt(1, 9), 30, sampling={"stop": (stop,)}))
    bench.add(2, greedy(prompt(1, 9), 30, stream=False, sampling={"stop": (stop,), "include_stop": True}))
    bench.run()
    assert bench.text(1) == whole[: whole.index(stop)]
    assert bench.text(2) == whole[: whole.index(stop)] + stop
    assert [delta.stopped_by for delta in bench.deltas(1)][-1] == stop
    assert bench.engine.counts().used_blocks == 0


def test_min_tokens_keeps_a_text_going() -> None:
    bench = Bench()
    biased = {"logit_bias": {EOS: 100.0}, "ignore_eos": False}
    bench.add(1, greedy(prompt(1, 9), sampling={**biased, "min_tokens": 4}))
    bench.add(2, greedy(prompt(1, 9), sampling=biased))
    bench.run()
    assert (len(bench.ids(1)), len(bench.ids(2))) == (5, 1)
    assert bench.deltas(2)[-1].finish == "stop"


def test_a_grammar_holds_with_drafts_and_ends_the_text() -> None:
    bench = Bench(period=4)
    regex = Grammar("regex", "(yes|no)( (yes|no)){9}", "structured_outputs")
    bench.add(1, greedy(prompt(1, 20), 200, grammar=regex))
    bench.run()
    assert set(bench.text(1).split()) <= {"yes", "no"}
    assert len(bench.text(1).split()) == 10
    assert bench.deltas(1)[-1].finish == "stop"


def test_a_text_ends_where_its_grammar_does_with_drafts_and_without() -> None:
    ids = []
    for drafts in (True, False):
        bench = Bench(period=4, drafts=drafts)
        regex = Grammar("regex", "(yes|no)( (yes|no)){9}", "structured_outputs")
        bench.add(1, greedy(prompt(1, 20), 200, grammar=regex))
        bench.run()
        ids.append(bench.ids(1))
    assert ids[0] == ids[1]


def test_a_grammar_that_is_none_is_refused_by_its_field() -> None:
    bench = Bench()
    bench.add(1, greedy(prompt(1, 9), grammar=Grammar("regex", "(", "structured_outputs")))
    bench.run()
    assert fault(bench, 1) == ("invalid_request", "structured_outputs")


def test_a_prompt_is_told_with_its_log_probabilities() -> None:
    bench = Bench(budget=Budget(max_prompt_rows=5))
    ids = prompt(1, 30)
    bench.add(1, greedy(ids, 1, stream=False, sampling={"prompt_logprobs": 2}))
    bench.run()
    (only,) = bench.generated(1)
    assert [each.token_id for each in only.prompt_logprobs] == ids
    assert only.prompt_logprobs[0].logprob is None
    best = [each.top[0].token_id for each in only.prompt_logprobs[1:]]
    assert best == [bench.alone(ids[:length], 1)[0] for length in range(1, 30)]
    assert [each.rank == 1 for each in only.prompt_logprobs[1:]] == [
        likeliest == token_id for likeliest, token_id in zip(best, ids[1:], strict=True)
    ]


def test_no_token_but_the_prompt_itself_may_be_asked_for() -> None:
    bench = Bench()
    text = "The model answers."
    bench.add(1, Generate(Prompt(text=text), Sampling(max_tokens=0, prompt_logprobs=0), echo=True))
    bench.run()
    (only,) = bench.generated(1)
    assert (bench.text(1), only.usage.completion_tokens, only.deltas[0].finish) == (text, 0, "length")
    assert len(only.prompt_logprobs) == only.usage.prompt_tokens


def test_a_prompt_that_cannot_fit_is_refused_by_its_field() -> None:
    bench = Bench(max_context=64)
    bench.add(1, Generate(Prompt(token_ids=tuple(prompt(1, 64)), where="messages")))
    bench.run()
    assert fault(bench, 1) == ("context_length_exceeded", "messages")


def test_too_many_waiting_are_refused_and_leave_nothing_behind() -> None:
    bench = Bench(max_waiting=3)
    bench.add(1, greedy(prompt(1, 9), n=4))
    bench.add(2, greedy(prompt(2, 9), n=2))
    bench.run()
    assert fault(bench, 1)[0] == "queue_full"
    assert bench.ids(2, 1) == bench.alone(prompt(2, 9), 12)


def test_who_names_the_highest_priority_is_served_first() -> None:
    bench = Bench(max_sequences=1)
    for number, priority in ((1, 0), (2, 0), (3, 1)):
        bench.add(number, greedy(prompt(number, 9), 2), Terms(priority))
    bench.run()
    assert list(bench.answers) == [3, 1, 2]


def test_an_aborted_request_frees_its_blocks_at_once_and_counts_what_was_saved() -> None:
    bench = Bench()
    bench.add(1, greedy(prompt(1, 30), 20))
    bench.add(2, greedy(prompt(2, 30), 20))
    for _ in range(4):
        bench.step()
    told = len(bench.ids(1))
    bench.engine.abort(1)
    bench.engine.abort(7)
    facts = bench.engine.counts()
    assert (facts.aborted, facts.used_blocks) == (1, 5)
    assert 20 - told - 1 <= facts.saved_tokens <= 20 - told
    bench.run()
    assert len(bench.ids(1)) == told
    assert bench.ids(2) == bench.alone(prompt(2, 30), 20)


def test_a_fault_in_one_text_ends_that_one_only(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    bad = bench.alone(prompt(1, 9), 5)[4]
    bench.add(1, greedy(prompt(1, 9)))
    bench.add(2, greedy(prompt(2, 9)))
    assert bad not in bench.alone(prompt(2, 9), 12)
    feed = Detokenizer.feed

    def broken(self: Detokenizer, token_id: int) -> str:
        if token_id == bad:
            raise ValueError("broken")
        return feed(self, token_id)

    monkeypatch.setattr(Detokenizer, "feed", broken)
    bench.run()
    assert bench.answers[1][-1].fault is not None
    assert bench.answers[1][-1].fault.code == "internal"
    assert bench.ids(2) == bench.alone(prompt(2, 9), 12)
    assert bench.engine.counts().used_blocks == 0


def test_a_step_without_memory_ends_those_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    bench.add(1, greedy(prompt(1, 9)))
    bench.step()
    with monkeypatch.context() as patch:
        patch.setattr(bench.model, "wait", _no_memory)
        bench.step()
    bench.model.wait()
    bench.add(2, greedy(prompt(1, 9)))
    bench.run()
    assert fault(bench, 1) == ("unavailable", "")
    assert bench.ids(2) == bench.alone(prompt(1, 9), 12)


def _no_memory() -> Any:
    raise Unavailable("not enough memory for this step")


def test_text_becomes_tokens_and_tokens_text() -> None:
    bench = Bench()
    text = "The server starts; 1234 tokens."
    bench.add(1, Tokenize(Prompt(text=text)))
    bench.add(2, Tokenize(Prompt(text=text * 1000)))
    bench.run()
    (short,), (long,) = bench.answers[1], bench.answers[2]
    assert isinstance(short.result, Tokenized) and isinstance(long.result, Tokenized)
    assert "".join(short.result.tokens) == text
    bench.add(3, Detokenize(long.result.token_ids))
    bench.run()
    assert bench.answers[3][0].result == Detokenized(text * 1000)


def test_a_long_prompt_is_read_aside() -> None:
    bench = Bench()
    text = "The model answers. " * 400
    bench.add(1, Generate(Prompt(text=text, truncate_to=20), Sampling(max_tokens=3, temperature=0)))
    assert bench.engine.counts().waiting == 1
    bench.run()
    assert bench.generated(1)[0].usage.prompt_tokens == 20


@pytest.mark.parametrize("ask", [Embed(("a",)), Score("a", ("b",))])
def test_what_a_decoder_does_not_do_is_refused(ask: Embed | Score) -> None:
    bench = Bench()
    bench.add(1, ask)
    bench.run()
    assert fault(bench, 1) == ("invalid_request", "model")


def test_what_was_done_is_counted() -> None:
    bench = Bench()
    bench.add(1, greedy(prompt(1, 30), 5))
    bench.run()
    bench.engine.counts()
    bench.add(2, greedy(prompt(1, 30), 5))
    total = _until_idle(bench)
    assert total == {"prompt_tokens": 6, "generated_tokens": 5, "cached_tokens": 24, "queried_tokens": 30}


def _until_idle(bench: Bench) -> dict[str, int]:
    total = dict.fromkeys(("prompt_tokens", "generated_tokens", "cached_tokens", "queried_tokens"), 0)
    while bench.engine.busy:
        bench.step()
        facts = bench.engine.counts()
        for name in total:
            total[name] += getattr(facts, name)
    return total


def test_tenants_share_no_blocks_whatever_salt_they_say() -> None:
    bench = Bench()
    asked = msgspec.structs.replace(greedy(prompt(1, 24), 2), salt="s")
    for number, tenant in enumerate(("a", "b", "a")):
        bench.add(number, asked, Terms(tenant=tenant))
        bench.run()
    assert [bench.generated(number)[-1].usage.cached_tokens > 0 for number in range(3)] == [False, False, True]


def test_without_the_prefix_cache_no_two_requests_share_blocks() -> None:
    bench = Bench(prefix_cache=False)
    for number in (1, 2):
        bench.add(number, greedy(prompt(1, 30), 5))
        bench.run()
    assert [bench.generated(number)[-1].usage.cached_tokens for number in (1, 2)] == [0, 0]
    assert bench.ids(1) == bench.ids(2)


def test_nothing_is_left_of_a_crowd_that_comes_and_goes() -> None:
    bench = Bench(num_blocks=30, period=5, glitch=3)
    random = np.random.default_rng(0)
    for number in range(150):
        bench.add(number, greedy(prompt(number % 7, int(random.integers(1, 60))), int(random.integers(1, 30)), n=2))
        if random.random() < 0.4:
            bench.engine.abort(int(random.integers(0, number + 1)))
        bench.step()
    bench.run()
    facts = bench.engine.counts()
    assert (facts.used_blocks, facts.running, facts.waiting) == (0, 0, 0)


def test_closing_ends_a_step_that_runs() -> None:
    bench = Bench()
    bench.add(1, greedy(prompt(1, 9)))
    bench.step()
    bench.engine.close()
    assert bench.model.closed
