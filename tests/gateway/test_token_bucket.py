"""At most so many a second, and so many at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.gateway.token_bucket import TokenBucket

SECOND = 1_000_000_000


def test_a_burst_may_pass_and_no_more() -> None:
    bucket = TokenBucket(rate_per_s=1, burst=3)
    assert [bucket.take(0) for _ in range(5)] == [True, True, True, False, False]


def test_tokens_come_back_with_time() -> None:
    bucket = TokenBucket(rate_per_s=2, burst=1)
    assert bucket.take(0)
    assert not bucket.take(SECOND // 4)
    assert bucket.take(SECOND)


def test_a_long_rest_saves_no_more_than_a_burst() -> None:
    bucket = TokenBucket(rate_per_s=1, burst=2)
    bucket.take(0)
    assert [bucket.take(100 * SECOND) for _ in range(3)] == [True, True, False]


def test_time_that_goes_back_gives_nothing() -> None:
    bucket = TokenBucket(rate_per_s=1, burst=1)
    assert bucket.take(10 * SECOND)
    assert not bucket.take(0)
    assert not bucket.take(10 * SECOND)


def test_the_next_token_has_its_time() -> None:
    bucket = TokenBucket(rate_per_s=4, burst=1)
    bucket.take(0)
    assert not bucket.take(SECOND // 8)
    assert bucket.wait_s() == pytest.approx(0.125)
    assert bucket.take(SECOND // 8 + round(bucket.wait_s() * SECOND))


def test_it_is_full_at_first_and_again_after_a_rest() -> None:
    bucket = TokenBucket(rate_per_s=1, burst=2)
    assert bucket.is_full(0)
    bucket.take(0)
    assert not bucket.is_full(SECOND // 2)
    assert bucket.is_full(SECOND)


@given(st.lists(st.integers(min_value=0, max_value=SECOND)))
def test_never_more_pass_than_rate_and_burst_allow(pauses: list[int]) -> None:
    bucket, now, passed = TokenBucket(rate_per_s=3, burst=4), 0, 0
    for pause in pauses:
        now += pause
        passed += bucket.take(now)
    assert passed <= 4 + 3 * now / SECOND + 1e-6
