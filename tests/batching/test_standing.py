"""Whose answers say how much of predictions may be believed, and for whom."""

from headrace.batching import standing
from headrace.batching.guard import FIRST
from headrace.batching.standing import ENOUGH, Standings


def late(standings: Standings, tenant: str, times: int) -> None:
    for _ in range(times):
        standings.answered(tenant).guard.answered(late=True)


def test_with_one_tenant_all_it_was_told_is_its_own() -> None:
    standings = Standings()
    late(standings, "", ENOUGH - 1)
    before = standings.of("").guard.share
    late(standings, "", 1)
    assert standings.of("").guard.share >= before > FIRST


def test_one_that_is_late_holds_nothing_back_of_another_s_time() -> None:
    standings = Standings()
    for _ in range(ENOUGH):
        for tenant in ("loud", "quiet"):
            standings.answered(tenant).guard.answered(late=False)
    late(standings, "loud", 10)
    assert standings.of("loud").guard.share > FIRST > standings.of("quiet").guard.share


def test_a_tenant_with_few_answers_goes_by_those_of_all_that_have_few() -> None:
    standings = Standings()
    late(standings, "one", 1)
    assert standings.of("two").guard.share == standings.of("one").guard.share > FIRST


def test_a_newcomer_begins_where_those_before_it_stood_when_they_began() -> None:
    standings = Standings()
    late(standings, "first", ENOUGH)
    learned = standings.of("first").guard.share
    for _ in range(1000):
        standings.answered("first").guard.answered(late=False)
    assert standings.of("second").guard.share > standings.of("first").guard.share
    assert abs(standings.of("second").guard.share - learned) < 0.02


def test_no_number_of_tenants_makes_it_grow_without_end() -> None:
    standings = Standings()
    for number in range(standing.MOST + 2):
        for _ in range(ENOUGH):
            standings.answered(str(number))
    for number in range(standing.MOST_COUNTED * 2):
        standings.answered(f"once {number}")
    assert len(standings._own) <= standing.MOST
    assert len(standings._answers) <= standing.MOST_COUNTED + 1
