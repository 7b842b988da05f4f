"""A batch that cannot be handed over has an outcome all the same."""

import pytest

from headrace.batching.hand_over import hand_over
from headrace.batching.instance import Done, Outcome, Work
from headrace.types import Backlog
from tests.batching.test_batched_model import Bench
from tests.fakes import FakeClock, FakeInstance

WORK = Work((), ())


class Full(FakeInstance):
    """Has no room for any batch."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def run(self, work: Work, done: Done) -> None:
        raise self.error


def test_it_runs_what_was_joined() -> None:
    instance, outcomes, clock = FakeInstance(), list[Outcome](), FakeClock()
    hand_over(instance, lambda: WORK, outcomes.append, clock)
    assert [work for work, _ in instance.handed] == [WORK]
    clock.pass_ms(1)
    assert outcomes == []


@pytest.mark.parametrize(
    ("error", "code"), [(OSError(27, "no"), "memory_full"), (MemoryError(), "memory_full"), (KeyError(1), "internal")]
)
def test_one_that_an_instance_has_no_room_for_is_told_so_soon(error: Exception, code: str) -> None:
    outcomes, clock = list[Outcome](), FakeClock()
    hand_over(Full(error), lambda: WORK, outcomes.append, clock)
    assert outcomes == []  # whoever hands over is not done with it yet
    clock.pass_ms(1)
    assert [(outcome.error and outcome.error.code, outcome.ran, outcome.lost) for outcome in outcomes] == [
        (code, False, False)
    ]


def test_one_that_cannot_be_joined_is_told_so_too() -> None:
    def joined() -> Work:
        raise MemoryError

    outcomes, clock = list[Outcome](), FakeClock()
    hand_over(FakeInstance(), joined, outcomes.append, clock)
    clock.pass_ms(1)
    assert [outcome.error and outcome.error.code for outcome in outcomes] == ["memory_full"]


async def test_of_a_batch_that_there_is_no_memory_for_each_runs_alone_where_that_fits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench()
    hand = bench.instance.run

    def run(work: Work, done: Done) -> None:
        if work.inputs[0].shape[0] > 1:
            raise OSError(12, "no memory")
        hand(work, done)

    monkeypatch.setattr(bench.instance, "run", run)
    first, second, wide = bench.ask([[1, 1]]), bench.ask([[2, 2]]), bench.ask([[3, 3], [4, 4]])
    for _ in range(3):
        bench.clock.pass_ms()
        for _ in range(len(bench.instance.handed)):
            bench.instance.finish()
    assert (first.arrays, second.arrays) == ({"y": [[2, 2]]}, {"y": [[4, 4]]})
    assert wide.error == "memory_full"
    assert bench.model.backlog() == Backlog(queued=0, running=0)
    assert bench.ask([[5, 5]]).answers == []  # the next is run as ever
    bench.clock.pass_ms()
    assert len(bench.instance.handed) == 1
