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
    reshaped = {spec.name: spec for spec in signature.inputs if spec.model_shape is not None}
    arrays = {}
    for tensor in inputs:
        array, spec = _array(tensor), reshaped.get(tensor.name)
        arrays[tensor.name] = array if spec is None else _reshaped(array, spec.shape, spec.model_shape or ())
    return arrays


def to_tensors(signature: Signature, inputs: Sequence[Tensor], results: Arrays) -> list[Tensor]:
    """What the model has made of these inputs."""
    specs = {spec.name: spec for spec in signature.outputs}
    tensors = []
    for name, array in results.items():
        spec = specs[name]
        seen = array if spec.model_shape is None else _reshaped(array, spec.model_shape, spec.shape)
        tensors.append(from_array(name, seen, spec.datatype))
    return tensors


def _array(tensor: Tensor) -> NDArray[np.generic]:
    try:
        return to_array(tensor)
    except ValueError as error:
        raise InputRefused(str(error), tensor.name) from error


def _reshaped(array: NDArray[np.generic], said: Shape, other: Shape) -> NDArray[np.generic]:
    """An array of the shape that is said in another one of the same size: its free dimensions are there in order."""
    free = (size for size, known in zip(array.shape, said, strict=False) if known == FREE)
    return array.reshape([next(free, FREE) if size == FREE else size for size in other])
