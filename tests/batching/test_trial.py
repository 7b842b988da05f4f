"""One run on made-up rows."""

import asyncio

import numpy as np
import pytest

from headrace.arrays import to_array
from headrace.batching.instance import Done, Outcome, Work
from headrace.batching.latency import Latency
from headrace.batching.latency_store import FRESH_S, Kept
from headrace.batching.sweep import ROUNDS, Size
from headrace.batching.trial import LONGEST, Trial, get_to_know, made_up, sizes_of
from headrace.errors import InputRefused, ModelUnavailable
from headrace.types import FREE, BatchAxis, PadAxis, Shape, Signature, Tensor, TensorSpec
from tests.fakes import FakeClock, FakeInstance

PAD = PadAxis(1, {"ids": 0, "mask": 0}, mask="mask")


def signature(batch: BatchAxis, *inputs: TensorSpec) -> Signature:
    return Signature(inputs, (), batch, "fake", "fake 1")


def text(batch: BatchAxis) -> Signature:
    both = (FREE, FREE)
    return signature(batch, TensorSpec("ids", "INT64", both), TensorSpec("mask", "INT64", both))


def test_a_model_of_one_shape_is_tried_by_rows() -> None:
    image = TensorSpec("image", "FP32", (FREE, 3, 8, 8))
    assert sizes_of(signature(BatchAxis(True, 4), image)) == [Size(1, 0), Size(2, 0), Size(4, 0)]
    assert sizes_of(signature(BatchAxis(False), TensorSpec("image", "FP32", (3, 8, 8)))) == [Size(1, 0)]


def test_a_model_whose_rows_are_filled_up_is_tried_by_length_too() -> None:
    found = sizes_of(text(BatchAxis(True, 2, pad=PAD)))
    assert found[0] == Size(1, 8)
    assert found[-1] == Size(2, LONGEST)


@pytest.mark.parametrize("batch", [BatchAxis(True, 4), BatchAxis(False), BatchAxis(True, 4, pad=PAD, pending=True)])
def test_a_model_of_unknown_dimensions_is_not_tried(batch: BatchAxis) -> None:
    assert sizes_of(text(batch)) == []


@pytest.mark.parametrize(
    ("datatype", "value"),
    [("INT64", 0), ("BOOL", False), ("FP32", 0.0), ("BF16", 0), ("BYTES", b"")],
)
def test_rows_are_made_up_of_zeros(datatype: str, value: object) -> None:
    (rows,) = made_up(signature(BatchAxis(True, 4), TensorSpec("x", datatype, (FREE, 2))), 3, 0).inputs
    array = to_array(Tensor(rows.name, rows.datatype, rows.shape, rows.parts[0]))
    assert array.tolist() == np.full((3, 2), value, array.dtype).tolist()


def test_inputs_are_as_long_as_is_asked() -> None:
    shapes: list[Shape] = [rows.shape for rows in made_up(text(BatchAxis(True, 4, pad=PAD)), 3, 17).inputs]
    assert shapes == [(3, 17), (3, 17)]


def test_unknown_dimensions_cannot_be_made_up() -> None:
    with pytest.raises(ValueError, match="'ids' has dimensions"):
        made_up(text(BatchAxis(True, 4)), 3, 17)


async def test_a_run_takes_from_its_hand_over_to_its_answer() -> None:
    clock, instance = FakeClock(), FakeInstance()
    trial = asyncio.ensure_future(Trial(instance, text(BatchAxis(True, 4, pad=PAD)), clock)(2, 8))
    await asyncio.sleep(0)
    clock.pass_ms(7.0)
    instance.finish()
    assert await trial == 7e6


async def test_a_run_that_is_refused_raises_the_refusal() -> None:
    instance = FakeInstance()
    trial = asyncio.ensure_future(Trial(instance, text(BatchAxis(True, 4, pad=PAD)), FakeClock())(2, 8))
    await asyncio.sleep(0)
    instance.finish(Outcome(error=InputRefused("too long")))
    with pytest.raises(InputRefused):
        await trial


async def test_an_instance_that_died_is_not_tried() -> None:
    instance = FakeInstance()
    instance.die()
    with pytest.raises(ModelUnavailable):
        await Trial(instance, text(BatchAxis(True, 4, pad=PAD)), FakeClock())(2, 8)


async def test_an_answer_after_the_trial_was_given_up_is_nothing() -> None:
    instance = FakeInstance()
    trial = asyncio.ensure_future(Trial(instance, text(BatchAxis(True, 4, pad=PAD)), FakeClock())(2, 8))
    await asyncio.sleep(0)
    trial.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trial
    instance.finish()


class Quick(FakeInstance):
    """Answers each batch a millisecond a row after it was handed over."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self.rows: list[int] = []
        self._clock = clock

    def run(self, work: Work, done: Done) -> None:
        self.rows.append(work.inputs[0].shape[0])
        self._clock.pass_ms(self.rows[-1])
        done(Outcome())


def known() -> Latency:
    latency = Latency()
    for _ in range(5):
        latency.learn(1, 8, 5e6)
        latency.learn(4, 8, 20e6)
    return latency


async def runs_with(kept: Kept | None, budget_s: float = 0.5) -> tuple[list[int], Latency]:
    """The rows of the runs that were made, and what is known then."""
    clock = FakeClock()
    instance, model = Quick(clock), text(BatchAxis(True, 4, pad=PAD))
    latency = await get_to_know(Trial(instance, model, clock), sizes_of(model), kept, budget_s)
    return instance.rows, latency


async def test_a_model_of_which_nothing_is_kept_is_swept() -> None:
    rows, latency = await runs_with(None)
    assert set(rows) == {1, 2, 4}
    assert latency.typical(4, 8) == pytest.approx(4e6, rel=0.1)


async def test_a_model_that_is_known_is_run_a_few_times_for_the_speed_of_the_machine() -> None:
    rows, latency = await runs_with(Kept(known(), age_s=60.0))
    assert rows == [1] * (ROUNDS + 1)
    assert latency.typical(4, 8) == pytest.approx(4e6, rel=0.1)


async def test_what_was_kept_long_ago_is_swept_again() -> None:
    rows, _ = await runs_with(Kept(known(), age_s=FRESH_S + 1))
    assert set(rows) == {1, 2, 4}


async def test_without_a_budget_nothing_is_run() -> None:
    assert (await runs_with(None, 0.0))[0] == []
    rows, latency = await runs_with(Kept(known(), age_s=60.0), 0.0)
    assert rows == []
    assert latency.known
