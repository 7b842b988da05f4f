"""Room for large messages is bounded, and somebody can always go on."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from headrace.protocols.http2.intake import Intake

MOST = 100


def test_what_does_not_fit_waits_until_there_is_room() -> None:
    intake = Intake(MOST)
    assert intake.ask(1, 80)
    assert not intake.ask(3, 40)
    assert intake.ask(5, 10)
    assert intake.release(1) == {3: 40}
    assert intake.total == 50


def test_the_first_may_always_go_on() -> None:
    intake = Intake(MOST)
    assert all(intake.ask(1, 90) for _ in range(3))


class Asking(RuleBasedStateMachine):
    """Streams ask and finish in any order; what they hold is counted beside."""

    def __init__(self) -> None:
        super().__init__()
        self.intake = Intake(MOST)
        self.held: dict[int, int] = {}
        self.waiting: dict[int, int] = {}

    @rule(number=st.integers(1, 6), count=st.integers(1, 60))
    def ask(self, number: int, count: int) -> None:
        if self.intake.ask(number, count):
            self.held[number] = self.held.get(number, 0) + count
            self.waiting.pop(number, None)
        else:
            self.held.setdefault(number, 0)
            self.waiting[number] = count

    @rule(number=st.integers(1, 6))
    def release(self, number: int) -> None:
        self.held.pop(number, None)
        self.waiting.pop(number, None)
        for other, count in self.intake.release(number).items():
            assert self.waiting.pop(other) == count
            self.held[other] += count

    @invariant()
    def what_is_given_is_what_is_held(self) -> None:
        assert self.intake.total == sum(self.held.values())

    @invariant()
    def only_the_first_is_over_the_limit(self) -> None:
        others = list(self.held.values())[1:]
        assert sum(others) <= MOST

    @invariant()
    def the_first_never_waits(self) -> None:
        assert not self.waiting or next(iter(self.held)) not in self.waiting


TestAsking = Asking.TestCase
