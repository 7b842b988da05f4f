"""What a step will take."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.llm.step_time import StepShape, StepTime, decode_shape, prefill_shape


def true_seconds(shape: StepShape) -> float:
    """A machine with a knee at 6 tokens."""
    table = max(0.007, 0.0055 + 0.00035 * shape.tokens)
    return table + 6e-5 * shape.rows + 1e-7 * shape.context + 4e-8 * shape.pairs


def trained(steps: int, noise: float = 0.0) -> StepTime:
    rng = random.Random(1)
    step_time = StepTime()
    for _ in range(steps):
        decodes, chunk = rng.choice([0, 1, 4, 16, 32]), rng.choice([0, 0, 32, 96, 512])
        shape = StepShape(decodes, decodes, 300 * decodes)
        if chunk:
            shape += prefill_shape(rng.randrange(1000), chunk, 1)
        step_time.observe(shape, true_seconds(shape) * rng.uniform(1 - noise, 1 + noise))
    return step_time


def test_the_first_step_of_a_size_is_believed_less_where_it_is_slow() -> None:
    learned = StepTime()
    for _ in range(50):
        learned.observe(StepShape(1, 1, 0), 0.01)
    expected = learned.seconds(StepShape(32, 32, 0))
    learned.observe(StepShape(32, 32, 0), 1.9 * expected)
    assert learned.seconds(StepShape(32, 32, 0)) < 1.3 * expected
    learned.observe(StepShape(32, 32, 0), 1.9 * expected)
    assert learned.seconds(StepShape(32, 32, 0)) > 1.3 * expected


def test_shapes_add_up() -> None:
    assert decode_shape(100) + decode_shape(50, 3) == StepShape(4, 4, 250, 0)
    assert prefill_shape(10, 0, 1) == StepShape(rows=1)
    assert prefill_shape(10, 4, 1) == StepShape(4, 1, 0, 48, 10)
    assert prefill_shape(10, 4, 2).times(3) == StepShape(12, 6, 0, 144, 30)


def test_a_guess_is_there_before_anything_was_measured() -> None:
    step_time = StepTime(floor_s=0.01, token_s=0.001)
    assert step_time.seconds(StepShape(1)) == pytest.approx(0.01)
    assert step_time.seconds(StepShape(101)) == pytest.approx(0.11)


def test_the_first_measurement_says_how_fast_the_machine_is() -> None:
    step_time, guess = StepTime(), StepTime()
    one, chunk = decode_shape(100), prefill_shape(0, 512, 1)
    step_time.observe(one, 10 * guess.seconds(one))
    assert step_time.seconds(one) == pytest.approx(10 * guess.seconds(one))
    assert step_time.seconds(chunk) == pytest.approx(10 * guess.seconds(chunk))


def test_sizes_never_seen_lie_between_those_that_were() -> None:
    step_time, guess = StepTime(), StepTime()
    step_time.observe(StepShape(1), 1 * guess.seconds(StepShape(1)))
    for _ in range(50):
        step_time.observe(StepShape(512), 3 * guess.seconds(StepShape(512)))
    assert 1.2 < step_time.seconds(StepShape(24)) / guess.seconds(StepShape(24)) < 2.8


@pytest.mark.parametrize(
    "shape",
    [
        decode_shape(300),
        StepShape(16, 16, 16 * 300),
        StepShape(32, 32, 32 * 300),
        prefill_shape(0, 512, 1),
        prefill_shape(500, 96, 1),
        StepShape(16, 16, 16 * 300) + prefill_shape(500, 32, 0),
    ],
)
def test_it_learns_within_a_tenth(shape: StepShape) -> None:
    assert trained(600, noise=0.1).seconds(shape) == pytest.approx(true_seconds(shape), rel=0.1)


def test_one_slow_step_is_not_believed() -> None:
    step_time = trained(600)
    shape = StepShape(16, 16, 16 * 300)
    before = step_time.seconds(shape)
    step_time.observe(shape, 100 * before)
    assert step_time.seconds(shape) < 1.1 * before


def test_a_machine_that_became_slower_is_believed() -> None:
    step_time = trained(600)
    shape = StepShape(16, 16, 16 * 300)
    slow = 3 * step_time.seconds(shape)
    for _ in range(100):
        step_time.observe(shape, slow)
    assert step_time.seconds(shape) == pytest.approx(slow, rel=0.05)


def test_the_margin_covers_19_of_20_steps() -> None:
    rng = random.Random(2)
    step_time = trained(300)
    shape = decode_shape(300)
    expected, ratios = true_seconds(shape), []
    for _ in range(4000):
        seconds = expected * rng.uniform(0.8, 1.2)
        ratios.append(seconds / (step_time.seconds(shape) * step_time.margin))
        step_time.observe(shape, seconds)
    assert 0.9 < sum(ratio < 1 for ratio in ratios[1000:]) / 3000 < 0.99


def test_nothing_is_learned_of_an_empty_step() -> None:
    step_time = StepTime()
    step_time.observe(StepShape(), 1.0)
    assert step_time.seconds(StepShape(1)) == StepTime().seconds(StepShape(1))


def test_a_size_that_was_slow_by_chance_is_not_dearer_than_a_larger_one_that_is_known() -> None:
    step_time = StepTime()
    for _ in range(30):
        step_time.observe(StepShape(1), 0.010)
        step_time.observe(StepShape(4), 0.012)
    step_time.observe(StepShape(3), 0.024)
    step_time.observe(StepShape(4), 0.012)
    assert step_time.seconds(StepShape(3)) <= 1.01 * step_time.seconds(StepShape(4))


def test_what_a_change_of_size_costs_is_learned_from_sizes_that_are_known() -> None:
    step_time, last = StepTime(), 0
    for tokens in ([4] * 12 + [9]) * 30:
        step_time.observe(StepShape(tokens), 0.010 + 0.0002 * tokens + 0.003 * (tokens != last))
        last = tokens
    assert step_time.change_s == pytest.approx(0.003, rel=0.2)
    assert step_time.seconds(StepShape(4)) == pytest.approx(0.0108, rel=0.02)


def test_what_a_long_past_costs_is_learned_from_the_first_long_prompt_though_steps_of_that_size_are_known() -> None:
    step_time, errors = StepTime(), []

    def observe(past: int) -> None:
        shape = StepShape(16, 16, 16 * 200) + prefill_shape(past, 32, 0)
        true_s = 0.03 + 0.0005 * 32 + 2e-5 * past + 4e-7 * 32 * past
        errors.append(abs(step_time.seconds(shape) / true_s - 1))
        step_time.observe(shape, true_s)

    for _ in range(100):
        observe(0)
    del errors[:]
    for past in range(0, 1500, 32):
        observe(past)
    assert max(errors) < 0.15


def test_where_a_change_of_size_costs_nothing_none_is_learned() -> None:
    assert trained(2000).change_s < 0.0005


def test_what_a_busy_machine_takes_is_not_what_it_takes_at_best() -> None:
    made = StepTime()
    shape = StepShape(16, 16, 0)
    for seconds in (*[0.02] * 50, *[0.08] * 200):
        made.observe(shape, seconds)
    assert made.seconds(shape) > 0.06
    assert made.at_best().seconds(shape) == pytest.approx(0.02, rel=0.05)
    for _ in range(400):
        made.observe(shape, 0.01)
    assert made.at_best().seconds(shape) == pytest.approx(0.01, rel=0.05)


def flat_s(shape: StepShape) -> float:
    """A machine to which up to 8 tokens are as one."""
    return 0.010 + 0.0008 * max(0, shape.tokens - 8) + 2e-5 * shape.rows + 5e-8 * shape.context


def test_where_sizes_change_all_the_time_what_is_known_of_them_stays_where_it_is() -> None:
    rng = random.Random(1)
    step_time = StepTime()
    for _ in range(20_000):
        shape = decode_shape(rng.randint(100, 800)).times(rng.randint(1, 16))
        step_time.observe(shape, flat_s(shape) * rng.lognormvariate(0.0, 0.2))
    for count in (1, 2, 4, 8, 16):
        shape = decode_shape(450).times(count)
        assert step_time.seconds(shape) == pytest.approx(flat_s(shape), rel=0.15)
    assert step_time.margin < 1.45


def test_what_a_change_of_size_costs_is_not_learned_where_nothing_tells_it_from_the_sizes() -> None:
    step_time = StepTime()
    for tokens in [1] * 40 + [1, 4] * 400:
        step_time.observe(StepShape(tokens, tokens, 0), 0.010)
    before = step_time.change_s
    for tokens in [1, 4] * 400:
        step_time.observe(StepShape(tokens, tokens, 0), 0.030)
    assert step_time.change_s == before
    assert step_time.seconds(StepShape(1, 1, 0)) == pytest.approx(0.030, rel=0.1)


def test_a_machine_that_was_slow_for_a_while_leaves_no_mark_on_sizes_that_did_not_run_meanwhile() -> None:
    step_time, quick = StepTime(), 0.010
    for tokens in (1, 4) * 30:
        step_time.observe(StepShape(tokens), quick)
    for seconds in (*[3 * quick] * 600, *[quick] * 200):
        step_time.observe(StepShape(1), seconds)
    assert step_time.seconds(StepShape(4)) == pytest.approx(quick, rel=0.05)


def test_what_was_expected_far_too_low_is_given_up_once_many_steps_in_a_row_took_more() -> None:
    step_time = StepTime()
    for seconds in (*[0.010] * 30, *[1e-5] * 300, *[0.010] * 80):
        step_time.observe(StepShape(4), seconds)
    assert step_time.seconds(StepShape(4)) == pytest.approx(0.010, rel=0.1)


@given(st.lists(st.tuples(st.integers(1, 64), st.floats(1e-3, 1e3), st.integers(1, 40)), max_size=20))
def test_whatever_held_steps_up_they_are_known_again_soon_after(odd: list[tuple[int, float, int]]) -> None:
    step_time = StepTime()
    step_time.observe(StepShape(1, 1, 0), flat_s(StepShape(1, 1, 0)))
    for tokens, times, count in odd:
        for _ in range(count):
            step_time.observe(StepShape(tokens, tokens, 0), times * flat_s(StepShape(tokens, tokens, 0)))
    for _ in range(200):
        for tokens in (1, 4, 16):
            step_time.observe(StepShape(tokens, tokens, 0), flat_s(StepShape(tokens, tokens, 0)))
    for tokens in (1, 4, 16):
        shape = StepShape(tokens, tokens, 0)
        assert 0.7 < step_time.seconds(shape) / flat_s(shape) < 1.4
