"""Which models give way to which, and which use fewer threads for it."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.batching.laying import Laying
from headrace.batching.neighbours import FAR, HELD_UP_NS, LOOK_NS, Layout, Neighbours, layout
from headrace.batching.thread_need import HOLD_NS, LOOKS
from headrace.devices.priority import Precedence
from headrace.types import ModelVersion
from tests.fakes import FakeClock

ALONE, HALVED, YIELDS, BOTH = Layout(), Layout(halved=True), Layout(yields=True), Layout(True, True)
OBJECTIVES = st.none() | st.floats(min_value=0.1, max_value=1e5)


@pytest.mark.parametrize(
    ("mine_ms", "others_ms", "found"),
    [
        (20, [], ALONE),
        (None, [], ALONE),
        (20, [20], ALONE),
        (20, [20 * FAR - 1], ALONE),
        (20, [20 * FAR], HALVED),
        (20 * FAR, [20], YIELDS),
        (20, [None], ALONE),
        (20, [None, 300], HALVED),
        (None, [20], YIELDS),
        (None, [None], ALONE),
        (100, [20, 1000], BOTH),
        (20, [30, 300], HALVED),
        (300, [100, 300], ALONE),
    ],
)
def test_a_model_gives_way_to_far_shorter_objectives_and_is_halved_beside_far_longer_ones(
    mine_ms: float | None, others_ms: list[float | None], found: Layout
) -> None:
    assert layout(mine_ms, others_ms) == found


@given(st.lists(OBJECTIVES, min_size=2, max_size=6))
def test_whoever_is_halved_has_one_that_gives_way_and_the_most_urgent_never_does(
    objectives: list[float | None],
) -> None:
    found = [layout(mine, objectives[:at] + objectives[at + 1 :]) for at, mine in enumerate(objectives)]
    assert any(each.yields for each in found) or not any(each.halved for each in found)
    shortest = min(
        range(len(objectives)), key=lambda at: float("inf") if objectives[at] is None else objectives[at] or 0
    )
    assert not found[shortest].yields


class Model:
    """Notes how it is to be run."""

    def __init__(self) -> None:
        self.laid: list[Laying] = []
        self.asked = self.overdue = 0.0
        self.fits = True
        self.close: Callable[[], None] = lambda: None

    async def start(self, laying: Laying) -> None:
        self.laid.append(laying)

    def want(self, laying: Laying) -> None:
        if laying != self.laid[-1]:
            self.laid.append(laying)

    @property
    def halved(self) -> list[bool]:
        """Each time that its number of threads changed."""
        found = [laying.halved for laying in self.laid]
        return [each for at, each in enumerate(found) if not at or each != found[at - 1]]

    @property
    def still(self) -> bool:
        return self.laid[-1].still

    def overdue_ns(self) -> float:
        return self.overdue

    def load(self) -> float:
        return self.asked

    def on_close(self, closed: Callable[[], None]) -> None:
        self.close = closed


class Bench:
    def __init__(self) -> None:
        self.yields: dict[str, Precedence] = {}
        self.clock = FakeClock()
        self.neighbours = Neighbours(lambda version, how: self.yields.update({version.name: how}), self.clock)

    async def join(self, name: str, objective_ms: float | None, may_halve: bool = True) -> Model:
        model = Model()
        await self.neighbours.join(ModelVersion(name, 1), model, objective_ms, Laying(may_halve, still=True))
        return model


async def test_who_comes_second_is_made_as_it_is_to_be_run() -> None:
    bench = Bench()
    long = await bench.join("long", 300)
    short = await bench.join("short", 20)
    assert short.halved == [True]
    assert long.halved == [False]
    assert bench.yields == {"long": "last"}


async def test_who_is_there_is_laid_out_anew_when_another_comes_and_when_it_goes() -> None:
    bench = Bench()
    short = await bench.join("short", 20)
    long = await bench.join("long", 300)
    assert short.halved == [False, True]
    long.close()
    assert short.halved == [False, True, False]
    assert bench.yields == {"long": "usual"}


async def test_while_one_takes_anothers_place_nothing_changes() -> None:
    bench = Bench()
    short = await bench.join("short", 20)
    old = await bench.join("long", 300)
    await bench.join("long", 300)
    old.close()
    assert short.halved == [False, True]
    assert bench.yields == {"long": "last"}


async def test_a_model_that_may_not_be_halved_has_others_give_way_all_the_same() -> None:
    bench = Bench()
    short = await bench.join("short", 20, may_halve=False)
    await bench.join("long", 300)
    assert short.halved == [False]
    assert bench.yields == {"long": "last"}


async def test_a_model_that_could_not_be_made_is_not_there() -> None:
    class Broken(Model):
        async def start(self, laying: Laying) -> None:
            raise OSError

    bench = Bench()
    with pytest.raises(OSError):
        await bench.neighbours.join(ModelVersion("long", 1), Broken(), 300)
    assert (await bench.join("short", 20)).halved == [False]


async def test_of_two_that_are_made_at_once_each_learns_of_the_other() -> None:
    bench = Bench()
    short, _ = await asyncio.gather(bench.join("short", 20), bench.join("long", 300))
    assert short.halved[-1]
    assert bench.yields == {"long": "last"}


async def test_a_halved_model_that_is_asked_for_too_much_gets_all_of_its_threads_and_gives_them_back_later() -> None:
    bench = Bench()
    await bench.join("long", 300)
    short = await bench.join("short", 20)
    short.asked = 1.0
    for _ in range(LOOKS):
        assert short.halved == [True]
        bench.clock.pass_ms(LOOK_NS / 1e6)
    assert short.halved == [True, False]
    short.asked = 0.1
    bench.clock.pass_ms(HOLD_NS / 1e6 - 2000)
    assert short.halved == [True, False]
    bench.clock.pass_ms(4000)
    assert short.halved == [True, False, True]


async def test_nobody_is_looked_at_once_nobody_could_be_halved() -> None:
    bench = Bench()
    long = await bench.join("long", 300)
    short = await bench.join("short", 20)
    long.close()
    short.asked = 1.0
    bench.clock.pass_ms(10 * LOOK_NS / 1e6)
    assert short.halved == [True, False]
    await bench.join("long", 300)
    assert short.halved == [True, False, True]  # nothing was counted meanwhile


async def test_a_model_that_half_would_not_do_for_is_tried_again_later_each_time() -> None:
    bench = Bench()
    await bench.join("long", 300)
    short = await bench.join("short", 20)
    for hold_s in (60, 120, 240):
        short.fits = False
        bench.clock.pass_ms(1000)
        assert short.halved[-1] is False
        short.fits = True
        bench.clock.pass_ms(1000 * (hold_s - 2))
        assert short.halved[-1] is False
        bench.clock.pass_ms(3000)
        assert short.halved[-1] is True


async def test_the_threads_of_who_gives_way_lie_still_as_long_as_it_does() -> None:
    bench = Bench()
    long = await bench.join("long", 300)
    assert not long.still
    short = await bench.join("short", 20)
    assert (long.still, short.still) == (True, False)
    short.close()
    assert not long.still


async def test_who_promises_nothing_gives_way_without_being_made_anew() -> None:
    bench = Bench()
    free = await bench.join("free", None)
    await bench.join("short", 20)
    assert bench.yields == {"free": "last"}
    assert free.laid == [Laying()]


async def test_who_hardly_comes_forward_has_a_share_of_the_cores_for_a_while_and_longer_when_that_comes_again() -> None:
    bench = Bench()
    await bench.join("short", 20)
    long = await bench.join("long", 300)
    long.overdue = HELD_UP_NS
    bench.clock.pass_ms(5000)
    assert bench.yields == {"long": "last"}
    for hold_s in (60, 120):
        long.overdue = HELD_UP_NS + 1
        bench.clock.pass_ms(1000)
        assert bench.yields == {"long": "later"}
        long.overdue = 0.0
        bench.clock.pass_ms(1000 * (hold_s - 2))
        assert bench.yields == {"long": "later"}
        bench.clock.pass_ms(3000)
        assert bench.yields == {"long": "last"}


async def test_who_had_a_share_is_as_before_once_those_are_gone_that_it_gave_way_to() -> None:
    bench = Bench()
    short = await bench.join("short", 20)
    long = await bench.join("long", 300)
    long.overdue = HELD_UP_NS + 1
    bench.clock.pass_ms(1000)
    short.close()
    assert bench.yields == {"long": "usual"}
