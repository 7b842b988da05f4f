"""Whole studies."""

import msgspec
import pytest

from headrace.arrivals import Arrival, Lengths
from headrace.simulate.policies import Chosen
from headrace.simulate.study import Plan, Study, repeated
from tests.simulate.models import kept, scenario


class Silent:
    """Is told how far it is."""

    def __init__(self) -> None:
        self.labels: list[str] = []

    def begin(self, label: str, duration_s: float) -> None:
        self.labels.append(label)

    def progress(self, simulated_s: float) -> None:
        assert simulated_s >= 0


def study(plan: Plan) -> Study:
    made = Study(plan, Silent())
    made.run()
    return made


STEADY = Plan(scenario(latency=kept(run_ms=5.0, row_ms=0.0, noise=0.0)), [Chosen("none")], duration_s=3.0)


def test_each_policy_is_simulated_at_each_rate_on_each_number_of_machines() -> None:
    plan = msgspec.structs.replace(
        STEADY, policies=[Chosen("none"), Chosen("fixed", 2.0)], rates=[50.0, 100.0], machines=[1, 2], clients=[4]
    )
    points = study(plan).points
    assert [(each.policy, each.machines, each.rate, each.clients) for each in points] == [
        (policy, machines, rate, clients)
        for machines in (1, 2)
        for policy in ("none", "fixed:2")
        for rate, clients in ((50.0, None), (100.0, None), (None, 4))
    ]
    assert all(each.figures.sent > 100 for each in points)


def test_a_search_in_which_nothing_holds_ends_where_requests_come_one_at_a_time() -> None:
    plan = msgspec.structs.replace(STEADY, find_max=True, most_requests=400)
    hopeless = msgspec.structs.replace(plan, scenario=msgspec.structs.replace(plan.scenario, slo_ns=1_000_000))
    (capacity,) = study(hopeless).capacities
    assert (capacity.rate, capacity.figures) == (None, None)
    assert capacity.fails_at == pytest.approx(200 / 256, rel=0.1)
    assert capacity.tries == 9


def test_the_highest_rate_is_found_and_more_machines_hold_more_than_their_share() -> None:
    plan = msgspec.structs.replace(STEADY, find_max=True, machines=[8, 1], most_requests=4000, precision=0.05)
    one, eight = study(plan).capacities
    assert (one.machines, eight.machines) == (1, 8)
    assert one.rate
    assert eight.rate
    assert 100 < one.rate < 200 < eight.rate / 8 * 1.3
    assert eight.rate > 8 * one.rate
    assert one.fails_at == pytest.approx(one.rate, rel=0.06)
    assert one.figures
    assert one.figures.attainment >= 0.99


def test_a_rate_that_no_machine_holds_is_none() -> None:
    made = scenario(latency=kept(run_ms=500.0, noise=0.0))
    plan = msgspec.structs.replace(STEADY, scenario=made, find_max=True, most_requests=300, duration_s=100.0)
    (capacity,) = study(plan).capacities
    assert (capacity.rate, capacity.figures) == (None, None)


def test_a_rate_is_not_held_because_few_requests_were_tried() -> None:
    made = scenario(latency=kept(run_ms=2.0, row_ms=0.0, token_ms=0.4, noise=0.0))
    lengths = Lengths(24.0, 0.8, 5, 256)  # one in forty takes longer than the objective, also alone
    plan = msgspec.structs.replace(STEADY, scenario=made, lengths=lengths, find_max=True)
    (capacity,) = study(plan).capacities
    assert capacity.rate is None


def test_a_trace_is_stretched_to_the_rate() -> None:
    trace = [Arrival(each / 10) for each in range(20)]
    plan = msgspec.structs.replace(STEADY, trace=trace, rates=[40.0], duration_s=60.0)
    (point,) = study(plan).points
    assert point.figures.sent == 20
    assert point.figures.offered == pytest.approx(40.0, rel=0.1)


def test_a_trace_that_is_too_short_comes_again() -> None:
    assert [each.offset_s for each in repeated([Arrival(0.0), Arrival(1.0)], 2)] == [0.0, 1.0, 2.0, 3.0]


def test_what_is_seldom_held_up_for_long_does_not_make_the_deadline_policy_refuse_what_would_be_in_time() -> None:
    plan = Plan(
        scenario(latency=kept(run_ms=1.5, row_ms=0.3, noise=1.0)),  # one run in a hundred takes ten times as long
        [Chosen("deadline"), Chosen("fixed", 5.0)],
        rates=[400.0, 1600.0],
        duration_s=6.0,
    )
    points = study(plan).points
    deadline, fixed = (
        sum(each.figures.goodput for each in points if each.policy == name) for name in ("deadline", "fixed:5")
    )
    assert deadline > 0.85 * fixed
