"""How far a model drafts ahead, and when it catches up."""

from hypothesis import given
from hypothesis import strategies as st

from headrace.llm.draft_depth import CLOSE, Cost, Draftable, DraftDepth, best_depths, promised
from headrace.llm.draft_length import MOST, SAME_LOAD, Offer

NOTHING = Offer(0, 0.0)


def cost(pass_s: float, draft_s: float = 0.05, token_s: float = 0.0) -> Cost:
    """A step of the model takes 1, and more for each draft; a pass of the one that drafts `pass_s` and more a token."""
    return Cost(lambda count: 1.0 + draft_s * count, lambda count: pass_s + token_s * count)


def text(rate: float = 0.8, lag: int = 1, most: int = 8, found: Offer = NOTHING) -> Draftable:
    return Draftable(lag, rate, most, found)


def depths(texts: list[Draftable], costs: Cost, left: int = 100) -> list[int]:
    return DraftDepth().choose(texts, costs, left).drafts


def test_the_dearer_the_passes_the_fewer_the_drafts() -> None:
    assert [depths([text(0.9)], cost(share)) for share in (0.05, 0.3, 0.6, 1.0)] == [[8], [4], [2], [0]]


def test_who_is_right_more_often_is_drafted_for_further() -> None:
    few, many = depths([text(0.5), text(0.9)], cost(0.2))
    assert few < many


def test_there_are_none_under_load() -> None:
    assert depths([text(0.9)] * 16, cost(0.3, draft_s=1.0)) == [0] * 16
    assert not DraftDepth().hopeful(16, cost(0.3, draft_s=1.0))
    assert DraftDepth().hopeful(1, cost(0.3))


def test_what_was_found_in_the_text_is_taken_where_it_is_as_good() -> None:
    assert depths([text(0.8, found=Offer(8, 0.9))], cost(0.1)) == [0]
    assert depths([text(0.9, found=Offer(8, 0.3))], cost(0.1)) == [8]
    mixed = depths([text(0.8, found=Offer(2, 0.9)), text(0.8)], cost(0.01))
    assert mixed[0] == 0
    assert mixed[1] > 0


def test_a_model_no_better_than_what_costs_nothing_drafts_nothing() -> None:
    assert depths([text(0.62, found=Offer(8, 0.6))], cost(0.3)) == [0]


def test_a_text_that_lags_is_caught_up_with_before_it_is_drafted_for() -> None:
    chosen = DraftDepth().choose([text(lag=CLOSE + 1), text()], cost(0.1), 100)
    assert chosen.behind == [0]
    assert chosen.drafts[0] == 0
    assert chosen.drafts[1] > 0


def test_a_long_prompt_is_not_caught_up_with_for_a_short_answer() -> None:
    long = [text(lag=1000)]
    assert DraftDepth().choose(long, cost(0.1, token_s=0.01), 100).behind == [0]
    assert DraftDepth().choose(long, cost(0.1, token_s=0.01), 5).behind == []


def test_what_does_not_pay_is_tried_again_for_a_small_share_of_the_time() -> None:
    depth, costs = DraftDepth(), cost(0.5)
    chosen = [depth.choose([text(0.2)], costs, 100).drafts[0] for _ in range(1000)]
    tries = len([drafts for drafts in chosen if drafts])
    spent_s = sum(drafts * 0.55 + 0.5 for drafts in chosen if drafts)
    assert tries > 5
    assert spent_s <= 0.02 * 1000 + 0.1


def test_a_trial_catches_up_first_and_with_the_text_that_lags_least() -> None:
    depth = DraftDepth()
    chosen = [depth.choose([text(0.1, lag=500), text(0.1, lag=40)], cost(0.5), 100) for _ in range(200)]
    assert {place for each in chosen for place in each.behind} == {1}
    caught_up = [depth.choose([text(0.1, lag=500), text(0.1)], cost(0.5), 100).drafts for _ in range(200)]
    assert [0, 2] in caught_up


def test_whether_there_is_hope_is_asked_again_after_a_few_steps_or_at_another_load() -> None:
    depth = DraftDepth()
    assert not depth.hopeful(4, cost(5.0))
    assert depth.hopeful(3, cost(0.1))
    assert not depth.hopeful(4, cost(5.0))
    assert not any(depth.hopeful(4, cost(0.1)) for _ in range(SAME_LOAD - 1))
    assert depth.hopeful(4, cost(0.1))


def test_where_there_is_no_hope_a_pass_is_measured_for_a_smaller_share_of_the_time() -> None:
    depth, costs = DraftDepth(), cost(5.0)
    measured = sum(depth.measures(costs) for _ in range(10_000))
    assert 8 <= measured <= 10


@given(
    st.lists(
        st.builds(
            text,
            rate=st.floats(0.0, 0.98),
            lag=st.integers(1, CLOSE),
            most=st.integers(0, 8),
            found=st.builds(Offer, st.integers(0, MOST), st.floats(0.0, 0.98)),
        ),
        min_size=1,
        max_size=6,
    ),
    st.floats(0.01, 2.0),
    st.floats(0.001, 1.0),
    st.floats(0.0, 0.2),
)
def test_drafts_promise_more_than_none_and_stay_within_what_is_allowed(
    texts: list[Draftable], pass_s: float, draft_s: float, token_s: float
) -> None:
    costs = cost(pass_s, draft_s, token_s)
    base = len(texts) / costs.step(0)
    drafts, speed = best_depths(texts, [True] * len(texts), base, costs)
    assert all(0 <= count <= each.most for count, each in zip(drafts, texts, strict=True))
    assert speed >= base
    if any(drafts) and not any(each.found.num_drafts for each in texts):
        passes = [sum(count > depth for count in drafts) for depth in range(max(drafts))]
        tokens = [sum(each.lag for each, count in zip(texts, drafts, strict=True) if count), *passes[1:]]
        took_s = costs.step(sum(drafts)) + sum(map(costs.draft, tokens))
        gained = promised([Offer(8, each.rate) for each in texts], drafts, costs) * costs.step(sum(drafts))
        assert abs(gained / took_s - speed) < 1e-9
