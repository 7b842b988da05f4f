"""The books add up, and do not grow for ever."""

from hypothesis import given
from hypothesis import strategies as st

from headrace.costs.account import OTHERS, REQUESTS, Account
from headrace.observe.tenant_counts import MOST, REST


def test_amounts_are_added_up_by_tenant_version_and_kind() -> None:
    account = Account()
    account.charge("a", ("m", "1"), "serve", 5)
    account.charge("a", ("m", "1"), "serve", 6)
    account.charge("", ("m", "1"), "load", 7)
    account.count("a", ("m", "1"), REQUESTS, 2)
    assert sorted(account.entries()) == [
        ("", "m", "1", "load", 7),
        ("a", "m", "1", REQUESTS, 2),
        ("a", "m", "1", "serve", 11),
    ]


def test_many_tenants_are_told_as_others_but_for_those_that_have_most() -> None:
    account = Account()
    for number in range(100_000):
        account.charge(f"t{number}", ("m", "1"), "serve", 1)
        if number % 100 == 0:
            account.charge("large", ("m", "1"), "serve", 1000)
    entries = list(account.entries())
    assert len(entries) <= MOST + 1
    assert {entry.tenant for entry in entries} >= {"large", REST}
    assert sum(entry.amount for entry in entries) == 1_100_000


def test_versions_that_were_longest_not_asked_are_put_together() -> None:
    account = Account(most_versions=3)
    for number in range(6):
        account.charge("a", ("m", str(number)), "serve", 1)
        account.count("a", ("m", str(number)), REQUESTS, 10)
    found = {(entry.model, entry.version, entry.kind): entry.amount for entry in account.entries()}
    assert found[*OTHERS, "serve"] == 3
    assert found[*OTHERS, REQUESTS] == 30
    assert found["m", "5", "serve"] == 1


@given(
    st.lists(
        st.tuples(st.integers(0, 300), st.integers(0, 12), st.sampled_from(["serve", "load"]), st.integers(0, 10**9)),
        max_size=300,
    )
)
def test_nothing_is_lost_however_many_there_are(charges: list[tuple[int, int, str, int]]) -> None:
    account = Account(most_versions=5)
    for tenant, version, phase, device_ns in charges:
        account.charge(str(tenant), ("m", str(version)), phase, device_ns)
    for phase in ("serve", "load"):
        told = sum(entry.amount for entry in account.entries() if entry.kind == phase)
        assert told == sum(charge[3] for charge in charges if charge[2] == phase)
