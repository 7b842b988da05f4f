"""A large message that comes is counted, and given up where its client has it come too slowly."""

import pytest

from headrace.protocols.bodies import Bodies
from headrace.protocols.grpc.coming import LEAST_BYTES, PATIENCE_S, Coming
from headrace.protocols.grpc.messages import Refused
from headrace.protocols.grpc.status import DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED


class FakeLoop:
    """Keeps the one timer that is set."""

    def __init__(self) -> None:
        self.look: object = None

    def call_later(self, delay_s: float, look: object) -> "FakeLoop":
        assert (delay_s, self.look) == (PATIENCE_S, None)
        self.look = look
        return self

    def cancel(self) -> None:
        self.look = None

    def fire(self) -> None:
        look, self.look = self.look, None
        assert callable(look)
        look()


class Bench:
    def __init__(self) -> None:
        self.loop = FakeLoop()
        self.bodies = Bodies(1 << 20)
        self.may_send = True
        self.refused: list[Refused] = []
        self.coming = Coming(self.bodies, self.loop, lambda: self.may_send, self.refused.append)  # type: ignore[arg-type]


def test_one_that_comes_too_slowly_is_refused() -> None:
    bench = Bench()
    bench.coming.grown(100_000)
    bench.coming.grown(LEAST_BYTES - 1)
    bench.loop.fire()
    assert [refusal.code for refusal in bench.refused] == [DEADLINE_EXCEEDED]


def test_one_that_goes_on_coming_is_waited_for_as_long_as_it_does() -> None:
    bench = Bench()
    for size in (LEAST_BYTES, 2 * LEAST_BYTES):
        bench.coming.grown(size)
        bench.loop.fire()
    assert not bench.refused
    bench.loop.fire()
    assert len(bench.refused) == 1


def test_one_whose_client_waits_for_room_is_not_late() -> None:
    bench = Bench()
    bench.may_send = False
    bench.coming.grown(100_000)
    bench.loop.fire()
    bench.loop.fire()
    assert not bench.refused


def test_one_that_is_whole_is_not_late_and_counts_until_it_is_over() -> None:
    bench = Bench()
    bench.coming.grown(100_000)
    bench.coming.whole()
    assert (bench.loop.look, bench.bodies.total) == (None, 100_000)
    bench.coming.over()
    assert bench.bodies.total == 0


def test_one_that_has_no_room_is_refused() -> None:
    bench = Bench()
    bench.bodies.grown(0, 64 << 20)
    with pytest.raises(Refused) as refused:
        bench.coming.grown(100_000)
    assert (refused.value.code, bench.loop.look) == (RESOURCE_EXHAUSTED, None)
