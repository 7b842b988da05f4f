"""Models without weights, whose delays and failures a small TOML file chooses: for tests and measurements."""

import os
import threading
import time
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.arrays import DATATYPES
from headrace.errors import InputRefused, ModelInvalid
from headrace.runtimes.runtime import Arrays, LoadedModel
from headrace.types import FREE, Manifest, Shape, TensorSpec


class FakeInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An input; -1 in its shape is a free dimension."""

    name: str
    shape: Shape
    datatype: str = "FP32"
    optional: bool = False


class FakeOutput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An output, and what it is made of: each row is zeros, the first elements of the source's row, or their sum.

    A free first dimension is the source's rows; other free dimensions are the source's at the same place.
    """

    name: str
    shape: Shape
    datatype: str = "FP32"
    value: Literal["zeros", "slice", "sum"] = "zeros"
    source: str = ""  # an input; empty: the first


class FakeFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `model.fake` says. A row triggers a failure where the first element of its first input is the number."""

    inputs: tuple[FakeInput, ...]
    outputs: tuple[FakeOutput, ...]
    delay_ms: float = 0.0  # of a run
    per_row_ms: float = 0.0
    refuse_on: float | None = None
    crash_on: float | None = None  # the process ends
    hang_on: float | None = None  # the run never ends


class Fake:
    """Loads `model.fake` files."""

    name = "fake"

    def load(self, manifest: Manifest, threads: int) -> LoadedModel:
        """Read the file; `threads` means nothing here. Raises ModelInvalid with the field at fault."""
        return FakeModel(read(manifest.path))


class FakeModel:
    """Waits as long as the file says and answers what it says."""

    platform = "fake"
    runtime = "fake 1"
    coarse = False

    def __init__(self, file: FakeFile) -> None:
        self.inputs = tuple(TensorSpec(each.name, each.datatype, each.shape, each.optional) for each in file.inputs)
        self.outputs = tuple(TensorSpec(each.name, each.datatype, each.shape) for each in file.outputs)
        self._file = file
        self._made = {output.name: _Made(output) for output in file.outputs}
        self._ends = file.refuse_on, file.crash_on, file.hang_on
        self._may_end = self._ends != (None, None, None)
        self._waits = bool(file.delay_ms or file.per_row_ms)

    def run(self, arrays: Arrays, outputs: tuple[str, ...] = ()) -> Arrays:
        """Make the outputs asked for (all, where empty). Raises InputRefused where the file says so."""
        first = next(iter(arrays.values()))
        if self._may_end:
            self._end(first)
        if self._waits:
            self._wait(len(first) if first.ndim else 1)
        made = self._made
        return {name: made[name].of(arrays, first) for name in outputs or made}

    def close(self) -> None: ...

    def _wait(self, rows: int) -> None:
        time.sleep((self._file.delay_ms + self._file.per_row_ms * rows) / 1e3)

    def _end(self, first: NDArray[np.generic]) -> None:
        """Fail in the way that a row asks for."""
        starts = first.reshape(len(first), -1)[:, 0] if first.ndim and first.size else first.reshape(-1)
        refuse, crash, hang = (value is not None and bool(np.any(starts == value)) for value in self._ends)
        if crash:
            os._exit(70)
        if hang:
            threading.Event().wait()
        if refuse:
            raise InputRefused(f"a row starts with {self._file.refuse_on}, which this model refuses")


class _Made:
    """How an output is made."""

    def __init__(self, output: FakeOutput) -> None:
        self._output = output
        self._source = output.source
        self._dtype = DATATYPES[output.datatype]
        self._zero = b"" if output.datatype == "BYTES" else 0
        self._is_zeros = output.value == "zeros" and self._zero == 0
        self._tail = output.shape[1:] if output.shape[:1] == (FREE,) and FREE not in output.shape[1:] else None

    def of(self, arrays: Arrays, first: NDArray[np.generic]) -> NDArray[np.generic]:
        """Out of these inputs, the first of which is `first`."""
        source = arrays.get(self._source, first)
        shape = self._shape(source.shape)
        if self._is_zeros:
            return np.zeros(shape, self._dtype)
        output = self._output
        if output.value == "zeros":
            return np.full(shape, self._zero, self._dtype)
        rows = shape[0] if shape and output.shape[0] == FREE else 1
        flat = source.reshape(rows, -1)
        if output.value == "sum":
            total = flat.sum(axis=1, dtype=np.float64).astype(self._dtype)
            return np.broadcast_to(total.reshape(rows, *[1] * (len(shape) - 1)) if shape else total[0], shape).copy()
        width = prod(shape) // rows if rows else 0
        made = np.full((rows, width), self._zero, self._dtype)
        made[:, : flat.shape[1]] = flat[:, :width]
        return made.reshape(shape)

    def _shape(self, sizes: Shape) -> Shape:
        """Free dimensions are the source's."""
        if self._tail is not None and sizes:
            return (sizes[0], *self._tail)
        return tuple(
            [
                size if size != FREE else sizes[axis] if axis < len(sizes) else 1
                for axis, size in enumerate(self._output.shape)
            ]
        )


def read(path: Path) -> FakeFile:
    """The file's content. Raises ModelInvalid with the field at fault."""
    try:
        file = msgspec.toml.decode(path.read_bytes(), type=FakeFile)
    except (OSError, ValueError) as error:
        raise ModelInvalid(str(error), path.name) from error
    _check_tensors(file.inputs, f"{path.name}: inputs")
    _check_tensors(file.outputs, f"{path.name}: outputs")
    names = {given.name for given in file.inputs}
    for index, output in enumerate(file.outputs):
        if output.source and output.source not in names:
            raise ModelInvalid(f"there is no input {output.source!r}", f"{path.name}: outputs[{index}].source")
    return file


def _check_tensors(tensors: Sequence[FakeInput | FakeOutput], where: str) -> None:
    if not tensors:
        raise ModelInvalid("has to name at least one", where)
    for index, tensor in enumerate(tensors):
        if tensor.datatype not in DATATYPES:
            known = ", ".join(DATATYPES)
            raise ModelInvalid(f"there is no {tensor.datatype!r}; there are {known}", f"{where}[{index}].datatype")
