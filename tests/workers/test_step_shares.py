"""Each step's time goes to whom it computed tokens for."""

from headrace.device_time import DeviceTime
from headrace.llm.terms import Terms
from headrace.workers import step_shares
from headrace.workers.step_shares import Charged, StepShares


class Call:
    def __init__(self, tenant: str) -> None:
        self.terms = Terms(tenant=tenant)
        self.device_ns = 0


def _calls() -> dict[int, Charged]:
    return {1: Call("a"), 2: Call("b"), 3: Call("a")}


def test_a_step_is_shared_by_tokens() -> None:
    shares, calls = StepShares(DeviceTime()), _calls()
    shares.begin(100)
    assert shares.step([(1, 30), (2, 10)], [], calls, 500) == (400, (("a", "serve", 30), ("b", "serve", 10)))
    assert shares.step([(2, 1), (3, 1)], [], calls, 600) == (100, (("b", "serve", 1), ("a", "serve", 1)))
    assert {number: call.device_ns for number, call in calls.items()} == {1: 300, 2: 150, 3: 50}


def test_a_step_that_computes_nothing_is_charged_with_the_next_that_does() -> None:
    shares, calls = StepShares(DeviceTime()), _calls()
    shares.begin(0)
    assert shares.step([], [], calls, 50) == (0, ())
    assert shares.step([(1, 5)], [], calls, 80) == (80, (("a", "serve", 5),))


def test_answers_without_tokens_share_in_equal_parts() -> None:
    shares, calls = StepShares(DeviceTime()), _calls()
    shares.begin(0)
    assert shares.step([], [1, 2], calls, 50) == (50, (("a", "serve", 1), ("b", "serve", 1)))


def test_what_was_computed_for_one_that_left_is_cancelled() -> None:
    shares = StepShares(DeviceTime())
    shares.begin(0)
    shares.left(9, "gone")
    assert shares.step([(9, 2), (8, 1)], [], {}, 90) == (90, (("gone", "cancelled", 2), ("", "cancelled", 1)))


def test_between_two_requests_the_device_is_idle() -> None:
    device = DeviceTime()
    shares = StepShares(device)
    shares.begin(0)
    shares.begin(5)
    shares.rest(10)
    shares.rest(20)
    shares.begin(40)
    assert device.spent(50).idle_ns == 30
    assert shares.step([(1, 1)], [], _calls(), 50)[0] == 20


def test_what_a_lost_engine_did_is_retried() -> None:
    shares = StepShares(DeviceTime())
    shares.begin(0)
    assert shares.lost(_calls(), 60) == (60, (("a", "retried", 2), ("b", "retried", 1)))
    shares.begin(60)
    assert shares.lost({}, 70) == (10, (("", "cancelled", 1),)), "it was closed"


def test_those_who_left_are_remembered_for_a_while_only() -> None:
    shares = StepShares(DeviceTime())
    for number in range(step_shares.MOST_LEFT + 1):
        shares.left(number, "x")
    shares.begin(0)
    assert shares.step([(0, 1)], [], {}, 1)[1] == (("", "cancelled", 1),)
