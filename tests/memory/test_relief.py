"""Over the budget idle models leave first, then a worker that grew starts anew, then new work is refused."""

from hypothesis import given
from hypothesis import strategies as st

from headrace.memory.eviction import Resident
from headrace.memory.relief import Enough, Evict, Grown, Recycle, Refuse, relief
from tests.memory.test_eviction import RESIDENTS

MIB = 1 << 20


def test_within_the_budget_nothing_happens() -> None:
    assert relief(0, [Resident("a", 10, 0.0, 1.0)], [Grown("a", 1, 100 * MIB)]) == Enough()


def test_idle_models_leave_first() -> None:
    assert relief(5, [Resident("a", 10, 0.0, 1.0)], [Grown("b", 1, 100 * MIB)]) == Evict(("a",))


def test_what_is_idle_leaves_before_growth_takes_memory_over_its_budget() -> None:
    idle, busy = Resident("a", 10, 0.0, 1.0), Resident("b", 10, 0.0, 1.0, busy=True)
    assert relief(-3, [idle, busy], [], likely_bytes=5) == Evict(("a",))
    assert relief(-3, [busy], [Grown("b", 1, 100 * MIB)], likely_bytes=5) == Enough()
    assert relief(-6, [idle], [], likely_bytes=5) == Enough()


def test_all_that_may_leave_do_where_that_is_not_enough() -> None:
    residents = [Resident("a", 10, 0.0, 1.0), Resident("b", 10, 0.0, 1.0, pinned=True)]
    assert relief(50, residents, []) == Evict(("a",))


def test_then_the_worker_that_grew_most_starts_anew() -> None:
    grown = [Grown("a", 10 * MIB, 60 * MIB), Grown("b", 100 * MIB, 190 * MIB), Grown("c", 500 * MIB, 610 * MIB)]
    assert relief(5, [Resident("a", 10, 0.0, 1.0, busy=True)], grown) == Recycle("b")


def test_then_new_work_is_refused() -> None:
    assert relief(5, [], [Grown("a", 100 * MIB, 110 * MIB)]) == Refuse()


def test_programs_that_stand_still_for_memory_are_reason_enough_to_refuse() -> None:
    assert relief(-100, [], [], pressed=True) == Refuse()


@given(RESIDENTS, st.integers(-100, 5000))
def test_what_is_pinned_or_busy_never_leaves(residents: list[Resident[str]], over: int) -> None:
    match relief(over, residents, []):
        case Evict(keys):
            leaving = [each for each in residents if each.key in keys]
            assert leaving
            assert not any(each.pinned or each.busy for each in leaving)
