"""Tensors as they travel go through a model and come back."""

import numpy as np
import pytest

from headrace.arrays import from_array, to_array
from headrace.errors import InputRefused
from headrace.runtimes.execute import execute
from headrace.runtimes.runtime import Arrays
from headrace.types import FREE, BatchAxis, Signature, Tensor, TensorSpec


class Seen:
    """Gives back what it saw."""

    inputs: tuple[TensorSpec, ...] = (TensorSpec("x", "FP32", (FREE, 4)),)
    outputs: tuple[TensorSpec, ...] = (TensorSpec("y", "FP32", (FREE, 4)),)
    platform = runtime = "test"
    coarse = False

    def run(self, arrays: Arrays, outputs: tuple[str, ...] = ()) -> Arrays:
        self.shape = arrays["x"].shape
        return {"y": arrays["x"]}

    def close(self) -> None: ...


def signature(reshaped: bool = False, datatype: str = "FP32") -> Signature:
    shape, inside = ((FREE, 2, 2), (FREE, 4)) if reshaped else ((FREE, 4), None)
    return Signature(
        (TensorSpec("x", datatype, shape, model_shape=inside),),
        (TensorSpec("y", datatype, shape, model_shape=inside),),
        BatchAxis(True, 8),
        "test",
        "test",
    )


def test_outputs_come_back_as_tensors_with_the_times_they_took() -> None:
    sent = np.arange(8, dtype=np.float32).reshape(2, 4)
    executed = execute(Seen(), signature(), [from_array("x", sent)])
    np.testing.assert_array_equal(to_array(executed.outputs[0]), sent)
    assert min(executed.input_ns, executed.infer_ns, executed.output_ns) >= 0


def test_a_configured_reshape_is_undone_for_the_model_and_done_again_for_the_client() -> None:
    model, sent = Seen(), np.arange(8, dtype=np.float32).reshape(2, 2, 2)
    executed = execute(model, signature(reshaped=True), [from_array("x", sent)])
    assert model.shape == (2, 4)
    assert executed.outputs[0].shape == (2, 2, 2)


def test_free_dimensions_of_a_reshape_are_as_large_as_those_that_they_stand_for() -> None:
    shape, inside = (FREE, FREE, FREE), (FREE, 1, FREE, FREE)
    x, y = (TensorSpec(name, "FP32", shape, model_shape=inside) for name in "xy")
    model, sent = Seen(), np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    executed = execute(model, Signature((x,), (y,), BatchAxis(True, 8), "test", "test"), [from_array("x", sent)])
    assert model.shape == (2, 1, 3, 2)
    assert executed.outputs[0].shape == (2, 3, 2)


def test_bytes_that_are_no_tensor_are_refused_with_the_inputs_name() -> None:
    broken = Tensor("x", "BYTES", (1, 4), b"\xff\xff\xff\xff")
    with pytest.raises(InputRefused, match="x: "):
        execute(Seen(), signature(datatype="BYTES"), [broken])
