"""Requests that wait to be looked at, by version: what costs is to begin with one, more than how many they are."""

from collections import deque
from collections.abc import Generator

from headrace.drift.extract import LOOKED_AT
from headrace.records import SampleRecord
from headrace.types import ModelVersion, Tensor

MOST = 8192
"""That may wait."""

MOST_BYTES = 8 << 20
"""And bytes of their tensors: what has waited once stays with the allocator."""

MANY = 256
"""That are enough for a round; as are tensors of half the bytes that may wait."""

TOGETHER, TOGETHER_BYTES, FEW = 32, 1 << 16, 4
"""Requests, and bytes to be looked at of more than a few of them, that are looked at together."""

LOOKED_AT_BYTES = 4 * LOOKED_AT
"""Of a row of a tensor, about."""


class Waiting:
    """Owns them until they are handed out."""

    def __init__(self) -> None:
        self._by_version: dict[ModelVersion, deque[tuple[SampleRecord, int]]] = {}  # each with its bytes
        self._count = self._bytes = 0

    @property
    def are_many(self) -> bool:
        return self._count >= MANY or self._bytes >= MOST_BYTES // 2

    def add(self, record: SampleRecord) -> bool:
        """Whether there was room for it."""
        size = sum(len(tensor.data) for tensor in (*record.inputs, *record.outputs))
        if self._count >= MOST or self._bytes + size > MOST_BYTES:
            return False
        self._by_version.setdefault(record.model, deque()).append((record, size))
        self._count += 1
        self._bytes += size
        return True

    def lots(self) -> Generator[list[SampleRecord]]:
        """Those that wait now, some of one version at a time, the oldest first; not those that come meanwhile."""
        now, self._by_version = self._by_version, {}
        try:
            for waiting in now.values():
                while waiting:
                    yield self._lot(waiting)
        finally:
            for waiting in now.values():  # of who did not take all
                while waiting:
                    self._lot(waiting)

    def _lot(self, waiting: deque[tuple[SampleRecord, int]]) -> list[SampleRecord]:
        lot: list[SampleRecord] = []
        looked_at = 0
        while waiting and len(lot) < TOGETHER and (looked_at < TOGETHER_BYTES or len(lot) < FEW):
            record, size = waiting.popleft()
            lot.append(record)
            looked_at += sum(map(_looked_at, (*record.inputs, *record.outputs)))
            self._bytes -= size
        self._count -= len(lot)
        return lot


def _looked_at(tensor: Tensor) -> int:
    """Bytes of it that are looked at, where its first dimension is rows."""
    rows = tensor.shape[0] if tensor.shape else 1
    return min(len(tensor.data), rows * LOOKED_AT_BYTES)
