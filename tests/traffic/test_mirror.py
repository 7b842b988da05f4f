"""Mirrored requests are behind all others, few, and dropped where there is no room."""

import asyncio

import msgspec
import numpy as np
import pytest

from headrace.arrays import from_array
from headrace.errors import HeadraceError, Internal, QueueFull
from headrace.records import MirrorRecord
from headrace.traffic.difference import Difference
from headrace.traffic.mirror import LIMIT_NS, MOST, MOST_BYTES, Answered, Mirror, Original
from headrace.types import Context, ModelRef, Response, Tensor
from tests.traffic.watched import Versions, unversioned


class Bench(Versions):
    def __init__(self) -> None:
        super().__init__(3, 4)
        self.mirror = Mirror("m", self.find, self.clock, self.records.append)
        self.told: list[Answered | None] = []

    def send(self, served: float = 1.0) -> None:
        original = Original(unversioned(), self.there[3].response(served).outputs, 9)
        self.mirror.send(original, 4, 1e-3, self.told.append)
        self.clock.pass_ms()

    def outcomes(self) -> list[str]:
        return [record.outcome for record in self.records if isinstance(record, MirrorRecord)]


def test_the_other_version_is_asked_the_same_behind_all_others_and_not_for_ever() -> None:
    bench = Bench()
    bench.send()
    ((asked, _),) = bench.there[4].asked
    now = bench.clock.now_ns()
    assert asked.model == ModelRef("m", 4)
    assert asked.inputs == unversioned().inputs
    assert asked.context == Context(now, "mirror", now + LIMIT_NS, 9)


def test_what_it_answers_is_compared_and_timed() -> None:
    bench = Bench()
    bench.send(served=1.0)
    bench.clock.pass_ms(7)
    bench.there[4].answer(1.5)
    assert bench.told == [Answered(4, False, 7_000_000, 6, 9, Difference(0.5, 0.5, beyond=True))]
    assert bench.outcomes() == ["differs"]
    bench.send(served=1.0)
    bench.there[4].answer(1.0)
    assert bench.outcomes() == ["differs", "same"]


def test_an_answer_in_parts_is_waited_for_to_its_end() -> None:
    bench = Bench()
    bench.send()
    _, reply = bench.there[4].asked[0]
    reply(bench.there[4].response(9.0, final=False))
    assert bench.told == []
    bench.there[4].answer(1.0)
    assert bench.outcomes() == ["same"]


@pytest.mark.parametrize(
    ("error", "outcome", "told"),
    [
        (Internal("no"), "failed", [Answered(4, failed=True)]),
        (QueueFull("no"), "dropped", [None]),
    ],
)
def test_what_fails_by_its_own_fault_failed_and_else_it_was_dropped(
    error: HeadraceError, outcome: str, told: list[Answered | None]
) -> None:
    bench = Bench()
    bench.send()
    bench.there[4].answer(error)
    assert (bench.outcomes(), bench.told) == ([outcome], told)


def test_a_busy_version_is_not_asked() -> None:
    bench = Bench()
    bench.there[4].queued = 1
    bench.send()
    assert (bench.there[4].asked, bench.told, bench.outcomes()) == ([], [None], ["dropped"])


def test_only_so_many_are_under_way_and_each_makes_room_once_answered() -> None:
    bench = Bench()
    for _ in range(MOST + 3):
        bench.send()
    assert (len(bench.there[4].asked), bench.outcomes()) == (MOST, ["dropped"] * 3)
    bench.there[4].answer()
    bench.send()
    assert len(bench.there[4].asked) == MOST


def test_a_version_that_is_gone_is_not_asked() -> None:
    bench = Bench()
    del bench.there[4]
    bench.send()
    assert bench.outcomes() == ["dropped"]


def test_a_request_that_is_too_large_is_not_kept() -> None:
    large = msgspec.structs.replace(
        unversioned(), inputs=(Tensor("x", "UINT8", (MOST_BYTES + 1,), bytes(MOST_BYTES + 1)),)
    )
    assert not Bench().mirror.has_room(large, 4)


async def test_large_answers_are_compared_by_a_thread() -> None:
    bench, compared = Bench(), asyncio.Event()
    large = from_array("y", np.zeros((1, 300_000), np.float32))
    bench.mirror.send(Original(unversioned(), (large,)), 4, 1e-3, lambda answered: compared.set())
    bench.clock.pass_ms()
    _, reply = bench.there[4].asked.pop()
    reply(Response(bench.there[4].version, (large,), None))
    await compared.wait()
    assert bench.outcomes() == ["same"]
