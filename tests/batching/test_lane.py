"""Models that share a lane run one batch at a time, the most urgent first, and none holds up the others for nothing."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.batching.batched_model import BatchedModel
from headrace.batching.company import Company
from headrace.batching.deadline_policy import DeadlinePolicy
from headrace.batching.fixed_policy import FixedPolicy
from headrace.batching.lane import Lane, LaneShare, OwnLane, Ranked, Seat
from headrace.batching.latency import Latency
from headrace.batching.policy import Limits
from headrace.batching.waiting import Waiting
from headrace.records import discard
from headrace.types import ModelVersion
from tests.fakes import FakeClock, FakeInstance, Got, request, signature

MS = 1_000_000

Make = Callable[[LaneShare], Ranked[Waiting]]


def foreseeing(fixed_ms: float, row_ms: float = 0.0, max_size: int = 4) -> Make:
    """A policy that knows what a run takes."""
    latency = Latency()
    for rows in (1, 2, 4):
        for _ in range(20):
            latency.learn(rows, 0, (fixed_ms + row_ms * rows) * MS)
    limits = Limits(max_size, 0, 100, 1 << 20)
    return lambda place: DeadlinePolicy(limits, latency, Company(), lane=place)


def in_order(delay_ms: float = 0.0) -> Make:
    return lambda place: FixedPolicy(Limits(4, int(delay_ms * MS), 100, 1 << 20))


class Member:
    """A model on the lane."""

    def __init__(self, clock: FakeClock, place: Seat | OwnLane, make: Make) -> None:
        self.clock = clock
        self.instance = FakeInstance()
        self.place = place
        policy = place.policy(make(place), lambda: self.instance.ready)
        version = ModelVersion("m", 1)
        self.model = BatchedModel(version, signature(), [self.instance], policy, discard, clock)
        self.model.on_close(place.leave)
        place.look = self.model.look_again

    def ask(self, within_ms: float | None = None, rows: int = 1) -> Got:
        got, now_ns = Got(), self.clock.now_ns()
        asked = request([[1, 2]] * rows, deadline_ns=None if within_ms is None else now_ns + int(within_ms * MS))
        context = msgspec.structs.replace(asked.context, arrived_ns=now_ns)
        self.cancel = self.model.submit(msgspec.structs.replace(asked, context=context), got)
        return got

    @property
    def running(self) -> int:
        return self.instance.running

    def finish(self) -> None:
        self.instance.finish()
        self.clock.pass_ms()


class Bench:
    """Models on one lane, their clock in their hands."""

    def __init__(self, *policies: Make) -> None:
        self.clock = FakeClock()
        self.lane = Lane()
        self.members = [Member(self.clock, self.lane.seat(), make) for make in policies]

    def running(self) -> list[int]:
        return [member.running for member in self.members]


def test_one_batch_runs_at_a_time_in_order_of_arrival_where_nothing_is_foreseen() -> None:
    bench = Bench(in_order(), in_order())
    first, second = bench.members
    first.ask()
    bench.clock.pass_ms(1)
    second.ask()
    bench.clock.pass_ms(1)
    first.ask()
    bench.clock.pass_ms(1)
    assert bench.running() == [1, 0]
    first.finish()
    assert bench.running() == [0, 1]
    second.finish()
    assert bench.running() == [1, 0]


def test_the_one_that_must_begin_sooner_goes_first() -> None:
    bench = Bench(foreseeing(60), foreseeing(2))
    long, short = bench.members
    long.ask(within_ms=300)
    bench.clock.pass_ms()
    long.ask(within_ms=300)
    bench.clock.pass_ms(20)
    short.ask(within_ms=100)
    bench.clock.pass_ms(1)
    long.finish()
    assert bench.running() == [0, 1]


@pytest.mark.parametrize(("within_ms", "rows"), [(55, 3), (90, 4)])
def test_a_batch_is_smaller_where_a_larger_one_would_make_another_late(within_ms: float, rows: int) -> None:
    bench = Bench(foreseeing(0, row_ms=10), foreseeing(2))
    many, short = bench.members
    bench.lane.began(0, 0)  # somebody runs while they come
    for _ in range(4):
        many.ask(within_ms=63)
    short.ask(within_ms=within_ms)
    bench.clock.pass_ms()
    bench.lane.ended(0)
    many.model.look_again()
    bench.clock.pass_ms()
    (work, _), *_ = many.instance.handed
    assert work.inputs[0].shape[0] == rows


def test_while_another_runs_a_newcomer_is_predicted_to_wait_for_it() -> None:
    bench = Bench(foreseeing(60), foreseeing(2))
    long, short = bench.members
    long.ask(within_ms=300)
    bench.clock.pass_ms()
    assert short.ask(within_ms=20).error == "would_be_late"
    assert not short.ask(within_ms=90).answers


@pytest.mark.parametrize("what", ["cancelled", "late", "dead"])
def test_one_that_has_its_turn_and_nothing_to_run_passes_it_on(what: str) -> None:
    bench = Bench(in_order(), in_order(), in_order())
    running, gone, waiting = bench.members
    running.ask()
    bench.clock.pass_ms(1)
    gone.ask(within_ms=2 if what == "late" else None)
    bench.clock.pass_ms(1)
    waiting.ask()
    bench.clock.pass_ms(3)
    running.instance.finish()
    if what == "cancelled":
        gone.cancel()
    elif what == "dead":
        gone.instance.die()
        gone.instance.changed()
    bench.clock.pass_ms()
    assert waiting.running == 1


def test_one_that_waits_for_company_lets_the_others_run() -> None:
    bench = Bench(in_order(delay_ms=5), in_order())
    patient, other = bench.members
    patient.ask()
    bench.clock.pass_ms(1)
    other.ask()
    bench.clock.pass_ms(1)
    assert bench.running() == [0, 1]
    bench.clock.pass_ms(4)
    assert bench.running() == [0, 1]
    other.finish()
    assert bench.running() == [1, 0]


def test_a_batch_that_dies_frees_the_lane() -> None:
    bench = Bench(in_order(), in_order())
    first, second = bench.members
    first.ask()
    bench.clock.pass_ms(1)
    second.ask()
    bench.clock.pass_ms(1)
    first.instance.die()
    bench.clock.pass_ms()
    assert second.running == 1
    second.finish()
    first.instance.come_back()
    bench.clock.pass_ms()
    assert first.running == 1


async def test_a_model_that_is_closed_leaves_the_lane_to_the_others() -> None:
    bench = Bench(in_order(), in_order())
    first, second = bench.members
    first.ask()
    bench.clock.pass_ms(1)
    await second.model.close()
    first.finish()
    first.ask()
    bench.clock.pass_ms(1)
    assert first.running == 1


def test_on_a_lane_of_its_own_a_model_waits_for_nobody() -> None:
    clock = FakeClock()
    members = [Member(clock, OwnLane(), in_order()) for _ in range(2)]
    for member in members:
        member.ask()
    clock.pass_ms()
    assert [member.running for member in members] == [1, 1]


STEPS = st.lists(st.tuples(st.sampled_from(("ask", "finish", "cancel", "pass", "die", "back")), st.integers(0, 8)))
POLICIES = (foreseeing(10, 1), in_order(), foreseeing(2, 5), in_order(delay_ms=3))


@given(STEPS, st.lists(st.sampled_from(POLICIES), min_size=1, max_size=3))
def test_one_runs_at_a_time_and_everyone_is_answered(steps: list[tuple[str, int]], policies: list[Make]) -> None:
    bench = Bench(*policies)
    asked: list[Got] = []
    for what, number in steps:
        member = bench.members[number % len(bench.members)]
        if what == "ask":
            asked.append(member.ask((None, 20.0, 60.0)[number % 3], rows=1 + number % 2))
        elif what == "finish" and member.running:
            member.finish()
        elif what == "cancel" and asked and hasattr(member, "cancel"):
            member.cancel()
        elif what == "die" and member.instance.ready:
            member.instance.die()
            member.instance.changed()
        elif what == "back" and not member.instance.ready:
            member.instance.come_back()
        bench.clock.pass_ms(number / 2 if what == "pass" else 0)
        assert sum(bench.running()) <= 1
    for member in bench.members:
        if not member.instance.ready:
            member.instance.come_back()
    for _ in range(2 * len(asked) + 2):
        bench.clock.pass_ms(10)
        for member in bench.members:
            if member.running:
                member.finish()
    assert [member.model.backlog().queued for member in bench.members] == [0] * len(bench.members)
    assert all(len(got.answers) <= 1 for got in asked)
