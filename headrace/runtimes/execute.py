"""One run of a loaded model on tensors as they travel; the same in a worker and inside the server."""

import time
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.arrays import from_array, to_array
from headrace.errors import InputRefused
from headrace.runtimes.runtime import Arrays, LoadedModel
from headrace.types import FREE, Shape, Signature, Tensor


class Executed(msgspec.Struct, frozen=True):
    """What a run gave, and the nanoseconds to make its inputs, to compute and to make its outputs."""

    outputs: list[Tensor]
    input_ns: int
    infer_ns: int
    output_ns: int


def execute(
    model: LoadedModel, signature: Signature, inputs: Sequence[Tensor], outputs: tuple[str, ...] = ()
) -> Executed:
    """Run the model. Raises what `LoadedModel.run` raises, and InputRefused for data that is no array."""
    started = time.monotonic_ns()
    arrays = to_arrays(signature, inputs)
    laid_out = time.monotonic_ns()
    results = model.run(arrays, outputs)
    computed = time.monotonic_ns()
    tensors = to_tensors(signature, inputs, results)
    return Executed(tensors, laid_out - started, computed - laid_out, time.monotonic_ns() - computed)


def to_arrays(signature: Signature, inputs: Sequence[Tensor]) -> dict[str, NDArray[np.generic]]:
    """What the model takes, valid as long as the tensors' data is. Raises InputRefused for data that is no array."""
    rows = _rows(signature, inputs)
    shapes = {spec.name: spec.model_shape for spec in signature.inputs if spec.model_shape is not None}
    return {tensor.name: _reshaped(_array(tensor), shapes.get(tensor.name), rows) for tensor in inputs}


def to_tensors(signature: Signature, inputs: Sequence[Tensor], results: Arrays) -> list[Tensor]:
    """What the model has made of these inputs."""
    rows = _rows(signature, inputs)
    specs = {spec.name: spec for spec in signature.outputs}
    tensors = []
    for name, array in results.items():
        spec = specs[name]
        seen = _reshaped(array, spec.shape if spec.model_shape is not None else None, rows)
        tensors.append(from_array(name, seen, spec.datatype))
    return tensors


def _rows(signature: Signature, inputs: Sequence[Tensor]) -> int | None:
    return inputs[0].shape[0] if signature.batch.batched and inputs else None


def _array(tensor: Tensor) -> NDArray[np.generic]:
    try:
        return to_array(tensor)
    except ValueError as error:
        raise InputRefused(str(error), tensor.name) from error


def _reshaped(array: NDArray[np.generic], shape: Shape | None, rows: int | None) -> NDArray[np.generic]:
    """The array in a configured shape: the batch axis is the rows', one other free dimension is what is left."""
    if shape is None:
        return array
    if rows is not None and shape and shape[0] == FREE:
        shape = (rows, *shape[1:])
    return array.reshape(shape)
