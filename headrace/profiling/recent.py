"""What models were asked last, so that a profile is of what they really do; out of what others had recorded."""

from collections import OrderedDict, deque
from collections.abc import Sequence

from headrace.records import ModelEvent, Record, SampleRecord
from headrace.types import ModelVersion, Tensor

KEPT = 4
"""Requests of one version."""

KEPT_OF_GONE = 1
"""Of one that is out of memory, where there may be hundreds of them."""

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
            elif isinstance(record, ModelEvent) and record.state == "UNAVAILABLE" and record.version is not None:
                self._trim(ModelVersion(record.model, record.version), KEPT_OF_GONE)

    def _keep(self, version: ModelVersion, inputs: tuple[Tensor, ...]) -> None:
        kept = self._inputs.setdefault(version, deque())
        self._inputs.move_to_end(version)
        kept.append(inputs)
        self._num_bytes += _size(inputs)
        self._trim(version, KEPT)
        while self._num_bytes > MOST_BYTES:
            longest_ago, its = next(iter(self._inputs.items()))
            self._num_bytes -= _size(its.popleft())
            if not its:
                del self._inputs[longest_ago]

    def _trim(self, version: ModelVersion, most: int) -> None:
        """Of its last requests so many are kept."""
        kept = self._inputs.get(version) or deque()
        while len(kept) > most:
            self._num_bytes -= _size(kept.popleft())

    def of(self, version: ModelVersion) -> tuple[tuple[Tensor, ...], ...]:
        """The inputs of its last requests."""
        return tuple(self._inputs.get(version, ()))


def _size(inputs: tuple[Tensor, ...]) -> int:
    return sum(len(each.data) for each in inputs)
