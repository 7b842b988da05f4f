"""An engine goes on with what another has begun: the rest of the text is what it would have been."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.generation import Generate, Grammar, Prompt, Sampling
from headrace.llm.engine_protocol import Told
from headrace.llm.terms import Terms
from tests.llm.engines import Bench, prompt


def told_after(bench: Bench, answers: int, n: int = 1) -> tuple[Told, ...]:
    """What the first so many answers to request 1 told of each choice."""
    ids: list[tuple[int, ...]] = [()] * n
    ended = [False] * n
    for generated in bench.generated(1)[:answers]:
        for delta in generated.deltas:
            ids[delta.index] += delta.token_ids
            ended[delta.index] = ended[delta.index] or delta.finish is not None
    return tuple(map(Told, ids, ended))


def texts(bench: Bench, number: int, first: int, last: int | None, n: int) -> list[str]:
    """Of each choice, what these answers told."""
    found = [""] * n
    for generated in bench.generated(number)[first:last]:
        for delta in generated.deltas:
            found[delta.index] += delta.text
    return found


def check(asked: Generate, answers: int, **made: Any) -> None:
    """A second engine goes on where the first was after so many answers: together they told what the first told."""
    whole = Bench(**made)
    whole.add(1, asked)
    whole.run()
    answers %= len(whole.generated(1))
    if not answers:
        return
    other = Bench(**made)
    other.engine.add(1, asked, Terms(), told_after(whole, answers, asked.n))
    other.run()
    begun = texts(whole, 1, 0, answers, asked.n)
    rest = texts(other, 1, 0, None, asked.n)
    assert [a + b for a, b in zip(begun, rest, strict=True)] == texts(whole, 1, 0, None, asked.n)
    assert [*told_ids(whole, asked.n)] == [
        a.token_ids + b for a, b in zip(told_after(whole, answers, asked.n), told_ids(other, asked.n), strict=True)
    ]
    last, expected = other.generated(1)[-1], whole.generated(1)[-1]
    assert last.usage.completion_tokens == expected.usage.completion_tokens
    assert not other.generated(1)[0].prompt_token_ids


def told_ids(bench: Bench, n: int) -> list[tuple[int, ...]]:
    return [tuple(bench.ids(1, index)) for index in range(n)]


@settings(max_examples=40, deadline=None)
@given(
    length=st.integers(1, 60),
    answers=st.integers(1, 40),
    n=st.integers(1, 3),
    temperature=st.sampled_from((0.0, 0.8)),
    penalty=st.sampled_from((0.0, 0.9)),
    period=st.sampled_from((0, 7)),
)
def test_it_goes_on_from_any_answer_as_if_it_had_chosen_all_before(
    length: int, answers: int, n: int, temperature: float, penalty: float, period: int
) -> None:
    sampling = Sampling(
        temperature=temperature,
        seed=5,
        max_tokens=40,
        ignore_eos=True,
        frequency_penalty=penalty,
        skip_special_tokens=False,
    )
    asked = Generate(Prompt(token_ids=tuple(prompt(3, length))), sampling, n=n, stream=True)
    check(asked, answers, period=period)


@pytest.mark.parametrize("answers", range(1, 12, 2))
def test_a_grammar_holds_behind_what_was_told(answers: int) -> None:
    grammar = Grammar("regex", "[a-f]{20}(x|y)[0-9]{5}")
    sampling = Sampling(temperature=0.9, seed=2, max_tokens=60)
    asked = Generate(Prompt(token_ids=tuple(prompt(1, 9))), sampling, grammar=grammar, stream=True)
    check(asked, answers)


@pytest.mark.parametrize("answers", [1, 3, 5])
def test_a_stop_string_is_found_though_it_began_before(answers: int) -> None:
    free = Bench()
    sampling = Sampling(temperature=0.0, max_tokens=30, ignore_eos=True, skip_special_tokens=False)
    free.add(1, Generate(Prompt(token_ids=tuple(prompt(1, 9))), sampling, stream=True))
    free.run()
    text = free.text(1)
    stop = text[len(text) // 2 :][:4]
    asked = Generate(
        Prompt(token_ids=tuple(prompt(1, 9))),
        Sampling(temperature=0.0, max_tokens=30, ignore_eos=True, skip_special_tokens=False, stop=(stop,)),
        stream=True,
    )
    check(asked, answers)


def test_one_that_goes_on_is_not_refused_for_its_first_token() -> None:
    asked = Generate(
        Prompt(token_ids=tuple(prompt(1, 9))), Sampling(max_tokens=5, seed=1, ignore_eos=True), stream=True
    )
    bench = Bench()
    bench.engine.add(1, asked, Terms(arrived_ns=0, ttft_ns=1), (Told((5, 6)),))
    bench.run()
    assert len(bench.ids(1)) == 3
