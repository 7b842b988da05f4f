"""What a message asks a worker for, and where its answer lies; kept, as both come again and again in the same form."""

from mmap import mmap
from typing import NamedTuple

import numpy as np

from headrace.arrays import DATATYPES
from headrace.runtimes.execute import to_arrays, to_tensors
from headrace.runtimes.runtime import Arrays
from headrace.types import Shape, Signature
from headrace.workers import wire
from headrace.workers.slots import Slot, lay_out


class Place(NamedTuple):
    """Of an output in a slot, and the array that lies there as it is."""

    name: str
    shape: Shape
    dtype: np.dtype[np.generic]
    bytes: slice


class Answer:
    """A run's outputs in a slot's memory, and the message of it but for its times."""

    __slots__ = ("_memory", "_places", "head")

    def __init__(self, head: bytes, memory: mmap, places: list[Place]) -> None:
        self.head = head
        self._memory = memory
        self._places = places

    def lay(self, results: Arrays) -> bool:
        """Lay another run's outputs into the slot; False where they are not such as these."""
        memory, places = self._memory, self._places
        if len(results) != len(places):
            return False
        try:
            for (name, array), (known, shape, dtype, place) in zip(results.items(), places, strict=True):
                if name != known or array.shape != shape or array.dtype != dtype:
                    return False
                memory[place] = array  # type: ignore[call-overload]  # a buffer, which its type does not say
        except ValueError:  # one is not in one piece
            return False
        return True


class Asked:
    """A batch that a message asks for, in a slot's memory."""

    __slots__ = ("answer", "arrays", "inputs", "outputs", "slot")

    def __init__(self, slot: Slot, run: wire.Run) -> None:
        self.slot = slot
        self.inputs = wire.tensors(run.inputs, slot.inputs.view(run.size))
        self.outputs = run.outputs
        self.arrays: Arrays | None = None  # once they were read, where they are the memory itself
        self.answer: Answer | None = None  # the latest, where others may lie in its place

    def read(self, signature: Signature) -> Arrays:
        """The inputs as the model takes them. Raises InputRefused for data that is no array."""
        arrays = to_arrays(signature, self.inputs)
        if all(tensor.datatype != "BYTES" for tensor in self.inputs):
            self.arrays = arrays
        return arrays

    def answered(self, signature: Signature, results: Arrays) -> Answer:
        """Lay the outputs of a run into the slot."""
        outputs = to_tensors(signature, self.inputs, results)
        sizes = [len(tensor.data) for tensor in outputs]
        offsets, end = lay_out(sizes)
        memory = self.slot.outputs.room(end)
        parts, places = [], []
        for tensor, offset, size in zip(outputs, offsets, sizes, strict=True):
            place = slice(offset, offset + size)
            memory[place] = tensor.data
            parts.append(wire.Part(tensor.name, tensor.datatype, tensor.shape, offset, size))
            array = results[tensor.name]
            if tensor.datatype != "BYTES" and array.dtype == DATATYPES[tensor.datatype]:
                places.append(Place(tensor.name, array.shape, array.dtype, place))
        done = wire.encode(wire.Done(self.slot.index, end, tuple(parts), wire.written_times(0, 0, 0)))
        answer = Answer(done[wire.BEFORE_TIMES], memory, places)
        self.answer = answer if len(places) == len(parts) else None
        return answer
