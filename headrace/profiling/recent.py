"""What models were asked last, so that a profile is of what they really do; out of what others had recorded."""

from collections import OrderedDict, deque
from collections.abc import Sequence

from headrace.records import Record, SampleRecord
from headrace.types import ModelVersion, Tensor

KEPT = 4
"""Requests of one version."""

MOST_BYTES = 32 << 20
"""Of all that is kept: of more, what is of the version that was not asked for longest goes first."""


class Recent:
    """A listener of the bus. What it keeps ends with the server."""

    def __init__(self) -> None:
        self._inputs: OrderedDict[ModelVersion, deque[tuple[Tensor, ...]]] = OrderedDict()
        self._num_bytes = 0

    def __call__(self, records: Sequence[Record]) -> None:
        for record in records:
            if isinstance(record, SampleRecord):
                self._keep(record.model, record.inputs)

    def _keep(self, version: ModelVersion, inputs: tuple[Tensor, ...]) -> None:
        kept = self._inputs.setdefault(version, deque())
        self._inputs.move_to_end(version)
        kept.append(inputs)
        self._num_bytes += _size(inputs)
        if len(kept) > KEPT:
            self._num_bytes -= _size(kept.popleft())
        while self._num_bytes > MOST_BYTES:
            longest_ago, its = next(iter(self._inputs.items()))
            self._num_bytes -= _size(its.popleft())
            if not its:
                del self._inputs[longest_ago]

    def of(self, version: ModelVersion) -> tuple[tuple[Tensor, ...], ...]:
        """The inputs of its last requests."""
        return tuple(self._inputs.get(version, ()))


def _size(inputs: tuple[Tensor, ...]) -> int:
    return sum(len(each.data) for each in inputs)
