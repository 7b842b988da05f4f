"""What waits and cannot be in time any more is told so then, and not at its deadline."""

from collections.abc import Sequence

from headrace.batching.batched_model import BatchedModel
from headrace.batching.fixed_policy import FixedPolicy
from headrace.batching.latency import Latency
from headrace.batching.policy import GivenUp, Limits
from headrace.batching.waiting import Waiting
from headrace.types import ModelVersion
from tests.batching.deciding import policy
from tests.batching.jobs import MS, job
from tests.fakes import FakeClock, FakeInstance, Got, request, signature


class Hasty(FixedPolicy[Waiting]):
    """Gives up what is not run a millisecond before its deadline."""

    def gives_up_ns(self) -> int | None:
        due_ns = super().gives_up_ns()
        return None if due_ns is None else due_ns - MS

    def give_up(self, now_ns: int) -> Sequence[GivenUp[Waiting]]:
        return super().give_up(now_ns + MS)


async def test_what_the_policy_gives_up_before_its_deadline_is_answered_then() -> None:
    clock, hasty = FakeClock(), Hasty(Limits(4, 0, 100, 10_000))
    model = BatchedModel(ModelVersion("m", 1), signature(), [FakeInstance()], hasty, lambda record: None, clock)
    model.submit(request([[0, 0]]), Got())
    clock.pass_ms()
    model.submit(request([[1, 1]], deadline_ns=clock.now_ns() + 3 * MS), got := Got())
    clock.pass_ms(1)
    assert got.answers == []
    clock.pass_ms(1)
    assert got.error == "deadline_exceeded"


def test_it_is_known_when_the_first_cannot_be_in_time_any_more() -> None:
    made = policy(job(within_ms=400), late := job(within_ms=40))
    gives_up_ns = made.gives_up_ns()
    assert gives_up_ns is not None
    assert 36 * MS < gives_up_ns < 38 * MS
    assert not made.give_up(gives_up_ns - MS // 10)
    assert [given_up.job for given_up in made.give_up(gives_up_ns)] == [late]


def test_where_times_are_not_measured_the_deadline_is_waited_for() -> None:
    assert policy(job(within_ms=40), known=Latency()).gives_up_ns() == 40 * MS
    assert policy(job()).gives_up_ns() is None


def test_nobody_is_dropped_for_the_sake_of_others_where_there_are_none() -> None:
    for others in (0, 1):
        first, *_ = jobs = [job(within_ms=40 + at) for at in range(1 + others)]
        made = policy(*jobs)
        for _ in range(50):  # its runs take long, and five times the sum of their parts
            made._outlook.busy_runs.ran(100 * MS, 0, 20 * MS)
        assert [given_up.job for given_up in made.give_up(30 * MS)] == [first] * others
