"""In what order waiting sequences are started."""

from collections.abc import Iterable

from headrace.llm.sequence import Sequence
from headrace.llm.step_time import StepTime
from headrace.llm.tenant_turns import MOST_WEIGHT, STARVED_NS, TenantTurns, token_weight
from headrace.llm.terms import Terms


def waiting(turns: TenantTurns, *said: tuple[str, int]) -> list[Sequence]:
    """One for each tenant and priority, in the scheduler's order."""
    made = [
        Sequence(number, [1] * 10, arrived_ns=number, terms=Terms(priority, tenant))
        for number, (tenant, priority) in enumerate(said)
    ]
    for each in made:
        turns.entered(each)
    return sorted(made, key=lambda each: each.order)


def started(turns: TenantTurns, line: list[Sequence], now_ns: int = 0) -> list[int]:
    """Each is taken out and counted as it is given, as the scheduler does."""
    ids = []
    for each in turns.in_order(line, now_ns):
        turns.left(each)
        turns.served(each.tenant, len(each))
        ids.append(each.id)
    return ids


def test_one_tenant_is_served_in_the_order_that_is_given() -> None:
    turns = TenantTurns({})
    assert started(turns, waiting(turns, ("a", 0), ("a", 1), ("a", 0))) == [1, 0, 2]


def test_tenants_take_turns_whatever_each_asks_for() -> None:
    turns = TenantTurns({})
    assert started(turns, waiting(turns, *[("a", 0)] * 4, ("b", 0), ("b", 0))) == [0, 4, 1, 5, 2, 3]


def test_a_weight_is_a_share_of_the_turns() -> None:
    turns = TenantTurns({"b": 2.0})
    order = started(turns, waiting(turns, *[("a", 0)] * 4, *[("b", 0)] * 4))
    assert sum(each >= 4 for each in order[:6]) == 4


def test_a_higher_level_comes_before_whose_turn_it_is() -> None:
    turns = TenantTurns({})
    turns.served("b", 1000.0)
    assert started(turns, waiting(turns, ("a", 0), ("b", 1), ("a", 9))) == [1, 0, 2]


def test_who_waited_for_too_long_is_next_whatever_its_level() -> None:
    turns = TenantTurns({})
    line = waiting(turns, ("a", 9), ("a", 1), ("b", 1))
    assert started(turns, line, STARVED_NS - 1)[-1] == 0
    turns = TenantTurns({})
    assert started(turns, waiting(turns, ("a", 9), ("a", 1), ("b", 1)), STARVED_NS) == [0, 2, 1]


def test_a_tenant_is_known_while_something_of_it_waits() -> None:
    turns = TenantTurns({})
    line = waiting(turns, ("a", 0), ("a", 0), ("b", 0))
    assert dict(turns.tenants) == {"a": 2, "b": 1}
    _leave(turns, line)
    assert not turns.tenants


def _leave(turns: TenantTurns, line: Iterable[Sequence]) -> None:
    for each in line:
        turns.left(each)


def test_a_generated_token_weighs_what_it_takes_beside_one_of_a_prompt() -> None:
    assert 1.0 <= token_weight(StepTime()) <= MOST_WEIGHT
    assert token_weight(StepTime(floor_s=0.1)) > token_weight(StepTime(floor_s=0.01))
