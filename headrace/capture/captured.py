"""One request that was kept, with what it was answered."""

from collections.abc import Iterable

import msgspec

from headrace.capture.text import Text
from headrace.types import Tensor


class CapturedTensor(msgspec.Struct, frozen=True):
    """A tensor in memory of its own, as `types.Tensor` has it."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: bytes


class Captured(msgspec.Struct, frozen=True):
    """As it was asked and answered, but for what must not be kept."""

    at: float  # Unix time of its answer
    run: int  # equal for those that shared one
    model: str
    version: int
    request: str  # its id
    tenant: str
    ms: float  # what its run took, or the writing of its text
    rows: int  # in that run
    inputs: tuple[CapturedTensor, ...]
    outputs: tuple[CapturedTensor, ...]
    text: Text | None = None  # of a language model, instead of those

    @property
    def num_bytes(self) -> int:
        """Of what it holds."""
        tensors = sum(len(tensor.data) for tensor in (*self.inputs, *self.outputs))
        return tensors if self.text is None else tensors + len(msgspec.msgpack.encode(self.text))


def captured_tensors(tensors: Iterable[Tensor]) -> tuple[CapturedTensor, ...]:
    """Copies of them that may be kept."""
    return tuple(CapturedTensor(each.name, each.datatype, each.shape, bytes(each.data)) for each in tensors)
