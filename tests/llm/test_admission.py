"""When a request would have its tokens, and who is let in."""

from itertools import pairwise

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headrace.llm.admission import Ending, Standing, Wanted, forecast, refusal
from headrace.llm.step_plan import Budget
from headrace.llm.step_time import StepShape, StepTime, prefill_shape
from headrace.llm.terms import Terms

MS = 1_000_000
BUDGET = Budget()


def wanted(terms: Terms, prompt: int = 100, **more: float) -> Wanted:
    made = Wanted(terms, 0.0, prompt, prompt, prompt, 1, -(-(prompt + 64) // 32), 1)
    return msgspec.structs.replace(made, **more)


def crowd(count: int, **more: object) -> Standing:
    """So many that decode, each with 200 tokens."""
    standing = Standing(decoding=StepShape(count, count, 200 * count), seats=64 - count)
    return msgspec.structs.replace(standing, **more)


def asks(ttft_ms: float | None = None, tpot_ms: float | None = None, whole_ms: float | None = None) -> Terms:
    def ns(said: float | None) -> int | None:
        return None if said is None else int(said * MS)

    return Terms(arrived_ns=0, ttft_ns=ns(ttft_ms), tpot_ns=ns(tpot_ms), deadline_ns=ns(whole_ms))


def told(standing: Standing, request: Wanted) -> str:
    refused = refusal(StepTime(), BUDGET, standing, request, 0.9, 0.9)
    return "" if refused is None else refused.message


def test_a_prompt_alone_takes_one_step() -> None:
    found = forecast(StepTime(), BUDGET, Standing(), wanted(asks(), 100), 1.0)
    assert found.first_s == pytest.approx(StepTime().seconds(prefill_shape(50, 100, 1)) + 0.005)


def test_prompts_before_it_and_those_that_decode_make_it_later() -> None:
    request = wanted(asks(), 100)
    alone = forecast(StepTime(), BUDGET, Standing(), request, 1.0).first_s
    behind = forecast(StepTime(), BUDGET, Standing(prompt_tokens=500.0), request, 1.0).first_s
    among = forecast(StepTime(), BUDGET, crowd(40), request, 1.0).first_s
    assert behind > alone + 0.2
    assert among > alone


def test_the_shorter_the_pace_that_was_promised_the_later_a_prompt_is_done() -> None:
    request, paces = wanted(asks(), 400), (200, 100, 50)
    found = [forecast(StepTime(), BUDGET, crowd(20, tpot_ns=pace * MS), request, 1.0).first_s for pace in paces]
    assert found == sorted(found)
    assert found[-1] > 1.2 * found[0]


def test_without_a_seat_it_waits_until_as_many_as_it_needs_have_ended() -> None:
    ending = tuple(Ending(left, 4) for left in (50, 10, 30))
    full = crowd(3, seats=0, ending=ending)
    tokens = [
        forecast(StepTime(), BUDGET, full, wanted(asks(), sequences=count), 1.0).first_s
        / forecast(StepTime(), BUDGET, full, wanted(asks(), sequences=count), 1.0).token_s
        for count in (1, 2, 3)
    ]
    assert [round(later - sooner, -1) for sooner, later in pairwise(tokens)] == [20, 20]


def test_without_memory_it_waits_for_that() -> None:
    ending = (Ending(10, 3), Ending(190, 3))
    request = wanted(asks(1000), 100)  # 6 blocks
    assert not told(crowd(2, ending=ending, blocks=3.0), request)
    assert "its first token" in told(crowd(2, ending=ending, blocks=0.5), request)


def test_what_cannot_be_in_time_alone_is_refused_with_the_figures() -> None:
    refused = refusal(StepTime(), BUDGET, Standing(), wanted(asks(ttft_ms=10), 500), 0.9, 0.9)
    assert refused is not None
    assert refused.message.endswith("and has 10.0 ms, even alone")
    assert refused.deadline_ms == 10.0
    assert refused.predicted_ms is not None
    assert refused.predicted_ms > 150
    assert refused.retry_after_s is None
    assert (
        told(Standing(), wanted(asks(tpot_ms=1))) == "its tokens would come every 8.1 ms, and have 1.0 ms, even alone"
    )


def test_what_only_lost_its_time_on_the_way_may_ask_again() -> None:
    refused = refusal(StepTime(), BUDGET, Standing(), wanted(asks(ttft_ms=500), elapsed_s=0.49), 0.9, 0.9)
    assert refused is not None
    assert refused.message.endswith("even alone")
    assert refused.retry_after_s is not None


def test_what_a_quiet_machine_could_do_may_ask_again() -> None:
    step_time = StepTime()
    for seconds in (*[0.02] * 50, *[0.08] * 200):
        step_time.observe(StepShape(16, 16, 0), seconds)
    refused = [refusal(step_time, BUDGET, Standing(), wanted(asks(tpot_ms=tpot_ms)), 0.9, 0.9) for tpot_ms in (30, 0.1)]
    assert [each is not None and each.retry_after_s is not None for each in refused] == [True, False]


@given(st.integers(1, 60), st.integers(0, 3000), st.integers(1, 500), st.integers(1, 5000), st.integers(1, 100))
@example(count=1, tokens=0, prompt=496, ttft_ms=233, tpot_ms=9)  # late alone by now, and in time alone at best
def test_what_could_be_in_time_alone_is_told_when_to_ask_again(
    count: int, tokens: int, prompt: int, ttft_ms: int, tpot_ms: int
) -> None:
    request = wanted(asks(ttft_ms=ttft_ms, tpot_ms=tpot_ms), prompt)
    refused = refusal(StepTime(), BUDGET, crowd(count, prompt_tokens=float(tokens)), request, 0.9, 0.9)
    if refused is not None:
        assert refused.retry_after_s is not None or "even alone" in told(Standing(), request)


def test_an_idle_engine_lets_in_what_is_barely_in_time() -> None:
    takes_ms = forecast(StepTime(), BUDGET, Standing(), wanted(asks()), 1.0).first_s * 1e3
    assert not told(Standing(), wanted(asks(ttft_ms=takes_ms + 1)))
    assert "even alone" in told(Standing(), wanted(asks(ttft_ms=takes_ms - 1)))


def test_time_that_has_passed_since_it_arrived_counts() -> None:
    assert not told(crowd(10), wanted(asks(ttft_ms=500)))
    assert "its first token would come" in told(crowd(10), wanted(asks(ttft_ms=500), elapsed_s=0.45))


def test_one_more_that_would_make_tokens_too_slow_is_refused() -> None:
    request = wanted(asks(tpot_ms=30))
    assert not told(crowd(20), request)
    assert told(crowd(60), request).startswith("its tokens would come every")


def test_one_with_a_first_token_to_be_in_time_takes_nobody_elses_pace() -> None:
    assert told(crowd(60, tpot_ns=30 * MS), wanted(asks(ttft_ms=5000))).startswith("with it the tokens of others")


def test_prompts_of_late_are_part_of_what_a_token_will_take() -> None:
    request = wanted(asks(tpot_ms=40))
    assert not told(crowd(30), request)
    assert "its tokens" in told(crowd(30, recent_prompt_tokens=80.0), request)


def test_those_that_will_have_ended_before_its_first_token_slow_nothing_down() -> None:
    request = wanted(asks(tpot_ms=22), 400)
    staying = tuple([Ending(100, 4)] * 30)
    leaving = tuple([Ending(100, 4)] * 20 + [Ending(3, 4)] * 10)
    assert "its tokens" in told(crowd(30, ending=staying), request)
    assert not told(crowd(30, ending=leaving), request)


def test_an_answer_that_would_not_be_whole_in_time_is_refused() -> None:
    request = wanted(asks(whole_ms=900), usual=100)
    assert "its answer would be whole" in told(crowd(10), request)
    assert not told(crowd(10), msgspec.structs.replace(request, usual=5))


def test_a_short_prompt_is_let_in_where_a_long_one_would_be() -> None:
    standing = Standing(prompt_tokens=1500.0)
    assert not told(standing, wanted(asks(ttft_ms=1000), 20))
    assert "its first token" in told(standing, wanted(asks(ttft_ms=1000), 20, as_long=900))


def test_who_must_leave_room_for_others_is_refused_sooner() -> None:
    standing = Standing(prompt_tokens=1500.0)
    request = wanted(asks(ttft_ms=1000), 100)
    assert not told(standing, request)
    assert "its first token" in told(standing, msgspec.structs.replace(request, spare=3))
    assert not told(Standing(), msgspec.structs.replace(request, spare=3))


@given(st.integers(0, 60), st.integers(0, 3000), st.integers(1, 2000), st.integers(10, 5000))
def test_who_is_let_in_among_others_would_be_let_in_alone(count: int, tokens: int, prompt: int, ttft_ms: int) -> None:
    request = wanted(asks(ttft_ms=ttft_ms), prompt)
    if not told(crowd(count, prompt_tokens=float(tokens)), request):
        assert not told(Standing(), request)
