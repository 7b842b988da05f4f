"""A model on a thread of the server's own process."""

import asyncio

import numpy as np
import pytest

from headrace.arrays import from_array, to_array
from headrace.batching.instance import Outcome, Rows, ThreadInstance, Work
from headrace.errors import InputRefused
from headrace.runtimes.runtime import Arrays
from headrace.types import FREE, TensorSpec
from tests.fakes import signature


class Double:
    """Doubles `x`; refuses and fails where it is told to."""

    inputs: tuple[TensorSpec, ...] = (TensorSpec("x", "FP32", (FREE, 2)),)
    outputs: tuple[TensorSpec, ...] = (TensorSpec("y", "FP32", (FREE, 2)),)
    platform = runtime = "test"
    coarse = False
    closed = False

    def run(self, arrays: Arrays, outputs: tuple[str, ...] = ()) -> Arrays:
        if arrays["x"][0, 0] == 13:
            raise InputRefused("13")
        if arrays["x"][0, 0] == 14:
            raise RuntimeError("14")
        return {"y": np.add(arrays["x"], arrays["x"])}

    def close(self) -> None:
        self.closed = True


def work(*parts: list[float]) -> Work:
    tensors = [from_array("x", np.array([part], np.float32)) for part in parts]
    return Work((Rows("x", "FP32", (len(parts), 2), [tensor.data for tensor in tensors]),), ())


async def run(instance: ThreadInstance, given: Work) -> Outcome:
    future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    instance.run(given, future.set_result)
    return await future


async def test_rows_are_laid_end_to_end_and_run() -> None:
    instance = ThreadInstance(Double(), signature())
    outcome = await run(instance, work([1, 2], [3, 4]))
    assert to_array(outcome.outputs[0]).tolist() == [[2, 4], [6, 8]]
    await instance.close()


async def test_a_refusal_is_the_outcomes_error() -> None:
    instance = ThreadInstance(Double(), signature())
    outcome = await run(instance, work([13, 0]))
    assert isinstance(outcome.error, InputRefused)
    await instance.close()


async def test_a_fault_of_the_model_is_logged_and_told_without_its_details(caplog: pytest.LogCaptureFixture) -> None:
    instance = ThreadInstance(Double(), signature())
    outcome = await run(instance, work([14, 0]))
    assert outcome.error is not None
    assert (outcome.error.code, "14" in str(outcome.error)) == ("internal", False)
    assert "RuntimeError: 14" in caplog.text
    await instance.close()


async def test_closing_gives_the_model_back() -> None:
    model = Double()
    instance = ThreadInstance(model, signature())
    await instance.close()
    assert model.closed
    assert not instance.ready
