"""What may be said of a tenant."""

import pytest

from headrace.errors import SettingInvalid
from headrace.tenants import Tenant, check_tenants, is_tenant


@pytest.mark.parametrize(("rate", "burst", "most"), [(10, 0, 10), (2.5, 0, 3), (0.1, 0, 1), (10, 25, 25)])
def test_without_a_burst_a_seconds_worth_may_come_at_once(rate: float, burst: int, most: int) -> None:
    assert Tenant(rate=rate, burst=burst).most_at_once == most


@pytest.mark.parametrize(
    ("name", "right"),
    [("alice", True), ("a b.c", True), ("x" * 128, True), ("", False), ("x" * 129, False), ("\n", False)],
)
def test_a_name_can_be_printed_and_is_not_too_long(name: str, right: bool) -> None:
    assert is_tenant(name) is right


def test_a_burst_without_a_rate_limits_nothing_and_is_refused() -> None:
    check_tenants({"alice": Tenant(), "bob": Tenant(rate=1, burst=2)})
    with pytest.raises(SettingInvalid, match=r"tenants\.alice\.burst: goes with a rate"):
        check_tenants({"alice": Tenant(burst=2)})
