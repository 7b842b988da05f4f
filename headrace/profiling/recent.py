"""What models were asked last, so that a profile is of what they really do; out of what others had recorded."""

from collections import OrderedDict, deque
from collections.abc import Sequence

from headrace.records import Record, SampleRecord
from headrace.runtimes.operators import Given
from headrace.types import ModelVersion, Tensor

KEPT = 4
"""Requests of one version."""

MOST_BYTES = 4 << 20
"""Of one request that is kept; a larger one is not."""

VERSIONS = 16
"""Of which requests are kept: of more, the one that was not asked for longest is forgotten."""


class Recent:
    """A listener of the bus. What it keeps ends with the server."""

    def __init__(self) -> None:
        self._inputs: OrderedDict[ModelVersion, deque[tuple[Tensor, ...]]] = OrderedDict()

    def __call__(self, records: Sequence[Record]) -> None:
        for record in records:
            if isinstance(record, SampleRecord) and sum(len(each.data) for each in record.inputs) <= MOST_BYTES:
                self._inputs.setdefault(record.model, deque(maxlen=KEPT)).append(record.inputs)
                self._inputs.move_to_end(record.model)
                if len(self._inputs) > VERSIONS:
                    self._inputs.popitem(last=False)

    def of(self, version: ModelVersion) -> tuple[tuple[Given, ...], ...]:
        """The inputs of its last requests, copied."""
        return tuple(
            tuple(Given(each.name, each.datatype, each.shape, bytes(each.data)) for each in inputs)
            for inputs in self._inputs.get(version, ())
        )
