"""What runs are predicted to take as things stand, and which of them tell something new."""

import gc

import pytest

from headrace.batching.company import Company
from headrace.batching.latency import Latency
from headrace.batching.outlook import Outlook
from headrace.batching.policy import Run
from tests.batching.deciding import latency
from tests.batching.jobs import MS, job


def outlook(known: Latency, company: Company | None = None) -> Outlook:
    return Outlook(known, company or Company(), max_size=16)


@pytest.mark.parametrize(("requests", "typical_ms", "learned"), [(2, 0.5, 3), (2, 2.0, 8), (1, 0.5, 3), (1, 2.0, 8)])
def test_of_brief_runs_some_are_learned_from(requests: int, typical_ms: float, learned: int) -> None:
    known = latency()
    made, found = outlook(known), [known.to_json()]
    for number in range(8):
        ended_ns = (10 + 4 * number) * MS
        ran = Run([job()] * requests, "idle", requests, 0, typical_ms * MS)
        made.ran(ran, ended_ns - (5 + number) * MS, ended_ns, waited=False)
        if known.to_json() != found[-1]:
            found.append(known.to_json())
    assert len(found) - 1 == learned


def test_each_run_of_a_size_that_is_hardly_known_is_learned_from() -> None:
    known = Latency()
    made = outlook(known)
    for now_us in (10_000, 10_500, 11_000):
        made.ran(Run([job()] * 2, "idle", 1, 0, MS / 2), now_us * 1000 - MS, now_us * 1000, waited=False)
    assert known.measured(1, 0)


def test_its_own_runs_are_no_company() -> None:
    company = Company()
    made, other = outlook(latency(), company), outlook(latency(), company)
    made.began()
    assert (made.in_company, other.in_company) == (False, True)
    made.ended()
    assert not other.in_company


def test_what_a_row_costs_is_reckoned_anew_for_runs_of_another_size() -> None:
    made = outlook(latency())
    before = made.lines[0].cost
    made.resize(1)
    assert made.lines[0].cost > before  # the time that a run takes whatever is in it is one row's alone


def test_what_few_runs_say_of_when_a_request_is_late_is_not_believed() -> None:
    known = Latency()
    known.learn(1, 0, 5 * MS)
    assert outlook(known).late_from_ns(job(within_ms=20), 5 * MS) == 20 * MS
    assert outlook(latency()).late_from_ns(job(within_ms=20), 5 * MS) == 15 * MS


def test_nothing_waits_for_the_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        made = outlook(latency())
        made.lines[0].time(1)
        del made
        assert not [each for each in gc.get_objects() if type(each) is Outlook]
    finally:
        gc.enable()
