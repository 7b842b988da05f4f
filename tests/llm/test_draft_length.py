"""How many drafts are computed."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.llm.draft_length import FIRST_TRY, GAIN, PROBE_EVERY, SAME_LOAD, SURE, DraftLength, Offer, best_lengths
from headrace.llm.sequence import Sequence


def line(first_s: float, more_s: float) -> Callable[[int], float]:
    return lambda count: first_s + more_s * count


def drafting(kind: int = 4, count: int = 8) -> Sequence:
    sequence = Sequence(1, [1, 2])
    sequence.draft_ids, sequence.draft_kind = [1] * count, kind
    return sequence


@pytest.mark.parametrize(
    ("rate", "more_s", "length"),
    [
        (0.9, 0.0, 8),  # nothing is as cheap as what costs nothing
        (0.9, 0.05, 8),
        (0.9, 0.4, 4),
        (0.6, 0.2, 2),
        (0.3, 0.4, 0),
        (0.9, 1.0, 0),  # as dear as a token that counts
    ],
)
def test_a_draft_is_computed_where_it_raises_the_tokens_a_second(rate: float, more_s: float, length: int) -> None:
    assert best_lengths([Offer(8, rate)], 1, line(1.0, more_s)) == [length]


def test_the_likelier_drafts_come_first() -> None:
    lengths = best_lengths([Offer(8, 0.3), Offer(8, 0.9), Offer(0, 0.9)], 3, line(1.0, 0.2))
    assert lengths[1] > lengths[0]
    assert lengths[2] == 0


def test_there_are_none_under_load() -> None:
    load = line(0.0055 + 32 * 0.0005, 0.0005)
    assert best_lengths([Offer(8, 0.7)] * 32, 32, load) == [0] * 32


def test_a_stair_is_climbed_when_it_pays_as_a_whole() -> None:
    def stairs(count: int) -> float:
        return 1.0 + (count > 0)

    assert best_lengths([Offer(1, 0.95)], 1, stairs) == [0]
    assert best_lengths([Offer(8, 0.95)], 1, stairs) == [8]


@given(
    st.lists(st.builds(Offer, st.integers(0, 3), st.floats(0.0, 0.99)), min_size=1, max_size=3),
    st.floats(0.01, 1.0),
)
def test_no_other_lengths_promise_more(offers: list[Offer], more_s: float) -> None:
    seconds = line(1.0, more_s)

    def speed(lengths: list[int]) -> float:
        chances = [offer.rate ** (depth + 1) for offer, n in zip(offers, lengths, strict=True) for depth in range(n)]
        return (len(offers) + sum(chances)) / seconds(sum(lengths))

    def every(rest: list[Offer]) -> list[list[int]]:
        return [[n, *more] for n in range(rest[0].num_drafts + 1) for more in every(rest[1:])] if rest else [[]]

    best = max(speed(lengths) for lengths in every(offers))
    chosen = speed(best_lengths(offers, len(offers), seconds))
    assert chosen == pytest.approx(best) or best < GAIN * speed([0] * len(offers)) * 1.0001


def test_what_is_accepted_is_drafted_more_and_what_is_not_less() -> None:
    good, bad, lengths = drafting(), drafting(), DraftLength()
    for _ in range(20):
        lengths.record(good, 4, 4)
    assert lengths.rate(good) > 0.9
    for _ in range(40):
        lengths.record(bad, 4, 0)
    assert lengths.rate(bad) < 0.1
    assert (lengths.num_drafted, lengths.num_accepted) == (240, 80)


def test_a_new_sequence_begins_where_the_others_are() -> None:
    lengths = DraftLength()
    for _ in range(40):
        lengths.record(drafting(), 4, 0)
    assert lengths.rate(drafting()) < 0.1
    assert lengths.rate(drafting(kind=2)) == 0.2


def test_drafts_that_did_not_pay_are_tried_again_more_and_more_seldom() -> None:
    lengths, sequence = DraftLength(), drafting()
    for _ in range(60):
        lengths.record(sequence, 4, 0)
    chosen = [lengths.choose([sequence], 1, line(1.0, 0.1)) for _ in range(7 * PROBE_EVERY)]
    assert [step + 1 for step, found in enumerate(chosen) if any(found)] == [
        PROBE_EVERY,
        3 * PROBE_EVERY,
        7 * PROBE_EVERY,
    ]


def test_one_that_is_right_makes_the_next_trial_come_sooner() -> None:
    lengths, sequence = DraftLength(), drafting()
    for _ in range(60):
        lengths.record(sequence, 4, 0)
    for _ in range(7 * PROBE_EVERY):
        lengths.choose([sequence], 1, line(1.0, 0.1))
    sequence.acceptance[4] = 0.0
    lengths.record(drafting(kind=2), 1, 1)
    chosen = [lengths.choose([sequence], 1, line(1.0, 0.1)) for _ in range(PROBE_EVERY)]
    assert chosen[-1] == [1]


def test_nothing_is_tried_where_even_right_drafts_would_not_pay() -> None:
    lengths, sequence = DraftLength(), drafting()
    for _ in range(60):
        lengths.record(sequence, 4, 0)
    assert not any(lengths.choose([sequence], 1, line(1.0, 1.0)) != [0] for _ in range(3 * PROBE_EVERY))


def test_whether_drafts_are_worth_making_depends_on_the_load() -> None:
    lengths = DraftLength()
    assert lengths.worthwhile(1, line(1.0, 0.05))
    assert not lengths.worthwhile(32, line(32.0, 1.0))


def test_a_new_text_soon_goes_by_its_own_drafts() -> None:
    lengths, new = DraftLength(), drafting()
    for _ in range(40):
        lengths.record(drafting(), 4, 4)
    assert lengths.rate(new) > 0.9
    for _ in range(3):
        lengths.record(new, 1, 0)
    assert lengths.rate(new) < 0.5
    for _ in range(3):
        lengths.record(new, 4, 4)
    assert lengths.rate(new) > 0.7


def test_the_first_drafts_of_a_text_are_few() -> None:
    lengths, new = DraftLength(), drafting(count=15)
    for _ in range(40):
        lengths.record(drafting(), 4, 4)
    assert lengths.choose([new], 1, line(1.0, 0.01)) == [FIRST_TRY]
    lengths.record(new, FIRST_TRY, FIRST_TRY)
    assert lengths.choose([new], 1, line(1.0, 0.01)) == [15]


@pytest.mark.parametrize(("kind", "most"), [(4, 8), (2, 8), (8, 200)])
def test_few_matching_tokens_are_tried_seldom_while_they_prove_chance(kind: int, most: int) -> None:
    lengths, tries = DraftLength(), 0
    for _ in range(200):
        new = drafting(kind)
        new.acceptance[kind], new.num_judged[kind] = 0.9, 12
        tries += lengths.choose([new], 1, line(1.0, 0.1), 0.3) != [0]
        if tries:
            lengths.record(new, 8, 0)
    assert 1 <= tries <= most


def test_while_tries_cannot_be_paid_only_long_matches_are_looked_for() -> None:
    lengths, new = DraftLength(), drafting()
    assert lengths.least_kind == 0
    new.acceptance[4], new.num_judged[4] = 0.9, 12
    assert lengths.choose([new], 1, line(1.0, 0.1)) != [0]
    assert lengths.least_kind == SURE


def test_whether_drafts_are_worth_making_is_asked_again_after_a_few_steps_or_at_another_load() -> None:
    lengths = DraftLength()
    assert not lengths.worthwhile(4, line(4.0, 1.0))
    assert lengths.worthwhile(3, line(1.0, 0.01))
    assert not lengths.worthwhile(4, line(4.0, 1.0))
    assert not any(lengths.worthwhile(4, line(1.0, 0.01)) for _ in range(SAME_LOAD - 1))
    assert lengths.worthwhile(4, line(1.0, 0.01))


def test_a_few_drafts_that_would_pay_are_not_worth_a_change_of_size() -> None:
    sequence = drafting(count=1)
    sequence.acceptance[4], sequence.num_judged[4] = 0.2, 12
    assert DraftLength().choose([sequence], 1, line(0.010, 0.0001)) == [1]
    assert DraftLength().choose([sequence], 1, line(0.010, 0.0001), 0.004) == [0]


def test_many_drafts_are_and_then_as_many_as_before() -> None:
    chosen = DraftLength()
    sequence = drafting()
    sequence.acceptance[4], sequence.num_judged[4] = 0.95, 12
    assert chosen.choose([sequence], 1, line(0.010, 0.0001), 0.004) == [8]
    chosen.record(sequence, 8, 8)
    sequence.acceptance[4] = 0.25  # less would do now, but for the change
    assert chosen.choose([sequence], 1, line(0.010, 0.0001), 0.004) == [8]
