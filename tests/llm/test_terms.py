"""What a request may ask for."""

import pytest

from headrace.llm.terms import UNSAID, Terms, terms_of
from headrace.types import Context, Objective


def test_who_names_no_priority_is_in_the_middle() -> None:
    assert [Terms(priority).level for priority in (1, 0, 9)] == [1, 5, 9]


@pytest.mark.parametrize("terms", [Terms(ttft_ns=1), Terms(tpot_ns=1), Terms(deadline_ns=1)])
def test_any_time_is_a_promise(terms: Terms) -> None:
    assert terms.asks
    assert not UNSAID.asks
    assert not Terms(1, "alice", 5).asks


def test_the_tighter_of_the_request_and_its_model_holds() -> None:
    said = Context(1000, "http", 2_000_000, 3, "", "alice", ttft_ns=5_000_000, tpot_ns=1_000_000)
    assert terms_of(said, Objective()) == Terms(3, "alice", 1000, 5_000_000, 1_000_000, 2_000_000)
    objective = Objective(p99_ms=1.5, ttft_ms=6, tpot_ms=0.5)
    assert terms_of(said, objective) == Terms(3, "alice", 1000, 5_000_000, 500_000, 1_501_000)
    assert terms_of(Context(1000), objective) == Terms(0, "", 1000, 6_000_000, 500_000, 1_501_000)
