"""The engine writes nothing that a request rules out, and the same text whether tokens are proposed ahead or not."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.generation import Grammar
from headrace.llm.bad_words import spellings
from tests.llm.engines import Bench, greedy, prompt, tokenizer

LETTERS = tuple(tokenizer().encode(letter, add_special=False)[0] for letter in "abcdef")


def test_only_allowed_tokens_come() -> None:
    bench = Bench(period=5)
    allowed = (9, *prompt(1, 20)[:7])
    bench.add(1, greedy(prompt(1, 20), 30, sampling={"allowed_ids": allowed, "temperature": 1.0}, n=3))
    bench.run()
    assert all(len(bench.ids(1, index)) == 30 and set(bench.ids(1, index)) <= set(allowed) for index in range(3))


def test_bad_words_do_not_come_drafted_or_not() -> None:
    free = Bench(period=6)
    free.add(1, greedy(prompt(1, 24), 60))
    free.run()
    spelt = [token_id for token_id in free.ids(1) if free.tokenizer.token_text(token_id).strip().isalpha()]
    word = free.tokenizer.token_text(spelt[0]).strip()
    banned = {tuple(each) for each in spellings([word], free.tokenizer, free.vocabulary)}
    for temperature in (0.0, 0.05):
        ids, steps = {}, {}
        for drafts in (False, True):
            bench = Bench(period=6, drafts=drafts)
            sampling = {"bad_words": (word,), "temperature": temperature, "seed": 3, "logprobs": 1}
            bench.add(1, greedy(prompt(1, 24), 60, sampling=sampling))
            bench.run()
            ids[drafts], steps[drafts] = bench.ids(1), bench.model.num_steps
        assert ids[True] == ids[False] != free.ids(1)
        assert steps[True] < steps[False]
        assert not any(occurs(each, ids[True]) for each in banned)


def occurs(word: tuple[int, ...], ids: list[int]) -> bool:
    return any(tuple(ids[at : at + len(word)]) == word for at in range(len(ids)))


@settings(max_examples=40, deadline=None)
@given(
    banned=st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=3), max_size=5),
    seed=st.integers(0, 20),
    period=st.integers(3, 7),
    temperature=st.sampled_from((0.0, 0.3)),
    form=st.sampled_from((None, Grammar("regex", "[a-z ]{60,}", "structured_outputs"))),
)
def test_what_is_forbidden_is_forbidden_in_drafts_too(
    banned: list[list[int]], seed: int, period: int, temperature: float, form: Grammar | None
) -> None:
    """Words are of letters that come again and again, so that drafts begin and complete them; one is always left."""
    words = tuple("".join("abcdef"[letter] for letter in word) for word in banned)
    ids = []
    for drafts in (False, True):
        bench = Bench(period=period, glitch=4, drafts=drafts)
        sampling = {"allowed_ids": LETTERS, "bad_words": words, "temperature": temperature, "seed": seed}
        bench.add(1, greedy(prompt(seed, 24), 50, sampling=sampling, grammar=form))
        bench.run()
        ids.append(bench.ids(1))
        spelt = spellings(words, bench.tokenizer, bench.vocabulary)
        assert not any(occurs(tuple(word), ids[-1]) for word in spelt)
    assert ids[0] == ids[1]


@pytest.mark.parametrize("drafts", [False, True])
@pytest.mark.parametrize(
    ("sampling", "where"),
    [({"allowed_ids": LETTERS}, "allowed_token_ids"), ({"bad_words": ("y", "n")}, "bad_words")],
)
def test_a_form_that_asks_for_what_is_forbidden_is_refused_by_the_field_that_forbids_it(
    sampling: dict[str, Any], where: str, drafts: bool
) -> None:
    bench = Bench(period=4, drafts=drafts)
    form = Grammar("regex", "[ab]{5}[yn]", "structured_outputs")
    bench.add(1, greedy(prompt(1, 20), grammar=form, sampling=sampling, stream=False))
    bench.run()
    (answer,) = bench.answers[1]
    assert answer.final
    assert answer.fault is not None
    assert (answer.fault.code, answer.fault.where) == ("invalid_request", where)
    assert bench.engine.counts().used_blocks == 0
