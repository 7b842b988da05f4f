"""Memory that the server and a worker share: a slot for each batch under way, grown as batches need it."""

import mmap
import os
from collections.abc import Iterable

KEPT_BYTES = 8 << 20  # of an area, for good; what is above goes back to the system at times
GRAIN_BYTES = 1 << 16
ALIGNMENT = 64  # of tensors: a cache line, and the widest vector


class Area:
    """A piece of anonymous shared memory behind a descriptor; one side writes it, the other reads it.

    The descriptor is the owner's to close. Nothing is left behind when both processes are gone.
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._size = 0
        self._memory = mmap.mmap(-1, 1)  # until some is needed

    @classmethod
    def create(cls, name: str) -> "Area":
        return cls(os.memfd_create(name, os.MFD_CLOEXEC))

    def room(self, num_bytes: int) -> mmap.mmap:
        """At least that many bytes to write to; the writer's side, which grows the memory."""
        if num_bytes > self._size:
            size = max(-(-num_bytes // GRAIN_BYTES) * GRAIN_BYTES, 2 * self._size)
            os.ftruncate(self.fd, size)
            self._memory, self._size = mmap.mmap(self.fd, size), size
        return self._memory

    def view(self, num_bytes: int) -> memoryview:
        """The first bytes as the other side wrote them; the reader's side."""
        if num_bytes > self._size:
            size = os.fstat(self.fd).st_size
            self._memory, self._size = mmap.mmap(self.fd, size), size
        return memoryview(self._memory)[:num_bytes]

    def trim(self) -> None:
        """Give what large batches took back to the system; by either side, when nobody reads or writes."""
        if self._size > KEPT_BYTES:
            self._memory.madvise(mmap.MADV_REMOVE, KEPT_BYTES, self._size - KEPT_BYTES)

    def close(self) -> None:
        self._memory, self._size = mmap.mmap(-1, 1), 0
        os.close(self.fd)


class Slot:
    """Room for one batch: its inputs, written by the server, and its outputs, written by the worker."""

    def __init__(self, index: int, inputs: Area, outputs: Area) -> None:
        self.index = index
        self.inputs = inputs
        self.outputs = outputs

    @classmethod
    def create(cls, index: int) -> "Slot":
        return cls(index, Area.create("headrace-inputs"), Area.create("headrace-outputs"))

    def fds(self) -> tuple[int, int]:
        return self.inputs.fd, self.outputs.fd

    def trim(self) -> None:
        self.inputs.trim()
        self.outputs.trim()

    def close(self) -> None:
        self.inputs.close()
        self.outputs.close()


def lay_out(sizes: Iterable[int]) -> tuple[list[int], int]:
    """Where tensors of these sizes begin, one after the other and aligned; and where the last one ends."""
    offsets, end = [], 0
    for size in sizes:
        offset = -(-end // ALIGNMENT) * ALIGNMENT
        offsets.append(offset)
        end = offset + size
    return offsets, end
