"""Which tenant may ask once more, and how many are remembered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import RateLimited
from headrace.gateway.rates import Rates
from headrace.tenants import OTHERS, Tenant

SECOND = 1_000_000_000
ONE = Tenant(rate=1, burst=1)


def takes(rates: Rates, tenant: str, now_ns: int = 0) -> bool:
    try:
        rates.take(tenant, now_ns)
    except RateLimited:
        return False
    return True


def test_a_tenant_of_whom_nothing_is_said_may_ask_at_any_rate() -> None:
    rates = Rates({"alice": ONE})
    assert all(takes(rates, "bob") for _ in range(1000))


def test_each_named_tenant_has_its_own_rate() -> None:
    rates = Rates({"alice": ONE, "bob": Tenant(rate=1, burst=3)})
    assert [takes(rates, "alice") for _ in range(2)] == [True, False]
    assert [takes(rates, "bob") for _ in range(4)] == [True, True, True, False]


def test_a_refusal_says_who_and_when_the_next_may_come() -> None:
    rates = Rates({"alice": Tenant(rate=4, burst=1)})
    rates.take("alice", 0)
    with pytest.raises(RateLimited, match="the rate of tenant 'alice' is used up") as refused:
        rates.take("alice", SECOND // 8)
    assert refused.value.retry_after_s == pytest.approx(0.125)
    assert takes(rates, "alice", SECOND // 4)


def test_without_a_burst_a_seconds_worth_may_come_at_once() -> None:
    rates = Rates({"alice": Tenant(rate=2.5)})
    assert [takes(rates, "alice") for _ in range(4)] == [True, True, True, False]


def test_those_not_named_each_have_what_default_says() -> None:
    rates = Rates({OTHERS: ONE})
    assert [takes(rates, name) for name in ("bob", "eve", "", OTHERS)] == [True] * 4
    assert [takes(rates, name) for name in ("bob", "eve", "", OTHERS)] == [False] * 4


def test_a_named_tenant_without_a_rate_is_not_one_of_the_others() -> None:
    rates = Rates({OTHERS: ONE, "alice": Tenant()})
    assert all(takes(rates, "alice") for _ in range(100))


def test_requests_that_name_no_tenant_are_told_so() -> None:
    rates = Rates({OTHERS: ONE})
    rates.take("", 0)
    with pytest.raises(RateLimited, match="the rate of requests that name no tenant is used up"):
        rates.take("", 0)


def test_new_names_give_nobody_more() -> None:
    rates = Rates({OTHERS: ONE}, most=3)
    assert sum(takes(rates, f"tenant {number}") for number in range(100)) == 4  # three, and what newcomers share


def test_tenants_that_rest_make_room_for_others() -> None:
    rates = Rates({OTHERS: ONE}, most=3)
    for number in range(10):
        assert takes(rates, f"tenant {number}", number * SECOND)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, SECOND // 2)), max_size=200))
def test_all_together_never_have_more_than_those_remembered_may(asked: list[tuple[int, int]]) -> None:
    most, now, taken = 4, 0, 0
    rates = Rates({OTHERS: Tenant(rate=2, burst=2)}, most)
    for number, pause in asked:
        now += pause
        taken += takes(rates, str(number), now)
    assert taken <= (most + 1) * (2 + 2 * now / SECOND) + 1e-6
