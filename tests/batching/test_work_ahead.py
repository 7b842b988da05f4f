"""How much stands before a newcomer."""

from hypothesis import given
from hypothesis import strategies as st

from headrace.batching.work_ahead import FAR, WorkAhead, bucket_of

costs = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 5), st.sampled_from("ab"), st.integers(0, 9)))


def test_the_same_moment_is_one_bucket_and_no_deadline_comes_last() -> None:
    assert bucket_of(5, 1_000, 0) == bucket_of(5, 2_000, 0) < bucket_of(5, 2_000_000_000, 0) < bucket_of(5, None, 0)
    assert bucket_of(1, None, 0) < bucket_of(2, 0, 0)


def test_turns_are_taken_by_weight() -> None:
    work = WorkAhead()
    work.add((5, FAR), "flood", 90.0)
    work.add((5, FAR), "quiet", 10.0)
    assert work.fair_share_before("quiet", {}) == 20.0
    assert work.fair_share_before("quiet", {"flood": 3.0}) == 40.0
    assert work.fair_share_before("flood", {}) == 100.0
    assert work.fair_share_before("new", {}) == 0.0


def test_room_behind_is_what_the_tightest_of_those_behind_leaves() -> None:
    work = WorkAhead()
    soon, later = bucket_of(5, 10 << 22, 0), bucket_of(5, 20 << 22, 0)
    work.add(later, "", float(5 << 22))
    assert work.room_behind(soon, 0.0) == float((21 - 5) << 22)
    assert work.room_behind(later, 0.0) == float("inf")


@given(costs)
def test_sums_are_those_of_what_is_there(items: list[tuple[int, int, str, int]]) -> None:
    work = WorkAhead()
    for level, at, tenant, cost in items:
        work.add((level, at), tenant, float(cost))
    for level in range(1, 4):
        for at in range(6):
            before = sum(cost for each, when, _, cost in items if (each, when) <= (level, at))
            assert work.before((level, at)) == before
    for level, at, tenant, cost in items:
        work.subtract((level, at), tenant, float(cost))
    assert work.total_ns == 0.0
    assert not work.tenants


@given(costs, st.data())
def test_taking_some_at_once_is_as_subtracting_each(
    items: list[tuple[int, int, str, int]], data: st.DataObject
) -> None:
    at_once, one_by_one = WorkAhead(), WorkAhead()
    works = [((level, at), tenant, float(cost)) for level, at, tenant, cost in items]
    for work in works:
        at_once.add(*work)
        one_by_one.add(*work)
    some = data.draw(st.lists(st.sampled_from(range(len(works))), unique=True)) if works else []
    at_once.take([works[number] for number in some])
    for number in some:
        one_by_one.subtract(*works[number])
    assert at_once.total_ns == one_by_one.total_ns
    assert set(at_once.tenants) == set(one_by_one.tenants)
    for level in range(1, 4):
        for bucket in ((level, 0), (level, 3), (level, FAR)):
            assert at_once.before(bucket) == one_by_one.before(bucket)
            assert at_once.room_behind(bucket, 0.0) == one_by_one.room_behind(bucket, 0.0)
    assert at_once.is_level == (len({work[0][0] for at, work in enumerate(works) if at not in some}) <= 1)
