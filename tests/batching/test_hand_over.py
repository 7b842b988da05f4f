"""A batch that cannot be handed over has an outcome all the same."""

import pytest

from headrace.batching.hand_over import hand_over
from headrace.batching.instance import Done, Outcome, Work
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
