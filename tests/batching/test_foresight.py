"""What is known of a model's runs when it is loaded, and what is kept of it."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from headrace.batching.foresight import KEEP_EVERY_NS, Foreseen, Foresight
from headrace.batching.instance import Done, Outcome, Work
from headrace.batching.latency_store import FRESH_S, LatencyStore
from headrace.types import FREE, BatchAxis, Signature, TensorSpec
from tests.fakes import FakeClock, FakeInstance

MODEL = Signature((TensorSpec("x", "FP32", (FREE, 2)),), (), BatchAxis(True, 4), "fake", "fake 1")


class Quick(FakeInstance):
    """Answers each batch a millisecond a row, or some more, after it was handed over; some runs take longer."""

    def __init__(self, clock: FakeClock, ms: int = 1, held_up: Sequence[int] = ()) -> None:
        super().__init__()
        self._ms = ms
        self._held_up = held_up
        self.runs = 0
        self._clock = clock

    def run(self, work: Work, done: Done) -> None:
        more_ms = self._held_up[self.runs] if self.runs < len(self._held_up) else 0
        self.runs += 1
        self._clock.pass_ms(work.inputs[0].shape[0] * self._ms + more_ms)
        done(Outcome())


class Machine:
    """A server's foresight, that is started anew with each load."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "model"
        self.path.write_bytes(b"weights")
        self.whose = "m", ""
        self.gave_way: list[int] = []  # runs that were made by then, at each begin and end of it
        self.clock = FakeClock()
        self.wall_s = self.path.stat().st_mtime
        self._store = LatencyStore(folder / "cache")
        self._foresight = Foresight(self._store, self.clock, lambda: self.wall_s)

    async def load(
        self,
        *ran_as: object,
        budget_s: float = 0.5,
        beside: bool = False,
        ms: int = 1,
        held_up: Sequence[int] = (),
    ) -> tuple[Foreseen, int]:
        """What is known, and how many runs were made for it; `beside` what was loaded so before, a row in so long."""
        instance = Quick(self.clock, ms, held_up)
        foresight = self._foresight if beside else Foresight(self._store, self.clock, lambda: self.wall_s)

        @contextmanager
        def giving_way() -> Iterator[None]:
            self.gave_way.append(instance.runs)
            yield
            self.gave_way.append(instance.runs)

        found = await foresight.of(
            self.path, ran_as, instance, MODEL, budget_s, whose=self.whose, giving_way=giving_way()
        )
        return found, instance.runs


async def test_a_first_load_sweeps_and_the_next_makes_a_few_runs(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    first, runs = await machine.load(2)
    assert first.latency.typical(4, 0) == pytest.approx(4e6, rel=0.1)
    machine.wall_s += 60.0
    second, runs_again = await machine.load(2)
    assert runs_again < runs / 2
    assert second.latency.typical(4, 0) == pytest.approx(4e6, rel=0.1)


async def test_what_is_run_otherwise_is_another_model(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    _, runs = await machine.load("2 threads")
    _, runs_with_one = await machine.load("1 thread")
    assert runs_with_one == runs


async def test_a_file_that_changed_is_another_model(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    _, runs = await machine.load()
    machine.path.write_bytes(b"others")
    _, runs_again = await machine.load()
    assert runs_again == runs


async def test_one_that_is_like_another_but_for_its_weights_is_known_by_that(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    first, runs = await machine.load(beside=True)
    for _ in range(100):
        first.latency.learn(4, 0, 6e6)  # as it turned out
    machine.path.write_bytes(b"Weights")
    second, runs_again = await machine.load(beside=True)
    assert (runs_again, runs > 2) == (1, True)
    assert second.latency.typical(4, 0) == pytest.approx(first.latency.typical(4, 0), rel=0.01)
    assert second.latency is not first.latency


async def test_what_is_known_of_another_now_counts_more_than_what_was_kept(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    first, _ = await machine.load(beside=True)
    for _ in range(100):
        first.latency.learn(4, 0, 6e6)
    again, runs = await machine.load(beside=True)
    assert runs == 1
    assert again.latency.typical(4, 0) == pytest.approx(first.latency.typical(4, 0), rel=0.01)


async def test_it_gives_way_for_as_long_as_it_shows_whether_it_is_like_another_and_not_for_a_sweep(
    tmp_path: Path,
) -> None:
    machine = Machine(tmp_path)
    await machine.load(beside=True)
    await machine.load(beside=True)
    assert machine.gave_way == [0, 0, 0, 1]


async def test_one_that_was_held_up_is_tried_again(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    await machine.load(beside=True)
    machine.path.write_bytes(b"Weights")
    second, runs = await machine.load(beside=True, held_up=(30, 70))
    assert runs == 3
    assert second.latency.typical(4, 0) == pytest.approx(4e6, rel=0.1)


async def test_one_that_was_held_up_each_time_may_be_like_it(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    await machine.load(beside=True)
    machine.path.write_bytes(b"Weights")
    second, _ = await machine.load(beside=True, held_up=(15, 12, 63, 30, 40))
    assert second.latency.typical(4, 0) == pytest.approx(4e6, rel=0.1)


async def test_one_that_takes_far_longer_is_not_like_it(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    await machine.load(beside=True)
    machine.path.write_bytes(b"Weights")
    second, _ = await machine.load(beside=True, ms=6)
    assert second.latency.typical(4, 0) == pytest.approx(24e6, rel=0.1)


async def test_one_of_another_size_is_not_like_it(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    _, runs = await machine.load(beside=True)
    machine.path.write_bytes(b"more weights")
    _, runs_again = await machine.load(beside=True)
    assert runs_again == runs


async def test_one_of_another_name_is_not_like_it(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    _, runs = await machine.load(beside=True)
    machine.path.write_bytes(b"Weights")
    machine.whose = ("n", "quick")
    _, runs_again = await machine.load(beside=True)
    assert runs_again == runs


async def test_one_that_has_gone_stands_for_no_other(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    first, runs = await machine.load(beside=True)
    await first.close()
    machine.path.write_bytes(b"Weights")
    _, runs_again = await machine.load(beside=True)
    assert runs_again == runs


async def test_what_was_kept_long_ago_is_swept_and_kept_anew(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    _, runs = await machine.load()
    machine.wall_s += FRESH_S + 60.0
    _, runs_again = await machine.load()
    assert runs_again == runs


async def test_what_was_learned_is_there_after_it_was_kept(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    foreseen, _ = await machine.load()
    for _ in range(100):
        foreseen.latency.learn(64, 0, 150e6)
    await foreseen.keep()
    again, _ = await machine.load()
    assert again.latency.typical(64, 0) == pytest.approx(150e6, rel=0.1)


async def test_without_a_budget_nothing_is_run_or_kept(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    foreseen, runs = await machine.load(budget_s=0.0)
    assert runs == 0
    assert not foreseen.latency.known
    assert not (tmp_path / "cache").exists()


async def test_it_is_kept_every_few_minutes_and_when_it_is_closed(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    foreseen, _ = await machine.load()
    (file,) = (tmp_path / "cache").iterdir()
    file.unlink()
    machine.clock.pass_ms(KEEP_EVERY_NS / 1e6)
    await foreseen.close()  # behind what was being written
    assert file.exists()
    file.unlink()
    machine.clock.pass_ms(KEEP_EVERY_NS / 1e6)
    await asyncio.sleep(0)
    assert not file.exists()


async def test_a_file_that_went_away_is_no_fault(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.path.unlink()
    foreseen, _ = await machine.load()
    assert foreseen.latency.known
