"""What a sequence's rules do to its logits before a token is drawn."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from headrace.errors import InvalidRequest
from headrace.generation import Sampling
from headrace.llm.choosing import Choosing, ceilings
from headrace.llm.forbidden import Forbidden
from tests.llm import reference_sampling

LOGITS = np.linspace(3, -3, 40).astype(np.float32)
EOS = 2


def mask(*allowed: int) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    bits = np.zeros(64, np.uint8)
    bits[list(allowed)] = 1
    return np.packbits(bits, bitorder="little").view(np.int32)


def edited(choosing: Choosing, allowed: tuple[int, ...] | None = None, ahead: tuple[int, ...] = ()) -> list[float]:
    row = LOGITS.copy()
    choosing.edit(row, ahead, None if allowed is None else mask(*allowed))
    found: list[float] = row.tolist()
    return found


def possible(logits: list[float]) -> set[int]:
    return {token_id for token_id, logit in enumerate(logits) if logit > -np.inf}


def test_a_bias_is_added() -> None:
    assert edited(Choosing(Sampling(logit_bias={5: 2.5})))[5] == LOGITS[5] + np.float32(2.5)


def test_a_mask_leaves_what_it_allows() -> None:
    assert possible(edited(Choosing(Sampling()), (0, 7, 31, 32, 39))) == {0, 7, 31, 32, 39}


def test_tokens_past_the_end_of_a_mask_are_not_allowed() -> None:
    assert ceilings(np.full(1, -1, np.int32), 40).tolist() == [np.inf] * 32 + [-np.inf] * 8


def test_the_text_does_not_end_before_min_tokens() -> None:
    choosing = Choosing(Sampling(min_tokens=2, stop_ids=(9,)), eos_ids=[EOS])
    assert {EOS, 9}.isdisjoint(possible(edited(choosing)))


def test_the_text_may_end_after_min_tokens() -> None:
    choosing = Choosing(Sampling(min_tokens=2), eos_ids=[EOS])
    choosing.push(30)
    choosing.push(31)
    assert EOS in possible(edited(choosing))


def test_drafts_count_towards_min_tokens() -> None:
    choosing = Choosing(Sampling(min_tokens=2), eos_ids=[EOS])
    assert EOS in possible(edited(choosing, ahead=(30, 31)))


def test_an_ignored_end_may_be_chosen_after_min_tokens_and_not_before() -> None:
    choosing = Choosing(Sampling(min_tokens=2, ignore_eos=True), eos_ids=[EOS])
    assert EOS not in possible(edited(choosing, ahead=(30,)))
    assert EOS in possible(edited(choosing, ahead=(30, 31)))


def test_an_ignored_end_may_be_chosen() -> None:
    assert EOS in possible(edited(Choosing(Sampling(ignore_eos=True), eos_ids=[EOS])))


def test_a_grammar_that_is_complete_ends_the_text_before_min_tokens() -> None:
    assert possible(edited(Choosing(Sampling(min_tokens=2), eos_ids=[EOS]), (EOS,))) == {EOS}


def test_a_grammar_that_can_go_on_goes_on_until_min_tokens() -> None:
    assert possible(edited(Choosing(Sampling(min_tokens=2), eos_ids=[EOS]), (EOS, 8))) == {8}


def ruled(sampling: Sampling, *words: tuple[int, ...]) -> Choosing:
    return Choosing(sampling, eos_ids=[EOS], forbidden=Forbidden(sampling.allowed_ids, words))


def test_the_rest_of_a_word_that_drafts_have_begun_is_forbidden() -> None:
    choosing = ruled(Sampling(), (7, 8, 9))
    choosing.push(7)
    assert 9 in possible(edited(choosing)) - possible(edited(choosing, ahead=(8,)))
    assert 9 in possible(edited(choosing, ahead=(8, 8)))


def test_an_end_that_alone_is_allowed_comes_before_min_tokens() -> None:
    assert possible(edited(ruled(Sampling(min_tokens=2, allowed_ids=(EOS,))))) == {EOS}


@pytest.mark.parametrize("form", [None, (5, 6)])
def test_a_token_chosen_for_want_of_another_is_refused(form: tuple[int, ...] | None) -> None:
    choosing = ruled(Sampling(allowed_ids=(5,)), (5,))
    chosen = int(np.argmax(edited(choosing, form)))
    with pytest.raises(InvalidRequest):
        choosing.check(chosen)


def test_a_form_is_kept_to_as_far_as_tokens_are_allowed() -> None:
    choosing = ruled(Sampling(allowed_ids=(4, 5, 6)), (5,))
    assert possible(edited(choosing, (5, 6, 7))) == {6}
    choosing.check(6)


def test_rules_that_change_no_logit_say_so() -> None:
    assert not Choosing(Sampling(temperature=0.7, top_k=3, top_p=0.9), eos_ids=[EOS]).edits()


def test_min_tokens_without_any_end_change_nothing() -> None:
    assert not Choosing(Sampling(min_tokens=5)).edits()


def test_choices_of_a_request_have_random_numbers_of_their_own() -> None:
    assert Choosing(Sampling(seed=1)).uniforms()(0) != Choosing(Sampling(seed=1), choice=1).uniforms()(0)


def test_a_seed_decides_whatever_the_fresh_one_is() -> None:
    one, other = (Choosing(Sampling(seed=1), fresh_seed=fresh).uniforms()(0) for fresh in (7, 8))
    assert one == other


def test_without_a_seed_the_fresh_one_decides() -> None:
    one, other = (Choosing(Sampling(), fresh_seed=fresh).uniforms()(0) for fresh in (7, 8))
    assert one != other


def test_a_random_number_depends_on_the_position_alone() -> None:
    choosing = Choosing(Sampling(seed=1))
    drafted = choosing.uniforms(2)(0)
    choosing.push(4)
    choosing.push(5)
    assert choosing.uniforms()(0) == drafted


def test_a_candidate_for_best_of_is_scored() -> None:
    assert Choosing(Sampling(), scored=True).logprobs == 0


def test_nothing_is_scored_that_nobody_asked_for() -> None:
    assert Choosing(Sampling()).logprobs is None


@given(
    st.lists(st.integers(0, 39), max_size=6),
    st.lists(st.integers(0, 39), max_size=6),
    st.dictionaries(st.integers(0, 39), st.sampled_from([-100.0, -1.0, 2.0, 100.0]), max_size=4),
    st.sampled_from([1.0, 1.2]),
    st.integers(0, 4),
    st.none() | st.sets(st.integers(0, 39), min_size=8).map(tuple),
    st.lists(st.lists(st.integers(30, 39), min_size=1, max_size=3), max_size=30),
)
def test_edits_are_those_of_the_obvious_way(
    prompt: list[int],
    generated: list[int],
    bias: dict[int, float],
    repetition: float,
    least: int,
    only: tuple[int, ...] | None,
    words: list[list[int]],
) -> None:
    sampling = Sampling(
        logit_bias=bias,
        allowed_ids=only,
        repetition_penalty=repetition,
        frequency_penalty=0.5,
        min_tokens=least,
        stop_ids=(9,),
    )
    forbidden = Forbidden(only, words) if only or words else None
    choosing = Choosing(sampling, prompt, eos_ids=[EOS], forbidden=forbidden)
    for token_id in generated:
        choosing.push(token_id)
    allowed = tuple(range(5, 36))
    expected = reference_sampling.edited(LOGITS.tolist(), sampling, prompt, generated, [EOS], allowed, words)
    assume(expected.max() > -np.inf)
    np.testing.assert_allclose(edited(choosing, allowed), expected, rtol=1e-5, atol=1e-5)
