"""Counts by tenant: the busiest have names, and nobody can fill the page with theirs."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from headrace.observe.tenant_counts import REST, TenantCounts


def counted(tenants: list[str], most: int = 2, candidates: int = 4) -> TenantCounts[str]:
    counts = TenantCounts[str](most, candidates)
    for tenant in tenants:
        counts.add(tenant, "late")
    return counts


def test_each_tenant_is_counted_by_reason() -> None:
    counts = TenantCounts[str]()
    for reason in ("late", "rate", "late"):
        counts.add("alice", reason)
    assert counts.items() == [(("alice", "late"), 2), (("alice", "rate"), 1)]


def test_those_who_come_when_the_names_are_used_up_are_counted_together() -> None:
    assert dict(counted(["a", "a", "b", "b", "c", "d"]).items()) == {
        ("a", "late"): 2,
        ("b", "late"): 2,
        (REST, "late"): 2,
    }


def test_a_tenant_that_becomes_busier_takes_the_place_of_the_least_busy() -> None:
    counts = dict(counted(["a"] * 5 + ["b"] + ["c"] * 4).items())
    assert counts == {("a", "late"): 5, ("c", "late"): 3, (REST, "late"): 2}


def test_a_tenant_called_as_the_others_is_one_of_them() -> None:
    assert dict(counted([REST, REST]).items()) == {(REST, "late"): 2}


@given(st.lists(st.integers(0, 30).map(str), max_size=300))
def test_nothing_is_lost_the_names_are_few_and_the_others_never_fall(tenants: list[str]) -> None:
    counts, rest = TenantCounts[str](3, 5), 0
    for tenant in tenants:
        counts.add(tenant, "late")
        found = dict(counts.items())
        assert len(found) <= 4
        assert found.get((REST, "late"), 0) >= rest
        rest = found.get((REST, "late"), 0)
    assert sum(count for _, count in counts.items()) == len(tenants)
    assert all(count <= Counter(tenants)[name] for (name, _), count in counts.items() if name != REST)


@given(st.lists(st.integers(0, 300).map(str), max_size=300), st.randoms(use_true_random=False))
def test_who_is_most_of_all_that_comes_has_a_name(others: list[str], random: object) -> None:
    asked = others + ["busy"] * (len(others) + 10)
    random.shuffle(asked)  # type: ignore[attr-defined]
    assert any(name == "busy" for (name, _), _ in counted(asked, 3, 5).items())


def test_several_at_once_are_as_many_one_by_one() -> None:
    together, apart = TenantCounts[str](2, 4), TenantCounts[str](2, 4)
    for tenant, times in (("a", 3), ("b", 1), ("c", 2), ("c", 5), ("b", 2)):
        together.add(tenant, "", times)
        for _ in range(times):
            apart.add(tenant, "")
    assert sum(count for _, count in together.items()) == sum(count for _, count in apart.items()) == 13
    assert {name for (name, _), _ in together.items()} == {name for (name, _), _ in apart.items()}
